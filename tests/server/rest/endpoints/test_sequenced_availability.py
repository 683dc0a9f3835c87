"""Sequenced availability queries over REST."""

from typing import Any

from tests.support.api import CLIENT_SECRET, Account
from tests.support.rest import Rest, availability

PATH = "/v1/sequenced_availability"
NINE, TEN, ELEVEN, NOON = (f"2027-01-04T{hour:02}:00:00Z" for hour in (9, 10, 11, 12))
MORNING = [{"start": NINE, "end": NOON}]


def step(name: str | int, sub: str, ordinal: int | None = None, **more: Any) -> dict[str, Any]:
    """A meeting of an hour on the grid of the hour."""
    return {
        "sequence_id": name,
        "ordinal": ordinal,
        "participants": [{"members": [{"sub": sub}], "required": "all"}],
        "required_duration": {"minutes": 60},
        "start_interval": {"minutes": 60},
        **more,
    }


async def found(rest: Rest, *steps: dict[str, Any], token: str = CLIENT_SECRET, **more: Any) -> list[str]:
    """Each sequence as a text of its steps with their starts."""
    body = {"query_periods": MORNING, "sequence": list(steps), **more}
    sequences = (await rest.ok("POST", PATH, body, token=token))["sequences"]
    return [" ".join(f"{each['sequence_id']}@{each['start'][11:16]}" for each in one["sequence"]) for one in sequences]


async def test_meetings_in_a_row(rest: Rest, people: list[Account]) -> None:
    """With the key of the application, and with the token of an account, as clients ask."""
    ada, ben, _ = people
    await rest.upsert_event(ada, "1", NINE, TEN)
    body = {"query_periods": MORNING, "sequence": [step("talk", ada.sub, 1), step("tour", ben.sub, 2)]}
    for token in (CLIENT_SECRET, ada.token):
        assert await rest.ok("POST", PATH, body, token=token) == {
            "sequences": [
                {
                    "sequence": [
                        {"sequence_id": "talk", "start": TEN, "end": ELEVEN, "participants": [{"sub": ada.sub}]},
                        {"sequence_id": "tour", "start": ELEVEN, "end": NOON, "participants": [{"sub": ben.sub}]},
                    ]
                }
            ]
        }


async def test_every_way_to_write_a_query(rest: Rest, people: list[Account]) -> None:
    """A number for an id, one group for a list of one, the older name of periods, buffers with and without bounds."""
    ada, ben, _ = people
    group = {"members": [ben.sub]}
    soon = {"before": {"maximum": {"minutes": 0}}, "after": {}}
    steps = [step(7, ada.sub, 1, buffer={}), step("b", ben.sub, 2, participants=group, buffer=soon)]
    assert await found(rest, *steps) == ["7@09:00 b@10:00", "7@10:00 b@11:00"]
    older = {"query_periods": None, "available_periods": MORNING}
    assert await found(rest, *steps, **older) == ["7@09:00 b@10:00", "7@10:00 b@11:00"]
    late = step("b", ben.sub, 2, available_periods=[{"start": ELEVEN, "end": NOON}], event={"summary": "ignored"})
    assert await found(rest, steps[0], late) == ["7@09:00 b@11:00", "7@10:00 b@11:00"]
    apart = step("b", ben.sub, 2, buffer={"before": {"minutes": 60}})
    assert await found(rest, steps[0], apart) == ["7@09:00 b@11:00"]
    apart["buffer"] = {"before": {"minimum": {"minutes": 30}, "maximum": {"minutes": 60}}}
    assert await found(rest, steps[0], apart) == ["7@09:00 b@11:00"]
    assert await found(rest, step("x", ada.sub), step("y", ben.sub), max_results=2) == [
        "x@09:00 y@10:00",
        "y@09:00 x@10:00",
    ]


async def test_all_sequences_are_there_by_default(rest: Rest, people: list[Account]) -> None:
    """As slots: UI Elements would show the others as impossible."""
    day = [{"start": "2027-01-04T00:00:00Z", "end": "2027-01-05T00:00:00Z"}]
    one = step("a", people[0].sub, start_interval={"minutes": 15})
    assert len(await found(rest, one, query_periods=day)) == 93
    assert len(await found(rest, one, query_periods=day, max_results=512)) == 93


