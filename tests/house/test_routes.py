"""Every route is entered by a door, and says in the document what it is."""

import re

import pytest
from fastapi.routing import RouteContext

from app.api.doors import Door, ReadDoor, WriteDoor
from app.api.openapi import door_of, routes_of
from app.api.v1 import ROUTERS
from app.main import app, openapi_document
from tests.house.source import ROOT

OPEN = {
    "check_alive": "a supervisor asks it",
    "check_ready": "a supervisor asks it",
    "get_metrics": "Prometheus asks it; keep it from the outside by the proxy",
    "sign_in": "it is how one becomes known",
    "refresh_login": "it is how one stays known",
    "download_export": "a link says who it is for, and until when",
    "get_public_form": "anybody may fill in a form; its address is signed",
    "get_public_form_page": "the same, as a page",
    "send_public_form": "the same, filled in; it writes what the form asks for and nothing else",
}
"""Routes that need no identity, and why."""
ASKING = re.compile(r"(search|count|preview)_[a-z_]+")
"""POST that only asks, because its question does not fit into an address."""
ANY_KNOWN = {
    "sign_out",
    "get_me",
    "change_password",
    "list_logins",
    "revoke_login",
    "explain_access",
    "search_everything",
    "list_nouns",
    "get_noun",
    "cancel_run",
    "retry_run",
}
"""Routes for every known caller, whatever their scopes: about themselves and what they asked for, or showing only what
they may read."""
_DOCUMENT = openapi_document()
_ROUTES = {str(route.name): route for route in routes_of(app)}


def _operation(route: RouteContext) -> dict[str, object]:
    [method] = route.methods or set[str]()
    found: dict[str, object] = _DOCUMENT["paths"][route.path_format][method.lower()]
    return found


def test_every_route_is_looked_at():
    operations = [one["operationId"] for item in _DOCUMENT["paths"].values() for one in item.values()]
    assert len(operations) > 50
    assert sorted(operations) == sorted(_ROUTES) == sorted(str(route.name) for route in routes_of(app))


@pytest.mark.parametrize("name", sorted(_ROUTES))
def test_every_route_is_entered_by_one_door(name: str):
    route = _ROUTES[name]
    calls = [dependency.call for dependency in route.dependant.dependencies]
    doors = [call for call in calls if isinstance(call, Door)]
    if name in OPEN:
        assert doors == []
        assert _operation(route)["security"] == []
        return
    assert len(doors) == 1, (
        f"{name} is open to everybody: enter by reads(…) or writes(…), or say in OPEN why not"
    )
    assert (doors[0].scope is None) == (name in ANY_KNOWN), (
        f"{name} asks for no scope, or stands in ANY_KNOWN for none"
    )
    assert _operation(route)["security"]


@pytest.mark.parametrize("name", sorted(_ROUTES))
def test_whatever_changes_something_has_a_unit_of_work_and_nothing_else_has(name: str):
    route = _ROUTES[name]
    [method] = route.methods or set[str]()
    door = door_of(route)
    if method == "GET" or ASKING.fullmatch(name):
        assert not isinstance(door, WriteDoor), f"{name} only asks, so it enters by reads(…)"
    elif name not in OPEN:
        assert isinstance(door, WriteDoor), f"{name} changes something, so it enters by writes(…)"


@pytest.mark.parametrize("name", sorted(_ROUTES))
def test_a_scope_says_what_the_door_opens(name: str):
    door = door_of(_ROUTES[name])
    if door is not None and door.scope is not None:
        assert str(door.scope).endswith(":read" if isinstance(door, ReadDoor) else ":write")


@pytest.mark.parametrize("name", sorted(_ROUTES))
def test_an_endpoint_is_called_by_what_it_does(name: str):
    route = _ROUTES[name]
    assert route.endpoint is not None
    assert _operation(route)["operationId"] == route.endpoint.__name__ == name
    assert re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", name), f"{name} is no verb_noun"


@pytest.mark.parametrize("name", sorted(_ROUTES))
def test_an_operation_says_what_it_does_and_what_can_go_wrong(name: str):
    route = _ROUTES[name]
    operation = _operation(route)
    assert re.fullmatch(r"[A-Z].{8,}\.", str(operation["summary"])), f"the summary of {name} is no sentence"
    responses = operation["responses"]
    assert isinstance(responses, dict)
    expected = set() if name in OPEN else {"401", "403", "422", "503"}
    if isinstance(door_of(route), WriteDoor):
        expected |= {"409", "413"}
        if any(
            getattr(call.call, "__module__", "") == "app.api.etag" for call in route.dependant.dependencies
        ):
            expected |= {"412", "428"}
    if "{" in str(route.path) and name not in OPEN:
        expected.add("404")
    assert expected <= responses.keys()
    for status in expected:
        assert responses[status] == {"$ref": f"#/components/responses/Problem{status}"}


@pytest.mark.parametrize("router", ROUTERS, ids=lambda router: str(router.tags[0]))
def test_a_file_serves_the_addresses_that_it_is_named_for(router):
    [tag] = router.tags
    assert (ROOT / "app" / "api" / "v1" / f"{tag}.py").is_file()
    assert router.prefix in {f"/{tag}", ""}
