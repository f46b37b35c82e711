"""Taking a file in, saying what its columns mean, and setting the work going."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import IO, Any
from uuid import UUID

from app.db import files, imports, presets, runs, write
from app.db.engine import Row
from app.db.imports import IMPORTS, SHOWN
from app.db.uow import UnitOfWork
from app.domain import columns
from app.domain.access import Actor
from app.domain.errors import InvalidInput, RuleBroken
from app.domain.exported import Preset
from app.domain.fields import Field, Kind
from app.domain.imports import KEPT_FOR, Mode, Stage, Target, matches, plan_start, possible_matches
from app.domain.presets import PRESETS
from app.domain.time_zones import must_be_known as must_be_zone
from app.kit import tables, written
from app.kit.ids import new_id
from app.kit.lines import Unreadable
from app.kit.tables import Layout
from app.usecases import plain
from app.usecases.imports import cells
from app.usecases.imports.apply import check_allowed, fields_of, must_know
from app.usecases.imports.reading import keeper, must_be_kept
from app.usecases.imports.work import IMPORT, TRIAL

SAMPLE = 500
"""Rows that the meaning of columns is told from."""
SAMPLE_TEXT = 4 * 1024**2
"""Characters of them."""


async def open_import(uow: UnitOfWork, file: IO[bytes], name: str, asked: Mapping[str, Any]) -> UUID:
    """Keep a file, and tell its layout, its target and the meaning of its columns as far as they are not said.

    Raises InvalidInput when it is no file of rows.
    """
    layout, sample = await asyncio.to_thread(_looked_at, file, name, asked)
    preset = await _preset(uow, asked.get("preset"))
    made = new_id()
    import_ = {"id": made, "stage": Stage.READY, **_sender(uow.actor)}
    import_ |= _meaning(uow, layout, sample, preset, asked)
    import_ |= await _stored(uow, file, PurePath(name).name)
    await write.add(uow, IMPORTS, [import_], "import.added")
    await imports.add_rows(uow, made, list(map(keeper(import_), sample[:SHOWN])))
    return made


def _looked_at(file: IO[bytes], name: str, asked: Mapping[str, Any]) -> tuple[Layout, list[tables.Row]]:
    """The file's layout and its first rows. Raises InvalidInput."""
    stated = {key: asked.get(key) for key in ("format", "encoding", "delimiter", "sheet", "header")}
    try:
        layout = tables.detect(file, name, **stated)
        return layout, list(tables.some(tables.rows(file, layout), SAMPLE, SAMPLE_TEXT))
    except Unreadable as fault:
        raise InvalidInput(fault.code, fault.detail, field="file") from None


def _sender(actor: Actor) -> dict[str, Any]:
    return {"owner_id": actor.user_id, "key_id": actor.id if actor.kind == "api_key" else None}


