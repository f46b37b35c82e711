"""Records as rows: every part of a record is in some cell, and no two columns have one name."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.domain.columns import is_path
from app.domain.exports import MOST_SLOTS, Seen, cell, flat, typed, utc
from app.domain.fields import Field, Kind
from app.domain.slots import slot

FIELDS = {
    name: Field(name, Kind.JSON)
    for name in ("emails", "phones", "addresses", "external_ids", "custom", "consents")
} | {"id": Field("id", Kind.ID), "email": Field("email", Kind.TEXT), "tags": Field("tags", Kind.LABELS)}
LABEL = st.none() | st.sampled_from(["work", "home", "work 2", "2", "办公", "work#2", "#2", "#2#3"])
EMAILS = st.lists(st.builds(lambda a, b: {"address": a, "label": b}, st.emails(), LABEL), max_size=8)


def _rows(records: list[dict[str, Any]], names: list[str]) -> tuple[list[str], list[list[Any]]]:
    seen = Seen()
    for record in records:
        seen.note(record)
    table = flat(names, FIELDS, [], seen)
    return [header for header, _ in table], [[get(record) for _, get in table] for record in records]


@given(st.lists(EMAILS, max_size=6))
def test_every_address_is_in_a_column_that_an_import_knows(listed: list[list[dict[str, Any]]]):
    heads, rows = _rows([{"emails": emails} for emails in listed], ["emails"])
    assert len(set(heads)) == len(heads)
    assert all(is_path("contact", head) for head in heads)
    for emails, row in zip(listed, rows, strict=True):
        back = [(value, slot(head)) for head, value in zip(heads, row, strict=True) if value]
        sent = [(email["address"], ("email", email["label"])) for email in emails]
        assert sorted(back, key=str) == sorted(sent, key=str)


def test_more_labels_than_columns_are_not_cut():
    records = [{"emails": [{"address": f"{n}@x.example", "label": f"l{n}"}]} for n in range(MOST_SLOTS + 5)]
    heads, rows = _rows(records, ["emails"])
    assert len(heads) == MOST_SLOTS + 1
    assert heads[-1] == "emails"
    assert [row[-1] for row in rows[-5:]] == [record["emails"] for record in records[-5:]]
    assert all(row[-1] is None for row in rows[:-5])


def test_ids_have_names_that_no_import_takes_for_others():
    heads, rows = _rows([{"id": "x", "email": "a@b.example", "emails": []}], ["email", "emails", "id"])
    assert heads == ["rapport_id"], "the first address stands in its own column already"
    assert _rows([{"email": "a@b.example"}], ["email"]) == (["email"], [["a@b.example"]])
    assert rows == [["x"]]


def test_cells():
    assert utc("2026-01-31T08:30:00+00:00") == "2026-01-31T08:30:00Z"
    assert cell(["a", "b"], Kind.LABELS) == "a;b"
    assert cell(["a;b"], Kind.LABELS) == ["a;b"]
    assert cell([], Kind.LABELS) is None
    assert cell(False, Kind.BOOLEAN) is False


def test_typed_columns_have_the_fields_own_names():
    assert [name for name, _ in typed(["id", "emails", "custom"], ["custom.level"])] == [
        "id",
        "emails",
        "custom.level",
    ]
