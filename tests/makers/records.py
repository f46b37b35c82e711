"""One record of each noun with every field filled by canaries."""

from typing import Any

from tests.makers.canaries import Canaries, parts_of

Values = dict[str, Any]


def _plant(into: Canaries, noun: str, record: str) -> Any:
    def text(field: str) -> str:
        return into.plant(into.word(), noun, record, field)

    return text


def _time(into: Canaries, noun: str, record: str, field: str, year: int) -> str:
    value = into.time(year)
    for part in parts_of(value):
        into.plant(part, noun, record, field)
    return value


def _custom(text: Any) -> Values:
    return {"open": text("custom.open"), "secret": text("custom.secret")}


def contact(into: Canaries, record: str) -> Values:
    """A contact."""
    text = _plant(into, "contact", record)
    address, number = f"{text('emails')}@example.com", f"138{into.digits(8)}"
    for word, field in ((address[:12], "email"), (number, "phones"), (number, "phone")):
        into.plant(word, "contact", record, field)
    return {
        **{name: text(name) for name in ("name", "given_name", "family_name", "job_title", "occupation")},
        **{name: text(name) for name in ("income_band", "education", "source")},
        "emails": [{"address": address, "label": text("emails")}],
        "phones": [{"number": number, "label": text("phones")}],
        "addresses": [{"country": "CN", "city": text("addresses"), "street": text("addresses")}],
        "birth_date": into.plant(into.day(19), "contact", record, "birth_date"),
        "gender": "female",
        "stage": "customer",
        "language": "zh-CN",
        "tags": [text("tags")],
        "external_ids": {"erp": text("external_ids")},
        "custom": _custom(text),
    }


def consent(into: Canaries, record: str) -> Values:
    """A consent of a contact."""
    text = _plant(into, "contact", record)
    purpose = text("consents")
    into.plant(purpose, "contact", record, "consented")
    said = {"purpose": purpose, "channel": "email", "state": "granted", "source": text("consents")}
    return said | {"evidence": text("consents"), "at": _time(into, "contact", record, "consents", 2019)}


def company(into: Canaries, record: str) -> Values:
    """A company."""
    text = _plant(into, "company", record)
    return {
        **{name: text(name) for name in ("name", "industry", "region")},
        "domain": f"{text('domain')}.example",
        "employees": int(into.plant(into.digits(8), "company", record, "employees")),
        "country": "CN",
        "tags": [text("tags")],
        "external_ids": {"erp": text("external_ids")},
        "custom": _custom(text),
    }


def product(into: Canaries, record: str) -> Values:
    """A product."""
    text = _plant(into, "product", record)
    return {
        **{name: text(name) for name in ("sku", "name", "category")},
        **{name: into.plant(into.amount(), "product", record, name) for name in ("price", "cost")},
        "currency": "CNY",
        "active": True,
        "tags": [text("tags")],
        "external_ids": {"erp": text("external_ids")},
        "custom": _custom(text),
    }


def order(into: Canaries, record: str) -> Values:
    """An order that was paid, shipped and refunded in part."""
    text = _plant(into, "order", record)
    cents = [int(into.amount().replace(".", "")) for _ in range(5)]
    first, second, discount, tax, refunded = cents
    first, second = first + 10_000_000, second + 10_000_000
    subtotal = first + second
    total = subtotal - discount + tax

    def amount(value: int, *fields: str) -> str:
        return into.plant(f"{value // 10_000}.{value % 10_000:04d}", "order", record, *fields)

    amount(subtotal, "subtotal")
    amount(total, "total")
    amount(total - refunded, "total", "refunded")
    lines = [
        {"description": text("lines"), "quantity": "1", "unit_price": amount(cents, "lines")}
        for cents in (first, second)
    ]
    times = {"placed_at": 2021, "paid_at": 2022, "shipped_at": 2023}
    return order_edit(into, record) | {
        "number": text("number"),
        **{name: _time(into, "order", record, name, year) for name, year in times.items()},
        "currency": "CNY",
        "lines": lines,
        "discount": amount(discount, "discount"),
        "tax": amount(tax, "tax"),
        "refunded": amount(refunded, "refunded"),
    }


def order_edit(into: Canaries, record: str) -> Values:
    """What can still be changed of an order whose money is settled."""
    text = _plant(into, "order", record)
    return {
        "channel": text("channel"),
        "country": text("country"),
        "due_on": into.plant(into.day(21), "order", record, "due_on"),
        "tags": [text("tags")],
        "external_ids": {"erp": text("external_ids")},
        "custom": _custom(text),
    }


