"""Search over all nouns."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.schemas.base import Shape

Searched = Literal["contact", "company", "product", "order", "deal", "observation"]


class SearchQuery(Shape):
    """Words, and where to look for them."""

    q: str = Field(
        min_length=1, max_length=200, description="Names, pinyin, initials, e-mails, phones, numbers."
    )
    noun: list[Searched] | None = Field(
        None, description="Only these nouns; all that you may read when left out."
    )
    limit: int = Field(10, ge=1, le=50, description="At most so many of each noun.")


class Hit(BaseModel):
    """One record that the words found."""

    noun: Searched
    id: UUID
    title: str | None = Field(description="Its name or number; null when it is hidden from you.")


class Hits(BaseModel):
    """What the words found, noun by noun, newest first; more holds the nouns that have more than the limit."""

    data: list[Hit]
    more: list[Searched]
