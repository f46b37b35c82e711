"""Duplicates are found without labels: in a generated Chinese world, in any order, and never a family for a person."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.analytics.duplicates import comparing
from app.analytics.duplicates.contacts import CONTACTS
from app.analytics.duplicates.linking import Pair, Records, clusters
from app.usecases.duplicates import features
from tests.makers import doubles

Row = dict[str, Any]
_LEAST = 0.985


@pytest.fixture
def held() -> Iterator[Records]:
    with tempfile.TemporaryDirectory() as place, Records(Path(place), CONTACTS) as records:
        yield records


def contact(id_: str, name: str, **more: Any) -> Row:
    empty: Row = {
        "given_name": None,
        "family_name": None,
        "emails": [],
        "phones": [],
        "addresses": [],
        "birth_date": None,
        "company_id": None,
        "custom": {},
        "updated_at": None,
    }
    reach = {
        "emails": [{"normalised": one} for one in more.pop("emails", [])],
        "phones": [{"e164": one} for one in more.pop("phones", [])],
    }
    return {**empty, "id": id_, "name": name, **reach, **more}


def found(
    records: Records, rows: Sequence[Row], identifying: Sequence[str] = ()
) -> dict[tuple[str, str], Pair]:
    """The pairs by the prior alone: what is too little to learn from."""
    records.add(features.table("contact", rows, identifying))
    return {(pair.left, pair.right): pair for pair in records.pairs(CONTACTS.prior())}


@pytest.mark.slow
def test_a_chinese_world_is_sorted_out_whatever_the_order():
    rows, truth = doubles.people(1_500)
    told = []
    for seed in (1, 2):
        random.Random(seed).shuffle(rows)
        with tempfile.TemporaryDirectory() as place, Records(Path(place), CONTACTS) as records:
            records.add(features.table("contact", rows, []))
            model = records.learn()
            told.append((model, records.pairs(model)))
    assert told[0] == told[1]
    met: set[tuple[str, str]] = set()
    for cluster in clusters(told[0][1]):
        met.update(combinations(sorted({one for pair in cluster for one in (pair.left, pair.right)}), 2))
    good = len(met & truth)
    assert good / len(met) >= _LEAST
    assert good / len(truth) >= _LEAST


def test_same_sound_with_the_same_number_is_one_person_and_says_why(held: Records):
    rows = [
        contact("a", "张伟", phones=["+8613800138000"], birth_date=date(1990, 3, 4)),
        contact("b", "Wei Zhang", phones=["+8613800138000"], birth_date=date(1990, 3, 4)),
        contact("c", "张薇", phones=["+8613800138000"], birth_date=date(1990, 3, 4)),
    ]
    pairs = found(held, rows)
    assert set(pairs) == {("a", "b"), ("a", "c"), ("b", "c")}
    for pair in pairs.values():
        assert ("name", "same_sound") in {(one.field, one.level) for one in pair.reasons}
        assert ("phone", "same") in {(one.field, one.level) for one in pair.reasons}


def test_a_family_is_not_one_person(held: Records):
    home = [{"city": "上海市", "street": "世纪大道100号3幢501室"}]
    rows = [
        contact("a", "王建国", phones=["+8613800138000"], addresses=home, emails=["wang@example.cn"]),
        contact("b", "王诗雨", phones=["+8613800138000"], addresses=home, emails=["wang@example.cn"]),
    ]
    assert found(held, rows) == {}


def test_swapped_parts_of_an_address_agree_as_well(held: Records):
    told = {"city": "上海市", "district": "浦东新区", "street": "世纪大道100号3幢501室"}
    swapped = {"street": "上海市", "city": "世纪大道100号3幢501室", "district": "浦东新区"}
    line = {"street": "上海市浦东新区世纪大道100号3幢501室"}
    rows = [
        contact(str(n), "李静", addresses=[one], phones=["+8613900139000"])
        for n, one in enumerate((told, swapped, line))
    ]
    pairs = found(held, rows)
    assert len(pairs) == 3
    for pair in pairs.values():
        assert ("address", "same") in {(one.field, one.level) for one in pair.reasons}


def test_an_identifying_field_counts_only_where_it_is_named_so(held: Records):
    rows = [
        contact("a", "Ann Lee", custom={"passport": "E12345678"}, birth_date=date(1980, 5, 6)),
        contact("b", "Anna Leigh", custom={"passport": "E12345678"}, birth_date=date(1980, 5, 6)),
    ]
    assert set(found(held, rows, ["passport"])) == {("a", "b")}
    with tempfile.TemporaryDirectory() as place, Records(Path(place), CONTACTS) as others:
        plain = found(others, rows)
    assert "identity" not in {reason.field for pair in plain.values() for reason in pair.reasons}


def test_two_that_were_there_before_are_not_told_of_again(held: Records):
    rows = [contact(str(n), "Eva Novak", emails=["eva@novak.example"]) for n in range(3)]
    table = features.table("contact", rows, []).to_pylist()
    for row in table:
        row["fresh"] = row["unique_id"] == "2"
    held.add(pa.Table.from_pylist(table, schema=CONTACTS.columns))
    assert {(one.left, one.right) for one in held.pairs(CONTACTS.prior())} == {("0", "2"), ("1", "2")}


def test_what_many_share_brings_nobody_together(held: Records):
    rows = [contact(f"{n:03}", f"Person {n}", emails=["info@shop.example"]) for n in range(60)]
    assert found(held, rows) == {}


def test_nobody_and_one_alone_have_no_duplicates(held: Records):
    assert held.learn() == CONTACTS.prior()
    assert held.pairs(CONTACTS.prior()) == []


def test_the_settings_are_the_same_for_spark():
    duck, spark = (
        comparing.settings(CONTACTS).create_settings_dict(dialect) for dialect in ("duckdb", "spark")
    )
    assert [one["output_column_name"] for one in spark["comparisons"]] == [
        one["output_column_name"] for one in duck["comparisons"]
    ]
    assert "jaro_winkler_similarity" not in str(spark)


_PAIRS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(9000, 10_000)).filter(
        lambda t: t[0] != t[1]
    ),
    unique_by=lambda t: (min(t[:2]), max(t[:2])),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(_PAIRS, st.randoms(use_true_random=False))
def test_clusters_do_not_depend_on_the_order_and_are_bounded(told, chance):
    pairs = [Pair(f"{min(a, b):02}", f"{max(a, b):02}", score / 10_000, ()) for a, b, score in told]
    made = clusters(pairs, most=5)
    chance.shuffle(pairs)
    assert clusters(pairs, most=5) == made
    members = [{one for pair in cluster for one in (pair.left, pair.right)} for cluster in made]
    assert all(2 <= len(one) <= 5 for one in members)
    apart = {frozenset((pair.left, pair.right)) for pair in pairs[::3] if pair.left != pair.right}
    for cluster in clusters(pairs, most=5, apart=apart):
        joined = sorted({one for pair in cluster for one in (pair.left, pair.right)})
        assert apart.isdisjoint(map(frozenset, combinations(joined, 2)))
    assert all(a.isdisjoint(b) for a, b in combinations(members, 2))
