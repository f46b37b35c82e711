"""What a deal is worth: its amount, how likely it is, both together, and whose credit it is. Nothing here is a float."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID

from app.domain import orders
from app.domain.errors import InvalidInput
from app.domain.pipelines.stages import Stage, StageKind

WHOLE = Decimal(100)
"""Per cent."""
MOST_OWNERS = 20
"""Who share the credit of one deal."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What a deal comes to, and its lines with what each comes to."""

    amount: Decimal | None
    lines: tuple[Mapping[str, Any], ...] = ()


def worth(own: Decimal | None, lines: Sequence[Mapping[str, Any]]) -> Worth:
    """What the lines add up to, as those of an order do, or without lines the deal's own amount.

    Raises InvalidInput for lines that do not add up, for an own amount beside lines that come to something else, and
    for one that is below zero or too large.
    """
    stated = None if own is None else _checked(own)
    if not lines:
        return Worth(stated)
    sums = orders.totals(lines, Decimal(0), Decimal(0), of="deal")
    if stated is not None and stated != sums.total:
        raise InvalidInput(
            "amount_differs",
            # What they come to is not said: whoever may write the amount may not be allowed to read it.
            f"The deal states an amount of {own}, and its lines come to something else; leave it out.",
        )
    return Worth(_checked(sums.total), sums.lines)


def _checked(stated: Decimal) -> Decimal:
    if not stated.is_finite() or not 0 <= stated < orders.MOST or orders.rounded(stated) == orders.MOST:
        raise InvalidInput(
            "amount_out_of_range",
            f"An amount goes from 0 to below {orders.MOST:f}; {stated} does not.",
            field="amount",
        )
    return orders.rounded(stated)


def probability(own: Decimal | None, stage: Stage) -> Decimal:
    """That the deal is won: its own if it has one, else its stage's; what is closed is certain.

    Raises InvalidInput for one outside 0 to 1, or finer than a hundredth of a per cent.
    """
    if own is None or stage.kind is not StageKind.OPEN:
        return stage.probability
    if not own.is_finite() or not 0 <= own <= 1 or own != orders.rounded(own):
        raise InvalidInput(
            "probability_out_of_range",
            f"A probability goes from 0 to 1, with at most four decimals; {own} is none.",
            field="probability",
        )
    return own


def weighted(amount: Decimal | None, likely: Decimal) -> Decimal | None:
    """The amount times the probability, to four decimals; missing with the amount."""
    return None if amount is None else orders.rounded(amount * likely)


def check_credit(shares: Sequence[tuple[UUID, Decimal]]) -> dict[UUID, Decimal]:
    """The credit between owners in per cent, as it is kept. Raises InvalidInput unless it adds up to exactly 100 %."""
    if not 1 <= len(shares) <= MOST_OWNERS:
        raise InvalidInput(
            "credit_owners",
            f"Credit goes to 1 to {MOST_OWNERS} owners, not to {len(shares)}.",
            field="credit",
        )
    credit: dict[UUID, Decimal] = {}
    for owner, share in shares:
        if owner in credit:
            raise InvalidInput(
                "credit_owner_twice", f"The owner {owner} is named twice; add both shares up.", field="credit"
            )
        if not share.is_finite() or not 0 < share <= WHOLE or share != orders.rounded(share):
            raise InvalidInput(
                "credit_share_invalid",
                f"A share is above 0 and at most 100 per cent, with at most four decimals; {share} is not.",
                field="credit",
            )
        credit[owner] = share
    if (together := sum(credit.values())) != WHOLE:
        raise InvalidInput(
            "credit_not_whole",
            f"The shares add up to {together} per cent; they must come to 100 exactly.",
            field="credit",
        )
    return credit


def credited(amount: Decimal, credit: Mapping[UUID, Decimal]) -> dict[UUID, Decimal]:
    """The amount in parts, by the shares that make 100 %: they add up to it exactly.

    Each part is cut to four decimals; what is left over goes by its smallest steps to those who lost most by it, by
    their ids where they lost alike (largest remainder, Hamilton).
    """
    exact = {owner: amount * share / WHOLE for owner, share in credit.items()}
    parts = {owner: part.quantize(orders.SMALLEST, ROUND_DOWN) for owner, part in exact.items()}
    left = int((amount - sum(parts.values())) / orders.SMALLEST)
    for owner in sorted(parts, key=lambda owner: (parts[owner] - exact[owner], owner))[:left]:
        parts[owner] += orders.SMALLEST
    return parts
