"""Amounts in conditions: which numbers are money, and when they are of several currencies."""

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from app.domain.conditions import All, Condition, Test
from app.domain.fields import Field
from app.domain.ops import Op

_AMOUNTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "orders": frozenset({"subtotal", "discount", "tax", "total", "refunded"}),
        "order_lines": frozenset({"unit_price", "discount", "amount"}),
    }
)
_CURRENCY = MappingProxyType({"orders": "currency", "order_lines": "order.currency"})


def mixed(of: str, field: Field | None, where: Condition) -> bool:
    """Whether a field of what hangs on a contact is money, of which the condition leaves more than one currency."""
    return field is not None and field.name in _AMOUNTS.get(of, ()) and not _names(where, _CURRENCY[of])


def worth(field: Field, row: Mapping[str, Any]) -> Fraction | None:
    """An amount in the organisation's currency, of which `rate` is what one of the row's is worth; None for no rate."""
    amount, rate = row.get(field.name), row["rate"]
    return None if amount is None or rate is None else Fraction(amount) * Fraction(rate)


def _names(where: Condition, currency: str) -> bool:
    match where:
        case Test(field, op):
            return field.name == currency and op is Op.EQ
        case All(parts):
            return any(_names(part, currency) for part in parts)
    return False
