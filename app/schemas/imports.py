"""Imports on the wire."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.domain.deals.moves import MOST_REASON
from app.domain.imports import Mode, Outcome, Stage, Target, Undone
from app.schemas.base import DatedQuery, Flag, Key, Label, Line, RecordOut, Shape, Time, optional

Path = Annotated[
    str,
    Field(
        max_length=200,
        pattern=r"^[^\x00]+$",
        description="Where a column goes: a field, email:work, phone:mobile, address.city, external:system, custom.key,"
        " company, owner, contact:email, entered:quote, consent.email, opt_out:research.sms, …",
    ),
]
Mapping = Annotated[dict[Line, Path], Field(max_length=1000)]
Match = Annotated[list[Path], Field(max_length=10)]


class Options(Shape):
    """How the file writes what can be written in several ways, and what is to be done with it."""

    time_zone: Label | None = Field(
        None, description="IANA name, for times without an offset; the organisation's."
    )
    date_order: Literal["ymd", "dmy", "mdy"] | None = Field(
        None, description="Of dates such as 03/04/2026; null where the file leaves it open: then they fail."
    )
    decimal_mark: Literal[".", ","] | None = Field(
        None,
        description="What stands before the decimals; null where the file leaves it open: then 1.234 and 1,234 fail.",
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(
        None, description="Of amounts in rows that name none; the organisation's."
    )
    system: Key | None = Field(
        None, description="The system whose ids the customer codes of order lines are."
    )
    make_missing: Flag = Field(True, description="Whether companies that are named and not known are made.")
    replace: Annotated[dict[Line, dict[Line, Line]], Field(max_length=100)] | None = Field(
        None,
        description="Chosen corrections: by column, what stands in a cell and what is meant, such as a product that is"
        " spelt in two ways.",
    )
    pipeline: UUID | None = Field(None, description="Of new deals; the oldest.")
    undated: Time | None = Field(
        None,
        description="The moment of deals of which no column says since when they stand where they stand.",
    )
    lost_reason: Annotated[str, Field(min_length=1, max_length=MOST_REASON)] | None = Field(
        None, description="Why deals are lost of which the file does not say so."
    )


class ImportAdd(Shape):
    """What is said of a file that is sent; the rest is told from the file."""

    # Every write takes dry_run besides; the door refuses what nobody knows.
    model_config = ConfigDict(extra="ignore")

    name: Annotated[
        str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]+$", description="The file's name.")
    ]
    target: Target | None = None
    preset: Label | None = Field(
        None, description="What the columns mean, by the export that they come from."
    )
    mode: Mode | None = None
    format: Literal["csv", "xlsx", "ndjson"] | None = None
    encoding: Label | None = Field(None, description="utf-8, utf-16, gb18030, …")
    delimiter: Annotated[str, Field(min_length=1, max_length=1, pattern=r"^[^\x00\r\n\"]$")] | None = None
    sheet: Line | None = Field(None, description="Of a workbook; its first one.")
    header: bool | None = Field(None, description="Whether the first row names the columns; so it does.")


class PreviewQuery(Shape):
    """How much to show."""

    limit: int = Field(20, ge=1, le=100)


class ImportEdit(Shape):
    """Changes to an import that has not begun: what is left out stays, also of the options; a mapping is given whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"mode": "upsert", "match": ["email"], "mapping": {"姓名": "name", "邮箱": "email"}}]
        }
    )

    target: Target = optional()
    mode: Mode = optional()
    match: Match = Field(default_factory=list)
    mapping: Mapping = optional()
    options: Options = optional()


class Account(BaseModel):
    """Every row of the file: read = created + updated + unchanged + skipped + failed."""

    read: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    failed: int


class UndoneAccount(BaseModel):
    """Every record that the import had touched."""

    restored: int = Field(description="As they were before.")
    archived: int = Field(description="Made by the import, and put away.")
    kept: int = Field(description="Left as they are, wholly or in some fields.")


