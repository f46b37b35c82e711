"""`rapport import`: a file through the API of a running service, and the account of its rows."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import httpx
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from app.cli.local import Refused
from app.cli.service import Body, Service, watched
from app.domain.imports import Account

SCOPES = (
    "imports:read",
    "imports:write",
    "runs:read",
    *(
        f"{plural}:{verb}"
        for plural in ("contacts", "companies", "products", "orders", "interactions")
        for verb in ("read", "write")
    ),
)
"""What a key must open for any import."""
_ANY = {"If-Match": "*"}
_INTERRUPTED = 130
"""The exit status of a command that was ended by SIGINT."""


@dataclass(frozen=True)
class Said:
    """What was said of a file; the service tells the rest from the file itself."""

    preset: str | None = None
    target: str | None = None
    mode: str | None = None
    sheet: str | None = None
    match: Sequence[str] = ()
    columns: Sequence[str] = ()
    """Each as Column=path; Column= leaves a column out."""
    options: Mapping[str, str | None] | None = None
    """Currency, date_order and decimal_mark."""


def plan(one: Mapping[str, Any], said: Said) -> Body:
    """The changes to what was told from the file. Raises Refused."""
    changes: Body = {}
    if said.columns:
        stated = dict(_column(text) for text in said.columns)
        told = {column: path for column, path in one["mapping"].items() if path not in stated.values()}
        changes["mapping"] = {column: path for column, path in (told | stated).items() if path}
    if said.match:
        changes["match"] = list(said.match)
    if options := {name: value for name, value in (said.options or {}).items() if value is not None}:
        changes["options"] = one["options"] | options
    return changes


def _column(text: str) -> tuple[str, str]:
    column, equals, path = text.rpartition("=")
    if not equals:
        raise Refused(
            f"--map {text!r} names no path: write it as Column=path, or as Column= to leave the column out."
        )
    return column, path.strip()


def import_file(
    console: Console, at: Service, file: Path, said: Said, *, dry_run: bool, sure: bool, failures: Path | None
) -> None:
    """Send the file, show what was found, have it carried out, and tell the account. Raises Refused."""
    try:
        one = _send(console, at, file, said)
        if changes := plan(one, said):
            one = at.ask("PATCH", f"/v1/imports/{one['id']}", json=changes, headers=_ANY)
        _show(console, one)
        _look(console, at, one)
        if not (dry_run or sure or _confirmed(console)):
            raise Refused("Nothing was imported.")
    except KeyboardInterrupt:
        console.print("Nothing was imported.", highlight=False)
        raise SystemExit(_INTERRUPTED) from None
    try:
        run = at.ask("POST", f"/v1/imports/{one['id']}/{'try' if dry_run else 'start'}", headers=_ANY)
        _watch(console, at, run, one)
    except KeyboardInterrupt:
        _left(console, at, one)
    ended = at.ask("GET", f"/v1/imports/{one['id']}")
    account = Account(**ended["trial" if dry_run else "account"])
    console.print(account.sentence(), highlight=False, soft_wrap=True)
    if dry_run:
        console.print("It was a trial: nothing of it was kept.", highlight=False)
    if account.failed or account.skipped:
        _tell_failures(console, at, ended, account, failures or free(file.name))


def _send(console: Console, at: Service, file: Path, said: Said) -> Body:
    query = {"preset": said.preset, "target": said.target, "mode": said.mode, "sheet": said.sheet}
    stated = {name: value for name, value in query.items() if value is not None}
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
        progress.open(file, "rb", description="Sending") as content,
    ):
        return at.ask("POST", "/v1/imports", params={"name": file.name, **stated}, content=content)


def _show(console: Console, one: Mapping[str, Any]) -> None:
    layout = one["layout"]
    how = [layout["format"].upper(), layout["encoding"]]
    if layout["format"] == "csv":
        how.append(f"{layout['delimiter']!r} between cells")
    if layout["sheet"]:
        how.append(f"sheet {layout['sheet']!r}")
    if layout["gzipped"]:
        how.append("gzipped")
    target = "order lines" if one["target"] == "line" else f"{one['target']} records"
    by = f", matched by {', '.join(one['match'])}" if one["match"] else ""
    listed = [f"{one['name']}: {', '.join(how)}; to {target} ({one['mode']}{by})"]
    _print(console, listed)
    table = Table.grid(padding=(0, 3))
    for column in layout["columns"]:
        path = one["mapping"].get(column)
        table.add_row(Text(f"  {column}"), Text(path) if path else Text("not carried over", style="dim"))
    console.print(table)


def _look(console: Console, at: Service, one: Mapping[str, Any]) -> None:
    """Say what is wrong with the first rows. Raises Refused when the mapping lacks something."""
    found = at.ask("GET", f"/v1/imports/{one['id']}/preview", params={"limit": 100})
    if found["missing"]:
        raise Refused(f"{found['missing']} Say where a column goes by --map 'Column=path'.")
    if wrong := [row for row in found["rows"] if row["problems"]]:
        first = wrong[0]
        example = f"line {first['line']}: {' '.join(first['problems'])}"
        _print(
            console, [f"Of the first {len(found['rows'])} rows {len(wrong)} have faults, such as {example}"]
        )


def _confirmed(console: Console) -> bool:
    """Asked of people only: a script has said what it wants."""
    if not console.is_terminal:
        return True
    return console.input("Import it? [y/N] ", markup=False).strip().lower() in {"y", "yes", "是"}


def _watch(console: Console, at: Service, run: Mapping[str, Any], one: Mapping[str, Any]) -> None:
    """Follow the run until it is done. Raises Refused when it ends in another way."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Reading", total=None)

        def show(now: Body) -> None:
            doing = "Reading" if now["total"] is None else now["error"] or "Importing"
            progress.update(task, description=doing, completed=now["done"], total=now["total"])

        ended = watched(at, run, show)
    if ended["status"] != "done":
        raise Refused(_stopped(ended, one))


