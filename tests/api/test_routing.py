"""Routers: only those that may have the route of a request try theirs."""

from typing import Any

import pytest
from fastapi import APIRouter

from app.api.routing import Router
from app.api.v1 import ROUTERS, settings, users
from tests.makers.organisations import Organisation


def test_every_router_knows_which_requests_are_none_of_its():
    assert all(type(router) is Router for router in ROUTERS)


@pytest.mark.parametrize(
    ("path", "router", "status"),
    [
        ("/v1/settings", settings.router, 200),
        ("/v1/users/me/of/nobody", users.router, 404),
        ("/v1/nothing", None, 404),
        ("/", None, 404),
    ],
)
async def test_only_the_routers_of_a_path_try_their_routes(
    org: Organisation, monkeypatch: pytest.MonkeyPatch, path: str, router: Router | None, status: int
):
    tried = []
    matches = APIRouter.matches

    def noted(self: APIRouter, scope: Any) -> Any:
        tried.append(self)
        return matches(self, scope)

    monkeypatch.setattr(APIRouter, "matches", noted)
    assert (await org.admin.get(path)).status_code == status
    assert [one for one in tried if isinstance(one, Router) and one is not router] == []
    assert router is None or router in tried
