"""Solver: required members and participants, as executable pictures (see tests/support/pictures.py)."""

from dataclasses import replace

import pytest

from core.durations import Duration
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.solver import Facts, Opening, solve
from core.spans import Busy
from tests.support.pictures import MIDNIGHT, check_picture, parse_picture


def test_all_members_must_be_free_throughout():
    """The result is their common free time."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, all of alice bob
        query       ############
        alice       ###.....#...
        bob         .....##....#
        =alice bob  ...##....##.
    """)


def test_members_do_not_hand_over_during_a_meeting():
    """One of them is free at every moment, but nobody for the two hours from ten to twelve."""
    check_picture("""
        09:00 every 60 minutes
        slots of 120 minutes, starting every 60 minutes, 1 of alice bob
        query   ####
        alice   ##..
        bob     ..##
        =bob    ##..
        =alice  ..##
    """)
    check_picture("""
        10:00 every 60 minutes
        periods of 120 minutes, 1 of alice bob
        query   ##
        alice   #.
        bob     .#
        =       ..
    """)


def test_two_of_three_must_be_the_same_two_throughout():
    """At every moment two are free, but only with Carol are two of them free for three hours."""
    check_picture("""
        09:00 every 60 minutes
        periods of 180 minutes, 2 of alice bob carol
        query       ######
        alice       ....##
        bob         ##....
        carol       ..##..
        =           ......
    """)
    check_picture("""
        09:00 every 60 minutes
        periods of 180 minutes, 2 of alice bob carol
        query         ######
        alice         ....##
        bob           ##....
        carol         #.....
        =alice carol  .###..
        =bob carol    ..####
    """)


def test_every_group_must_be_satisfied_at_once():
    """The hosts are free in the morning and the late afternoon; a room from ten on, but not in the last hour."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes, all of alice bob, 1 of red blue
        query                ########
        alice                ...##...
        bob                  ....#...
        red                  #......#
        blue                 #....###
        =alice bob red blue  .##.....
        =alice bob red       .....##.
    """)


def test_a_result_names_all_members_who_are_free_throughout():
    """One room is enough; two are named where both are free throughout, so that the caller can choose."""
    check_picture("""
        09:00 every 60 minutes
        slots of 60 minutes, all of alice, 1 of red blue
        query            ####
        alice            ....
        red              #...
        blue             ..#.
        =alice blue      #...
        =alice red blue  .#..
        =alice red       ..#.
        =alice red blue  ...#
    """)


def test_participants_are_in_request_order():
    """Whatever the order in which they are drawn or free."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes, 1 of red blue, all of carol alice
        query                 ##
        alice                 ..
        blue                  ..
        carol                 ..
        red                   ..
        =red blue carol alice ##
    """)


def test_a_member_of_two_groups_is_named_once():
    """At her first mention; she counts in both groups."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes, 1 of alice bob, 1 of carol alice
        query       ####
        alice       ..##
        bob         ....
        carol       #...
        =alice bob  ##..
        =bob carol  .###
    """)


def test_a_member_of_two_groups_may_be_restricted_in_one_only():
    """Facts belong to members, not accounts. Where she counts in the second group only, she is named after Bob."""
    hour = 3600
    first, second = Period(MIDNIGHT, MIDNIGHT + hour), Period(MIDNIGHT + hour, MIDNIGHT + 2 * hour)
    query = AvailabilityQuery(
        participants=[Group([Member("alice", available_periods=[first]), Member("bob")], 1), Group([Member("alice")])],
        required_duration=Duration(hours=1),
        query_periods=[first, second],
    )
    busy = Facts(Busy([MIDNIGHT], [MIDNIGHT + hour]))
    free = Facts(Busy())
    assert solve(query, [[free, busy], [free]]) == [
        Opening(MIDNIGHT, MIDNIGHT + hour, ("alice",)),
        Opening(MIDNIGHT + hour, MIDNIGHT + 2 * hour, ("bob", "alice")),
    ]


def test_facts_must_match_the_members_of_the_query():
    """A missing row of facts would otherwise be a free colleague."""
    picture = parse_picture("""
        09:00 every 60 minutes
        periods of 60 minutes, 1 of alice bob
        query       ##
        alice       ..
        bob         ..
        =alice bob  ##
    """)
    with pytest.raises(ValueError, match="argument"):
        solve(picture.query, [picture.facts()[0][:1]])
    with pytest.raises(ValueError, match="argument"):
        solve(picture.query, [])
    with pytest.raises(ValueError, match="argument"):
        solve(replace(picture.query, participants=()), picture.facts())
