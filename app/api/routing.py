"""Routers that know at once which requests are none of theirs."""

from functools import cached_property

from fastapi import APIRouter
from starlette.routing import Match
from starlette.types import Scope


class Router(APIRouter):
    """A router that tries its routes only where a path holds the first word of one of them.

    Routes are tried one after the other: of some hundreds, a late one would cost twice what its answer does.
    """

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(route.path.split("/")[1] for route in self.routes)  # type: ignore[attr-defined]  # all have one

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """How a route of this router fits the request."""
        if self._words.isdisjoint(scope["path"].split("/")):
            return Match.NONE, {}
        return super().matches(scope)