def _stopped(run: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    why = f"has failed: {run['error']}" if run["status"] == "failed" else "was cancelled."
    return (
        f"The import {why} What it did stays. POST /v1/runs/{run['id']}/retry goes on from there,"
        f" POST /v1/imports/{one['id']}/undo takes it back."
    )


def _left(console: Console, at: Service, one: Mapping[str, Any]) -> NoReturn:
    by = 'curl -H "Authorization: Bearer $RAPPORT_KEY"'
    run = at.ask("GET", f"/v1/imports/{one['id']}")["run_id"]
    here = f"{at.url}/v1/runs/{run}"
    lines = [
        "The import goes on without this command. With a key in RAPPORT_KEY (`rapport create-key` makes one):",
        f"  follow it  {by} {here}",
        f"  cancel it  {by} -X POST {here}/cancel",
    ]
    _print(console, lines)
    raise SystemExit(_INTERRUPTED)


def _tell_failures(console: Console, at: Service, one: Mapping[str, Any], account: Account, to: Path) -> None:
    """Write the rows that were left out to a file. Raises Refused when there are failures among them."""
    try:
        at.save(f"/v1/imports/{one['id']}/failures.csv", to)
    except (OSError, httpx.TransportError) as fault:
        raise Refused(
            f"{account.failed:,} rows have failed, and they cannot be written to {to} ({fault}):"
            f" GET /v1/imports/{one['id']}/failures.csv has them."
        ) from fault
    if account.failed:
        raise Refused(
            f"{account.failed:,} of {account.read:,} rows have failed: they are in {to}, each with its reason."
            " Mend them there and import that file."
        )
    _print(console, [f"The rows that were skipped are in {to}, each with its reason."])


def free(name: str) -> Path:
    """A place here for the failures of a file; what is there may have been mended by hand, and stays."""
    tried = (Path(f"{name}.failures{'' if n == 1 else f'-{n}'}.csv") for n in itertools.count(1))
    return next(path for path in tried if not path.exists())


def _print(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, soft_wrap=True, markup=False, highlight=False)
