"""Forecasts of series: always finite and in order, right where the truth is known, and honest about how good they are."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.analytics import series
from app.analytics.series import Every, forecast, told


def sold(days: int, seed: int = 1, noise: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Daily sales with a week and a trend, as they are known and as they truly are."""
    day = np.arange(days)
    truth = 100 + 0.1 * day + np.array([0, 5, 10, 15, 30, 60, -40])[day % 7]
    return truth + np.random.default_rng(seed).normal(0, noise, days), truth


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6) | st.integers(0, 3).map(float), min_size=1, max_size=40),
    st.sampled_from(Every),
    st.integers(1, 9),
)
def test_any_series_has_a_forecast_between_its_limits(values: list[float], every: Every, ahead: int):
    found = forecast(np.array(values), every, ahead)
    assert len(found.mean) == len(found.low) == len(found.high) == ahead
    assert np.isfinite([found.mean, found.low, found.high]).all()
    assert (found.low <= found.mean).all()
    assert (found.mean <= found.high).all()
    assert min(values) < 0 or found.low.min() >= 0
    assert found.tests == sum(len(values) - held * ahead >= max(2 * ahead, series.LEAST) for held in (1, 2))
    assert (found.beats_naive is None) == (not found.tests) == (not found.scores)
    assert [score.mae for score in found.scores] == sorted(score.mae for score in found.scores)
    assert found.beats_naive in (None, found.model not in series.NAIVE)
    assert set(told(found)["why"]) == {"en", "zh"}


def test_the_last_value_and_the_last_season_are_repeated():
    found = forecast(np.array([1.0, 3.0]), Every.DAY, 3)
    assert (found.model, found.beats_naive, list(found.mean)) == ("naive", None, [3, 3, 3])
    assert np.allclose(found.high - found.mean, 1.2816 * 2 * np.sqrt([1, 2, 3]))
    assert found.low[2] == 0, "what never was negative is not forecast to be"
    seasonal = series._repeated(np.array([5.0, 1.0, 8.0, 1.0]), 2, 5)
    assert list(seasonal[0]) == [8, 1, 8, 1, 8]
    assert np.allclose(seasonal[2] - seasonal[0], 1.2816 * np.sqrt(9 / 2) * np.sqrt([1, 1, 2, 2, 3]))


def test_weeks_and_trends_are_found():
    inside = []
    for seed in range(4):
        values, truth = sold(224, seed)
        found = forecast(values[:196], Every.DAY, 28)
        assert found.beats_naive
        assert np.abs(found.mean - truth[196:]).mean() < 4
        inside.append((found.low <= values[196:]) & (values[196:] <= found.high))
    assert 0.65 < np.mean(inside) < 0.95


def test_two_seasons_of_hours_are_found_together():
    hour = np.arange(49 * 24)
    truth = 50 + 20 * np.sin(2 * np.pi * hour / 24) + 25 * (hour // 24 % 7 >= 5)
    found = forecast(truth[:-48] + np.random.default_rng(2).normal(0, 2, len(hour) - 48), Every.HOUR, 48)
    assert found.model.startswith("stl"), "exponential smoothing by itself knows no second season"
    assert np.abs(found.mean - truth[-48:]).mean() < 3


def test_a_series_that_never_changes_is_its_own_forecast():
    found = forecast(np.full(60, 7.0), Every.WEEK, 4)
    assert (list(found.mean), list(found.low), list(found.high)) == ([7] * 4, [7] * 4, [7] * 4)
    assert (found.model, found.beats_naive, found.scores[0].mase) == ("naive", False, None)
    assert "No model beat" in told(found)["why"]["en"]


def test_a_random_walk_is_not_said_to_be_beaten_by_much():
    walk = 1000 + np.cumsum(np.random.default_rng(5).normal(0, 1, 300))
    found = forecast(walk, Every.WEEK, 8)
    naive = next(score for score in found.scores if score.model == "naive")
    assert 0.5 * naive.mae <= found.scores[0].mae <= naive.mae


def test_scores_are_of_values_that_were_held_back():
    values, _ = sold(60)
    found = forecast(values, Every.DAY, 5)
    naive = next(score for score in found.scores if score.model == "naive")
    errors = np.concatenate((values[49] - values[50:55], values[54] - values[55:60]))
    assert naive.mae == pytest.approx(np.abs(errors).mean())
    assert naive.bias == pytest.approx(errors.mean())
    assert naive.mase == pytest.approx(naive.mae / np.abs(values[7:] - values[:-7]).mean())
    changed = values.copy()
    changed[55:] += 1000
    other = next(score for score in forecast(changed, Every.DAY, 5).scores if score.model == "naive")
    assert other.mae == pytest.approx(np.abs(np.concatenate((errors[:5], errors[5:] - 1000))).mean())


def test_what_is_known_to_come_is_taken_into_account():
    values, truth = sold(150, noise=2)
    promoted = np.random.default_rng(8).random(150) < 0.1
    promoted[145] = True
    columns = np.column_stack((promoted, promoted, np.arange(150) == 148)).astype(float)
    found = forecast(
        values[:140] + 80 * promoted[:140], Every.DAY, 10, known=columns[:140], coming=columns[140:]
    )
    assert found.model == "regression"
    assert np.abs(found.mean - truth[140:] - 80 * promoted[140:]).mean() < 10
    assert series._told_apart(columns[:140]) == [0], "a repetition and what never was tell nothing"


@pytest.mark.parametrize(
    ("values", "ahead", "known", "coming"),
    [
        ([], 1, None, None),
        ([1.0], 0, None, None),
        ([1.0, float("nan")], 1, None, None),
        ([1.0, 2.0], 1, [[1.0], [0.0]], None),
        ([1.0, 2.0], 1, [[1.0]], [[1.0]]),
        ([1.0, 2.0], 2, [[1.0], [0.0]], [[1.0]]),
        ([1.0, 2.0], 1, [[1.0], [0.0]], [[float("inf")]]),
    ],
)
def test_what_cannot_be_forecast_is_refused(values, ahead, known, coming):
    given_known, given_coming = (None if one is None else np.array(one) for one in (known, coming))
    with pytest.raises(ValueError, match=r"needs a number|must be known"):
        forecast(np.array(values), Every.DAY, ahead, known=given_known, coming=given_coming)


def test_the_models_are_loaded_when_they_are_needed():
    code = "import sys, app.analytics.series; print('statsforecast' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
