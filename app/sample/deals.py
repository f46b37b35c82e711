"""What is sold by talking: gifts of tea for companies, and supplies, from the first call to the signature or the end."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from app.sample.catalogue import Product
from app.sample.names import Weighted, dice
from app.sample.people import SALES, Contact, Kind
from app.sample.seasons import DAYS, ZONE, Pace, moment, pace
from app.sample.trade import CURRENCIES, RATES

PIPELINE = "pipeline-gifts"
"""What deals call theirs; a pipeline has no external id of its own."""
NAME = "企业礼品与供货"
TEMPLATE = "b2b"
_STAGES = (("lead", 6.0), ("qualified", 12.0), ("solution", 16.0), ("proposal", 12.0), ("negotiation", 14.0))
"""With the days that a deal stands there, in the mean."""
_GOES_ON = {"lead": 0.72, "qualified": 0.8, "solution": 0.84, "proposal": 0.8, "negotiation": 0.82}
_SKILL = dict(zip(SALES, (1.08, 0.93, 1.02, 0.97), strict=True))
_REASONS = Weighted.of(
    ("价格高于竞品", 34.0),
    ("预算取消", 22.0),
    ("选择了其他供应商", 20.0),
    ("交期赶不上", 12.0),
    ("联系人离职", 7.0),
    ("口味不合适", 5.0),
)
_CHANNELS = Weighted.of(("展会", 24.0), ("转介绍", 30.0), ("电话", 22.0), ("官网", 16.0), ("微信", 8.0))
_OCCASIONS = (
    "年会茶礼",
    "中秋礼盒",
    "客户答谢礼",
    "办公用茶",
    "新春礼盒",
    "门店供货",
    "会议茶歇",
    "员工福利",
)
_CASES = Weighted.of((20, 26.0), (30, 20.0), (50, 24.0), (80, 14.0), (100, 10.0), (200, 6.0))
_NEXT = ("寄样品", "发报价单", "电话回访", "约见采购", "确认印刷稿", "催合同")
_PRICE = Decimal("0.75")
_EACH = 4.5
"""Deals of a company in two years, in the mean."""


def deals(
    seed: int, end: date, everybody: Sequence[Contact], products: Sequence[Product]
) -> list[dict[str, Any]]:
    """Deals of companies on the wire, each with the stages that it has come to; the oldest first."""
    chance, speed = dice(seed, "deals"), pace(end - timedelta(days=DAYS))
    asking = [one for one in everybody if one.company and one.kind is not Kind.LEAD]
    firms = {one.company.id for one in asking if one.company}
    count = round(len(firms) * _EACH)
    found = [_deal(chance, end, speed, chance.choice(asking), products) for _ in range(count)]
    found.sort(key=lambda deal: deal["steps"][0]["at"])
    return [
        deal | {"external_ids": {"sample": f"deal-{number:04}"}} for number, deal in enumerate(found, start=1)
    ]


def quotas(end: date) -> Iterator[dict[str, Any]]:
    """What each seller is to win in the quarter of the end and in the four before it."""
    begin = date(end.year, 3 * ((end.month - 1) // 3) + 1, 1)
    for nth in range(5):
        last = (begin + timedelta(days=92)).replace(day=1) - timedelta(days=1)
        for seller in SALES:
            yield {
                "user_id": seller,
                "measure": "won_amount",
                "currency": "CNY",
                "begins_on": begin.isoformat(),
                "ends_on": last.isoformat(),
                "amount": f"{160_000 - 10_000 * nth}.00",
                "external_ids": {"sample": f"quota-{begin:%Y-%m}-{seller}"},
            }
        begin = (begin - timedelta(days=80)).replace(day=1)


def _deal(
    chance: Random, end: date, speed: Pace, contact: Contact, products: Sequence[Product]
) -> dict[str, Any]:
    day = min(speed.day(chance.random()), DAYS - 1)
    begun = moment(chance, speed.start, day, office=True)
    owner = contact.owner or chance.choice(SALES)
    now = datetime.combine(end, time(0), tzinfo=ZONE)
    steps, over = _steps(chance, begun, now, _SKILL[owner])
    company = contact.company
    assert company is not None
    currency = CURRENCIES[contact.language]
    occasion = chance.choice(_OCCASIONS)
    closes = over.date() if over < now else max(over.date(), end + timedelta(days=chance.randint(2, 40)))
    wire: dict[str, Any] = {
        "name": f"{company.wire['name']} {occasion}",
        "contact_id": contact.id,
        "company_id": company.id,
        "pipeline_id": PIPELINE,
        "owner_id": owner,
        "currency": currency,
        "channel": _CHANNELS.pick(chance),
        "expected_close": closes.isoformat(),
        "steps": steps,
    }
    wire |= _worth(chance, currency, products)
    if steps[-1]["stage"] not in {"won", "lost"}:
        wire["next_step"] = chance.choice(_NEXT)
        wire["next_step_on"] = (end + timedelta(days=chance.randint(-6, 20))).isoformat()
    return wire


def _steps(
    chance: Random, begun: datetime, now: datetime, skill: float
) -> tuple[list[dict[str, Any]], datetime]:
    """The stages up to now, and when it would all be over."""
    steps: list[dict[str, Any]] = []
    at, closing = begun, {"stage": "won"}
    for stage, days in _STAGES:
        if at < now:
            steps.append({"stage": stage, "at": at.isoformat()})
        at += timedelta(days=days * chance.gammavariate(1.6, 1 / 1.6), minutes=chance.randint(20, 400))
        if chance.random() > _GOES_ON[stage] * skill:
            closing = {"stage": "lost", "reason": _REASONS.pick(chance)}
            break
    if at < now:
        steps.append(closing | {"at": at.isoformat()})
    return steps, at


def _worth(chance: Random, currency: str, products: Sequence[Product]) -> Mapping[str, Any]:
    """Lines for most of them, an amount alone for the others."""
    lines = []
    for product in chance.sample(list(products), chance.choice((1, 1, 2, 3))):
        price = product.price * _PRICE
        if currency != "CNY":
            price = price * Decimal("1.6") / RATES[currency]
        price = price.quantize(Decimal(1) if currency == "JPY" else Decimal("0.01"), ROUND_HALF_UP)
        lines.append(
            {"product_id": product.id, "quantity": str(_CASES.pick(chance)), "unit_price": str(price)}
        )
    if chance.random() < 0.7:
        return {"lines": lines}
    whole = sum((Decimal(line["quantity"]) * Decimal(line["unit_price"]) for line in lines), Decimal(0))
    return {"amount": f"{whole.quantize(Decimal(1), ROUND_HALF_UP)}.00"}
