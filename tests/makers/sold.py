"""The company of `selling`, sent to the service: deals with the stages that they have gone through, of owners in teams."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from tests.makers import selling
from tests.makers.organisations import Organisation
from tests.nouns.nouns import ANY

Body = dict[str, Any]
ZONE = ZoneInfo("Asia/Shanghai")
KEYS = ("a", "b", "c", "won", "lost")
LINE: Body = {
    "name": "Sold",
    "stages": [
        {"key": "a", "name": "A", "kind": "open", "probability": "0.1"},
        {"key": "b", "name": "B", "kind": "open", "probability": "0.3"},
        {"key": "c", "name": "C", "kind": "open", "probability": "0.6"},
        {"key": "won", "name": "Won", "kind": "won", "probability": "1"},
        {"key": "lost", "name": "Lost", "kind": "lost", "probability": "0"},
    ],
    "moves": {"forward": 2, "back": 2, "reopened": ["a"]},
}
RATE = Decimal("7.25")
"""Of the dollar, from the beginning."""


@dataclass(frozen=True)
class Sold:
    """What was sent, and who owns it."""

    pipeline: str
    deals: list[Body]
    """As they were sent, each with its id."""
    people: list[str]
    clients: list[httpx.AsyncClient]
    teams: dict[str, str]


async def sent(org: Organisation, method: str, url: str, body: Body) -> Body:
    """What the administrator's request came to."""
    answer = await org.admin.request(method, f"/v1/{url}", json=body, headers=ANY)
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()


def local(day: str, hour: int = 0) -> datetime:
    """A moment on the organisation's wall."""
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=ZONE)


async def sold(org: Organisation, seed: int, *, deals: int = 500, days: int = 800, owners: int = 10) -> Sold:
    """The company's deals in a pipeline of its own, the odd ones in dollars; half of the owners are in a team below."""
    world = selling.world(seed, deals=deals, days=days, owners=owners).history
    line = (await sent(org, "POST", "pipelines", LINE))["id"]
    rate = {"currency": "USD", "base": "CNY", "on_date": "2021-01-01", "rate": str(RATE)}
    await sent(org, "POST", "exchange_rates", rate)
    await org.role("sells", scopes=["*"], read={"*": ["*"]}, write={}, sight={})
    upper = await org.team("upper")
    teams = [upper, await org.team("lower", upper)]
    users = [await org.user(f"seller {n}", "sells", team=teams[n % 2]) for n in range(owners)]
    items: list[Body] = []
    for deal in range(len(world.owner)):
        mine = world.deal == deal
        if not mine.any():
            continue
        steps = [
            {"stage": KEYS[stage], "at": at.item().replace(tzinfo=ZONE).isoformat()}
            for stage, at in zip(world.stage[mine], world.at[mine], strict=True)
        ]
        if steps[-1]["stage"] == "lost":
            steps[-1]["reason"] = "x"
        currency = "USD" if deal % 2 else "CNY"
        amount = Decimal(f"{world.amount[mine][-1]:.2f}") / (RATE if deal % 2 else 1)
        closes = world.closes[mine][~(world.closes[mine] != world.closes[mine])]
        items.append(
            {
                "name": f"deal {deal}",
                "pipeline_id": line,
                "currency": currency,
                "amount": f"{amount:.2f}",
                "owner_id": str(users[world.owner[deal]][0]),
                "expected_close": str(closes[0].astype("datetime64[D]")),
                "steps": steps,
            }
        )
    made = (await sent(org, "POST", "deals/bulk", {"items": items}))["items"]
    assert {one["status"] for one in made} == {"created"}, [one for one in made if one["status"] != "created"]
    return Sold(
        line,
        [item | {"id": one["id"]} for item, one in zip(items, made, strict=True)],
        [str(id_) for id_, _ in users],
        [client for _, client in users],
        {"upper": str(teams[0]), "lower": str(teams[1])},
    )


def stands(deal: Body, as_of: datetime) -> tuple[str, datetime] | None:
    """Where a deal stood as of a moment, and since when."""
    past = [step for step in deal["steps"] if datetime.fromisoformat(step["at"]) < as_of]
    return (past[-1]["stage"], datetime.fromisoformat(past[-1]["at"])) if past else None


def worth(deal: Body) -> Decimal:
    """In the base currency."""
    return Decimal(deal["amount"]) * (RATE if deal["currency"] == "USD" else 1)
