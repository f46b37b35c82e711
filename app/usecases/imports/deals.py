"""Rows of deals: the stages that they have gone through, and what they are about."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.db import pipelines, products
from app.db.constraints import unknown_reference
from app.db.deals import DEALS
from app.db.uow import UnitOfWork
from app.domain.access import must_read
from app.domain.deals import rows
from app.domain.deals.rows import Way
from app.domain.errors import DomainError, RuleBroken
from app.domain.fields import Field, Kind
from app.domain.orders import MOST, SMALLEST
from app.domain.pipelines import definitions
from app.domain.pipelines.stages import Pipeline
from app.usecases.imports.cells import Read, Style

MORE: Mapping[str, Field] = {
    "quantity": Field("quantity", Kind.NUMBER),
    "unit_price": Field("unit_price", Kind.NUMBER),
}
"""What a row may say of what is sold, beside the product."""
APART = frozenset({"stage", "opened_at", "closed_at", "lost_reason", *MORE})
"""Paths of which the cells are no value of the record, but tell its steps and its line."""


async def take_steps(uow: UnitOfWork, options: Mapping[str, Any], style: Style, said: Sequence[Read]) -> None:
    """Put the steps that rows tell of into their values, or what is wrong with them beside."""
    line = await _pipeline(uow, options)
    undated = _moment(options.get("undated"))
    for row in said:
        try:
            if isinstance(line, DomainError):
                raise line
            _take(row, line, undated, options, style)
        except DomainError as refusal:
            row.refusal = refusal


async def _pipeline(uow: UnitOfWork, options: Mapping[str, Any]) -> Pipeline | DomainError:
    stated = options.get("pipeline")
    named = UUID(stated) if stated else await pipelines.oldest(uow)
    if named is None:
        return RuleBroken("pipeline_missing", "This organisation has no pipeline; add one first.")
    held = await pipelines.held(uow, named)
    return (
        unknown_reference("pipeline_id", named)
        if held is None
        else definitions.stored(held, DEALS.known(uow.actor))
    )


def _take(
    row: Read, line: Pipeline, undated: datetime | None, options: Mapping[str, Any], style: Style
) -> None:
    said = row.apart
    way = Way(
        said.get("stage"),
        _moment(said.get("opened_at")),
        {stage: datetime.fromisoformat(at) for stage, at in row.entered.items()},
        _moment(said.get("closed_at")),
        said.get("lost_reason") or options.get("lost_reason"),
    )
    if way.closed_at and rows.closes_later(way, line):
        day = way.closed_at.astimezone(ZoneInfo(style.time_zone)).date()
        row.values.setdefault("expected_close", day.isoformat())
        way.closed_at = None
    steps = rows.steps_of(way, line, undated=undated, time_zone=style.time_zone)
    if steps or options.get("pipeline"):
        row.values["pipeline_id"] = str(line.id)
    if steps:
        row.values["steps"] = [
            {"stage": step.stage, "at": step.at.isoformat()}
            | ({"reason": step.reason} if step.reason else {})
            for step in steps
        ]
    row.undated = not steps


async def take_lines(uow: UnitOfWork, said: Sequence[Read]) -> None:
    """Make the product that a row names a line of its deal, which comes to its amount where it states one."""
    about = {row.values["product_id"] for row in said if "product_id" in row.values}
    priced = [row for row in said if "product_id" in row.values and not _stated(row)]
    prices = await products.price_of(uow, list(about)) if priced else {}
    for row in said:
        try:
            if "product_id" in row.values:
                if not _stated(row):
                    must_read(uow.actor, "product", ("price", "currency"))
                _sell(row, prices)
            elif row.apart.keys() & MORE.keys() and not row.faults:
                raise RuleBroken(
                    "product_missing", "A quantity and a unit price are told of a product; name that, too."
                )
        except DomainError as refusal:
            row.refusal = refusal


def _stated(row: Read) -> bool:
    return "amount" in row.values or "unit_price" in row.apart


def _sell(row: Read, prices: Mapping[UUID, tuple[Decimal, str]]) -> None:
    product = row.values.pop("product_id")
    quantity = Decimal(row.apart.get("quantity", "1"))
    line = {"product_id": str(product), "quantity": format(quantity, "f")}
    if "amount" in row.values:
        amount = Decimal(row.values["amount"])
        if quantity < SMALLEST or amount >= MOST:
            raise RuleBroken(
                "line_out_of_range",
                f"An amount below {MOST} of a quantity of {SMALLEST} or more makes a line; this row states"
                f" {row.apart.get('quantity', '1')[:40]} for {row.values['amount'][:40]}.",
            )
        del row.values["amount"]
        each = (amount / quantity).quantize(SMALLEST, ROUND_CEILING)
        line["unit_price"] = format(each, "f")
        if left := each * quantity - amount:
            line["discount"] = format(left, "f")
    elif "unit_price" in row.apart:
        line["unit_price"] = row.apart["unit_price"]
    else:
        price, currency = prices[product]
        if currency != row.values.get("currency", currency):
            raise RuleBroken(
                "currency_differs",
                f"The price of this product is in {currency}, and the row in {row.values['currency']}; state the amount.",
            )
        line["unit_price"] = format(price, "f")
    row.values["lines"] = [line]


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
