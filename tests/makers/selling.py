"""A company that sells: deals that go through stages by rules which no forecast knows.

Days in a stage are lognormal, faster towards the end of a quarter; whether a deal goes on depends on a quality that
nobody sees, on its owner, its size, and a drift over the years; more deals come in some months than in others; what is
won is a little less than what was hoped; and whoever says when it will close is an optimist.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from app.analytics.pipelines.history import History, Period, Stage
from app.domain.pipelines.stages import StageKind

FIRST = np.datetime64("2022-01-01")
STAGES = [
    Stage(0, StageKind.OPEN, 0.1),
    Stage(0, StageKind.OPEN, 0.3),
    Stage(0, StageKind.OPEN, 0.6),
    Stage(0, StageKind.WON, 1.0),
    Stage(0, StageKind.LOST, 0.0),
]
WON, LOST = 3, 4
GOES_ON = np.array([0.1, 0.3, 0.7])
"""Log odds to go on from each stage."""
LASTS = np.array([12.0, 18.0, 22.0])
"""Median days in each."""


@dataclass(frozen=True)
class World:
    """Deals and what became of them, to the end."""

    history: History
    last: np.datetime64


def world(seed: int, *, deals: int = 1500, days: int = 1100, owners: int = 8) -> World:
    """Some deals a year, of which the last are still open at the end."""
    chance = np.random.default_rng(seed)
    skill = chance.normal(0, 0.5, owners)
    drift = chance.normal(0, 0.4)
    growth = chance.normal(0.15, 0.15)
    season = 1 + 0.35 * np.sin(2 * np.pi * (np.arange(days) / 365 + chance.random()))
    weight = season * np.exp(growth * np.arange(days) / 365)
    opened = np.sort(chance.choice(days, deals, p=weight / weight.sum()))
    owner = chance.integers(0, owners, deals)
    size = chance.normal(0, 0.9, deals)
    quality = chance.normal(0, 0.7, deals)
    rows = []
    for deal, day in enumerate(opened):
        at = day + chance.random()
        amount = round(float(np.exp(8.5 + size[deal])), 2)
        stage = 0
        while stage < WON:
            closes = later(FIRST, int(at + LASTS[stage:].sum() * chance.lognormal(-0.3, 0.4)))
            rows.append((deal, stage, at, amount, closes))
            stays = LASTS[stage] * np.exp(chance.normal(0, 0.8) + 0.1 * size[deal])
            while stays > 0:  # an hour of the last month of a quarter is worth two of the others
                pace = 1.8 if later(FIRST, int(at)).astype("datetime64[M]").astype(int) % 3 == 2 else 0.8
                stays -= pace
                at += 1 + min(stays, 0) / pace
            odds = (
                GOES_ON[stage]
                + skill[owner[deal]]
                + quality[deal]
                - 0.3 * size[deal]
                + drift * (at / days - 0.5)
            )
            stage = stage + 1 if chance.random() < 1 / (1 + np.exp(-odds)) else LOST
            amount = round(amount * float(chance.uniform(0.9, 1.02)), 2)
        rows.append((deal, stage, at, amount, np.datetime64("NaT", "D")))
    deals_of, stages, times, amounts, expected = zip(*rows, strict=True)
    moments = FIRST.astype("datetime64[s]") + (np.array(times) * 86_400).astype("timedelta64[s]")
    history = History(
        np.array(deals_of),
        np.array(stages),
        moments,
        np.array(amounts),
        np.array(expected, "datetime64[s]"),
        owner,
    )
    return World(history.until(later(FIRST, days)), later(FIRST, days))


def later(day: np.datetime64, days: int) -> np.datetime64:
    """Some days after a day."""
    return day + np.timedelta64(days, "D")


def periods(first: np.datetime64, last: np.datetime64, months: int) -> list[Period]:
    """The whole quarters between two days, or the months."""
    year = first.astype("datetime64[Y]").astype("datetime64[M]")
    step = np.timedelta64(months, "M")
    edges = np.arange(year, last.astype("datetime64[M]") + step, step).astype("datetime64[D]")
    return [(start, end) for start, end in pairwise(edges) if start >= first and end <= last]
