"""What every shape shares: strict names, money as text, times with their zone, pages."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar
from uuid import UUID

from annotated_types import Ge, Le
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainValidator,
    StringConstraints,
    model_validator,
)
from pydantic.json_schema import WithJsonSchema

from app.domain.access import EVERYTHING, Scope
from app.schemas.conditions import Where
from app.schemas.problems import Problem

_NO_NUL = r"^[^\x00]*$"
_SOMETHING = r"^[^\x00]*[^\x00\s][^\x00]*$"

Name = Annotated[str, StringConstraints(max_length=200, pattern=_SOMETHING)]
Line = Annotated[str, StringConstraints(max_length=500, pattern=_NO_NUL)]
LongText = Annotated[str, StringConstraints(max_length=100_000, pattern=_NO_NUL)]
Code = Annotated[
    str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x20]([^\x00-\x1f]*[^\x00-\x20])?$")
]
Label = Annotated[
    str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x20]([^\x00-\x1f]*[^\x00-\x20])?$")
]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
Address = Annotated[
    str,
    StringConstraints(
        max_length=2_000,
        pattern=r"^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?#][!-~]*)?$",
    ),
]
"""Of a page."""
ScopeName = Annotated[
    str,
    StringConstraints(pattern=r"^(\*|[a-z_]{1,40}:[a-z_]{1,20})$"),
    WithJsonSchema({"type": "string", "enum": [EVERYTHING, *map(str, Scope)]}),
]
# As long as four sort values of the longest text can make one.
Cursor = Annotated[str, StringConstraints(max_length=300_000)]
Labels = Annotated[list[Label], Field(max_length=100)]
External = Annotated[dict[Key, Code | None], Field(max_length=20)]
ExternalOut = dict[Key, Code]
"""Of any size: what one request adds has a limit, what a record comes to bear has none."""
Custom = Annotated[dict[Key, JsonValue], Field(max_length=200)]


_REMEMBERED = 4_096
"""Amounts of a kind: the same prices and quantities come again and again."""


def _written(pattern: str, instead: str) -> BeforeValidator:
    """Text of this pattern only: pydantic would also take numbers, other spellings, and seconds since 1970."""
    fits = re.compile(pattern.removeprefix("^").removesuffix("$")).fullmatch

    def check(value: Any) -> Any:
        if (isinstance(value, str) and not fits(value)) or isinstance(value, int | float):
            raise ValueError(instead)
        return value

    return BeforeValidator(check)


def _decimal(pattern: str, summary: str, digits: int, places: int) -> tuple[Any, ...]:
    schema = {"type": "string", "pattern": pattern, "description": summary}
    fits = re.compile(pattern.removeprefix("^").removesuffix("$")).fullmatch
    unit = Decimal(1).scaleb(-places)
    instead = (
        f'send it as text, such as "12.50", with up to {digits} digits before the point and {places} after it: a JSON'
        " number is not exact"
    )

    @lru_cache(_REMEMBERED)
    def read(text: str) -> Decimal:
        if not fits(text):
            raise ValueError(instead)
        # With the places that are kept, so that answers, events and stored records say one amount in one way.
        return Decimal(text).quantize(unit) + 0  # there is one zero, without a sign

    def check(value: Any) -> Decimal:
        if isinstance(value, Decimal):
            return read(format(value, "f"))
        if not isinstance(value, str):
            raise ValueError(instead)  # noqa: TRY004 - pydantic reports values, not types
        return read(value)

    # Read by us alone: pydantic's own steps take most of the time of a file of order lines.
    return PlainValidator(check), WithJsonSchema(schema)


_MONEY = r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?"
_QUANTITY = r"(0|[1-9][0-9]{0,9})(\.[0-9]{1,4})?"

Money = Annotated[
    Decimal,
    *_decimal(f"^{_MONEY}$", "An amount as exact text, never a JSON number.", 12, 4),
]
SignedMoney = Annotated[
    Decimal,
    *_decimal(f"^-?{_MONEY}$", "An amount as exact text, below zero for what is given back.", 12, 4),
]
SignedQuantity = Annotated[
    Decimal,
    *_decimal(f"^-?{_QUANTITY}$", "A quantity as exact text, below zero for what is taken back.", 10, 4),
]
Figure = Annotated[
    Decimal,
    *_decimal(f"^-?{_MONEY}$", "A figure as exact text, of money or of anything else.", 12, 4),
]
Share = Annotated[
    Decimal,
    *_decimal(r"^(0(\.[0-9]{1,4})?|1(\.0{1,4})?)$", "From 0 to 1 as exact text.", 1, 4),
]
Rate = Annotated[
    Decimal,
    *_decimal(
        r"^([1-9][0-9]{0,7}(\.[0-9]{1,10})?|0\.(?=0*[1-9])[0-9]{1,10})$",
        "A rate above zero as exact text.",
        8,
        10,
    ),
]


_DAY = r"(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
_DAYS = rf"^(18[5-9]|19[0-9]|2[01][0-9])[0-9]-{_DAY}$"
_TIMES = rf"^(19|2[01])[0-9]{{2}}-{_DAY}T{_CLOCK}:[0-5][0-9](\.[0-9]{{1,6}})?(Z|[+-]{_CLOCK})$"
_TIME_SAYS = "RFC 3339 with its offset, in the years 1900 to 2199."
_DAY_SAYS = "A day in the years 1850 to 2199."

Time = Annotated[
    AwareDatetime,
    Ge(datetime(1900, 1, 1, tzinfo=UTC)),
    Le(datetime(2199, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
    AfterValidator(lambda moment: moment.astimezone(UTC)),
    _written(_TIMES, 'write it out with its offset, such as "2026-01-31T08:30:00Z"'),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": _TIMES, "description": _TIME_SAYS}),
]
Day = Annotated[
    date,
    Ge(date(1850, 1, 1)),
    Le(date(2199, 12, 31)),
    _written(_DAYS, 'write it out, such as "2026-01-31"'),
    WithJsonSchema({"type": "string", "format": "date", "pattern": _DAYS, "description": _DAY_SAYS}),
]


def _is_bool(value: Any) -> Any:
    if not isinstance(value, bool):
        raise ValueError("write true or false")  # noqa: TRY004 - pydantic reports values, not types
    return value


def _is_number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("write a JSON number")  # noqa: TRY004
    return value


Flag = Annotated[bool, BeforeValidator(_is_bool)]
"""In a body, where pydantic would take words such as "yes"."""
NUMBER = BeforeValidator(_is_number)
"""Of whole numbers in a body, where pydantic would take text and booleans."""
SURVIVING = "One that was merged into another stands for the survivor: that is kept, and stays when the merge is undone."
"""What is told of a reference to what can be merged."""


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def optional(**more: Any) -> Any:
    """A value that may be left out but not be null."""
    return Field(default=None, json_schema_extra=_without_default, **more)


class Shape(BaseModel):
    """Unknown names are refused, and named."""

    model_config = ConfigDict(extra="forbid")


class Part(Shape):
    """A shape inside another is written whole: what is left out of it is its default, in an edit too."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        self.model_fields_set.update(self.__pydantic_fields__)
        return self


