"""Chances of deals by hand and by rules that always hold; forecasts of companies whose truth is known."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.analytics.pipelines import chances, expected, hazards, history, past
from app.analytics.pipelines.chances import Chances
from app.analytics.pipelines.expected import Expected, expect
from app.analytics.pipelines.forecast import Forecast, forecast
from app.analytics.pipelines.hazards import BANDS, Model, learn
from app.analytics.pipelines.history import History, Stage, facts
from app.analytics.pipelines.past import Past, by_probability, measured, naive, shock
from app.domain.pipelines.stages import StageKind
from tests.makers import selling
from tests.makers.selling import later

DAY = np.datetime64
NOW = DAY("2024-03-01")
NEW, OFFER, WON, LOST = range(4)
STAGES = [
    Stage(0, StageKind.OPEN, 0.2),
    Stage(0, StageKind.OPEN, 0.5),
    Stage(0, StageKind.WON, 1.0),
    Stage(0, StageKind.LOST, 0.0),
]
NOTHING = float("nan")


def told(*entries: tuple[int, int, str, float], closes: str = "NaT", owners: int = 9) -> History:
    """A history of deals, each owned by the person of its number."""
    deal, stage, at, amount = zip(*entries, strict=True) if entries else ((), (), (), ())
    return History(
        np.array(deal, dtype=np.int64),
        np.array(stage, dtype=np.int64),
        np.array(at, "datetime64[s]"),
        np.array(amount, dtype=float),
        np.full(len(deal), closes, "datetime64[s]"),
        np.arange(owners),
    )


STORY = told(
    (1, WON, "2024-02-20T10:00", NOTHING),
    (0, NEW, "2024-01-01T09:00", 100),
    (1, NEW, "2024-01-05T09:00", NOTHING),
    (1, OFFER, "2024-01-15T09:00", 70),
    (1, OFFER, "2024-02-01T09:00", 60),
    (0, OFFER, "2024-03-01T00:00", 900),
    (2, NEW, "2024-01-07T09:00", 50),
    (2, WON, "2024-01-09T09:00", 40),
    (2, OFFER, "2024-01-10T09:00", NOTHING),
    (3, NEW, "2024-02-29T23:59", NOTHING),
    closes="2024-03-20",
)


def test_entries_become_visits():
    known = facts(STORY, STAGES, NOW)
    day = {name: int(DAY(f"2024-{name}").astype(int)) for name in ("01-05", "01-10", "01-15", "02-20")}
    stays = set(zip(known.visits.deal, known.visits.stage, known.visits.to, strict=True))
    assert stays == {
        (0, NEW, -1),
        (1, NEW, OFFER),
        (1, OFFER, WON),
        (2, NEW, WON),
        (2, OFFER, -1),
        (3, NEW, -1),
    }
    own = known.visits.deal == 1
    assert list(known.visits.entered[own]) == [day["01-05"], day["01-15"]], "a new amount is no new visit"
    assert list(known.visits.left[own]) == [day["01-15"], day["02-20"]]
    assert np.allclose(known.visits.amount[own], [NOTHING, 60], equal_nan=True)
    assert list(known.standing.deal) == [0, 2, 3]
    assert np.allclose(known.standing.amount, [100, 40, NOTHING], equal_nan=True)
    assert list(known.standing.closes) == [int(DAY("2024-03-20").astype(int))] * 3
    assert (list(known.won_deal), list(known.won_amount)) == ([1], [60]), "what was reopened is not won"
    assert list(known.opened_deal) == [0, 1, 2, 3]
    assert history.won_between(known, DAY("2024-02-01"), NOW) == 60
    assert history.won_between(known, DAY("2024-02-01"), DAY("2024-02-20")) == 0


def test_what_is_left_of_amounts_is_believed_the_more_the_more_were_won():
    def kept(deals: int) -> float:
        rows = [((n, NEW, "2024-01-01", 100.0), (n, WON, "2024-01-09", 80.0)) for n in range(deals)]
        return facts(told(*(entry for row in rows for entry in row), owners=deals), STAGES, NOW).kept

    assert kept(0) == 1
    assert kept(10) == pytest.approx(0.9)
    assert kept(1000) == pytest.approx(0.8, abs=0.01)


def same(one: Any, other: Any) -> bool:
    """Whether two findings are the same to the last bit."""
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fM"))
    if hasattr(one, "__dataclass_fields__"):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def ahead_of(known: History, now: np.datetime64, **more: Any) -> Forecast:
    """Ninety days, with what past quarters told."""
    periods = selling.periods(selling.FIRST, now, 3)
    return forecast(known, selling.STAGES, now, (now, later(now, 90)), past=periods, **more)


def test_nothing_that_came_later_reaches_a_forecast():
    world = selling.world(3, deals=500)
    now = DAY("2024-02-10")
    without = ahead_of(world.history.until(now), now, target=1e5)
    too_late = world.history.at >= now
    assert too_late.sum() > 100
    assert same(without, ahead_of(world.history, now, target=1e5))
    twisted = replace(
        world.history,
        amount=np.where(too_late, 1e9, world.history.amount),
        stage=np.where(too_late, selling.WON, world.history.stage),
        closes=np.where(too_late, now, world.history.closes),
    )
    assert same(without, ahead_of(twisted, now, target=1e5))
    turned = np.random.default_rng(1).permutation(len(too_late))
    columns = {
        name: getattr(world.history, name)[turned] for name in ("deal", "stage", "at", "amount", "closes")
    }
    assert same(without, ahead_of(replace(world.history, **columns), now, target=1e5)), "in any order"


def constant(won: float, lost: float, moved: float = 0.0, arrivals: float = 0.0, **effects: Any) -> Model:
    """Two stages: from the first, deals are lost or move on; from the second, they are won or lost."""
    none = np.zeros((4, len(BANDS)))
    on_won, on_lost, onward = none.copy(), none.copy(), np.zeros((4, len(BANDS), 4))
    on_won[OFFER], on_lost[:2], onward[NEW, :, OFFER] = won, lost, moved
    plain = {"month": np.ones((3, 12)), "owner": np.ones((3, 1)), "size": np.ones((3, 6))}
    rates = np.array([arrivals, 0, 0, 0])
    return Model(STAGES, on_won, on_lost, onward, plain | effects, np.zeros(4), rates, np.ones(12), 0.0)


def chance(model: Model, stage: int, days: int, *, age: int = 0, since: int = 0) -> float:
    """Of one deal, to be won from `since` days on until `days`."""
    now = history.number(NOW)
    one = np.array([stage]), np.array([age]), np.array([0]), np.array([0])
    return float(Chances(model, now, (later(NOW, since), later(NOW, days))).of(*one)[0])


def test_chances_are_those_by_hand():
    model = constant(won=0.02, lost=0.03, moved=0.1)
    stays = 0.95
    for days in (0, 1, 2, 30, 400):
        assert chance(model, OFFER, days) == pytest.approx(0.4 * (1 - stays**days))
    assert chance(model, NEW, 2) == pytest.approx(0.1 * 0.02)
    assert chance(model, NEW, 3) == pytest.approx(0.1 * (0.02 + stays * 0.02) + 0.87 * 0.1 * 0.02)
    assert chance(model, NEW, 2000) == pytest.approx(0.1 / 0.13 * 0.4)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 0.4), st.floats(0, 0.4), st.floats(0, 0.2), st.sampled_from([0.1, 1.0, 9.0]),
    st.sampled_from([NEW, OFFER]), st.integers(0, 300), st.integers(0, 60), st.integers(0, 60),
)  # fmt: skip
def test_chances_add_up_and_grow_with_the_days(won, lost, moved, effect, stage, age, first, more):
    model = constant(won, lost, moved, owner=np.full((3, 1), effect))
    near, far = chance(model, stage, first, age=age), chance(model, stage, first + more, age=age)
    assert 0 <= near <= far <= 1
    between = chance(model, stage, first + more, age=age, since=first)
    assert near + between == pytest.approx(far, abs=1e-12)


def test_without_a_history_a_deal_has_the_chances_of_its_pipeline():
    model = learn(facts(told(), STAGES, NOW), STAGES, np.zeros(1, np.int64))
    for stage in (NEW, OFFER):
        assert chance(model, stage, 2000) == pytest.approx(STAGES[stage].probability, abs=1e-6)
        assert model.won[stage] + model.lost[stage] + model.moved[stage].sum(1) == pytest.approx(1 / 30)
    nothing = forecast(told(), STAGES, NOW, (NOW, later(NOW, 30)), target=10)
    assert (nothing.expected, nothing.low, nothing.high, nothing.gap) == (0, 0, 0, 10)
    assert (nothing.chance_of_target, nothing.past) == (0, ())
    assert measured(nothing.past) is None


def test_rates_are_drawn_to_what_the_pipeline_says_by_so_many_exits():
    rows = [((n, OFFER, "2024-01-01", 10.0), (n, WON, "2024-01-05", 10.0)) for n in range(20)]
    known = facts(told(*(entry for row in rows for entry in row), owners=20), STAGES, DAY("2024-01-06"))
    model = learn(known, STAGES, np.zeros(20, np.int64))
    weight = 0.5 ** (np.arange(1, 5) / hazards.HALF)  # of the four days that each stood there, the last first
    exits, exposed = 20 * weight[0], 20 * weight.sum()
    pace = (exits + 1) / (exposed + 30)
    stage = (exits + 5 * 0.5) / (exposed + 5 / pace), 5 * 0.5 / (exposed + 5 / pace)
    band = (exits + 5 * stage[0] / sum(stage)) / (exposed + 5 / sum(stage))
    assert model.won[OFFER, 0] == pytest.approx(band)
    assert model.won[OFFER, 3] == pytest.approx(stage[0]), "of later days nothing is known but the stage"
    assert model.exits == pytest.approx(exits)


def test_new_deals_are_apart_and_add_up():
    model = constant(won=0.0, lost=0.0, arrivals=2.0)
    one_stage = replace(model, won=np.vstack((np.full(len(BANDS), 0.1), model.won[1:])))
    period = (NOW, later(NOW, 3))
    found = expected._new_deals(
        one_stage, Chances(one_stage, history.number(NOW), period), history.number(NOW), period
    )
    assert found == pytest.approx(2 * (0.1 + 0.1 * 0.9 + 0.1)), (
        "the first day's may be won on two days, the third's on none"
    )
    assert Expected(np.empty(0), np.empty(0), 3.0, np.array([10.0, 30.0])).of_new == 60


_CHANCE = st.just(0.0) | st.floats(0.01, 1)
_AMOUNT = st.just(0.0) | st.floats(0.01, 1e6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(_CHANCE, _AMOUNT), max_size=20), st.integers(0, 30), st.floats(0, 0.6))
def test_sums_are_as_expected_and_always_the_same(deals, new_deals, wide):
    chance_of, amount = np.array(deals).reshape(-1, 2).T
    ahead = Expected(chance_of, amount, new_deals, np.array([500.0, 1500.0]))
    sums = ahead.sums(wide)
    assert (sums >= 0).all()
    assert np.array_equal(sums, ahead.sums(wide))
    mean = ahead.of_open + ahead.of_new
    alone = (chance_of * (1 - chance_of)) @ amount**2 + new_deals * (500**2 + 1500**2) / 2
    deviation = np.sqrt((1 + wide**2) * alone + wide**2 * mean**2)
    assert abs(sums.mean() - mean) <= 6 * deviation / np.sqrt(len(sums)) + 1e-9 * mean


def test_a_shock_widens_what_is_certain():
    sure = Expected(np.ones(3), np.full(3, 100.0), 0.0, np.empty(0))
    assert (sure.sums(0.0) == 300).all()
    assert sure.sums(0.2).std() == pytest.approx(60, rel=0.05)


def test_parts_and_target_are_those_of_the_sum():
    world = selling.world(4, deals=1500)
    found = ahead_of(world.history, world.last, target=1e5)
    parts = (found.commit, found.best_case, found.pipeline)
    assert sum(part.deals for part in parts) == len(found.deal) == len(found.open.chance) > 20
    assert sum(part.expected for part in parts) == pytest.approx(found.open.of_open)
    assert sum(part.amount for part in parts) == pytest.approx(found.open.amount.sum())
    assert found.commit.expected >= 0.7 * found.commit.amount
    assert found.low <= found.middle <= found.high
    assert found.gap == pytest.approx(1e5 - found.expected)
    odds = [ahead_of(world.history, world.last, target=target).chance_of_target for target in (0, 1e5, 1e6)]
    assert odds[0] == 1 > (odds[1] or 0) > (odds[2] or 0)
    midway = forecast(
        world.history, selling.STAGES, world.last, (later(world.last, -30), later(world.last, 60))
    )
    assert midway.won > 0
    assert midway.expected == pytest.approx(midway.won + midway.open.of_open + midway.open.of_new)
    assert midway.low >= midway.won


def test_looking_at_few_at_a_time_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    world = selling.world(5, deals=300)
    known = facts(world.history, selling.STAGES, world.last)
    period = (world.last, later(world.last, 30))
    whole = expect(known, selling.STAGES, world.history.owner, period)
    monkeypatch.setattr(hazards, "CHUNK", 500)
    monkeypatch.setattr(chances, "GROUPS", 3)
    parts = expect(known, selling.STAGES, world.history.owner, period)
    assert np.allclose(whole.chance, parts.chance)
    monkeypatch.setattr(expected, "CHUNK", 1000)
    assert np.allclose(whole.sums(0.1), parts.sums(0.1))


def test_owners_sizes_and_months_are_told_apart():
    chance_of = np.random.default_rng(6)
    entries: list[tuple[int, int, str, float]] = []
    for deal in range(900):
        opened = later(DAY("2022-01-01"), int(chance_of.integers(0, 700)))
        amount = 100.0 if deal % 3 else 1000.0
        odds = (0.7 if deal % 2 else 0.3) * (1 if deal % 3 else 0.5)
        stays = 10 if later(opened, 20).astype("datetime64[M]").astype(int) % 3 == 2 else 25
        end = WON if chance_of.random() < odds else LOST
        entries += [(deal, OFFER, str(opened), amount), (deal, end, str(later(opened, stays)), amount)]
    owner = np.arange(900) % 2
    model = learn(facts(replace(told(*entries), owner=owner), STAGES, NOW), STAGES, owner)
    won, lost = model.effects["owner"][:2]
    assert won[1] > 1.3 * won[0]
    assert lost[0] > 1.3 * lost[1]
    small, large = hazards.sizes(np.array([100.0, 1000.0]), model.edges)
    assert model.effects["size"][0, small] > 1.3 * model.effects["size"][0, large]
    month = model.effects["month"][0]
    assert month[[2, 5, 8, 11]].mean() > 1.2 * month[[0, 3, 6, 9]].mean()
    assert hazards.sizes(np.array([NOTHING]), model.edges) == [5]


def test_companies_are_forecast_better_than_without_a_model():
    found: list[Past] = []
    for seed in range(5):
        world = selling.world(seed)
        found += ahead_of(world.history, world.last).past
    told_of = measured(found)
    assert told_of
    assert told_of["periods"] > 40
    assert told_of["beats_baselines"]
    assert 0.7 <= told_of["coverage"] <= 0.9
    won = sum(one.actual for one in found)
    assert abs(sum(one.expected for one in found) - won) < 0.1 * won
    assert sum(abs(one.expected_of_open - one.actual_of_open) for one in found) < sum(
        abs(one.by_probability - one.actual_of_open) for one in found
    )


def test_as_many_deals_are_won_as_chances_say():
    said = came = new_said = new_came = 0.0
    for seed in range(6):
        world = selling.world(seed, deals=3000)
        for start, end in selling.periods(DAY("2023-07-01"), world.last, 3)[::2]:
            known = facts(world.history, selling.STAGES, start)
            then = facts(world.history, selling.STAGES, end)
            ahead = expect(known, selling.STAGES, world.history.owner, (start, end))
            said += ahead.chance.sum()
            came += np.isin(known.standing.deal, then.won_deal).sum()
            new_said += ahead.new_deals
            new_came += (~np.isin(then.won_deal, known.opened_deal)).sum()
    assert came > 500
    assert said == pytest.approx(came, rel=0.1)
    assert new_said == pytest.approx(new_came, rel=0.25)


def test_baselines_are_those_by_hand():
    known = facts(STORY, STAGES, NOW)
    assert by_probability(known, STAGES, DAY("2024-03-21")) == pytest.approx(100 * 0.2 + 40 * 0.5)
    assert by_probability(known, STAGES, DAY("2024-03-20")) == 0
    assert naive(known, (NOW, later(NOW, 31))) == 60, "too young for a year before"
    old = facts(told((0, NEW, "2023-03-01", 5), (0, WON, "2023-03-02", 5)), STAGES, NOW)
    assert naive(old, (DAY("2024-03-01"), DAY("2024-04-01"))) == 5
    assert naive(old, (DAY("2024-04-01"), DAY("2024-05-01"))) == 0


def one_past(expected_sum: float, actual: float, deviation: float = 0.0) -> Past:
    """A past period between 50 and 150."""
    return Past(NOW, later(NOW, 31), expected_sum, 50, 150, 60, 110, actual, 0, 0, deviation)


def test_what_is_measured_is_told():
    found = measured([one_past(100, 120), one_past(100, 200)])
    assert found
    assert found["mae"] == {"expected": 60, "by_probability": 100, "naive": 50}
    assert found["bias"] == {"expected": -60, "by_probability": -100, "naive": -50}
    assert (found["coverage"], found["beats_baselines"], found["periods"]) == (0.5, False, 2)
    assert shock([]) == past.SHOCK
    assert shock([one_past(100, 140, 30)]) == pytest.approx(np.sqrt((4 * 0.0225 + 0.07) / 5))
    assert shock([one_past(100, 100, 90)] * 9) == past.LEAST_SHOCK
    assert shock([one_past(10, 1000)]) == past.MOST_SHOCK
    assert shock([one_past(0, 100)]) == past.SHOCK, "of nothing no part can be told"


def test_only_what_is_over_is_past():
    world = selling.world(7, deals=400)
    periods = selling.periods(selling.FIRST, later(world.last, 200), 3)
    found = forecast(
        world.history, selling.STAGES, world.last, (world.last, later(world.last, 9)), past=periods[::-1]
    )
    assert [one.start for one in found.past] == sorted(one.start for one in found.past)
    assert all(one.end <= world.last for one in found.past)
    first = facts(world.history, selling.STAGES, found.past[0].start)
    assert len(first.won) >= past.LEAST_WON
    assert len(found.past) < len([end for _, end in periods if end <= world.last])
