"""Seals: only who has the secret can make one, and each is good for one purpose and in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kit import tokens

SECRET = "a secret that is long enough for it"


@given(st.binary(max_size=80))
def test_what_is_sealed_comes_out_again(payload: bytes):
    seal = tokens.seal(SECRET, payload, kind="form")
    assert seal.replace("-", "").replace("_", "").isalnum()
    assert tokens.unseal(SECRET, seal, kind="form") == payload


@given(st.binary(max_size=80), st.data())
def test_a_seal_with_one_letter_changed_opens_nothing(payload: bytes, data: st.DataObject):
    seal = tokens.seal(SECRET, payload, kind="form")
    place = data.draw(st.integers(0, len(seal) - 1))
    letter = data.draw(st.sampled_from("ABYZabyz0189-_=+/ \né"))
    if letter != seal[place]:
        assert tokens.unseal(SECRET, seal[:place] + letter + seal[place + 1 :], kind="form") is None
    assert tokens.unseal(SECRET, seal + letter, kind="form") is None


@given(st.text(max_size=120))
def test_what_is_no_seal_opens_nothing(text: str):
    assert tokens.unseal(SECRET, text, kind="form") is None


@pytest.mark.parametrize(("secret", "kind"), [(SECRET, "ticket"), (f"{SECRET}.", "form")])
def test_a_seal_is_for_one_purpose_and_of_one_secret(secret: str, kind: str):
    assert tokens.unseal(secret, tokens.seal(SECRET, b"one", kind="form"), kind=kind) is None


def test_a_keyed_hash_differs_with_secret_and_purpose():
    made = {
        tokens.keyed(secret, "203.0.113.0/24", kind=kind) for secret in (SECRET, "x") for kind in ("a", "b")
    }
    assert len(made) == 4
    assert all(len(one) == 64 for one in made)