class RecordOut(BaseModel):
    """What every record shows. Fields that were not asked for, or that the caller's role may not read, are left out."""

    id: UUID
    version: int
    created_at: datetime = optional()
    updated_at: datetime = optional()
    archived_at: datetime | None = None


T = TypeVar("T")


class Counted(BaseModel):
    """A record that a number counts."""

    id: UUID


class Page(BaseModel, Generic[T]):
    """One page of a list; next is the cursor of the following page, null on the last."""

    data: list[T]
    next: str | None


_BOTH = BeforeValidator(lambda archived: None if archived == "any" else archived)
_SAYS = WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "const": "any"}, {"type": "null"}]})
_ARCHIVED = 'true: only archived ones; false or left out: none of them; "any": both.'


class PageQuery(Shape):
    """The parameters that every list takes."""

    limit: int = Field(50, ge=1, le=200, description="Records a page.")
    # An address longer than 65,535 bytes is no HTTP to the server.
    cursor: Cursor | None = Field(
        None, max_length=60_000, description="The `next` of the page before; a longer one goes to search."
    )
    sort: str = Field(
        "-created_at",
        max_length=200,
        description="Fields, comma-separated, `-` for downwards; a contact's or company's name goes by its sound.",
    )
    fields: str | None = Field(
        None, max_length=2000, description="Fields to show, comma-separated; all when left out."
    )
    archived: Annotated[bool | None, _BOTH, _SAYS] = Field(False, description=_ARCHIVED)

    tests: ClassVar[dict[str, tuple[str, str]]] = {}
    """Parameter to (field, operator), where they are not (its own name, eq)."""
    apart: ClassVar[frozenset[str]] = frozenset({"q"})
    """Parameters that are no filter by one field."""

    def filters(self) -> list[tuple[str, str, Any]]:
        """The simple filters that were given, as (field, operator, value)."""
        given = self.model_dump(
            exclude_unset=True, exclude_none=True, exclude={*PageQuery.model_fields, *self.apart}
        )
        return [(*self.tests.get(name, (name, "eq")), value) for name, value in given.items()]