async def test_every_problem_at_once_by_the_names_that_were_sent(rest: Rest, people: list[Account]) -> None:
    ada, *_ = people
    body = {
        "available_periods": [{"start": NINE, "end": NINE}, {"start": NINE}],
        "sequence": [
            step("a", ada.sub, 1, available_periods=[{"start": NINE, "end": NINE}], start_interval={"minutes": 7}),
            step("a", ada.sub, 1, required_duration=None, query_periods=MORNING, available_periods=MORNING),
            {"participants": [{"members": [{}]}], "buffer": {"after": 5}},
            step("d", ada.sub, buffer=5),
            7,
        ],
        "max_results": 513,
    }
    assert await rest.keys("POST", PATH, body, token=CLIENT_SECRET) == {
        "available_periods[0].end": ["errors.too_short"],
        "available_periods[1].end": ["errors.required"],
        "sequence[0].available_periods[0].end": ["errors.too_short"],
        "sequence[0].start_interval": ["errors.inclusion"],
        "sequence[1].sequence_id": ["errors.duplicate"],
        "sequence[1].ordinal": ["errors.duplicate"],
        "sequence[1].required_duration": ["errors.required"],
        "sequence[1].available_periods": ["errors.conflict"],
        "sequence[2].sequence_id": ["errors.required"],
        "sequence[2].participants[0].members[0].sub": ["errors.required"],
        "sequence[2].required_duration": ["errors.required"],
        "sequence[2].buffer.after": ["errors.invalid"],
        "sequence[3].buffer": ["errors.invalid"],
        "sequence[4]": ["errors.invalid"],
        "max_results": ["errors.too_many"],
    }
    readable = {"available_periods": [{"start": NINE, "end": NINE}], "sequence": [step("a", ada.sub)]}
    assert await rest.keys("POST", PATH, readable, token=CLIENT_SECRET) == {
        "available_periods[0].end": ["errors.too_short"]
    }
    assert await rest.keys("POST", PATH, {}, token=CLIENT_SECRET) == {
        "query_periods": ["errors.too_few"],
        "sequence": ["errors.required"],
    }
    other = await rest.api.application_calendar_of_another_client("other")
    body = {"query_periods": MORNING, "sequence": [step("a", other.sub)]}
    assert await rest.keys("POST", PATH, body, token=CLIENT_SECRET) == {
        "sequence[0].participants[0].members[0].sub": ["errors.unknown"]
    }


async def test_nobody_may_not_ask(rest: Rest, people: list[Account]) -> None:
    body = {"query_periods": MORNING, "sequence": [step("a", people[0].sub)]}
    assert (await rest("POST", PATH, body)).status_code == 401


async def test_an_answer_is_remembered_until_something_changes(rest: Rest, people: list[Account]) -> None:
    """And never given to the same body at another path."""
    ada, ben, _ = people
    lookups: list[tuple[str, bool]] = []
    rest.api.gate.cache.on_lookup = lambda kind, hit: lookups.append((kind, hit))
    body = {**availability(ada.sub, ben.sub), "sequence": [step("a", ada.sub, 1), step("b", ben.sub, 2)]}

    async def ask(path: str) -> tuple[Any, bool]:
        lookups.clear()
        answer = await rest.ok("POST", path, body, token=CLIENT_SECRET)
        return answer, any(hit for kind, hit in lookups if kind.startswith("rest "))

    (slots, _), (sequences, _) = await ask("/v1/availability"), await ask(PATH)
    assert slots.keys() == {"available_periods"}
    assert len(sequences["sequences"]) == 2
    assert await ask(PATH) == (sequences, True)
    assert await ask("/v1/availability") == (slots, True)
    await rest.upsert_event(ben, "1", ELEVEN, NOON)
    changed, remembered = await ask(PATH)
    assert ([each["sequence"][1]["start"] for each in changed["sequences"]], remembered) == ([TEN], False)
