"""Behind a number: pages of the records that it is made of, all as of one moment."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import blake2s
from typing import Any
from uuid import UUID

from app.db import cohorts, paging
from app.db.engine import Prepared
from app.db.reads import Question
from app.domain.deals.cohorts import Cohort


def opened(
    about: str, cohort: Cohort, asked: tuple[Any, ...], cursor: str | None
) -> tuple[str, Cohort, UUID | None]:
    """What the list's cursors belong to, the cohort as of the first page, and the last deal seen. Raises InvalidInput."""
    whole = (
        cohort.pipeline,
        cohort.since,
        cohort.before,
        cohort.where,
        cohort.asked(),
        cohort.group_by,
        *asked,
    )
    context = f"{about}:{blake2s(repr(whole).encode(), digest_size=8).hexdigest()}"
    if not cursor:
        return context, cohort, None
    as_of, last = place(context, cursor)
    return context, replace(cohort, as_of=as_of), last


def page(
    inner: Prepared,
    sql: str,
    values: Mapping[str, Any],
    limit: int,
    shown: str = "json_build_object('id', t.id)",
) -> Question:
    """A page of the records that a statement around an inner one gives in order, one more than shown by its value `more`."""
    dated = f"select t.*, {{as_of}}::timestamptz as as_of from ({sql}) t"
    found, values = cohorts.around(inner, dated, {**values, **paging.limits(limit)})
    statement = paging.paged(found, f"{shown}::text", "json_build_array(t.as_of, t.id)")
    return Question(statement, values)


def place(context: str, cursor: str) -> tuple[datetime, UUID]:
    """The moment that the pages are as of, and the last deal seen. Raises InvalidInput."""
    return paging.opened(context, cursor, _place)


def _place(values: list[Any]) -> tuple[datetime, UUID]:
    as_of, last = values
    return datetime.fromisoformat(as_of), UUID(last)
