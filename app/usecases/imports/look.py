"""What an import shows: its first rows before it begins, and every row with what became of it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from app.db import imported, imports
from app.db.engine import Row
from app.db.reads import Reads
from app.domain.access import Actor
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.fields import Field
from app.domain.imports import Outcome, Target, plan_start
from app.kit import json, sheets
from app.usecases import bulk
from app.usecases.imports import cells
from app.usecases.imports.apply import KINDS, Kind, fields_of, must_know, told

WHY = "rapport_problem"
"""The column that says why; in a file that is sent anew it is no column of the file's own."""
_AT_ONCE = 1_000


async def preview(reads: Reads, import_id: UUID, most: int) -> dict[str, Any]:
    """The first rows as they would be read, with what is wrong with them; nothing is looked up for it.

    Raises NotFound, or Forbidden when the reader may not read what the cells can hold.
    """
    import_ = await imported.to_preview(reads, import_id)
    must_know(reads.actor, import_)
    return _previewed(reads.actor, import_, most)


async def list_rows(
    reads: Reads, import_id: UUID, outcome: Outcome | None, limit: int, after: str | None
) -> bytes:
    """A page of the file's rows in their order. Raises as preview."""
    import_ = await imported.to_preview(reads, import_id)
    must_know(reads.actor, import_)
    return await imported.list_rows(reads, import_id, outcome, limit, after)


async def list_failures(reads: Reads, import_id: UUID) -> AsyncIterator[bytes]:
    """What was skipped or has failed as CSV: why, then the file's own columns, to be corrected and sent anew.

    Raises as preview.
    """
    import_ = await imported.to_preview(reads, import_id)
    must_know(reads.actor, import_)
    return _written(reads, import_id, import_["layout"]["columns"])


async def _written(reads: Reads, import_id: UUID, columns: Sequence[str]) -> AsyncIterator[bytes]:
    own = [n for n, column in enumerate(columns) if column != WHY]
    yield sheets.csv_head([WHY, *(columns[n] for n in own)])
    after = 0
    while rows := await imported.next_told(reads, import_id, after, _AT_ONCE):
        yield await asyncio.to_thread(sheets.csv_lines, [_failure(row, own, len(columns)) for row in rows])
        after = rows[-1]["line"]


def _failure(row: Row, own: Sequence[int], width: int) -> list[str | None]:
    listed = imports.as_cells(json.loads(row["cells"]))
    cells = [listed[n] for n in own if n < len(listed)] + listed[width:]
    return [f"{row['detail']} ({row['code']}, line {row['line']})", *cells]


def _previewed(actor: Actor, import_: Mapping[str, Any], most: int) -> dict[str, Any]:
    target, columns, mapping = Target(import_["target"]), import_["layout"]["columns"], import_["mapping"]
    kind = KINDS[target]
    known = fields_of(target, actor)
    read = cells.reader(
        columns,
        {column: path for column, path in mapping.items() if cells.is_known(path, known)},
        known,
        cells.style_of(import_["options"], import_["time_zone"], import_["currency"]),
        kind.apart,
    )
    named = cells.columns_by_field(mapping)
    shown = []
    for line, listed, detail in import_["sample"][:most]:
        row = read(imports.as_cells(listed)) if len(listed) == len(columns) else cells.Read()
        # A line alone is no record yet.
        found = [] if target is Target.LINE else _problems(row.values, kind, named)
        problems = [detail] if detail else [*row.faults, *found]
        shown.append(
            {"line": line, "values": row.values | row.links | _told_beside(row), "problems": problems}
        )
    return {
        "rows": shown,
        "unmapped": [column for column in columns if column not in mapping],
        "missing": _missing(import_, known),
    }


def _told_beside(row: cells.Read) -> dict[str, Any]:
    entered = {f"entered:{stage}": at for stage, at in row.entered.items()}
    return row.apart | entered | _consents(row)


def _consents(row: cells.Read) -> dict[str, Any]:
    said = [
        {"purpose": purpose, "channel": channel, "state": state}
        for (purpose, channel), state in row.consents.items()
    ]
    return {"consents": said} if said else {}


def _missing(import_: Mapping[str, Any], fields: Mapping[str, Field]) -> str | None:
    try:
        plan_start(import_["target"], import_["mode"], import_["mapping"], import_["match"])
        cells.must_be_known(import_["mapping"], fields)
    except (RuleBroken, InvalidInput) as refusal:
        return refusal.detail
    return None


def _problems(values: dict[str, Any], kind: Kind, named: Mapping[str, str]) -> list[str]:
    try:
        bulk.asked(values, kind.add, kind.upsert)
    except InvalidInput as refusal:
        return [told(refusal, named)]
    return []
