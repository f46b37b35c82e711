"""Products on the wire."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.schemas.base import (
    Code,
    Currency,
    Custom,
    DatedQuery,
    External,
    ExternalOut,
    Flag,
    Label,
    Labels,
    Line,
    Money,
    Name,
    RecordOut,
    Shape,
    optional,
)


class ProductFields(Shape):
    """What can be written of a product."""

    sku: Code = optional()
    name: Name = optional()
    category: Line | None = None
    price: Money = optional()
    cost: Money | None = None
    currency: Currency = optional()
    active: Flag = True
    tags: Labels = Field(default_factory=list)
    external_ids: External = Field(default_factory=dict)
    custom: Custom = Field(default_factory=dict)


_EXAMPLE: dict[str, JsonValue] = {
    "sku": "TEA-0042",
    "name": "龙井 特级 250g",
    "category": "茶叶",
    "price": "168.00",
    "cost": "92.50",
    "currency": "CNY",
}


class ProductAdd(ProductFields):
    """A new product."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    sku: Code
    name: Name
    price: Money
    currency: Currency


class ProductEdit(ProductFields):
    """Changes to a product."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"price": "158.00"}]})


class ProductUpsert(ProductFields):
    """A product to add, or to edit when its id, SKU or one of its external ids is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: UUID | None = None


class ProductOut(RecordOut, ProductFields):
    """A product."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    external_ids: ExternalOut = Field(default_factory=dict)  # type: ignore[assignment]  # no null, no limit


class ProductQuery(DatedQuery):
    """Simple filters over products."""

    q: str | None = Field(None, min_length=1, max_length=200, description="Words to search for.")
    sku: Code | None = None
    category: Line | None = None
    active: bool | None = None
    tag: Label | None = None

    tests: ClassVar[dict[str, tuple[str, str]]] = DatedQuery.tests | {"tag": ("tags", "has")}


class PriceOut(BaseModel):
    """A price and when it began to hold; a field that the caller may not read, or that did not change, is left out."""

    at: datetime
    version: int
    price: str | None = None
    cost: str | None = None
    currency: str | None = None
    actor_id: UUID
