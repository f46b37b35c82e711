"""What belongs to one record alone, as the organisation says."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kit import names


def of(custom: Mapping[str, Any], identifying: Sequence[str]) -> list[str]:
    """The values of the identifying custom fields, each with its field."""
    return [f"{key} {names.folded(str(custom[key]))}" for key in identifying if custom.get(key)]
