"""Every field of every input with invalid values: the response is the client's error, on both databases.

The inputs are taken from the schema, so a new one is tested from the first day. A null character is an error in
PostgreSQL but not in SQLite; half a surrogate pair can be written to neither.
"""

from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_required_input_field,
    is_scalar_type,
)

from schema import schema
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api

#: invalid values, sent in place of any value
WRONG: list[Any] = [None, -1, 2**64, "a\0b", "x" * 5_000, ["x", None]]
QUERY, MUTATION = schema._schema.query_type, schema._schema.mutation_type
assert QUERY is not None
assert MUTATION is not None
FIELDS: dict[str, tuple[str, GraphQLField]] = {
    name: (kind, field)
    for kind, of in (("query", QUERY), ("mutation", MUTATION))
    for name, field in of.fields.items()
    if field.args
}


def plain(of: GraphQLInputType, known: dict[str, Any]) -> Any:
    """A minimal valid value of this type."""
    if isinstance(of, GraphQLNonNull):
        return plain(of.of_type, known)
    if isinstance(of, GraphQLList):
        return [plain(of.of_type, known)]
    if isinstance(of, GraphQLInputObjectType):
        needed = {name: field for name, field in of.fields.items() if is_required_input_field(field) or name in known}
        return {name: known.get(name, plain(field.type, known)) for name, field in needed.items()}
    if isinstance(of, GraphQLEnumType):
        return next(iter(of.values))
    return {"Int": 1, "Float": 1.0, "Boolean": True, "DateTime": "2027-01-11T09:00:00Z"}.get(of.name, "1")


def spoiled(of: GraphQLInputType, known: dict[str, Any], tried: set[str]) -> Iterator[Any]:
    """Values of this type with one invalid part. An input that has been tried before is not tried again."""
    named = get_named_type(of)
    if not isinstance(named, GraphQLInputObjectType):
        yield from WRONG
        return
    yield from WRONG[:2]
    if named.name in tried:
        return
    tried.add(named.name)
    many = isinstance(of.of_type if isinstance(of, GraphQLNonNull) else of, GraphQLList)
    whole = plain(named, known)
    for name, field in named.fields.items():
        for wrong in spoiled(field.type, known, tried):
            yield [{**whole, name: wrong}] if many else {**whole, name: wrong}


def test_every_input_of_the_schema_is_tried() -> None:
    """All of them are reachable from the root fields."""
    inputs = {name for name, of in schema._schema.type_map.items() if isinstance(of, GraphQLInputObjectType)}
    reached: set[str] = set()
    walk = [get_named_type(arg.type) for _, field in FIELDS.values() for arg in field.args.values()]
    while walk:
        if isinstance(of := walk.pop(), GraphQLInputObjectType) and of.name not in reached:
            reached.add(of.name)
            walk += [get_named_type(field.type) for field in of.fields.values()]
    assert reached == inputs


async def test_an_invalid_value_is_the_clients_error(api: Api) -> None:
    """Not a fault of ours, and not an HTTP error; every error has the usual shape."""
    api.engine.throttle.delay = 0
    person = await api.application_calendar("person")
    tried: set[str] = set()
    for name in FIELDS:
        for variables in requests(name, known_to(person), tried):
            answer = await api(document(name), person.token, **variables)
            codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
            assert codes <= {"BAD_REQUEST", "UNPROCESSABLE", "NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN"}, variables
    assert api.db.connections_in_use == 0


def document(name: str) -> str:
    """A document with this root field, and its arguments as variables."""
    kind, field = FIELDS[name]
    declared = ", ".join(f"${arg}: {of.type}" for arg, of in field.args.items())
    given = ", ".join(f"{arg}: ${arg}" for arg in field.args)
    below = "" if is_scalar_type(get_named_type(field.type)) else "{ __typename }"
    return f"{kind} ({declared}) {{ {name}({given}) {below} }}"


def requests(name: str, known: dict[str, Any], tried: set[str]) -> Iterator[dict[str, Any]]:
    """The variables of requests for this root field, each with one invalid part."""
    args = FIELDS[name][1].args
    whole = {arg: known.get(arg, plain(of.type, known)) for arg, of in args.items()}
    for arg, of in args.items():
        for wrong in spoiled(of.type, known, tried):
            yield {**whole, arg: wrong}


def known_to(person: Account) -> dict[str, Any]:
    """Valid values, so that the invalid part is the reason for the error."""
    return {
        **{"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "refreshToken": person.refresh_token},
        **{"calendarId": person.calendar_id, "sub": person.sub, "tzid": "Etc/UTC", "required": 1},
        **{"startTime": "09:00", "endTime": "17:00", "hours": 1},
    }
