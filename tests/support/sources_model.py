"""A state machine that looks for a minute that a failed or partial fetch frees.

A calendar elsewhere has single events and series. The model remembers of each what the last fetch said of it that said
something whole: those instances have to be busy, whatever comes afterwards, until a whole file says otherwise. It knows
nothing of how files are read, and its events lie in the future, so that time does not end them.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.instants import DAY, HOUR, MINUTE, Instant, format_instant

from .api import Account, Api
from .calendar_files import NOW, calendar, event
from .calendar_server import Answer, CalendarServer, response, running_calendar_server, zipped
from .sources import BUSY, sync, token_of, upsert

#: the first day on which there may be an event, later than all time that the machine passes
FIRST = NOW - NOW % DAY + 20 * DAY

UIDS = st.integers(0, 29)
DAYS, INSTANCES = st.integers(0, 30), st.integers(1, 4)


@dataclass(frozen=True)
class Meeting:
    """An event elsewhere, an hour on so many days; or one of which something cannot be read."""

    day: int
    instances: int = 1
    broken: str | None = None

    def lines(self, uid: int) -> str:
        """As a file has it. What is broken takes the place of something that says when it is."""
        start, end = (_stamp(FIRST + self.day * DAY + hour * HOUR) for hour in (9, 10))
        lines = [f"DTSTART:{start}", f"DTEND:{end}"]
        if self.instances > 1 or self.broken == "RRULE":
            lines.append(f"RRULE:FREQ=DAILY;COUNT={self.instances}")
        return event(
            *(
                f"{line.partition(':')[0]}:?" if self.broken and line.startswith(self.broken) else line
                for line in lines
            ),
            uid=f"m{uid}",
        )

    def starts(self) -> set[Instant]:
        return {FIRST + (self.day + number) * DAY + 9 * HOUR for number in range(self.instances)}


MEETINGS = partial(st.dictionaries, UIDS, st.builds(Meeting, DAYS, INSTANCES))


class SourceMachine(RuleBasedStateMachine):
    """Changes the calendar, damages what is fetched of it, and lets time pass."""

    def __init__(self, api: Api, runner: asyncio.Runner, server: CalendarServer) -> None:
        super().__init__()
        self.api, self.runner, self.server = api, runner, server
        self.there: dict[int, Meeting] = {}
        #: what the last fetch that was good said of each, as far as it was whole; and those that a fetch lacked, since when
        self.known: dict[int, Meeting] = {}
        self.missing: dict[int, Instant] = {}
        self.must: set[Instant] = set()
        self.account: Account | None = None

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize(meetings=st.one_of(MEETINGS(max_size=5), MEETINGS(min_size=24, max_size=30)))
    def connect(self, meetings: dict[int, Meeting]) -> None:
        self.api.now = NOW
        self.number = self.api.number = getattr(self.api, "number", 0) + 1  # pyright: ignore[reportAttributeAccessIssue]
        account: Account = self.run(self.api.application_calendar(f"account {self.number}"))
        self.account = account
        self.server.answers.clear()
        self.run(upsert(self.api, account, self.server.url))
        self.there = dict(meetings)
        self.fetch_well()

    @rule(uid=UIDS, meeting=st.builds(Meeting, DAYS, INSTANCES))
    def change(self, uid: int, meeting: Meeting) -> None:
        self.there[uid] = meeting

    @rule(uids=st.sets(UIDS))
    def remove(self, uids: set[int]) -> None:
        self.there = {uid: meeting for uid, meeting in self.there.items() if uid not in uids}

    @rule(minutes=st.sampled_from([1, 10, 20, 90, 25 * 60]))
    def pass_time(self, minutes: int) -> None:
        self.api.now += minutes * MINUTE

    @rule()
    def fetch_well(self) -> None:
        """All that is there is known afterwards, and nothing else but what most of which is gone at once."""
        self.deliver(self.there)
        assert self.must <= self.busy()
        if not self.missing:
            assert self.busy() == self.must

    @rule(uids=st.sets(UIDS, min_size=1), what=st.sampled_from(["DTSTART", "DTEND", "RRULE"]))
    def fetch_partly(self, uids: set[int], what: str) -> None:
        """Some events cannot be read: what was known of them stays."""
        there = {uid: replace(each, broken=what if uid in uids else None) for uid, each in self.there.items()}
        if len(there) == 1 or not all(meeting.broken for meeting in there.values()):
            self.deliver(there)

    @rule(uids=st.sets(UIDS, max_size=9))
    def fetch_few(self, uids: set[int]) -> None:
        """A whole calendar, but most events are not in it; if there were many, they stay."""
        self.deliver({uid: meeting for uid, meeting in self.there.items() if uid in uids})

    @rule(answer=st.sampled_from(["status", "nothing", "html", "empty", "none can be read", "bomb"]))
    def fetch_badly(self, answer: str) -> None:
        garbage = calendar(*(Meeting(uid, broken="DTSTART").lines(uid) for uid in range(2)))
        answers: Mapping[str, Answer] = {
            "status": 503,
            "nothing": b"",
            "html": response(b"<html>"),
            "empty": response(b""),
            "none can be read": response(garbage),
            "bomb": zipped(b"0" * 10_500_000),
        }
        self.fail(answers[answer])

    @rule(at=st.floats(0, 0.999))
    def fetch_cut(self, at: float) -> None:
        """The file is cut somewhere before the last character of its END:VCALENDAR, and its length tells a lie."""
        whole = self.file(self.there).rstrip()
        self.fail(response(whole[: int(at * len(whole))]))

    @rule(status=st.sampled_from([401, 403, 404, 410]))
    def fetch_refused(self, status: int) -> None:
        self.fail(status)

    @rule(all_day=st.sampled_from(["AS_MARKED", "BLOCK", "FREE"]))
    def change_options(self, all_day: str) -> None:
        before = self.busy()
        self.run(upsert(self.api, self.token(), self.server.url, allDay=all_day))
        assert self.busy() == before

    @invariant()
    def nothing_is_freed(self) -> None:
        if self.account is not None:
            assert self.must <= self.busy()

    def fail(self, answer: Answer) -> None:
        """Fetches what is no calendar: nothing changes, not even by a second."""
        before = self.busy()
        self.server.answers = [answer]
        source = self.run(sync(self.api, self.token()))
        assert source["problem"] is not None
        assert self.busy() == before

    def deliver(self, there: Mapping[int, Meeting]) -> None:
        """Fetches a file, and works out what has to be busy from then on."""
        self.server.answers = [response(self.file(there))]
        self.run(sync(self.api, self.token()))
        gone = self.known.keys() - there.keys()
        believed = all(self.api.now - self.missing.get(uid, self.api.now) >= 15 * MINUTE for uid in gone)
        doubted = len(self.known) >= 20 and 2 * len(gone) > len(self.known) and not believed
        self.missing = {uid: self.missing.get(uid, self.api.now) for uid in gone} if doubted else {}
        kept = {uid for uid, since in self.missing.items() if self.api.now - since < 15 * MINUTE}
        self.missing = {uid: self.missing[uid] for uid in kept}
        self.known = {uid: meeting for uid, meeting in self.known.items() if uid in there or uid in kept}
        for uid, meeting in there.items():
            if meeting.broken is None or uid not in self.known:
                self.known[uid] = meeting
        # Of what never could be read as a whole, nothing has to be known.
        self.must = {start for meeting in self.known.values() if not meeting.broken for start in meeting.starts()}

    def file(self, there: Mapping[int, Meeting]) -> bytes:
        return calendar(*(meeting.lines(uid) for uid, meeting in there.items()))

    def busy(self) -> set[Instant]:
        nodes = self.run(self.api.data(BUSY, self.token().token))["freeBusy"]["nodes"]
        starts = {node["start"]: node for node in nodes if node["freeBusyStatus"] == "BUSY"}
        return {start for start in _starts() if format_instant(start) in starts}

    def token(self) -> Account:
        assert self.account is not None
        if self.api.now > NOW:
            token = self.run(token_of(self.api, f"account {self.number}"))
            self.account = replace(self.account, token=token)
        return self.account


def _starts() -> Iterable[Instant]:
    return range(FIRST + 9 * HOUR, FIRST + 40 * DAY, DAY)


def _stamp(instant: Instant) -> str:
    return format_instant(instant).replace("-", "").replace(":", "")


def run_sources_model(database_url: str, share: int, steps: int) -> None:
    """Runs the state machine on one database, with only a share of the usual examples, as each fetches many times."""
    examples = settings(max_examples=settings().max_examples // share, stateful_step_count=steps, deadline=None)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        api = runner.run(stack.enter_async_context(Api.open(database_url, NOW, private_sources=True)))
        server = runner.run(stack.enter_async_context(running_calendar_server()))
        try:
            # Hypothesis calls it to create a machine, and declares it as a class.
            factory: Any = partial(SourceMachine, api, runner, server)
            run_state_machine_as_test(factory, settings=examples)
        finally:
            runner.run(stack.aclose())
