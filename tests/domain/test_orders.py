"""Orders: every move between statuses, and money that adds up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain import orders
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.orders import ALLOWED, SMALLEST, OrderStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOVES = {
    (OrderStatus.PLACED, OrderStatus.PAID),
    (OrderStatus.PLACED, OrderStatus.SHIPPED),
    (OrderStatus.PLACED, OrderStatus.CANCELLED),
    (OrderStatus.PAID, OrderStatus.SHIPPED),
    (OrderStatus.PAID, OrderStatus.REFUNDED_IN_PART),
    (OrderStatus.PAID, OrderStatus.REFUNDED),
    (OrderStatus.SHIPPED, OrderStatus.REFUNDED_IN_PART),
    (OrderStatus.SHIPPED, OrderStatus.REFUNDED),
    (OrderStatus.REFUNDED_IN_PART, OrderStatus.REFUNDED_IN_PART),
    (OrderStatus.REFUNDED_IN_PART, OrderStatus.REFUNDED),
}
PAIRS = list(product(OrderStatus, OrderStatus))
AMOUNT = st.decimals(0, "999999999999.9999", places=4)
SMALL = st.decimals(0, 9999, places=4)
LINE = st.fixed_dictionaries({"quantity": SMALL, "unit_price": SMALL})


@dataclass
class AnOrder:
    """What the rules look at."""

    status: str = OrderStatus.PLACED
    total: Decimal = Decimal(100)
    refunded: Decimal = Decimal(0)
    paid_at: datetime | None = None
    placed_at: datetime = NOON
    archived_at: datetime | None = None


def paid(status: OrderStatus, refunded: str = "0") -> AnOrder:
    return AnOrder(status, refunded=Decimal(refunded), paid_at=NOON)


@pytest.mark.parametrize(("state", "to"), PAIRS)
def test_every_pair_of_statuses_is_a_move_or_refused(state: OrderStatus, to: OrderStatus):
    if (state, to) in MOVES:
        ALLOWED.allow("order", state, to)
        return
    with pytest.raises(RuleBroken) as refused:
        ALLOWED.allow("order", state, to)
    assert refused.value.code == "status_not_allowed"
    assert refused.value.facts["allowed"] == sorted(after for before, after in MOVES if before == state)


@pytest.mark.parametrize(("state", "to"), PAIRS)
def test_an_edit_reaches_the_statuses_that_moves_lead_to(state: OrderStatus, to: OrderStatus):
    ahead, seen = {state}, set[OrderStatus]()
    while ahead:
        ahead = {after for before, after in MOVES if before in ahead} - seen
        seen |= ahead
    if to == state or to in seen:
        orders.check_edit(AnOrder(state), {"status": to})
        return
    with pytest.raises(RuleBroken) as refused:
        orders.check_edit(AnOrder(state), {"status": to})
    assert refused.value.code == "status_not_allowed"


@pytest.mark.parametrize(
    ("state", "name"), list(product(OrderStatus, ["lines", "discount", "tax", "currency", "total"]))
)
def test_money_changes_only_while_the_order_is_placed(state: OrderStatus, name: str):
    if state == OrderStatus.PLACED:
        orders.check_edit(AnOrder(state), {name: 1})
        return
    with pytest.raises(RuleBroken) as refused:
        orders.check_edit(AnOrder(state), {name: 1})
    assert refused.value.code == "order_settled"
    assert name in refused.value.detail


@pytest.mark.parametrize("state", list(OrderStatus))
def test_the_verbs_follow_the_table(state: OrderStatus):
    for plan, to in (
        (orders.plan_pay, OrderStatus.PAID),
        (orders.plan_ship, OrderStatus.SHIPPED),
        (orders.plan_cancel, OrderStatus.CANCELLED),
    ):
        order = AnOrder(state)
        if (state, to) in MOVES:
            assert plan(order, at=NOON)["status"] == to
        elif (plan, state) == (orders.plan_pay, OrderStatus.SHIPPED):
            assert plan(order, at=NOON) == {"paid_at": NOON}
        else:
            with pytest.raises(RuleBroken):
                plan(order, at=NOON)


def test_an_order_is_paid_once():
    with pytest.raises(RuleBroken) as refused:
        orders.plan_pay(paid(OrderStatus.PAID), at=NOON)
    assert refused.value.code == "already_paid"


@pytest.mark.parametrize("state", list(OrderStatus))
def test_what_was_never_paid_is_not_refunded(state: OrderStatus):
    with pytest.raises(RuleBroken) as refused:
        orders.plan_refund(AnOrder(state), amount=None, at=NOON)
    assert refused.value.code == "not_paid"


@pytest.mark.parametrize(
    ("state", "word", "verb"),
    [(OrderStatus.PLACED, "cancel", orders.plan_cancel), (OrderStatus.SHIPPED, "payment", orders.plan_pay)],
)
def test_a_refused_refund_names_a_way_that_is_open(state: OrderStatus, word: str, verb: Callable[..., Any]):
    with pytest.raises(RuleBroken) as refused:
        orders.plan_refund(AnOrder(state), amount=None, at=NOON)
    assert word in refused.value.detail
    assert verb(AnOrder(state), at=NOON)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.decimals("-1", 60, places=4), max_size=6))
def test_refunds_never_give_back_more_than_was_paid(amounts: list[Decimal]):
    order = paid(OrderStatus.PAID)
    for amount in amounts:
        left = order.total - order.refunded
        try:
            plan = orders.plan_refund(order, amount=amount, at=NOON)
        except RuleBroken:
            assert amount <= 0 or amount > left
            continue
        assert 0 < amount <= left
        assert plan["refunded"] == order.refunded + amount <= order.total
        assert plan["status"] == (OrderStatus.REFUNDED if amount == left else OrderStatus.REFUNDED_IN_PART)
        order = AnOrder(plan["status"], refunded=plan["refunded"], paid_at=NOON)
    if order.refunded < order.total:
        assert orders.plan_refund(order, amount=None, at=NOON)["refunded"] == order.total


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)


@settings(deadline=None, max_examples=200)
@given(st.lists(LINE, max_size=8), SMALL, SMALL, st.randoms())
def test_totals_add_up_in_any_order_of_lines(lines, discount, tax, chance):
    gross = sum((cents(line["quantity"] * line["unit_price"]) for line in lines), Decimal(0))
    if gross - discount + tax < 0:
        with pytest.raises(InvalidInput) as refused:
            orders.totals(lines, discount, tax)
        assert refused.value.code == "total_below_zero"
        return
    sums = orders.totals(lines, discount, tax)
    assert sums.subtotal == gross == sum((line["amount"] for line in sums.lines), Decimal(0))
    assert sums.total == gross - discount + tax
    shuffled = chance.sample(lines, len(lines))
    assert orders.totals(shuffled, discount, tax).total == sums.total
    assert orders.totals(sums.lines, discount, tax) == sums
    orders.check_total(sums.total, sums.total)
    orders.check_total(None, sums.total)
    with pytest.raises(InvalidInput):
        orders.check_total(sums.total + Decimal("0.0001"), sums.total)


@settings(deadline=None, max_examples=100)
@given(st.lists(LINE, max_size=8), SMALL, SMALL)
def test_what_is_taken_back_comes_to_minus_what_it_was_sold_for(lines, discount, tax):
    back = [line | {"quantity": -line["quantity"]} for line in lines]
    try:
        sold = orders.totals(lines, discount, tax)
    except InvalidInput:
        with pytest.raises(InvalidInput):
            orders.totals(back, discount, tax)
        return
    returned = orders.totals(back, discount, tax)
    assert returned.subtotal == -sold.subtotal
    assert returned.total == (-sold.total if sold.subtotal else sold.total)
    both = orders.totals([*lines, *back], Decimal(0), tax)
    assert (both.subtotal, both.total) == (Decimal(0), tax)


@settings(deadline=None, max_examples=100)
@given(SMALL, SMALL, SMALL)
def test_a_line_never_comes_below_zero(quantity, unit_price, discount):
    line = {"quantity": quantity, "unit_price": unit_price, "discount": discount}
    if cents(quantity * unit_price - discount) >= 0:
        [kept] = orders.totals([line], Decimal(0), Decimal(0)).lines
        assert kept["amount"] == cents(quantity * unit_price - discount)
    else:
        with pytest.raises(InvalidInput) as refused:
            orders.totals([line], Decimal(0), Decimal(0))
        assert refused.value.code == "line_below_zero"


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"quantity": st.decimals(0, "9999999999.9999", places=4), "unit_price": AMOUNT}
        ),
        max_size=3,
    )
)
def test_totals_of_any_size_are_exact_or_refused(lines):
    exact = sum((cents(line["quantity"] * line["unit_price"]) for line in lines), Decimal(0))
    if exact >= orders.MOST:
        with pytest.raises(InvalidInput) as refused:
            orders.totals(lines, Decimal(0), Decimal(0))
        assert refused.value.code == "total_too_large"
    else:
        assert orders.totals(lines, Decimal(0), Decimal(0)).total == exact


@pytest.mark.parametrize(
    ("known", "status"),
    [
        ({}, OrderStatus.PLACED),
        ({"paid_at": NOON}, OrderStatus.PAID),
        ({"shipped_at": NOON}, OrderStatus.SHIPPED),
        ({"paid_at": NOON, "shipped_at": NOON}, OrderStatus.SHIPPED),
        ({"cancelled_at": NOON}, OrderStatus.CANCELLED),
        ({"paid_at": NOON, "refunded": Decimal(1)}, OrderStatus.REFUNDED_IN_PART),
        ({"paid_at": NOON, "refunded": Decimal(100)}, OrderStatus.REFUNDED),
    ],
)
def test_the_status_follows_from_what_happened(known, status):
    assert orders.status_of({"total": Decimal(100), "refunded": Decimal(0)} | known) == status


MOST_QUANTITY, MOST_PRICE = Decimal("9999999999.9999"), Decimal("999999999999.9999")


@pytest.mark.parametrize(
    "lines",
    [
        [{"quantity": MOST_QUANTITY, "unit_price": MOST_PRICE}],
        [{"quantity": MOST_QUANTITY, "unit_price": MOST_PRICE}] * 200,
        [{"quantity": Decimal(10_000), "unit_price": MOST_PRICE}] * 1_000,
    ],
)
def test_an_order_too_large_to_be_kept_is_refused_by_name(lines: list[dict[str, Decimal]]):
    with pytest.raises(InvalidInput) as refused:
        orders.totals(lines, Decimal(0), Decimal(0))
    assert refused.value.code == "total_too_large"


def test_no_more_was_given_back_than_the_order_comes_to():
    orders.check_refunded(Decimal(10), Decimal(10))
    with pytest.raises(RuleBroken) as refused:
        orders.check_refunded(Decimal("10.0001"), Decimal(10))
    assert refused.value.code == "refund_too_large"


VERBS = {
    ("pay", OrderStatus.PAID): lambda order: orders.plan_pay(order, at=NOON),
    ("ship", OrderStatus.SHIPPED): lambda order: orders.plan_ship(order, at=NOON),
    ("cancel", OrderStatus.CANCELLED): lambda order: orders.plan_cancel(order, at=NOON),
    ("refund", OrderStatus.REFUNDED_IN_PART): lambda order: orders.plan_refund(
        order, amount=SMALLEST, at=NOON
    ),
    ("refund", OrderStatus.REFUNDED): lambda order: orders.plan_refund(order, amount=None, at=NOON),
}


@given(st.sampled_from(OrderStatus), st.booleans(), st.sampled_from(["0", "1", "100"]))
def test_the_targets_are_what_the_verbs_do(state: OrderStatus, is_paid: bool, refunded: str):
    order = AnOrder(state, refunded=Decimal(refunded), paid_at=NOON if is_paid else None)
    told = orders.targets(order, at=NOON)
    assert [one.verb for one in told] == [verb for verb, _ in VERBS]
    for one, ((_, to), plan) in zip(told, VERBS.items(), strict=True):
        if one.allowed:
            assert plan(order).get("status", state) == one.status
            assert (one.code, one.reason) == (None, None)
        else:
            with pytest.raises(RuleBroken):
                plan(order)
            assert one.status == to
            assert one.code
            assert one.reason


def test_nothing_may_happen_to_an_archived_order():
    told = orders.targets(AnOrder(archived_at=NOON), at=NOON)
    assert {(one.allowed, one.code) for one in told} == {(False, "archived")}


def test_nothing_happens_to_an_order_before_it_was_placed():
    orders.check_open(AnOrder(), at=NOON)
    with pytest.raises(InvalidInput) as refused:
        orders.check_open(AnOrder(), at=NOON - timedelta(seconds=1))
    assert refused.value.code == "before_placed"
