"""Forecasts of a regular series, each with how good such forecasts would have been.

Models (statsforecast): exponential smoothing chosen by AICc (Hyndman, Koehler, Snyder and Grose 2002), dynamic optimised
theta (Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler 2016), both also of what is left when seasons are taken out
by loess (MSTL, Bandara, Hyndman and Bergmeir 2021), and the median of them all (Petropoulos and Svetunkov 2020). Where
there are regressors, ARIMA takes them (dynamic regression; Hyndman and Athanasopoulos 2021, ch. 10). Beside them stand
the last value and the last season. Whichever erred least when the latest values were held back is published (rolling
origin, Tashman 2000); where that is one of the last two, the finding says that nothing beat them.

statsforecast is loaded when it is needed: it takes a second and a half and 190 MB, which every process would pay at its start.
"""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

LEVEL, WIDE = 80, 95
"""Per cent of the outcomes that an interval should hold, and a wider one."""
_QUANTILES = (1.2816, 1.96)
"""Of the normal distribution, for these levels."""
TESTS = 2
"""How often the latest values are held back."""
LEAST = 12
"""Values that a model is fitted to at least; below, the last value is all there is."""
LONGEST_SEASON = 12
"""Of those that a model of exponential smoothing carries itself; longer ones are taken out first."""
SPREAD = 10
"""Times the range of the history that a model may leave it by; beyond, it has exploded."""
NAIVE = ("naive", "seasonal_naive")
Floats = NDArray[np.float64]


class Every(StrEnum):
    """How far apart the values of a series are."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


SEASONS: Mapping[Every, tuple[int, ...]] = {
    Every.HOUR: (24, 168),
    Every.DAY: (7, 365),
    Every.WEEK: (52,),
    Every.MONTH: (12,),
}
"""Values that a season takes; those that the history does not hold twice are left out."""
REMEMBERED: Mapping[Every, int] = {Every.HOUR: 8 * 168, Every.DAY: 1096, Every.WEEK: 520, Every.MONTH: 240}
"""Latest values that a model is fitted to: eight weeks, three years, ten years and twenty years."""


@dataclass(frozen=True, slots=True)
class Score:
    """How a model did on what was held back; errors are in the unit of the series."""

    model: str
    mae: float
    """Mean absolute error."""
    mase: float | None
    """In units of the mean step from season to season (Hyndman and Koehler 2006); None where there is no step."""
    bias: float
    """Mean of forecast less truth."""
    coverage: float
    """Part of the truth that its intervals held."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of the next values, between what and what, and how the model was chosen."""

    mean: Floats
    low: Floats
    high: Floats
    lowest: Floats
    """Of the wider interval."""
    highest: Floats
    model: str
    scores: tuple[Score, ...]
    """The best first, over the same held back values, so that the first is a little too good; empty if not tested."""
    tests: int
    beats_naive: bool | None
    """None if not tested."""


def forecast(
    values: Floats, every: Every, ahead: int, *, known: Floats | None = None, coming: Floats | None = None
) -> Forecast:
    """The next `ahead` values, with an interval for each.

    `known` has a row for each value and a column for each regressor (a holiday, a promotion), `coming` a row for each
    value to come. What was never negative is not forecast to be. Raises ValueError where numbers are missing.
    """
    values, regressors = _checked(values, ahead, known, coming)
    tests = [held for held in range(TESTS, 0, -1) if len(values) - held * ahead >= max(2 * ahead, LEAST)]
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held_back = []
        for held in tests:
            until = len(values) - held * ahead
            held_back.append(
                (_models(values[:until], every, ahead, regressors[: until + ahead]), values[until:][:ahead])
            )
        models = _models(values, every, ahead, regressors)
    scale = _step(values, _seasons(every, len(values))[:1])
    common = [name for name in models if held_back and all(name in tried for tried, _ in held_back)]
    scores = sorted(
        (_score(name, [(tried[name], truth) for tried, truth in held_back], scale) for name in common),
        key=lambda score: (score.mae, score.model not in NAIVE),
    )
    best = scores[0].model if scores else "median" if "median" in models else "naive"
    beats = best not in NAIVE if scores else None
    mean, low, high, lowest, highest = models[best]
    return Forecast(mean, low, high, lowest, highest, best, tuple(scores), len(tests), beats)


