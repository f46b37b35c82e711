"""How likely a deal leaves its stage on a day, and where to: competing risks in discrete time.

Allison 1982, "Discrete-time methods for the analysis of event histories"; the days in a stage count, not those before
(a semi-Markov chain; Howard 1971). Rates are Gamma-Poisson posterior means: of a band of days in a stage towards those
of its stage, and of a stage towards what the pipeline itself says, so that little history changes little. Season, owner
and size of the deal multiply the rates of winning and of losing; each effect is (observed + K) / (expected + K) (Clayton
and Kaldor 1987, eq. 3), found in turns. What is old counts less, by halves a year.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.analytics.pipelines.history import NEVER, Facts, Floats, Ints, Stage
from app.domain.pipelines.stages import StageKind

BANDS = np.array([0, 7, 14, 30, 60, 90, 180])
"""The first day of each band of days in a stage."""
HALF = 365
"""Days after which an event counts half."""
HALF_ARRIVALS = 180
"""The same for deals that were opened."""
REMEMBERED = 3 * 365
"""Days that are looked back at."""
PRIOR_DAYS = 30
"""How long a deal stands in a stage where nothing is known."""
STRENGTH = 5
"""Exits as many as which it takes to believe half of what a stage, or a band, shows."""
EFFECT = 5
"""The same of what an owner, a size or a month of a quarter shows; for months of the year, three times as many."""
SIZES = (0.25, 0.5, 0.75, 0.9)
"""The parts of all deals that lie below the edges between sizes; deals of unknown amount are a group of their own."""
SWEEPS = 6
MOST = 0.95
"""The highest chance to leave on a day."""
CHUNK = 2_000_000
"""Days of exposure that are looked at together."""
Cell = tuple[Ints, ...]
_WAYS = (StageKind.WON, StageKind.LOST, StageKind.OPEN)


@dataclass(frozen=True, slots=True)
class Model:
    """Chances for each day in each stage, and what multiplies them."""

    stages: Sequence[Stage]
    won: Floats
    """By stage and band, on a day."""
    lost: Floats
    moved: Floats
    """By stage, band and stage that is gone to."""
    effects: Mapping[str, Floats]
    """On winning, losing and moving: a row of each by month of the year, by owner and by size."""
    edges: Floats
    """Between the sizes."""
    arrivals: Floats
    """Deals opened on a day, by stage."""
    arriving: Floats
    """What multiplies them, by month of the year."""
    exits: float
    """That it was learnt from, weighted."""


def learn(known: Facts, stages: Sequence[Stage], owner: Ints) -> Model:
    """The model of a history; owners are those of all deals."""
    edges = _edges(known)
    kinds = owner[known.visits.deal], sizes(known.visits.amount, edges)
    by_kind = (12, int(owner.max(initial=0)) + 1, len(SIZES) + 2)
    exposed = np.zeros((len(stages), len(BANDS)))
    for stood, _, weight in _exposures(known, *kinds):
        _add(exposed, stood, weight)
    exits = np.zeros((len(stages), len(BANDS), len(stages)))
    observed = np.zeros((3, *by_kind))
    gone, stood, kind, weight = _exits(known, *kinds)
    _add(exits, (*stood, gone), weight)
    _add(observed, (np.array([_WAYS.index(stage.kind) for stage in stages], np.int64)[gone], *kind), weight)
    won, lost, moved = _base(stages, exposed, exits)
    expected = np.zeros((3, *by_kind))
    for stood, kind, weight in _exposures(known, *kinds):
        for way, pace in enumerate((won, lost, moved.sum(2))):
            _add(expected[way], kind, weight * pace[stood])
    begun = int(known.opened.min(initial=known.now))
    years = known.now - begun >= 2 * 365
    found = [_effects(expected[way], observed[way], years=years) for way in range(len(_WAYS))]
    effects = {name: np.array([one[name] for one in found]) for name in found[0]}
    arrivals, arriving = _arrivals(known, len(stages), begun, years=years)
    return Model(stages, won, lost, moved, effects, edges, arrivals, arriving, float(exits.sum()))


def sizes(amount: Floats, edges: Floats) -> Ints:
    """The size that an amount belongs to, by the edges; the last number is for unknown ones."""
    return np.where(np.isfinite(amount), np.searchsorted(edges, amount, side="right"), len(SIZES) + 1).astype(
        np.int64
    )


def months(days: Ints) -> Ints:
    """The month of each day, from 0."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12


def _edges(known: Facts) -> Floats:
    amounts = known.visits.amount[np.isfinite(known.visits.amount)]
    return np.quantile(amounts, SIZES) if len(amounts) else np.zeros(len(SIZES))


def _weights(ago: Ints) -> Floats:
    return np.where(ago <= REMEMBERED, 0.5 ** (ago / HALF), 0.0)


def _exposures(known: Facts, owner: Ints, size: Ints) -> Iterator[tuple[Cell, Cell, Floats]]:
    """Each day that a deal stood in a stage, many at a time: stage and band; month, owner and size; and its weight."""
    visits, begin = known.visits, known.visits.entered + 1
    last = np.where(visits.left == NEVER, known.now - 1, np.maximum(visits.left, begin))
    first = np.maximum(begin, known.now - REMEMBERED)
    spans = np.maximum(last - first + 1, 0)
    ends = np.cumsum(spans)
    cuts = np.searchsorted(ends, np.arange(CHUNK, spans.sum(), CHUNK))
    for some in np.split(np.arange(len(spans)), cuts):
        long = spans[some]
        rows = np.repeat(some, long)
        day = first[rows] + np.arange(len(rows)) - np.repeat(np.cumsum(long) - long, long)
        band = _band(day - begin[rows])
        yield (visits.stage[rows], band), (months(day), owner[rows], size[rows]), _weights(known.now - day)


