"""People on deals on the wire."""

from uuid import UUID

from pydantic import Field

from app.schemas.base import SURVIVING, Label, Part

MOST_PEOPLE = 50
"""On one deal."""


class DealPerson(Part):
    """Somebody who has a say in a deal, or is to know of it."""

    contact_id: UUID = Field(description=SURVIVING)
    role: Label | None = Field(None, description="In words of your own: decision maker, user, 采购.")


class DealPersonOut(DealPerson):
    """Somebody with a role in a deal, as it is kept."""

    id: UUID
