"""How good forecasts are, beside what anybody could say without a model.

    python -m bench.forecast [M4] [--each 1] [--worlds 10] [--deals sales_pipeline.csv]

M4 is a folder with the hourly and weekly series of that competition (Makridakis, Spiliotis and Assimakopoulos 2020),
`Hourly-train.csv.gz`, `Hourly-test.csv` and so on; of its series each n-th is forecast. MASE is the competition's, by the
mean step of 24 hours or of one week. Published there: seasonal naive 1.193 and 2.777, the best of exponential smoothing
and ARIMA 0.92 and 2.34. No setting was chosen by its test parts: models, number of tests and history were chosen by the
ends of the training parts of some.

Pipelines are forecast in generated companies (`tests/makers/selling.py`), and in a real one if its deals are given, with
columns opportunity_id, sales_agent, product, deal_stage, engage_date, close_date and close_value. It knows no amount
before a deal is won and no expected close: for all methods, the amount is what the product was won with on average before
the deal was opened, and the close is expected after the median time that deals won by then had taken. The one stage has
the probability that 63 in 100 are won, which is hindsight for the baseline's good. Errors are in parts of what was won.
"""

import argparse
import csv
import gzip
import io
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.analytics import series
from app.analytics.pipelines.forecast import forecast
from app.analytics.pipelines.history import History, Stage
from app.analytics.pipelines.past import Past, measured
from app.domain.pipelines.stages import StageKind
from tests.makers import selling

Floats = NDArray[np.float64]
M4 = (("Weekly", series.Every.WEEK, 13, 1), ("Hourly", series.Every.HOUR, 48, 24))
"""Name, step, values to forecast, and the season by which the competition scales errors."""


def columns(path: Path) -> dict[str, Floats]:
    """Each series of a file by its name."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = csv.reader(io.StringIO(content.decode()))
    next(rows)
    return {row[0]: np.array([float(value) for value in row[1:] if value]) for row in rows}


def m4(folder: Path, each: int) -> None:
    """Forecast, and compare with what came."""
    for name, every, ahead, season in M4:
        past, future = columns(folder / f"{name}-train.csv.gz"), columns(folder / f"{name}-test.csv")
        ours, naive, held, models, told = [], [], [], Counter[str](), 0
        begun = time.perf_counter()
        for key in list(past)[::each]:
            values, truth = past[key], future[key]
            found = series.forecast(values, every, ahead)
            scale = np.abs(values[season:] - values[:-season]).mean()
            ours.append(np.abs(found.mean - truth).mean() / scale)
            naive.append(np.abs(np.resize(values[-season:], ahead) - truth).mean() / scale)
            held.append(((found.low <= truth) & (truth <= found.high)).mean())
            models[found.model] += 1
            told += found.beats_naive is not True
        spent = (time.perf_counter() - begun) / len(ours)
        print(
            f"M4 {name.lower()}, {len(ours)} series: MASE {np.mean(ours):.3f}, seasonal naive {np.mean(naive):.3f}, ratio"
            f" {np.mean(ours) / np.mean(naive):.2f}; {np.mean(held):.2f} of the truth in {series.LEVEL} % intervals;"
            f" said not to beat it for {told}; {spent:.2f} s a series; {dict(models.most_common())}",
            flush=True,
        )


def told(name: str, past: Sequence[Past]) -> None:
    """How the periods were forecast."""
    found = measured(past)
    assert found, "some periods are over"
    won = np.mean([one.actual for one in past])
    errors = "; ".join(
        f"{method} {found['mae'][key] / won:.3f} ({found['bias'][key] / won:+.3f})"
        for key, method in (
            ("expected", "ours"),
            ("by_probability", "amount × probability"),
            ("naive", "naive"),
        )
    )
    of_open = np.mean([one.actual_of_open for one in past])
    ours, theirs = (
        np.mean([abs(getattr(one, key) - one.actual_of_open) for one in past]) / of_open
        for key in ("expected_of_open", "by_probability")
    )
    print(
        f"{name}, {len(past)} periods: mean absolute error (bias) {errors}; {found['coverage']:.2f} of the sums in 80 %"
        f" intervals; of deals then open alone: ours {ours:.3f}, amount × probability {theirs:.3f}",
        flush=True,
    )


def worlds(count: int) -> None:
    """Generated companies, by quarter and by month."""
    for months, name in ((3, "quarters"), (1, "months")):
        past: list[Past] = []
        begun = time.perf_counter()
        for seed in range(count):
            world = selling.world(seed)
            periods = selling.periods(selling.FIRST, world.last, months)
            found = forecast(
                world.history,
                selling.STAGES,
                world.last,
                (world.last, selling.later(world.last, 90)),
                past=periods,
            )
            past += found.past
        told(f"{count} companies, {name} ({(time.perf_counter() - begun) / count:.1f} s each)", past)


def real(path: Path) -> None:
    """A real company, by quarter and by month."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = sorted(
            (row for row in csv.DictReader(file) if row["engage_date"]), key=lambda row: row["engage_date"]
        )
    won = sorted(
        (row["close_date"], row["product"], float(row["close_value"]), row["engage_date"])
        for row in rows
        if row["deal_stage"] == "Won"
    )
    owners = {name: place for place, name in enumerate(sorted({row["sales_agent"] for row in rows}))}
    amounts: dict[str, list[float]] = defaultdict(list)
    took: list[int] = []
    entries: list[tuple[int, int, str, float, str]] = []
    known = 0
    for deal, row in enumerate(rows):
        opened = row["engage_date"]
        while known < len(won) and won[known][0] < opened:
            closed, product, amount, begun = won[known]
            amounts[product].append(amount)
            took.append(int((np.datetime64(closed) - np.datetime64(begun)).astype(int)))
            known += 1
        usual = float(np.mean(amounts[row["product"]])) if amounts[row["product"]] else np.nan
        due = str(selling.later(np.datetime64(opened), int(np.median(took)))) if took else "NaT"
        entries.append((deal, 0, opened, usual, due))
        if row["close_date"]:
            stage = 1 if row["deal_stage"] == "Won" else 2
            worth = float(row["close_value"]) if stage == 1 else np.nan
            entries.append((deal, stage, row["close_date"], worth, "NaT"))
    deal_of, stage_of, at, worth_of, closes = zip(*entries, strict=True)
    history = History(
        np.array(deal_of),
        np.array(stage_of),
        np.array(at, "datetime64[s]"),
        np.array(worth_of),
        np.array(closes, "datetime64[s]"),
        np.array([owners[row["sales_agent"]] for row in rows]),
    )
    stages = [
        Stage(0, StageKind.OPEN, 0.63), Stage(0, StageKind.WON, 1.0), Stage(0, StageKind.LOST, 0.0)
    ]  # fmt: skip
    last = selling.later(max(history.at).astype("datetime64[M]").astype("datetime64[D]"), 31)
    for months, name in ((3, "quarters"), (1, "months")):
        periods = selling.periods(min(history.at), last, months)
        found = forecast(history, stages, last, (last, selling.later(last, 30)), past=periods)
        told(f"{path.name}, {name}", found.past)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("m4", nargs="?", type=Path)
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--worlds", type=int, default=10)
    parser.add_argument("--deals", type=Path)
    chosen = parser.parse_args()
    if chosen.m4:
        m4(chosen.m4, chosen.each)
    worlds(chosen.worlds)
    if chosen.deals:
        real(chosen.deals)


if __name__ == "__main__":
    main()
