"""What is left when a person is erased: what they did with us stays countable, who they were does not stay."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

ERASED = "erased"
_SHORTEST_ADDRESS = 6
"""Characters of a@b.cn: what is shorter stands in many texts by chance."""
_FEWEST_DIGITS = 7
"""Of a local number; fewer stand in many texts by chance."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PERSON: Mapping[str, Any] = {
    "name": ERASED,
    "given_name": None,
    "family_name": None,
    "emails": [],
    "email": None,
    "phones": [],
    "phone": None,
    "addresses": [],
    "job_title": None,
    "birth_date": None,
    "gender": None,
    "occupation": None,
    "income_band": None,
    "education": None,
    "language": None,
    "tags": [],
    "consents": [],
    "consented": [],
    "custom": {},
    "external_ids": {},
}
"""Company, owner, stage and source stay: without the person they are numbers."""
_SAID: Mapping[str, Any] = {
    "subject": None,
    "body": None,
    "page": None,
    "session": None,
    "tags": [],
    "custom": {},
    "external_ids": {},
}
_FREE_IN_ORDER = ("tags", "custom", "lines")
_FREE_IN_DEAL = ("name", "next_step", "lost_reason", "tags", "custom", "lines", "people", "competitors")
TOLD: Mapping[str, tuple[str, ...] | None] = {
    "contact": None,
    "interaction": None,
    "order": _FREE_IN_ORDER,
    "deal": _FREE_IN_DEAL,
    "task": ("title", "notes", "tags", "custom", "external_ids"),
}
"""Noun to the fields that its events may tell no more; None for all of them."""

Row = Mapping[str, Any]


def plan_contact(row: Row, *, at: datetime) -> dict[str, Any]:
    """New values of an erased person's record; empty when it is erased already."""
    after = _differing(row, _PERSON)
    return after | {"archived_at": row["archived_at"] or at} if after else {}


def plan_interaction(row: Row) -> dict[str, Any]:
    """That something happened, when and how stays."""
    return _differing(row, _SAID)


def plan_task(row: Row) -> dict[str, Any]:
    """That something was to be done, by whom and when stays."""
    return _differing(row, {"title": ERASED, "notes": None, "tags": [], "custom": {}, "external_ids": {}})


def plan_order(row: Row) -> dict[str, Any]:
    """Number, dates, products and money stay, for they are the books'; what is free text does not."""
    return _differing(row, {"tags": [], "custom": {}, "lines": _undescribed(row)})


def plan_deal(row: Row, people: Collection[UUID]) -> dict[str, Any]:
    """Stages, dates, products and money stay, for forecasts learn from them, and other systems' ids; free text does not.

    Of a deal of somebody else, on which the person stands beside them, goes what they were there.
    """
    roles = {"people": _unnamed(row, people)}
    if row["contact_id"] not in people:
        return _differing(row, roles)
    reason = None if row["lost_reason"] is None else ERASED
    free: Mapping[str, Any] = {
        "name": ERASED,
        "next_step": None,
        "lost_reason": reason,
        "tags": [],
        "custom": {},
    }
    return _differing(row, {**free, **roles, "lines": _undescribed(row), "competitors": _unnoted(row)})


def _undescribed(row: Row) -> list[dict[str, Any]]:
    return [line if line["description"] is None else {**line, "description": ERASED} for line in row["lines"]]


def _unnamed(row: Row, people: Collection[UUID]) -> list[dict[str, Any]]:
    return [
        {**one, "role": ERASED} if one["role"] is not None and UUID(str(one["contact_id"])) in people else one
        for one in row["people"]
    ]


def _unnoted(row: Row) -> list[dict[str, Any]]:
    return [one if one["note"] is None else {**one, "note": ERASED} for one in row["competitors"]]


def words_of(contact: Row) -> list[str]:
    """What tells of the person wherever it stands: addresses and numbers, as understood and as typed.

    What was typed counts only when it looks like an address or a number: "?" stands everywhere and tells of nobody.
    """
    understood = [entry["normalised"] for entry in contact["emails"]]
    understood += [entry["e164"] for entry in contact["phones"]]
    typed = [entry["address"].strip() for entry in contact["emails"]]
    numbers = [entry["number"].strip() for entry in contact["phones"]]
    return sorted(
        {word for word in understood if word}
        | {word for word in typed if "@" in word and len(word) >= _SHORTEST_ADDRESS}
        | {word for word in numbers if sum(map(str.isdigit, word)) >= _FEWEST_DIGITS}
    )


def redacted(value: Any, tells: Callable[[str], bool]) -> Any:
    """The JSON value with every text replaced that tells of the person.

    Keys stay, and ids, in which digits may stand by chance: without them nothing could be done with the value.
    """
    match value:
        case str():
            return ERASED if tells(value) and not _ID.fullmatch(value) else value
        case dict():
            return {key: redacted(item, tells) for key, item in value.items()}
        case list():
            return [redacted(item, tells) for item in value]
        case _:
            return value


def _differing(row: Row, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if row[name] != value}
