"""The installation's key: what is sealed with it, and the tokens that follow from it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.encryption import Encryption, WrongKeyError

KEYS, OTHERS = Encryption("k" * 32), Encryption("K" * 32)
ID = "sch_64b1859e8090ea21640c915f"


def test_a_secret_is_read_again_with_its_key_alone() -> None:
    """What is kept of it does not show it, and is another text each time."""
    sealed = KEYS.seal("a secret of theirs")
    assert b"secret" not in sealed
    assert sealed != KEYS.seal("a secret of theirs")
    assert Encryption("k" * 32).open(sealed) == "a secret of theirs"
    with pytest.raises(WrongKeyError):
        OTHERS.open(sealed)


def test_a_token_leads_to_the_id_that_it_was_made_for() -> None:
    """The same one each time, so that it need not be kept; fit for an address, and with one key alone."""
    token = KEYS.link_token(ID)
    assert token == Encryption("k" * 32).link_token(ID)
    assert len(token) == 40
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert KEYS.read_link_token(token) == ID
    assert OTHERS.read_link_token(token) is None
    assert KEYS.read_link_token(OTHERS.link_token(ID)) is None


@given(place=st.integers(0, 29), bit=st.integers(0, 7))
def test_a_token_with_one_bit_turned_over_is_none(place: int, bit: int) -> None:
    """Neither of the id nor of the proof."""
    given = bytearray(base64.urlsafe_b64decode(KEYS.link_token(ID)))
    given[place] ^= 1 << bit
    assert KEYS.read_link_token(base64.urlsafe_b64encode(given).decode()) is None


@given(st.text())
def test_any_other_text_is_no_token(text: str) -> None:
    """Whatever somebody puts into an address."""
    assert KEYS.read_link_token(text) is None


def test_a_token_that_was_cut_or_grew_is_none() -> None:
    """By a program that breaks lines, or by one that guesses."""
    token = KEYS.link_token(ID)
    for other in (token[:-1], token[:-4], f"{token}A", token[:16], f" {token}", f"{token}==", f"{token}{token}"):
        assert KEYS.read_link_token(other) is None, other


def test_a_short_key_is_refused() -> None:
    """It could be guessed, by whoever has one sealed secret."""
    with pytest.raises(ValueError, match="at least 32"):
        Encryption("short")