def deal(into: Canaries, record: str) -> Values:
    """A deal that was opened a while ago."""
    opened = _time(into, "deal", record, "opened_at", 2011)
    for part in parts_of(opened):
        into.plant(part, "deal", record, "entered_at")
    return deal_edit(into, record) | {"currency": "CNY", "at": opened}


def deal_edit(into: Canaries, record: str) -> Values:
    """What can be changed of a deal wherever it stands."""
    text = _plant(into, "deal", record)
    first, second = (int(into.amount().replace(".", "")) for _ in range(2))

    def amount(value: int, *fields: str) -> str:
        written = f"{value // 10_000}.{value % 10_000:04d}"
        for field in fields:
            into.plant(written, "deal", record, field)
        return written

    amount(first + second, "amount")
    return {
        **{name: text(name) for name in ("name", "channel", "campaign", "next_step")},
        "lines": [
            {"description": text("lines"), "quantity": "1", "unit_price": amount(cents, "lines")}
            for cents in (first, second)
        ],
        "expected_close": into.plant(into.day(20), "deal", record, "expected_close"),
        "next_step_on": into.plant(into.day(21), "deal", record, "next_step_on"),
        "probability": "0.35",
        "tags": [text("tags")],
        "external_ids": {"erp": text("external_ids")},
        "custom": _custom(text),
    }


def deal_lost(into: Canaries, record: str) -> Values:
    """The loss of a deal, with what its stage history tells of it."""
    text = _plant(into, "deal", record)
    at = _time(into, "deal", record, "closed_at", 2012)
    for part in parts_of(at):
        into.plant(part, "deal", record, "entered_at")
    why = into.plant(into.word(), "deal", record, "stage", "entered_at", "lost_reason")
    return {"at": at, "why": why, "reason": text("lost_reason")}


def deal_reopened(into: Canaries, record: str) -> Values:
    """That a deal is back."""
    at = _time(into, "deal", record, "entered_at", 2013)
    why = into.plant(into.word(), "deal", record, "stage", "entered_at", "lost_reason")
    return {"at": at, "why": why}


def interaction(into: Canaries, record: str) -> Values:
    """An interaction."""
    text = _plant(into, "interaction", record)
    return {
        **{name: text(name) for name in ("channel", "subject", "body", "page", "campaign", "session")},
        "kind": "call",
        "direction": "inbound",
        "at": _time(into, "interaction", record, "at", 2024),
        "duration_seconds": int(into.plant(into.digits(7), "interaction", record, "duration_seconds")),
        "tags": [text("tags")],
        "external_ids": {"erp": text("external_ids")},
        "custom": _custom(text),
    }


def task(into: Canaries, record: str) -> Values:
    """A task."""
    text = _plant(into, "task", record)
    return {
        **{name: text(name) for name in ("title", "notes")},
        "kind": "call",
        "priority": "high",
        "due_at": _time(into, "task", record, "due_at", 2024),
        "remind_at": _time(into, "task", record, "remind_at", 2199),
        "tags": [text("tags")],
        "external_ids": {"erp": text("external_ids")},
        "custom": _custom(text),
    }


MAKERS = {
    "contact": contact,
    "company": company,
    "product": product,
    "order": order,
    "deal": deal,
    "interaction": interaction,
    "task": task,
}
WORDS_ONLY = frozenset(
    {
        *(("contact", name) for name in ("stage", "gender", "language", "company_id", "owner_id")),
        *(("company", name) for name in ("country", "parent_id", "owner_id")),
        *(("product", name) for name in ("currency", "active")),
        *(("order", name) for name in ("status", "currency", "refunded_at", "cancelled_at")),
        *(("order", name) for name in ("contact_id", "company_id", "owner_id")),
        *(("deal", name) for name in ("status", "currency", "probability", "credit")),
        *(
            ("deal", name)
            for name in ("closed_from", "contact_id", "company_id", "pipeline_id", "owner_id", "lost_to_id")
        ),
        *(("task", name) for name in ("kind", "priority", "status", "reminded_at", "closed_at")),
        *(("task", name) for name in ("closed_by_id", "contact_id", "company_id", "deal_id", "owner_id")),
        *(("interaction", name) for name in ("kind", "direction")),
        *(("interaction", name) for name in ("contact_id", "company_id", "product_id", "owner_id")),
    }
)
"""Fields whose values are few words, references or empty: their names are looked for, not their values."""
