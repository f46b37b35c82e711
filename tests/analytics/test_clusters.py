"""Clusters of customers: found where they were put, the same in any order, none where there are none."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from app.analytics import clusters
from app.analytics.clusters import Candidate, assign, chosen, fit, told

KINDS = {
    "often": (5, 40, 9_000, 800),
    "lately": (3, 2, 80, 20),
    "once": (400, 1, 15, 400),
    "back": (90, 3, -200, 500),
}


def world(each: int, spread: float = 0.15, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Customers of four kinds, and of which kind each is."""
    chance = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(len(KINDS)), each)
    middle = np.array(list(KINDS.values()), dtype=float)[kinds]
    return middle * chance.lognormal(0, spread, middle.shape), kinds


def test_kinds_that_are_apart_are_found():
    customers, kinds = world(300)
    model = fit(customers)
    assert model
    assert model.k == 4
    found = assign(model, customers)
    assert adjusted_rand_score(kinds, found) > 0.99
    money = [np.median(customers[found == number, 2]) for number in range(1, 5)]
    assert money == sorted(money, reverse=True), "1 spends the most"


def test_the_order_of_the_rows_does_not_matter(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(clusters, "FITTED", 500)
    monkeypatch.setattr(clusters, "COMPARED", 200)
    customers, _ = world(200, spread=0.6)
    turned = np.random.default_rng(1).permutation(len(customers))
    first, second = fit(customers), fit(customers[turned])
    assert first
    assert second
    assert told(first) == told(second)
    assert (first.fitted, first.compared) == (500, 200)
    assert (assign(first, customers)[turned] == assign(second, customers[turned])).all()


@pytest.mark.parametrize("rows", [[], [[1, 1, 1, 1]] * 9, [[1, 1, 1, 1], [2, 1, 5, 9]] * 5])
def test_customers_who_hardly_differ_have_no_clusters(rows: list[list[float]]):
    assert fit(np.array(rows, dtype=float).reshape(-1, 4)) is None


def test_a_measure_that_all_share_is_no_distance():
    customers, kinds = world(50)
    customers[:, 3] = 0.1 + 0.2
    model = fit(customers)
    assert model
    assert np.isfinite(model.centres).all()
    assert adjusted_rand_score(kinds, assign(model, customers)) > 0.9


def test_the_highest_silhouette_is_chosen_and_of_equal_ones_the_fewest():
    tried = [Candidate(2, 0.3, 9.0), Candidate(3, 0.5, 5.0), Candidate(4, 0.5, 4.0), Candidate(5, None, 3.0)]
    assert chosen(tried).k == 3


def test_a_weak_choice_says_so():
    chance = np.random.default_rng(5)
    model = fit(np.expm1(chance.uniform(0, 5, (2_000, 4))))
    assert model
    told_of = told(model)
    best = max(one["silhouette"] for one in told_of["candidates"])
    assert [one["k"] for one in told_of["candidates"]] == list(range(2, 9))
    assert ("no substantial structure" in told_of["why"]["en"]) == (best < clusters.WEAK)
    assert f"{best:.3f}" in told_of["why"]["en"]
    assert f"{best:.3f}" in told_of["why"]["zh"]