def _meaning(
    uow: UnitOfWork,
    layout: Layout,
    sample: Sequence[tables.Row],
    preset: Preset | None,
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    """What the file means: as it is asked for, as a preset says, or as its first rows tell."""
    by_column = _by_column(layout.columns, [row.cells for row in sample if not row.fault])
    told = asked.get("target") or columns.guess_target(layout.columns) or Target.CONTACT
    target = Target(preset.target if preset else told)
    mapping = preset.mapping(layout.columns) if preset else columns.suggest(target, layout.columns, by_column)
    fields = _fields(uow, target)
    mapping = _open_to(uow.actor, mapping, fields)
    possible = possible_matches(target, mapping.values())
    return {
        "target": target,
        "mode": asked.get("mode") or (preset.mode if preset else Mode.UPSERT),
        "match": [name for name in (preset.match if preset else ()) if name in possible] or possible[:1],
        "layout": asdict(layout),
        "mapping": mapping,
        "options": _options(by_column, mapping, fields) | _stated(preset),
    }


def _open_to(actor: Actor, mapping: Mapping[str, str], fields: Mapping[str, Field]) -> dict[str, str]:
    """The columns that go where the actor may write."""
    consenting = actor.writes("contact", "consents") and actor.reads("contact", "consents")
    return {
        column: path
        for column, path in mapping.items()
        if cells.is_known(path, fields) and (consenting or not columns.is_consent(path))
    }


async def _stored(uow: UnitOfWork, file: IO[bytes], name: str) -> dict[str, Any]:
    """Keep the file for a while."""
    file.seek(0)
    until = uow.now + KEPT_FOR
    kept = await files.store(uow, name, "application/octet-stream", _parts(file), expires_at=until)
    return {"name": name, "size": kept.size, "sha256": kept.sha256, "file_id": kept.id, "expires_at": until}


def _stated(preset: Preset | None) -> dict[str, Any]:
    if preset is None:
        return {}
    return {**preset.options, **({"system": preset.system} if preset.system else {})}


async def _preset(uow: UnitOfWork, key: str | None) -> Preset | None:
    """The organisation's own preset of this key, or one that comes along."""
    if key is None:
        return None
    if own := await presets.by_key(uow, key):
        options = {name: value for name, value in own["options"].items() if value is not None}
        means = (own["target"], own["mapping"], options.get("system"))
        return Preset(key, key, key, *means, mode=own["mode"], match=own["match"], options=options)
    if key not in PRESETS:
        raise InvalidInput(
            "preset_unknown",
            f"There is no preset {key!r} of your own; those that come along are {', '.join(PRESETS)}.",
            field="preset",
        )
    return PRESETS[key]


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    while part := file.read(files.PART):
        yield part


def _options(
    by_column: Mapping[str, Sequence[str]], mapping: Mapping[str, str], fields: Mapping[str, Field]
) -> dict[str, Any]:
    """How the file writes its dates and numbers, as far as its first rows tell."""

    def cells_of(*kinds: Kind) -> list[str]:
        told = [column for column, path in mapping.items() if path in fields and fields[path].kind in kinds]
        return [cell for column in told for cell in by_column.get(column, ())]

    return {
        "date_order": written.date_order(cells_of(Kind.DATE, Kind.TIME)),
        "decimal_mark": written.decimal_mark(cells_of(Kind.NUMBER, Kind.INTEGER)),
    }


def _by_column(names: Sequence[str], rows: Sequence[Sequence[str | None]]) -> dict[str, list[str]]:
    return {name: [cell for row in rows if (cell := row[n]) is not None] for n, name in enumerate(names)}


async def _told_anew(
    uow: UnitOfWork, import_: Row, after: Mapping[str, Any], fields: Mapping[str, Field]
) -> dict[str, Any]:
    """What the first rows tell by the new mapping, for those options that were told, and not stated, before."""
    by_column = _by_column(import_["layout"]["columns"], await imports.sample(uow, import_["id"]))
    before = _options(by_column, import_["mapping"], _fields(uow, import_["target"]))
    told = _options(by_column, after["mapping"], fields)
    return {
        name: value for name, value in told.items() if import_["options"].get(name) in {before[name], None}
    }


async def edit_import(
    uow: UnitOfWork, import_id: UUID, given: Mapping[str, Any], *, version: int | None
) -> None:
    """Say what the columns mean and what is to be done.

    Raises RuleBroken once it has begun, and Forbidden for whoever may not know the cells: they could send them where
    they may look.
    """
    import_ = await _ready(uow, import_id, version, given)
    if import_["owner_id"] != uow.actor.user_id:
        must_know(uow.actor, import_)
    after = {**import_, **given}
    fields = _fields(uow, after["target"])
    options = dict(import_["options"])
    if "mapping" in given or "target" in given:
        options |= await _told_anew(uow, import_, after, fields)
    options |= given.get("options", {})
    if zone := given.get("options", {}).get("time_zone"):
        must_be_zone(zone)
    for column, path in after["mapping"].items():
        if column not in import_["layout"]["columns"]:
            raise InvalidInput("column_unknown", f"This file has no column {column!r}.", field="mapping")
        if not columns.is_path(after["target"], path) or not cells.is_known(path, fields):
            raise InvalidInput(
                "path_unknown", f"No column of a {after['target']} can go to {path!r}.", field="mapping"
            )
    twice = [path for path in after["mapping"].values() if list(after["mapping"].values()).count(path) > 1]
    if twice:
        raise InvalidInput("path_twice", f"Two columns cannot both go to {twice[0]!r}.", field="mapping")
    if "match" not in given:  # what was told from the file must not stand against what is said of it
        possible = possible_matches(Target(after["target"]), after["mapping"].values())
        after["match"] = [name for name in import_["match"] if name in possible]
    by = matches(Target(after["target"]), after["mapping"].values(), after["match"])
    await plain.edit_row(uow, IMPORTS, import_, {**given, "match": by, "options": options})


def _fields(uow: UnitOfWork, target: str) -> Mapping[str, Field]:
    return fields_of(Target(target), uow.actor)


async def start_import(uow: UnitOfWork, import_id: UUID, *, version: int | None) -> UUID:
    """Begin; the run that does it. Raises RuleBroken where something is missing, Forbidden without the target's scope."""
    return await _begin(uow, import_id, version, trial=False)


async def try_import(uow: UnitOfWork, import_id: UUID, *, version: int | None) -> UUID:
    """Do everything and keep nothing but the account; the run that does it. Raises as `start_import`."""
    return await _begin(uow, import_id, version, trial=True)


async def _begin(uow: UnitOfWork, import_id: UUID, version: int | None, *, trial: bool) -> UUID:
    import_ = await _ready(uow, import_id, version, {})
    if import_["archived_at"] is not None:
        raise RuleBroken("archived", "This import is archived; restore it before you begin.")
    by = plan_start(import_["target"], import_["mode"], import_["mapping"], import_["match"])
    check_allowed(uow.actor, import_, by)
    cells.must_be_known(import_["mapping"], _fields(uow, import_["target"]))
    await must_be_kept(uow, import_)
    until = uow.now + KEPT_FOR
    await files.keep_until(uow, import_["file_id"], until)
    run = await runs.start(uow, TRIAL if trial else IMPORT, {"import_id": import_id})
    more: dict[str, Any]
    after = {"match": by, "run_id": run, "expires_at": until}
    if trial:
        more, event = {"trial": None}, "import.trial_started"
    else:
        more, event = {"stage": Stage.STARTED}, "import.started"
    await write.change(uow, IMPORTS, [(import_, after | more)], event)
    return run


async def _ready(uow: UnitOfWork, import_id: UUID, version: int | None, given: Mapping[str, Any]) -> Row:
    """The import, locked, if nobody has begun with it. Raises RuleBroken."""
    import_ = await plain.get_locked(uow, IMPORTS, import_id, version, dict(given))
    if import_["stage"] != Stage.READY:
        raise RuleBroken(
            "import_begun", "This import has begun; send the file anew to read it in another way."
        )
    if await imports.under_way(uow, import_["run_id"]):
        raise RuleBroken(
            "import_under_trial",
            "This import is being tried; wait for its run to end, or cancel it.",
            run=import_["run_id"],
        )
    return import_
