"""The installation's key: encrypted secrets, and the tokens derived from it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.encryption import Encryption, WrongKeyError

KEYS, OTHERS = Encryption("k" * 32), Encryption("K" * 32)
ID = "sch_64b1859e8090ea21640c915f"


def test_a_secret_can_be_decrypted_only_with_its_key() -> None:
    """The stored text does not contain it, and differs each time."""
    sealed = KEYS.seal("a secret of theirs")
    assert b"secret" not in sealed
    assert sealed != KEYS.seal("a secret of theirs")
    assert Encryption("k" * 32).open(sealed) == "a secret of theirs"
    with pytest.raises(WrongKeyError):
        OTHERS.open(sealed)


def test_a_link_token_leads_to_its_id() -> None:
    """Derived, so that it need not be stored; safe in URLs, and valid with its key only."""
    token = KEYS.link_token(ID)
    assert token == Encryption("k" * 32).link_token(ID)
    assert len(token) == 40
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert KEYS.read_link_token(token) == ID
    assert OTHERS.read_link_token(token) is None
    assert KEYS.read_link_token(OTHERS.link_token(ID)) is None


@given(place=st.integers(0, 29), bit=st.integers(0, 7))
def test_a_link_token_with_one_bit_changed_is_invalid(place: int, bit: int) -> None:
    """Both in the id and in the signature."""
    given = bytearray(base64.urlsafe_b64decode(KEYS.link_token(ID)))
    given[place] ^= 1 << bit
    assert KEYS.read_link_token(base64.urlsafe_b64encode(given).decode()) is None


@given(st.text())
def test_any_other_text_is_no_link_token(text: str) -> None:
    """The URL of a page can contain anything."""
    assert KEYS.read_link_token(text) is None


def test_a_truncated_or_extended_link_token_is_invalid() -> None:
    """For example by a program that breaks lines."""
    token = KEYS.link_token(ID)
    for other in (token[:-1], token[:-4], f"{token}A", token[:16], f" {token}", f"{token}==", f"{token}{token}"):
        assert KEYS.read_link_token(other) is None, other


def test_a_short_key_is_refused() -> None:
    """It could be guessed from one encrypted secret."""
    with pytest.raises(ValueError, match="at least 32"):
        Encryption("short")
