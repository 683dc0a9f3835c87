"""Explanations: summaries of pictures, and pictures that are read back."""

from dataclasses import replace

import pytest
from hypothesis import given

from core.candidates import KnownFacts
from core.durations import Duration
from core.errors import Unprocessable
from core.explanation import Explanation
from core.instants import DAY, HOUR, parse_instant
from core.periods import Period
from core.picture import LENGTH
from core.query import AvailabilityQuery, Group, Member
from core.solver import Facts, solve
from core.spans import Busy, SpanSet
from tests.support.pictures import Picture, parse_picture

from .explained_cases import Case, asks, to_core


def explained(text: str, *, later: bool = False, reads: bool = True) -> Explanation:
    """The explanation of a drawn query. With `later`, everybody is free in the time after it."""
    picture = parse_picture(text)
    known = KnownFacts(
        picture.facts(),
        [[_firm(picture, member) for member in group.members] for group in picture.query.participants],
        [[Facts(Busy()) for _ in group.members] for group in picture.query.participants] if later else None,
    )
    names = {name: name.capitalize() for name in picture.busy}
    readable = frozenset(names if reads else ())
    return Explanation(picture.query, solve(picture.query, known.facts), known, names, readable)


def _firm(picture: Picture, member: Member) -> Busy | None:
    return Busy.of(picture.busy[member.sub]) if picture.tentative[member.sub] and not member.ignore_tentative else None


SUMMARIES = {
    "a result": (
        """
        09:00 every 60 minutes
        periods of 60 minutes
        query   ####
        alice   ##.#
        =alice  ..#.
        """,
        "There is one time, on Tuesday, 19 January 2027 at 11:00 UTC.",
    ),
    "a full answer has no relaxations": (
        """
        09:00 every 60 minutes
        slots of 60 minutes, at most 2
        query       ####
        alice       ##..
        bob         ....
        =alice bob  ..#=
        """,
        "There are 2 times or more, the first on Tuesday, 19 January 2027 at 11:00 UTC.",
    ),
    "a member who holds everybody back": (
        """
        09:00 every 60 minutes
        slots of 60 minutes, all of ada, 1 of red
        query   #######
        ada     ..#####
        red     ##....#
        =       .......
        """,
        "Ada is busy whenever Red is free for 1 hour.",
    ),
    "nobody has so much time": (
        """
        09:00 every 30 minutes
        slots of 60 minutes
        query   ######
        alice   #.#.#.
        bob     ......
        =       ......
        """,
        "Alice is busy and never free for 1 hour; without Alice there would be 3 times, the first on Tuesday, "
        "19 January 2027 at 09:00 UTC.",
    ),
    "hours": (
        """
        09:00 every 30 minutes
        slots of 60 minutes
        query        ######
        alice        ......
        alice hours  .....#
        =            ......
        """,
        "Alice is outside of its hours and never free for 1 hour; outside of the hours of Alice, too, there would be "
        "3 times, the first on Tuesday, 19 January 2027 at 09:00 UTC.",
    ),
    "a grid": (
        """
        09:15 every 15 minutes
        slots of 30 minutes, starting every 60 minutes
        query   ##
        alice   ..
        =       ..
        """,
        "There are times at which all who are needed are free, but none of them begins on the grid of starts; with "
        "starts at any time there would be one time, on Tuesday, 19 January 2027 at 09:15 UTC.",
    ),
    "a period that is too short": (
        """
        09:00 every 30 minutes
        slots of 60 minutes
        query   #.#.
        alice   ....
        =       ....
        """,
        "No period of the query is as long as the meeting, 1 hour; for 30 minutes there would be 2 times, the first on "
        "Tuesday, 19 January 2027 at 09:00 UTC.",
    ),
    "a group that can choose": (
        """
        09:00 every 60 minutes
        slots of 60 minutes, 2 of alice bob carol
        query   ###
        alice   ##.
        bob     #.#
        carol   .##
        =       ...
        """,
        "Never are 2 of Alice, Bob and Carol free at once for 1 hour; with 1 instead of 2 of Alice, Bob and Carol there "
        "would be 3 times, the first on Tuesday, 19 January 2027 at 09:00 UTC.",
    ),
    "a further time": (
        """
        09:00 every 60 minutes
        slots of 60 minutes, bob ignores tentative
        query       ###
        alice       .?#
        bob         .?.
        =alice bob  #..
        """,
        "There is one time, on Tuesday, 19 January 2027 at 09:00 UTC; without Alice there would be 3 times, a further "
        "one on Tuesday, 19 January 2027 at 10:00 UTC.",
    ),
}


@pytest.mark.parametrize("case", SUMMARIES)
def test_a_summary_says_why(case):
    """In one or two sentences, with the soonest change that would help."""
    text, summary = SUMMARIES[case]
    assert explained(text).summary == summary


def test_a_later_time_is_in_the_summary_if_nothing_sooner_helps():
    """The relaxations are in order of their openings, and LATER is the last of them."""
    found = explained(
        """
        09:00 every 60 minutes
        slots of 60 minutes
        query   ##
        alice   ##
        =       ..
        """,
        later=True,
    )
    assert found.summary == (
        "Alice is busy and never free for 1 hour; in the 35 days after there would be 20 times or more, the first on "
        "Tuesday, 19 January 2027 at 11:00 UTC."
    )


