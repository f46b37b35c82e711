"""Tags on the wire."""

from uuid import UUID

from pydantic import ConfigDict

from app.schemas.base import DatedQuery, Label, Line, RecordOut, Shape, optional


class TagFields(Shape):
    """What can be written of a tag."""

    colour: Label | None = None
    description: Line | None = None


class TagAdd(TagFields):
    """A new tag."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "vip", "colour": "#b8860b"}]})

    name: Label


class TagEdit(TagFields):
    """Changes to a tag; its name changes by the verb rename."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"colour": "#336699"}]})


class TagUpsert(TagFields):
    """A tag to add, or to edit when its id or its name is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "vip", "colour": "#b8860b"}]})

    id: UUID | None = None
    name: Label = optional()


class TagRename(Shape):
    """A new name, for the tag and on every record that carries it; the name of another tag joins the two."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "VIP"}]})

    name: Label


class TagOut(RecordOut, TagFields):
    """A tag."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    name: Label = optional()


class TagQuery(DatedQuery):
    """Simple filters over tags."""

    name: Label | None = None
