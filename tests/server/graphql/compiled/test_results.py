"""Compiled results equal those of graphql-core: data, order of keys, messages and paths of errors.

Random documents are executed both ways on random values.
"""

import os
from collections.abc import Awaitable
from inspect import isawaitable
from itertools import count, islice
from random import Random
from typing import Any, cast

import orjson
import pytest
from graphql import DocumentNode, ExecutionResult, execute, parse, validate

from core.instants import MINUTE, format_instant
from server.graphql.compiled import Coercion, CompilingExecutor, Plans, executor, leaves, results
from server.graphql.engine import STOCK
from server.graphql.http import dumps
from tests.support.random_schema import GRAPHQL_SCHEMA, RandomDocument, RandomValues

#: how many documents are generated; more with HYPOTHESIS_PROFILE=deep
EXAMPLES = 2000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 150


async def run(document: DocumentNode, context: Any, variables: dict[str, Any], **how: Any) -> Any:
    """The data and the errors as a client would read them."""
    result = execute(
        GRAPHQL_SCHEMA, document, context_value=context, variable_values=variables, operation_extensions=None, **how
    )
    found = await cast("Awaitable[ExecutionResult]", result) if isawaitable(result) else result
    return shown(found.data), sorted(str(error.formatted) for error in found.errors or ())


def context(seed: str, faults: float) -> dict[str, Any]:
    """Random values, made anew for each execution, since an iterator can be consumed only once."""
    values = RandomValues(Random(seed), faults)
    return {"node": values.node(), "nodes": [values.node(0) for _ in range(3)]}


def shown(data: Any) -> Any:
    """The bytes of the answer, unless a value in it cannot be serialised as JSON."""
    try:
        return dumps(data)
    except TypeError:
        return "no JSON"


def drawn(seed: int) -> tuple[DocumentNode, str] | None:
    source = RandomDocument(Random(seed)).document()
    document = parse(source)
    return (document, source) if not validate(GRAPHQL_SCHEMA, document) else None


@pytest.mark.parametrize("faults", [0, 0.01, 0.05])
async def test_answers_equal_those_of_graphql_core(faults: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same bytes, same errors; twice for each document, since the second execution reuses the compiled plan."""
    taken = 0
    read_objects = results._objects

    def counted(*given: Any, **more: Any) -> Any:
        read = read_objects(*given, **more)

        def noted(value: Any, shared: Any) -> Any:
            nonlocal taken
            found = read(value, shared)
            taken += len(found)
            return found

        return noted

    monkeypatch.setattr(results, "_objects", counted)
    valid = filter(None, map(drawn, count()))
    for number, (document, source) in enumerate(islice(valid, EXAMPLES)):
        plans = Plans(document, Coercion(GRAPHQL_SCHEMA))
        for again in range(2):
            variables = {"yes": bool((number + again) % 2)}
            stock = await run(document, context(f"{number} {again}", faults), variables, **STOCK)
            how = {"executor_class": CompilingExecutor, "plans": plans}
            ours = await run(document, context(f"{number} {again}", faults), variables, **how)
            assert ours == stock, source
    assert taken > EXAMPLES  # otherwise graphql-core was compared with itself


async def test_a_shared_list_is_serialised_once_and_copied() -> None:
    """The same people occur in slot after slot: their JSON is made once and reused."""
    document = parse("{ node { rows { id text } } }")
    values = RandomValues(Random(1), 0).shared
    context = {"node": RandomValues(Random(2), 0).node()}
    context["node"].rows = [values] * 3
    result = execute(
        GRAPHQL_SCHEMA,
        document,
        context_value=context,
        executor_class=CompilingExecutor,
        plans=Plans(document, Coercion(GRAPHQL_SCHEMA)),
    )
    found = await cast("Awaitable[ExecutionResult]", result)
    assert found.data is not None
    first, second, third = found.data["node"]["rows"]
    assert first == [{"id": leaf.id, "text": leaf.text} for leaf in values]
    assert isinstance(second, orjson.Fragment)
    assert second is third
    assert dumps([second]) == dumps([first])


def test_objects_with_the_same_list_share_its_json() -> None:
    """Also with another object between them; each object's answer is unaffected by the others."""
    document = parse("{ nodes { label leaves { text } rows { text } } }")
    values = RandomValues(Random(1), 0)
    some, others = [values.leaf()], [values.leaf(), values.leaf()]
    nodes = [values.node(0) for _ in range(7)]
    for node, given in zip(nodes, (some, some, some, others, some, some, []), strict=True):
        node.leaves, node.rows = given, [others]
    how = {"executor_class": CompilingExecutor, "plans": Plans(document, Coercion(GRAPHQL_SCHEMA))}
    found = cast("ExecutionResult", execute(GRAPHQL_SCHEMA, document, context_value={"nodes": nodes}, **how))
    assert found.data is not None
    answers = found.data["nodes"]
    leaves = [answer["leaves"] for answer in answers]
    assert list(map(type, leaves)) == [list, *[orjson.Fragment] * 2, list, *[orjson.Fragment] * 2, list]
    assert leaves[1] is leaves[2] is leaves[4] is leaves[5]
    assert orjson.loads(dumps(answers)) == [
        {
            "label": "node",
            "leaves": [{"text": leaf.text} for leaf in node.leaves],
            "rows": [[{"text": leaf.text} for leaf in others]],
        }
        for node in nodes
    ]


@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_missing_list_is_an_error(place: int) -> None:
    """Whatever list the object before it had."""
    document = parse("{ nodes { leaves { text } } }")
    values = RandomValues(Random(1), 0)
    nodes = [values.node(0) for _ in range(4)]
    for node in nodes:
        node.leaves = values.shared
    nodes[place].leaves = cast("Any", None)
    how = {"executor_class": CompilingExecutor, "plans": Plans(document, Coercion(GRAPHQL_SCHEMA))}
    found = cast("ExecutionResult", execute(GRAPHQL_SCHEMA, document, context_value={"nodes": nodes}, **how))
    assert [(error.path, error.message) for error in found.errors or ()] == [
        (["nodes", place, "leaves"], "Cannot return null for non-nullable field Node.leaves.")
    ]


def test_the_cache_of_formatted_instants_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text is right, also after it has been evicted."""
    monkeypatch.setattr(leaves, "_MOST_TEXTS", 5)
    texts = leaves._Texts()
    for minute in (*range(12), 3, 11, 0):
        assert texts[minute * MINUTE] == format_instant(minute * MINUTE)
        assert len(texts) <= 5


def test_the_compiled_functions_of_a_document_are_bounded() -> None:
    """Each combination of @skip and @include is a function of its own, and a client can send any number of them."""
    names = [f"v{n}" for n in range(8)]
    fields = " ".join(f"a{name}: label @include(if: ${name})" for name in names)
    document = parse(f"query ({' '.join(f'${n}: Boolean!' for n in names)}) {{ nodes {{ {fields} }} }}")
    plans = Plans(document, Coercion(GRAPHQL_SCHEMA))
    for number in range(2 ** len(names)):
        variables = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        context = {"nodes": [RandomValues(Random(1), 0).node(0)]}
        how = {"executor_class": CompilingExecutor, "plans": plans}
        result = execute(GRAPHQL_SCHEMA, document, context_value=context, variable_values=variables, **how)
        found = cast("ExecutionResult", result)
        assert found.data == {"nodes": [{f"a{name}": "node" for name in names if variables[name]}]}
    assert len(plans._readers) <= executor._MOST
