"""What a forecast of a pipeline tells: its numbers by part, owner and team, and how it came about.

Money is text with two decimals, in the base currency.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from app.analytics.pipelines.expected import SEED
from app.analytics.pipelines.forecast import BEST_CASE, COMMIT, Forecast
from app.analytics.pipelines.history import Facts
from app.analytics.pipelines.past import LEAST_WON, Past, measured
from app.domain.forecasts import Likelihood

_NOTHING = Decimal(0)
Above = Mapping[UUID, UUID | None]


class Cell(Protocol):
    """Deals of one owner in one part."""

    owner_id: UUID | None
    part: str
    deals: int
    amount: Decimal
    expected: Decimal


def money(amount: float | Decimal | None) -> str | None:
    """Money on the wire."""
    return None if amount is None else f"{amount:.2f}"


def part_of(chance: float | Decimal) -> Likelihood:
    """The part that an open deal belongs to."""
    return (
        Likelihood.COMMIT
        if chance >= COMMIT
        else Likelihood.BEST_CASE
        if chance >= BEST_CASE
        else Likelihood.PIPELINE
    )


def overview(
    cells: Sequence[Cell], targets: Mapping[UUID | None, Decimal], team_of: Above, above: Above
) -> dict[str, Any]:
    """Sums over the deals: by part, by owner, and by team with all below it. Targets are by whose they are."""
    owners: dict[UUID | None, list[Cell]] = defaultdict(list)
    teams: dict[UUID, list[Cell]] = defaultdict(list)
    for cell in cells:
        owners[cell.owner_id].append(cell)
        for team in _up(team_of.get(cell.owner_id) if cell.owner_id else None, above):
            teams[team].append(cell)
    parts = {part: [cell for cell in cells if cell.part == part] for part in Likelihood}
    return {
        "won": money(_sum(parts[Likelihood.WON], "amount")),
        "of_open": money(_sum(cells, "expected") - _sum(parts[Likelihood.WON], "expected")),
        "parts": [
            {
                "part": part,
                "deals": sum(cell.deals for cell in mine),
                "amount": money(_sum(mine, "amount")),
                "expected": money(_sum(mine, "expected")),
            }
            for part, mine in parts.items()
        ],
        "owners": sorted(
            (
                {"owner_id": owner, **_group(mine, targets.get(owner) if owner else None)}
                for owner, mine in owners.items()
            ),
            key=_largest,
        ),
        "teams": sorted(
            ({"team_id": team, **_group(mine, targets.get(team))} for team, mine in teams.items()),
            key=_largest,
        ),
    }


def target(targets: Mapping[UUID | None, Decimal], team_of: Above) -> tuple[Decimal, str] | None:
    """What is to be won in all: the quota of everybody, or what those of people come to."""
    if None in targets:
        return targets[None], "all"
    people = [amount for whose, amount in targets.items() if whose in team_of]
    return (sum(people, _NOTHING), "owners") if people else None


def told(found: Forecast) -> dict[str, Any]:
    """How the sum may vary, and how good such forecasts have been."""
    test = measured(found.past)
    return {
        "model": "history",
        "why": _why(test),
        "seed": SEED,
        "of_new": money(found.open.of_new),
        "new_deals": round(found.open.new_deals, 2),
        "low": money(found.low),
        "middle": money(found.middle),
        "high": money(found.high),
        "shock": found.shock,
        "chance_of_target": found.chance_of_target,
        "backtest": test
        and {
            "periods": test["periods"],
            "mae": {name: money(error) for name, error in test["mae"].items()},
            "bias": {name: money(error) for name, error in test["bias"].items()},
            "coverage": test["coverage"],
            "beats_baselines": test["beats_baselines"],
            "past": [_past(one) for one in found.past],
        },
    }


def told_plainly(won: int) -> dict[str, Any]:
    """The same where there is too little history: amounts times probabilities, and nothing that would need more."""
    nothing = (
        *("seed", "of_new", "new_deals", "low", "middle", "high"),
        *("shock", "chance_of_target", "backtest"),
    )
    return dict.fromkeys(nothing) | {
        "model": "probability",
        "why": {
            "en": f"Only {won} deals were won before, and {LEAST_WON} are needed to learn from. So this is no more than"
            " amounts times the probabilities of their stages, of deals expected to close before the period ends.",
            "zh": f"此前仅有 {won} 笔赢单，至少需要 {LEAST_WON} 笔才能从历史中学习。因此这里只是预计在期末前成交的商机的"
            "金额乘以其阶段概率。",
        },
    }


def summed(
    found: Mapping[str, Any], sums: Mapping[str, Any], asked: tuple[Decimal, str] | None
) -> dict[str, Any]:
    """Everything that is found, with the sum of it, and what that falls short of what is asked by."""
    parts = (sums["won"], sums["of_open"], found["of_new"] or 0)
    expected = sum((Decimal(part) for part in parts), _NOTHING)
    goal = asked and {"amount": money(asked[0]), "of": asked[1], "gap": money(asked[0] - expected)}
    return {**found, **sums, "expected": money(expected), "target": goal}


def made_from(known: Facts) -> dict[str, Any]:
    """How much history there was."""
    first = known.opened.min(initial=known.now).astype("datetime64[D]").item()
    return {
        "deals": len(known.opened),
        "won": len(known.won),
        "open": len(known.standing.deal),
        "first_on": first.isoformat() if len(known.opened) else None,
    }


def _why(test: Mapping[str, Any] | None) -> dict[str, str]:
    if test is None:
        return {
            "en": "No past period has enough before it to be forecast again, so nobody knows how good this forecast is.",
            "zh": "没有任何过去的期间有足够的历史可供重新预测，因此该预测的准确度未知。",
        }
    ours, plain, naive = (test["mae"][name] for name in ("expected", "by_probability", "naive"))
    en = (
        f"In {test['periods']} past periods, forecast again from their first morning, it erred by {ours:,.0f} on"
        f" average; amounts times probabilities by {plain:,.0f}, the same period before by {naive:,.0f}."
    )
    zh = (
        f"对过去 {test['periods']} 个期间从首日清晨重新预测，平均误差为 {ours:,.0f}；金额乘概率为 {plain:,.0f}，"
        f"沿用以往同期为 {naive:,.0f}。"
    )
    if test["beats_baselines"]:
        return {"en": en, "zh": zh}
    return {
        "en": f"{en} So it was no better than the plainest way.",
        "zh": f"{zh}因此它并不优于最简单的方法。",
    }


def _past(one: Past) -> dict[str, Any]:
    names = ("expected", "low", "high", "by_probability", "naive", "actual")
    days = {"starts_on": str(one.start), "ends_on": str(one.end)}
    return days | {name: money(getattr(one, name)) for name in names}


def _group(cells: Iterable[Cell], asked: Decimal | None) -> dict[str, Any]:
    mine = list(cells)
    expected = _sum(mine, "expected")
    return {
        "open_deals": sum(cell.deals for cell in mine if cell.part != Likelihood.WON),
        "won": money(_sum([cell for cell in mine if cell.part == Likelihood.WON], "amount")),
        "expected": money(expected),
        "target": money(asked),
        "gap": None if asked is None else money(asked - expected),
    }


def _largest(one: Mapping[str, Any]) -> tuple[Decimal, str]:
    return -Decimal(one["expected"]), str(next(iter(one.values())))


def _sum(cells: Sequence[Cell], name: str) -> Decimal:
    return sum((getattr(cell, name) for cell in cells), _NOTHING)


def _up(team: UUID | None, above: Above) -> Iterator[UUID]:
    while team is not None and team in above:
        yield team
        team = above[team]