def _exits(known: Facts, owner: Ints, size: Ints) -> tuple[Ints, Cell, Cell, Floats]:
    """Each exit: the stage gone to; stage and band; month, owner and size; and its weight.

    It counts on the first day after the entry at the earliest: of the day of entry nobody knows how much was left.
    """
    visits = known.visits
    gone = visits.left != NEVER
    begin = visits.entered[gone] + 1
    day = np.maximum(visits.left[gone], begin)
    weight = _weights(known.now - np.minimum(day, known.now))
    stood = visits.stage[gone], _band(day - begin)
    return visits.to[gone], stood, (months(day), owner[gone], size[gone]), weight


def _add(counts: Floats, places: Cell, weight: Floats) -> None:
    at = np.ravel_multi_index(places, counts.shape)
    counts += np.bincount(at, weight, minlength=counts.size).reshape(counts.shape)


def _band(age: Ints) -> Ints:
    return np.searchsorted(BANDS, age, side="right") - 1


def _base(stages: Sequence[Stage], exposed: Floats, exits: Floats) -> tuple[Floats, Floats, Floats]:
    """Chances by stage and band: won, lost, and moved by stage that is gone to."""
    ways = np.array([_WAYS.index(stage.kind) for stage in stages])
    ended = [exits[:, :, ways == way].sum(2, keepdims=True) for way in (0, 1)]
    exits = np.concatenate((*ended, exits * (ways == 2)), axis=2)
    pace = (exits.sum() + 1) / (exposed.sum() + PRIOR_DAYS)
    stage = (exits.sum(1) + STRENGTH * _told(stages)) / (exposed.sum(1) + STRENGTH / pace)[:, None]
    out = stage.sum(1)[:, None]
    band = (exits + STRENGTH * (stage / out)[:, None, :]) / (exposed + STRENGTH / out)[:, :, None]
    return band[..., 0], band[..., 1], band[..., 2:]


def _told(stages: Sequence[Stage]) -> Floats:
    """Where a deal goes from each stage by the pipeline's own probabilities: won, lost, or the stages.

    To the next open stage with the probability that makes its own follow from the next one's, or else it is lost.
    """
    shares = np.zeros((len(stages), 2 + len(stages)))
    for place, stage in enumerate(stages):
        following = stages[place + 1] if place + 1 < len(stages) else None
        on = following and following.pipeline == stage.pipeline and following.kind is StageKind.OPEN
        reached = following.probability if following and on else 1.0
        share = min(stage.probability / reached, 1.0) if reached > 0 else 0.0
        shares[place, 2 + place + 1 if on else 0] = share
        shares[place, 1] = 1 - share
    return shares


def _effects(expected: Floats, observed: Floats, *, years: bool) -> dict[str, Floats]:
    """What month, owner and size multiply the base by, each given the others; counts are by these three."""
    quarter, year = np.ones(3), np.ones(12)
    owner, size = np.ones(expected.shape[1]), np.ones(expected.shape[2])
    for _ in range(SWEEPS):
        given = np.einsum("mos,m,o,s->m", expected, year, owner, size).reshape(4, 3).sum(0)
        quarter = _shrunk(observed.sum((1, 2)).reshape(4, 3).sum(0), given, EFFECT)
        if years:
            given = np.einsum("mos,m,o,s->m", expected, np.tile(quarter, 4), owner, size)
            year = _shrunk(observed.sum((1, 2)), given, 3 * EFFECT)
        month = np.tile(quarter, 4) * year
        owner = _shrunk(observed.sum((0, 2)), np.einsum("mos,m,s->o", expected, month, size), EFFECT)
        size = _shrunk(observed.sum((0, 1)), np.einsum("mos,m,o->s", expected, month, owner), EFFECT)
    return {"month": month, "owner": owner, "size": size}


def _shrunk(observed: Floats, expected: Floats, strength: float) -> Floats:
    found: Floats = (observed + strength) / (expected + strength)
    return found


def _arrivals(known: Facts, stages: int, begun: int, *, years: bool) -> tuple[Floats, Floats]:
    """Deals opened a day, by stage of entry, and what the month multiplies them by.

    There are many arrivals, so that the pace of the latest ones is well known, and newer than that of deals' outcomes.
    """
    calendar = np.arange(max(begun, known.now - REMEMBERED), known.now)
    recent = known.opened >= known.now - REMEMBERED
    opened, stage = known.opened[recent], known.opened_in[recent]
    month = np.ones(12)
    if len(calendar):
        each = len(opened) / len(calendar)
        expected = np.bincount(months(calendar), minlength=12) * each
        observed = np.bincount(months(opened), minlength=12).astype(np.float64)
        quarter = _shrunk(observed.reshape(4, 3).sum(0), expected.reshape(4, 3).sum(0), EFFECT)
        month = np.tile(quarter, 4)
        if years:
            month = month * _shrunk(observed, expected * month, 3 * EFFECT)
    late, passed = (0.5 ** ((known.now - days) / HALF_ARRIVALS) for days in (opened, calendar))
    counted = np.bincount(stage, late, minlength=stages)
    return counted / max(float((passed * month[months(calendar)]).sum()), PRIOR_DAYS), month
