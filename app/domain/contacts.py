"""The words of a contact, and what they said we may do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from app.domain.errors import RuleBroken


class Stage(StrEnum):
    """How far a person has come with us."""

    LEAD = "lead"
    PROSPECT = "prospect"
    CUSTOMER = "customer"
    LAPSED = "lapsed"


class Gender(StrEnum):
    """As people state it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNDISCLOSED = "undisclosed"


class ConsentState(StrEnum):
    """What a person said about one purpose on one channel."""

    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


MARKETING = "marketing"
"""What a consent is for where nothing else is said."""


class ContactLike(Protocol):
    """What the rules need to know of a contact."""

    consents: Sequence[Mapping[str, Any]]
    archived_at: datetime | None


def plan_consent(contact: ContactLike, said: Mapping[str, Any], *, at: datetime) -> dict[str, Any]:
    """The latest word per purpose and channel; a word older than the one kept is refused, so that order does not matter.

    Raises RuleBroken.
    """
    if contact.archived_at is not None:
        raise RuleBroken("archived", "This contact is archived; restore it before you record a consent.")
    said_at = said.get("at") or at
    if said_at > at:
        raise RuleBroken("consent_in_future", "A consent cannot be given at a time that has not come.")
    same = [c for c in contact.consents if (c["purpose"], c["channel"]) == (said["purpose"], said["channel"])]
    if same and datetime.fromisoformat(same[0]["at"]) > said_at:
        raise RuleBroken("consent_older", "A later word about this is kept already.")
    kept = {**said, "at": said_at.isoformat(), "state": str(said["state"])}
    consents = sorted(
        [*(c for c in contact.consents if c not in same), kept], key=lambda c: (c["purpose"], c["channel"])
    )
    consented = [f"{c['purpose']}:{c['channel']}" for c in consents if c["state"] == ConsentState.GRANTED]
    return {"consents": consents, "consented": consented}


@dataclass(slots=True)
class Standing:
    """A contact with the consents that it has by then."""

    consents: Sequence[Mapping[str, Any]]
    archived_at: datetime | None


def plan_listed(contact: ContactLike, said: Sequence[Mapping[str, Any]], *, at: datetime) -> dict[str, Any]:
    """The consents of a list that says of nothing when it was said: a no counts, a yes where nothing was said before.

    So no list, however old, takes back somebody's no. Nothing when all was known. Raises RuleBroken as `plan_consent`.
    """
    standing, after = Standing(contact.consents, contact.archived_at), dict[str, Any]()
    for one in said:
        about = (one["purpose"], one["channel"])
        kept = next((c for c in standing.consents if (c["purpose"], c["channel"]) == about), None)
        if kept is None or (
            (kept["state"], one["state"]) == (ConsentState.GRANTED, ConsentState.WITHDRAWN)
            and datetime.fromisoformat(kept["at"]) <= one["at"]
        ):
            after = plan_consent(standing, one, at=at)
            standing.consents = after["consents"]
    return after
