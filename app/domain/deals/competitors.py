"""Competitors in play on a deal."""

from collections.abc import Mapping
from typing import Any

from app.domain.errors import InvalidInput

MOST_COMPETITORS = 50
"""On one deal."""


def check_competitors(deal: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a competitor that stands twice on one deal: it would count twice in every number."""
    named = [str(one["competitor_id"]) for one in deal["competitors"]]
    if twice := next((one for place, one in enumerate(named) if one in named[:place]), None):
        raise InvalidInput(
            "competitor_twice",
            f"The competitor {twice} stands twice on this deal; say all of it in one note.",
            field="competitors",
        )