def told(found: Forecast) -> dict[str, Any]:
    """How the choice came about, for people and programs."""
    return {
        "model": found.model,
        "why": _why(found),
        "beats_naive": found.beats_naive,
        "tests": found.tests,
        "ahead": len(found.mean),
        "level": LEVEL,
        "scores": [
            {name: getattr(score, name) for name in ("model", "mae", "mase", "bias", "coverage")}
            for score in found.scores
        ],
    }


def _why(found: Forecast) -> dict[str, str]:
    if not found.scores:
        return {
            "en": "There are too few values to hold any back, so nobody knows how good this forecast is.",
            "zh": "数据太少，无法留出一部分来检验，因此该预测的准确度未知。",
        }
    best = found.scores[0]
    naive = min((score for score in found.scores if score.model in NAIVE), key=lambda score: score.mae)
    if not found.beats_naive:
        return {
            "en": f"No model beat repeating what was ({naive.model}) when the latest values were held back, so that is"
            " the forecast.",
            "zh": f"留出最近的数据检验时，没有模型优于简单沿用过去的值（{naive.model}），因此直接采用该基准作为预测。",
        }
    less = 1 - best.mae / naive.mae
    return {
        "en": f"Of {len(found.scores)} models, {best.model} erred least when the latest values were held back:"
        f" {less:.0%} less than repeating what was ({naive.model}).",
        "zh": f"留出最近的数据检验时，{len(found.scores)} 个模型中 {best.model} 误差最小：比简单沿用过去的值"
        f"（{naive.model}）低 {less:.0%}。",
    }


def _checked(
    values: Floats, ahead: int, known: Floats | None, coming: Floats | None
) -> tuple[Floats, Floats]:
    values = np.asarray(values, np.float64)
    if not len(values) or ahead < 1 or not np.isfinite(values).all():
        raise ValueError("A series needs a number at every step, and something to forecast.")
    if known is None and coming is None:
        return values, np.empty((len(values) + ahead, 0))
    if known is None or coming is None or len(known) != len(values) or len(coming) != ahead:
        raise ValueError(
            f"Regressors must be known for all {len(values)} values and for the {ahead} that come.",
        )
    regressors = np.vstack((known, coming)).astype(np.float64)
    if not np.isfinite(regressors).all():
        raise ValueError("A regressor needs a number at every step.")
    return values, regressors


def _seasons(every: Every, length: int) -> tuple[int, ...]:
    return tuple(season for season in SEASONS[every] if length >= 2 * season + 1)


def _models(values: Floats, every: Every, ahead: int, regressors: Floats) -> dict[str, Floats]:
    """Each model's forecast: a row of means, then lower and upper limits of both intervals."""
    seasons = _seasons(every, len(values))
    floor = 0.0 if (values >= 0).all() else -np.inf
    least, most = values.min(), values.max()
    room = SPREAD * (most - least)
    found = {"naive": _repeated(values, 1, ahead)}
    if seasons:
        found["seasonal_naive"] = _repeated(values, seasons[0], ahead)
    if most > least and len(values) >= LEAST:
        latest = values[-REMEMBERED[every] :]
        fitted = {
            name: one
            for name, one in _fitted(latest, seasons, ahead, regressors[-len(latest) - ahead :])
            if np.isfinite(one).all()
            and least - room <= one[0].min()
            and one[0].max() <= most + room
            and (one[1] <= one[0]).all()
            and (one[0] <= one[2]).all()
        }
        if fitted:
            found |= fitted
            found["median"] = np.median(list(fitted.values()), axis=0)
    return {name: np.maximum(one, floor) for name, one in found.items()}


