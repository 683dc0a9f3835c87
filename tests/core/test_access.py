"""Actors: which accounts each kind of caller has which rights over."""

from dataclasses import dataclass, replace

import pytest

from core.access import NOBODY, Actor, may, queryable, require, require_application, require_availability, require_own
from core.errors import Forbidden, Refusal, Unauthenticated
from core.rights import ElementPermission, Right
from core.scopes import READ_WRITE, Scope

OURS, THEIRS = 1, 2


@dataclass(frozen=True)
class Account:
    """An account, as far as rights depend on it."""

    key: int
    client_key: int = OURS


ADA, BEN, EVE = Account(1), Account(2), Account(3)
#: of another application, although its key is also that of an account of ours: keys alone prove nothing
STRANGER = Account(1, THEIRS)

APPLICATION = Actor(OURS)
OF_ADA = Actor(OURS, ADA.key, READ_WRITE)


def element(*permissions: ElementPermission) -> Actor:
    """An element token for Ada and Ben."""
    return Actor(OURS, ADA.key, " ".join(permissions), subs={"acc_ada": ADA.key, "acc_ben": BEN.key})


def rights(actor: Actor, account: Account) -> set[Right]:
    """The caller's rights over the account, asked one by one."""
    return {right for right in Right if may(actor, right, account)}


def test_an_application_has_every_right_over_its_accounts() -> None:
    """And none over those of another."""
    assert rights(APPLICATION, ADA) == rights(APPLICATION, EVE) == set(Right)
    assert rights(APPLICATION, STRANGER) == rights(NOBODY, ADA) == set()


def test_the_token_of_an_account_may_ask_when_others_are_available() -> None:
    """Of another account of its application it learns nothing but the sub, of its own whatever its scope says."""
    assert rights(OF_ADA, ADA) == set(Right)
    assert rights(OF_ADA, BEN) == {Right.QUERY_AVAILABILITY}
    assert rights(OF_ADA, STRANGER) == set()
    narrow = replace(OF_ADA, scope=Scope.LIST_CALENDARS.value)
    about_itself = {Right.READ_PROFILE, Right.READ_EMAIL, Right.READ_ACCOUNT_ID, Right.READ_USER_INFO}
    assert rights(narrow, ADA) == {Right.LIST_CALENDARS, *about_itself}
    assert rights(narrow, BEN) == set()


@pytest.mark.parametrize(
    ("permission", "over_the_first", "over_each"),
    [
        (ElementPermission.AGENDA, {Right.LIST_CALENDARS, Right.READ_EVENTS, Right.READ_FREE_BUSY}, set()),
        (ElementPermission.AVAILABILITY, set(), {Right.QUERY_AVAILABILITY}),
        (
            ElementPermission.MANAGED_AVAILABILITY,
            {Right.LIST_CALENDARS, Right.MANAGE_AVAILABILITY, Right.READ_USER_INFO},
            set(),
        ),
        (
            ElementPermission.ACCOUNT_MANAGEMENT,
            {Right.LIST_CALENDARS, Right.READ_EMAIL, Right.READ_ACCOUNT_ID, Right.READ_USER_INFO},
            set(),
        ),
    ],
)
def test_an_element_token_has_the_rights_of_its_permissions(
    permission: ElementPermission, over_the_first: set[Right], over_each: set[Right]
) -> None:
    """Most of them over its first account; over the others it may know who they are, and over the rest nothing."""
    actor = element(permission)
    assert rights(actor, ADA) == {Right.READ_PROFILE, *over_the_first, *over_each}
    assert rights(actor, BEN) == {Right.READ_PROFILE, *over_each}
    assert rights(actor, EVE) == rights(actor, STRANGER) == set()


def test_permissions_add_up() -> None:
    """A token with all of them can still write neither events nor calendars, nor make what outlives it."""
    everything = element(*ElementPermission)
    writing = {Right.CREATE_EVENT, Right.DELETE_EVENT, Right.MANAGE_CALENDARS}
    assert rights(everything, ADA) == set(Right) - writing - {Right.MANAGE_FEEDS, Right.MANAGE_CHANNELS}
    assert rights(everything, BEN) == {Right.READ_PROFILE, Right.QUERY_AVAILABILITY}


def test_an_element_token_whose_first_account_was_revoked_acts_for_none() -> None:
    """The next one does not take its place."""
    actor = Actor(OURS, None, "agenda availability", subs={"acc_ben": BEN.key})
    with pytest.raises(Unauthenticated):
        require_own(actor, Right.READ_EVENTS)
    require_availability(actor, managed=False)
    assert rights(actor, BEN) == {Right.READ_PROFILE, Right.QUERY_AVAILABILITY}


def test_an_element_token_queries_its_own_accounts_only() -> None:
    """The other subs are left out, and so are unknown."""
    asked = ["acc_eve", "acc_ben", "acc_ada"]
    assert queryable(element(ElementPermission.AVAILABILITY), asked) == ["acc_ben", "acc_ada"]
    assert queryable(OF_ADA, asked) == queryable(APPLICATION, asked) == asked


@pytest.mark.parametrize(
    ("actor", "right", "details"),
    [
        (replace(OF_ADA, scope="list_calendars"), Right.READ_EVENTS, {"scope": "read_events"}),
        (element(ElementPermission.AVAILABILITY), Right.READ_EVENTS, {"permission": "AGENDA"}),
        (element(ElementPermission.AGENDA), Right.READ_EMAIL, {"permission": "ACCOUNT_MANAGEMENT"}),
        (element(*ElementPermission), Right.CREATE_EVENT, {}),
        (APPLICATION, Right.READ_EVENTS, {}),
    ],
)
def test_a_refusal_names_what_would_grant_the_right(actor: Actor, right: Right, details: dict[str, str]) -> None:
    """A scope, or a permission, if there is one."""
    with pytest.raises(Forbidden) as refused:
        require_own(actor, right)
    assert refused.value.details == details


def test_a_right_can_be_required_over_any_account() -> None:
    """The refusal does not say what would grant a right over another account: nothing would."""
    assert require(APPLICATION, Right.READ_EVENTS, BEN) == BEN.key
    assert require(OF_ADA, Right.READ_EVENTS, ADA) == ADA.key
    for actor, account in ((OF_ADA, BEN), (element(ElementPermission.AGENDA), BEN), (APPLICATION, STRANGER)):
        with pytest.raises(Forbidden) as refused:
            require(actor, Right.READ_EVENTS, account)
        assert refused.value.details == {}
    with pytest.raises(Unauthenticated):
        require(NOBODY, Right.READ_EVENTS, ADA)


def test_only_its_key_gives_every_right_over_an_application() -> None:
    """Not the token of an account, however wide, and no element token."""
    assert require_application(APPLICATION) == OURS
    for actor in (OF_ADA, element(*ElementPermission), replace(element(), account_key=None), NOBODY):
        with pytest.raises(Refusal) as refused:
            require_application(actor)
        assert isinstance(refused.value, Unauthenticated if actor is NOBODY else Forbidden)


def test_querying_availability_needs_the_right() -> None:
    """By its scope, or by its permission."""
    for actor in (APPLICATION, OF_ADA, element(ElementPermission.AVAILABILITY)):
        require_availability(actor, managed=True)
    for actor in (replace(OF_ADA, scope="list_calendars"), element(ElementPermission.AGENDA)):
        with pytest.raises(Forbidden):
            require_availability(actor, managed=False)
