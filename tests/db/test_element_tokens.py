"""The text of element tokens: it proves the origin that they were issued for."""

from core.element_tokens import is_element_token
from db.encryption import Encryption
from tests.support.api import KEY

ORIGIN = "https://app.example.com"


def test_a_token_proves_its_origin() -> None:
    """Without a database. Not another origin, and not to another installation."""
    ours = Encryption(KEY)
    token = ours.element_token(ORIGIN)
    assert is_element_token(token)
    assert ours.is_for_origin(token, ORIGIN)
    for origin in ("https://app.example.com:8443", "http://app.example.com", "null", ""):
        assert not ours.is_for_origin(token, origin)
    assert not Encryption(KEY[::-1]).is_for_origin(token, ORIGIN)


def test_a_changed_token_proves_nothing() -> None:
    """Neither with another secret nor with the proof of another token."""
    ours = Encryption(KEY)
    token, other = ours.element_token(ORIGIN), ours.element_token(ORIGIN)
    assert token != other
    secret, _, proof = token.rpartition(".")
    other_secret, _, other_proof = other.rpartition(".")
    for changed in (f"{secret}.{other_proof}", f"{other_secret}.{proof}", f"{secret}.{proof[::-1]}"):
        assert is_element_token(changed)
        assert not ours.is_for_origin(changed, ORIGIN)


def test_no_other_text_has_the_format() -> None:
    token = Encryption(KEY).element_token(ORIGIN)
    for text in (token[4:], f"{token}x", token[:-1], token.replace(".", "-"), f"{token}\n", "elt_", "elt_secret", ""):
        assert not is_element_token(text)
