"""What is compared of records, in the forms that can be compared."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any

import pyarrow as pa

from app.analytics.duplicates.companies import COMPANIES
from app.analytics.duplicates.comparing import Linkage
from app.analytics.duplicates.contacts import CONTACTS
from app.usecases.duplicates import companies, contacts


@dataclass(frozen=True, slots=True)
class Compared:
    """How records of a noun are compared."""

    linkage: Linkage
    features: Callable[[Mapping[str, Any], Sequence[str], Any], dict[str, Any]]
    """A record, the custom fields that identify it, and since when records are fresh, to its features."""


COMPARED: Mapping[str, Compared] = {
    "contact": Compared(CONTACTS, contacts.features),
    "company": Compared(COMPANIES, companies.features),
}
"""By noun, what duplicates are found of."""


def table(
    noun: str, rows: Iterable[Mapping[str, Any]], identifying: Sequence[str], freshest: Any = None
) -> pa.Table:
    """The features of records; those changed since freshest, or all, are fresh.

    identifying are the custom fields whose values belong to one record alone.
    """
    one = COMPARED[noun]
    listed = [one.features(row, identifying, freshest) for row in rows]
    return pa.Table.from_pylist(listed, schema=one.linkage.columns)


def digest(features: Mapping[str, Any]) -> str:
    """Short, and another one when anything that is compared has changed."""
    told = {name: value for name, value in features.items() if name not in {"keys", "fresh"}}
    return blake2s(repr(sorted(told.items())).encode(), digest_size=8).hexdigest()