class Layout(BaseModel):
    """How the file is read."""

    format: Literal["csv", "xlsx", "ndjson"]
    gzipped: bool
    encoding: str
    delimiter: str
    quote: str
    escape: str | None = None
    sheet: str | None
    header: bool
    columns: list[str]


class ImportOut(RecordOut):
    """A file on its way into records."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    name: str = optional()
    size: int = optional()
    sha256: str = optional()
    owner_id: UUID | None = None
    target: Target = optional()
    mode: Mode = optional()
    match: list[str] = Field(default_factory=list)
    layout: Layout = optional()
    mapping: dict[str, str] = optional()
    options: dict[str, JsonValue] = optional()
    stage: Stage = optional()
    run_id: UUID | None = None
    account: Account | None = None
    undone: UndoneAccount | None = None
    expires_at: datetime = optional(
        description="A file waits 30 days to be imported. The rows of it that were left out can be fetched until 30 days"
        " after the import; then what they said is let go, and their lines and codes stay."
    )
    trial: Account | None = Field(
        None,
        description="What a trial came to, in which nothing was kept. It goes by batches of 5,000 rows. A row that"
        " shares the first thing that it is matched by with rows of batches before is tried after the last ten of them."
        " What rows share beside that is not looked for across batches: one that names a parent by an id that an"
        " earlier row brings, or takes an id that an earlier row of another record has, may fare differently in"
        " earnest.",
    )


class ImportQuery(DatedQuery):
    """Simple filters over imports."""

    target: Target | None = None
    stage: Stage | None = None
    owner_id: UUID | None = None


class RowOut(BaseModel):
    """One row of the file and what became of it."""

    line: int
    cells: list[str | None] | None = Field(
        description="Null once the row has gone well: then they are let go."
    )
    outcome: Outcome | None = Field(description="Null until the row has had its turn.")
    record_id: UUID | None = Field(
        description="The record that it was made into; one that was merged since says in its merged_into_id where it went."
    )
    code: str | None = Field(
        description="Why it was skipped or failed, as a stable code: there_already, not_there; row_ragged, row_too_long, quote_open, cell_too_long,"
        " cell_undecodable, line_not_json, column_unknown, cell_invalid, match_ambiguous; erased; or that of a problem."
    )
    detail: str | None


class RowQuery(Shape):
    """Which rows to list, in the order of the file."""

    outcome: Outcome | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: Annotated[str, Field(max_length=1000)] | None = None


class Conflict(BaseModel):
    """A field that could not go back."""

    field: str
    base: JsonValue = Field(description="Before the import.")
    theirs: JsonValue = Field(description="As others have left it.")
    yours: JsonValue = Field(description="As the import had left it.")


class UndoneOut(BaseModel):
    """A record that the import had touched and what became of it."""

    noun: str
    record_id: UUID | None = Field(description="Null for a record that you do not see.")
    outcome: Undone
    code: str | None = Field(
        description="Why it was kept, as a stable code: changed_since; in_use, others point to it; merged, it became part of"
        " another record, or others of it, so that merge is to be undone first; erased; hidden;"
        " stage_history, a deal stays in the stage to which it was taken, and its other fields went back; or that of a problem."
    )
    conflicts: list[Conflict]


class UndoneQuery(Shape):
    """Which records to list."""

    outcome: Undone | None = None
    limit: int = Field(50, ge=1, le=200)
    cursor: Annotated[str, Field(max_length=1000)] | None = None


class PreviewRow(BaseModel):
    """One row as it would be read."""

    line: int
    values: dict[str, JsonValue]
    problems: list[str]


class Preview(BaseModel):
    """The first rows as they would be read, and what is wrong with them."""

    rows: list[PreviewRow]
    unmapped: list[str] = Field(description="Columns that are not carried over.")
    missing: str | None = Field(description="What the mapping still lacks, if anything.")