class DatedQuery(PageQuery):
    """Lists of records that can be followed by time."""

    created_since: Time | None = None
    updated_since: Time | None = Field(
        None,
        description="Changed since then; without a `sort`, in the order of `updated_at`. That is when a change began: one that"
        " is kept after you have looked may bear an earlier time. Who must miss nothing follows `/v1/events` with"
        " `order=committed`.",
    )

    @model_validator(mode="after")
    def _follows(self) -> Self:
        # An index serves this order from the moment asked for; the newest first would walk every record there is.
        if self.updated_since is not None and "sort" not in self.model_fields_set:
            self.sort = "updated_at"
        return self

    tests: ClassVar[dict[str, tuple[str, str]]] = {
        "created_since": ("created_at", "gte"),
        "updated_since": ("updated_at", "gte"),
    }


class RecordQuery(DatedQuery):
    """Lists of records that people own, tag and search."""

    q: str | None = Field(None, min_length=1, max_length=200, description="Words to search for.")
    owner_id: UUID | None = None
    tag: Label | None = None

    tests: ClassVar[dict[str, tuple[str, str]]] = DatedQuery.tests | {"tag": ("tags", "has")}


def _always() -> dict[str, JsonValue]:
    return {"all": []}


class Search(Shape):
    """A list with a full condition."""

    where: Where = Field(default_factory=_always)
    q: str | None = Field(None, min_length=1, max_length=200)
    limit: Annotated[int, Field(ge=1, le=200), NUMBER] = 50
    cursor: Cursor | None = None
    sort: str = Field("-created_at", max_length=200)
    fields: list[Key] | None = Field(None, max_length=100)
    archived: Annotated[Flag | None, _BOTH, _SAYS] = Field(False, description=_ARCHIVED)


class CountQuery(Shape):
    """What to count."""

    where: Where = Field(default_factory=_always)
    q: str | None = Field(None, min_length=1, max_length=200)
    archived: Annotated[Flag | None, _BOTH, _SAYS] = Field(False, description=_ARCHIVED)


class Count(BaseModel):
    """How many."""

    count: int


class BulkItem(BaseModel):
    """What came of one item."""

    index: int
    status: Literal["created", "updated", "unchanged", "failed"]
    id: UUID | None = None
    problem: Problem | None = Field(None, description="Why it failed.")


class BulkResult(BaseModel):
    """What came of every item, in their order, and how many of each."""

    created: int
    updated: int
    unchanged: int
    failed: int
    items: list[BulkItem]