def test_members_without_a_known_name_are_called_by_their_place():
    """And so are two with the same name."""
    picture = parse_picture(
        """
        09:00 every 60 minutes
        slots of 60 minutes, all of alice, 1 of bob carol
        query             ##
        alice             #.
        bob               ..
        carol             ..
        =alice bob carol  .#
        """
    )
    names = {"bob": "Bo\nB", "carol": "Bo B"}
    known = KnownFacts(picture.facts(), [[None], [None, None]])
    found = Explanation(picture.query, solve(picture.query, known.facts), known, names, frozenset())
    assert found.names == {
        "alice": "member 1 of group 1",
        "bob": "Bo B (member 1 of group 2)",
        "carol": "Bo B (member 2 of group 2)",
    }
    assert found.picture("Etc/UTC", 96).splitlines()[2:] == [
        "slots of 60 minutes, all of member 1 of group 1, 1 of Bo B (member 1 of group 2), Bo B (member 2 of group 2)",
        "query                                                                         ##",
        "member 1 of group 1                                                           #.",
        "Bo B (member 1 of group 2)                                                    ..",
        "Bo B (member 2 of group 2)                                                    ..",
        "=member 1 of group 1, Bo B (member 1 of group 2), Bo B (member 2 of group 2)  .#",
    ]


def test_events_are_drawn_apart_for_a_caller_who_may_read_them_only():
    """Another caller sees when a member is busy, and not by what."""
    text = """
        09:00 every 60 minutes
        slots of 60 minutes
        query   #####
        alice   #=??.
        =alice  ....#
        """
    drawn = explained(text).picture("Etc/UTC", 96)
    hidden = explained(text, reads=False).picture("Etc/UTC", 96)
    assert "\nAlice   #=??.\n" in drawn
    assert "\nAlice   ####.\n" in hidden


def drawable(ask: Case) -> Case:
    """The question as one day can say it: nothing outside of its time matters, and each member is in one group."""
    seen: set[str] = set()
    groups = []
    for needed, members in ask.groups:
        own = {each.name: each.own if each.own and each.own & ask.window else None for each in members}
        people = tuple(
            replace(each, before=0, after=0, own=own[each.name]) for each in members if each.name not in seen
        )
        seen |= {each.name for each in people}
        if people:
            groups.append((min(needed, len(people)), people))
    return replace(ask, groups=tuple(groups))


@given(asks(most=20))
def test_a_picture_that_is_read_back_has_the_same_answer(ask):
    """So it shows all that the answer follows from: it can be copied into a test. Here each minute has a cell."""
    query, known = to_core(drawable(ask))
    openings = solve(query, known.facts)
    names = {name: name for _, group in ask.groups for name in (each.name for each in group)}
    for reads in (True, False):
        drawn = Explanation(query, openings, known, names, frozenset(names if reads else ())).picture("Etc/UTC", 288)
        picture = parse_picture(drawn)
        assert solve(picture.query, picture.facts()) == picture.answer == openings, drawn


def week(zone_start: str, days: int) -> Explanation:
    """Two accounts, and the working time of some days from an instant on."""
    start = parse_instant(zone_start)
    periods = [Period(start + day * DAY, start + day * DAY + 4 * HOUR) for day in range(days)]
    query = AvailabilityQuery([Group([Member("ada"), Member("ben")])], Duration(hours=1), query_periods=periods)
    busy = Busy.of((start + day * DAY, start + day * DAY + HOUR) for day in range(days))
    hours = SpanSet.of([(start + HOUR, start + days * DAY)])
    known = KnownFacts([[Facts(busy), Facts(Busy(), hours)]], [[None, None]])
    return Explanation(query, solve(query, known.facts), known, {"ada": "Ada", "ben": "Ben"}, frozenset())


def test_a_picture_has_a_block_for_each_local_day():
    """In the zone that is asked for: clocks in Paris change in the night to Sunday, 28 March 2027."""
    assert week("2027-03-27T20:00:00Z", 2).picture("Europe/Paris", 96) == (
        """\
Saturday 2027-03-27 in Europe/Paris (UTC+01:00)
21:00 every 60 minutes
periods of 60 minutes
query      ###
Ada        #..
Ben        ...
Ben hours  .##
=Ada Ben   .##

Sunday 2027-03-28 in Europe/Paris (UTC+01:00)
00:00 every 60 minutes
query      #....................##
Ada        .....................#.
Ben        .......................
Ben hours  #....................##
=Ada Ben   #.....................#

Monday 2027-03-29 in Europe/Paris (UTC+02:00)
00:00 every 60 minutes
query      ##
Ada        ..
Ben        ..
Ben hours  ##
=Ada Ben   ##"""
    )


def test_a_picture_is_as_coarse_as_its_width_demands():
    """What begins or ends within a cell marks the whole cell."""
    coarse = week("2027-01-19T09:10:00Z", 1).picture("Etc/UTC", 12).splitlines()
    assert coarse[1] == "09:00 every 30 minutes"
    assert coarse[3:] == [
        "query      #########",
        "Ada        ###......",
        "Ben        .........",
        "Ben hours  ..#######",
        "=Ada Ben   ..#######",
    ]


def test_a_long_picture_counts_the_days_that_are_left_out():
    """Its length is bounded, whatever is asked."""
    long = week("2027-01-19T09:00:00Z", 2000).picture("Etc/UTC", 288)
    assert len(long) <= LENGTH
    blocks = long.split("\n\n")
    assert blocks[-1] == f"and {2000 - len(blocks) + 1} more days"


@pytest.mark.parametrize(("tzid", "width", "keys"), [("Mars/Base", 11, 2), ("Etc/UTC", 289, 1), ("Etc/UTC", -1, 1)])
def test_a_zone_and_a_width_are_checked(tzid, width, keys):
    """Both at once."""
    with pytest.raises(Unprocessable) as refusal:
        week("2027-01-19T09:00:00Z", 1).picture(tzid, width)
    assert len(refusal.value.problems) == keys
