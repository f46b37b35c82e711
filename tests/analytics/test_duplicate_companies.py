"""Duplicates of companies are found without labels, and what only looks like one firm is not."""

import random
import tempfile
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.analytics.duplicates import comparing
from app.analytics.duplicates.companies import COMPANIES
from app.analytics.duplicates.linking import Pair, Records, clusters
from app.usecases.duplicates import features
from tests.makers import firms

Row = dict[str, Any]
_LEAST = 0.985


@pytest.fixture
def held() -> Iterator[Records]:
    with tempfile.TemporaryDirectory() as place, Records(Path(place), COMPANIES) as records:
        yield records


def company(id_: str, name: str, **more: Any) -> Row:
    empty: Row = dict.fromkeys(("domain", "region", "country", "industry", "updated_at"))
    return {**empty, "custom": {}, "id": id_, "name": name, **more}


def found(records: Records, *rows: Row) -> set[tuple[str, str]]:
    """The pairs by the prior alone: what is too little to learn from."""
    records.add(features.table("company", rows, ["tax_number"]))
    return {(pair.left, pair.right) for pair in records.pairs(COMPANIES.prior())}


@pytest.mark.slow
def test_a_world_of_firms_is_sorted_out_whatever_the_order():
    rows, truth = firms.firms(1_500, seed=5)
    told = []
    for seed in (1, 2):
        random.Random(seed).shuffle(rows)
        with tempfile.TemporaryDirectory() as place, Records(Path(place), COMPANIES) as records:
            records.add(features.table("company", rows, ["tax_number"]))
            model = records.learn()
            pairs = records.pairs(model)
            marks = records.marks({one for pair in pairs for one in (pair.left, pair.right)})
            told.append((model, pairs, marks))
    assert told[0] == told[1]
    _, pairs, marks = told[0]
    met: set[tuple[str, str]] = set()
    for cluster in clusters(pairs, marks=marks):
        met.update(combinations(sorted({one for pair in cluster for one in (pair.left, pair.right)}), 2))
    good = len(met & truth)
    assert good / len(met) >= _LEAST
    assert good / len(truth) >= _LEAST


def test_one_firm_in_two_scripts_under_one_site_is_one(held: Records):
    rows = [
        company("a", "深圳市海蓝科技有限公司", domain="hailan.cn"),
        company("b", "Hai Lan Technology (Shenzhen) Co., Ltd.", domain="www.hailan.cn"),
    ]
    assert found(held, *rows) == {("a", "b")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("深圳市海蓝科技有限公司", "深圳市海蓝科技有限公司广州分公司"),
        ("深圳市海蓝科技有限公司北京分公司", "深圳市海蓝科技有限公司广州分公司"),
        ("深圳市海蓝科技有限公司", "深圳市海蓝贸易有限公司"),
        ("深圳市海蓝科技有限公司", "海蓝（广州）科技有限公司"),
        ("Atlas Logistics Ltd", "Atlas Trading Ltd"),
        ("Atlas Logistics Ltd", "Atlas Logistics (Berlin) GmbH Munich Branch"),
    ],
)
def test_branches_sisters_and_namesakes_are_not_one_though_they_share_their_site(one: str, other: str):
    shared = {"domain": "hailan.cn", "region": "广东", "country": "CN", "industry": "IT"}
    with tempfile.TemporaryDirectory() as place, Records(Path(place), COMPANIES) as records:
        assert found(records, company("a", one, **shared), company("b", other, **shared)) == set()


def test_what_identifies_makes_one_of_two_names(held: Records):
    tax = {"tax_number": "91440300MA5EXAMPLE"}
    rows = [company("a", "海蓝科技有限公司", custom=tax), company("b", "海蓝贸易有限公司", custom=tax)]
    assert found(held, *rows) == {("a", "b")}
    [cluster] = clusters(held.pairs(COMPANIES.prior()), marks=held.marks({"a", "b"}))
    assert len(cluster) == 1


def test_a_mailbox_anybody_can_have_says_nothing(held: Records):
    shared = {"domain": "qq.com"}
    assert found(held, company("a", "海蓝科技", **shared), company("b", "海兰科技", **shared)) == set()


def test_the_settings_are_the_same_for_spark():
    duck, spark = (
        comparing.settings(COMPANIES).create_settings_dict(dialect) for dialect in ("duckdb", "spark")
    )
    assert [one["output_column_name"] for one in spark["comparisons"]] == [
        one["output_column_name"] for one in duck["comparisons"]
    ]


_MARKS = st.lists(st.sampled_from("abc"), max_size=2).map(frozenset)


@given(st.lists(st.tuples(_MARKS, _MARKS), min_size=8, max_size=8), st.randoms(use_true_random=False))
def test_no_two_of_a_cluster_have_marks_that_differ(
    told: list[tuple[frozenset[str], ...]], chance: random.Random
):
    marks = {str(n): one for n, one in enumerate(told)}
    pairs = [Pair(str(a), str(b), chance.random(), ()) for a, b in combinations(range(8), 2)]
    for cluster in clusters(pairs, marks=marks):
        people = {one for pair in cluster for one in (pair.left, pair.right)}
        for one, other in combinations(sorted(people), 2):
            assert all(not a or not b or a & b for a, b in zip(marks[one], marks[other], strict=True))
