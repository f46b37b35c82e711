"""What is left of a person who is erased."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.contacts import CONTACTS
from app.db.interactions import INTERACTIONS
from app.db.orders import ORDERS
from app.domain import privacy
from app.domain.privacy import ERASED, plan_contact, plan_interaction, plan_order, redacted, words_of
from app.kit import json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEPT = {
    "contact": {"company_id", "owner_id", "stage", "source", "merged_into_id"},
    "interaction": {
        *("kind", "channel", "direction", "at", "duration_seconds", "campaign"),
        *("contact_id", "company_id", "product_id", "owner_id"),
    },
    "order": {
        *(
            "number",
            "contact_id",
            "company_id",
            "channel",
            "country",
            "status",
            "currency",
            "subtotal",
            "discount",
            "tax",
        ),
        *("total", "refunded", "placed_at", "due_on", "paid_at", "shipped_at", "refunded_at", "cancelled_at"),
        *("owner_id", "external_ids"),
    },
}
"""What stays, by name: a new field is either put here or erased."""


@given(JSON, st.text(min_size=1, max_size=2))
def test_what_is_redacted_holds_the_word_no_more_and_keeps_the_rest(value, word):
    after = redacted(value, lambda text: word in text)
    assert len(_texts(after)) == len(_texts(value))
    for was, text in zip(_texts(value), _texts(after), strict=True):
        assert text == (ERASED if word in was else was)


@given(JSON, st.text(min_size=1, max_size=2), st.uuids())
def test_what_asks_for_a_redacted_value_by_its_key_or_by_an_id_still_finds_it(value, word, record):
    shape = {"tag_id": str(record), "old": value}
    words = [word, str(record)[3:10]]
    after = redacted(shape, lambda text: any(each in text for each in words))
    assert after.keys() == shape.keys()
    assert after["tag_id"] == str(record)
    assert _keys(after) == _keys(shape)


def _texts(value) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for part in value.values() for text in _texts(part)]
        case list():
            return [text for part in value for text in _texts(part)]
        case _:
            return []


def _keys(value) -> list[str]:
    match value:
        case dict():
            return [key for own, part in value.items() for key in (own, *_keys(part))]
        case list():
            return [key for part in value for key in _keys(part)]
        case _:
            return []


def test_every_field_is_erased_or_kept_on_purpose():
    row: dict[str, Any] = {
        name: "secret" for noun in (CONTACTS, INTERACTIONS, ORDERS) for name in noun.fields
    }
    row |= {"lines": [{"description": "secret"}], "archived_at": None}
    erased = {
        "contact": plan_contact(row, at=NOON),
        "interaction": plan_interaction(row),
        "order": plan_order(row),
    }
    dated = {"id", "version", "created_at", "updated_at", "archived_at"}
    for noun in (CONTACTS, INTERACTIONS, ORDERS):
        assert erased[noun.name].keys() - dated == noun.fields.keys() - dated - KEPT[noun.name], noun.name
        assert "secret" not in json.text(erased[noun.name])
    assert privacy.TOLD["order"] is not None
    assert set(privacy.TOLD["order"]) == erased["order"].keys()


def test_who_is_erased_is_not_erased_again():
    person = dict.fromkeys(CONTACTS.fields)
    assert plan_contact(person | plan_contact(person, at=NOON), at=NOON) == {}
    order = {"tags": ["a"], "custom": {"b": 1}, "lines": [{"description": "c"}, {"description": None}]}
    assert plan_order(order | plan_order(order)) == {}


def test_a_person_is_known_by_addresses_and_numbers_in_every_form():
    contact = {
        "emails": [
            {"address": " A@B.example", "normalised": "a@b.example"},
            {"address": "a b@c.example", "normalised": None},
        ],
        "phones": [
            {"number": "138 0013 8000", "e164": "+8613800138000"},
            {"number": "(8451) 123 4", "e164": None},
        ],
    }
    assert words_of(contact) == [
        *("(8451) 123 4", "+8613800138000", "138 0013 8000", "A@B.example", "a b@c.example", "a@b.example")
    ]


@pytest.mark.parametrize("typed", ["", " ", "?", "a", "@", "a@b", "none", "n/a", "unknown", "erased", "2026"])
def test_what_tells_of_nobody_is_not_looked_for(typed: str):
    contact = {
        "emails": [{"address": typed, "normalised": None}],
        "phones": [{"number": typed, "e164": None}],
    }
    assert words_of(contact) == []