def _repeated(values: Floats, season: int, ahead: int) -> Floats:
    """The last season again and again; errors add up once a season (Hyndman and Athanasopoulos 2021, table 5.2)."""
    mean = np.resize(values[-season:], ahead)
    steps = values[season:] - values[:-season]
    deviation = np.sqrt(np.mean(steps**2)) if len(steps) else 0.0
    margin = deviation * np.sqrt(np.arange(ahead) // season + 1)
    return np.vstack((mean, *(mean + sign * far * margin for far in _QUANTILES for sign in (-1, 1))))


def _fitted(
    values: Floats, seasons: tuple[int, ...], ahead: int, regressors: Floats
) -> Iterator[tuple[str, Floats]]:
    from statsforecast.models import AutoARIMA, AutoETS, DynamicOptimizedTheta  # noqa: PLC0415 - see above

    def of(model: Any, series: Floats, again: Floats | float = 0.0, **more: Any) -> Floats:
        made = model.forecast(series, ahead, level=[LEVEL, WIDE], **more)
        limits = (f"{side}-{level}" for level in (LEVEL, WIDE) for side in ("lo", "hi"))
        return np.vstack([made[name] for name in ("mean", *limits)]) + again

    seasons = tuple(season for season in seasons if len(values) >= 2 * season + 1)
    first = seasons[0] if seasons else 1
    yield "theta", of(DynamicOptimizedTheta(first), values)
    yield "ets", of(AutoETS(first if first <= LONGEST_SEASON else 1), values)
    rest, again = _without_seasons(values, seasons, ahead) if seasons else (values, 0.0)
    if seasons:
        yield "stl_theta", of(DynamicOptimizedTheta(1), rest, again)
        yield "stl_ets", of(AutoETS(1, model="ZZN"), rest, again)
    told_apart = _told_apart(regressors[: len(values)])
    if told_apart:
        past, coming = np.split(regressors[:, told_apart], [len(values)])
        arima = AutoARIMA(season_length=1, approximation=True)
        yield "regression", of(arima, rest, again, X=past, X_future=coming)


def _without_seasons(values: Floats, seasons: tuple[int, ...], ahead: int) -> tuple[Floats, Floats]:
    """The series less its seasons, and what they come to in the steps ahead."""
    from statsforecast.mstl import mstl  # noqa: PLC0415 - see above

    jump = (
        1 + seasons[0] // 10
    )  # loess at every tenth of a season and straight lines between: a third of the time
    parts = mstl(
        values, list(seasons), stl_kwargs={"seasonal_jump": 2, "trend_jump": jump, "low_pass_jump": jump}
    )
    names = ["seasonal"] if len(seasons) == 1 else [f"seasonal{season}" for season in seasons]
    columns = [parts[name].to_numpy() for name in names]
    again = [np.resize(column[-season:], ahead) for column, season in zip(columns, seasons, strict=True)]
    return values - sum(columns), np.sum(again, axis=0)


def _told_apart(regressors: Floats) -> list[int]:
    """The columns whose effects the past can tell: each says something that those before it do not."""
    kept: list[int] = []
    design = np.ones((len(regressors), 1))
    for place in range(regressors.shape[1]):
        wider = np.column_stack((design, regressors[:, place]))
        if np.linalg.matrix_rank(wider) == wider.shape[1]:
            design = wider
            kept.append(place)
    return kept


def _step(values: Floats, seasons: tuple[int, ...]) -> float:
    season = seasons[0] if seasons else 1
    return float(np.abs(values[season:] - values[:-season]).mean()) if len(values) > season else 0.0


def _score(name: str, held_back: list[tuple[Floats, Floats]], scale: float) -> Score:
    forecasts = np.hstack([forecast for forecast, _ in held_back])
    truth = np.hstack([truth for _, truth in held_back])
    mae = float(np.abs(forecasts[0] - truth).mean())
    return Score(
        name,
        mae,
        mae / scale if scale else None,
        float((forecasts[0] - truth).mean()),
        float(((forecasts[1] <= truth) & (truth <= forecasts[2])).mean()),
    )
