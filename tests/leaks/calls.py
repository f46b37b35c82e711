"""How to call every route: a route that is not here cannot be tried, and a test fails until it is."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fastapi import FastAPI

from app.domain.acquisition import By as CostsBy
from app.domain.deals.changes import Change
from app.domain.deals.cohorts import Group
from app.domain.deals.competition import Outcome
from app.domain.deals.velocity import Behind
from app.domain.revenue import By
from tests.leaks.targets import Call, Targets
from tests.leaks.world import ANY, NOUNS, PIPELINE

DRY = {"dry_run": "true"}
STALE = {"If-Match": '"0"'}
Route = tuple[str, str]
MARKET = ("competitors", "competitor_prices", "observations", "costs")
_YEARS: dict[str, Any] = {"since": "2000-01-01", "before": "2100-01-01"}
_WHERE = {"all": [{"field": "created_at", "op": "gte", "value": "2020-01-01T00:00:00Z"}]}
_ABOUT = {
    "any": [
        {"of": "orders", "measure": "count", "op": "gte", "value": 0},
        {"company": {"field": "name", "op": "is_null", "value": False}},
    ]
}
_NEW: dict[str, dict[str, Any]] = {
    "contacts": {"name": "x"},
    "companies": {"name": "x"},
    "products": {"sku": "x", "name": "x", "price": "1", "currency": "CNY"},
    "orders": {"number": "x", "currency": "CNY", "placed_at": "2020-01-01T00:00:00Z"},
    "deals": {"name": "x", "currency": "CNY"},
    "pipelines": {"name": "x", "template": "b2b"},
    "quotas": {"measure": "won_deals", "begins_on": "2020-01-01", "ends_on": "2020-01-31", "amount": "3"},
    "assignment_rules": {"name": "x", "noun": "contact", "active": False},
    "competitors": {"name": "x"},
    "tasks": {"title": "x"},
    "competitor_prices": {
        "competitor_id": "01a20000-0000-7000-8000-000000000001",
        "their_product": "x",
        "price": "1",
        "currency": "CNY",
        "valid_from": "2026-01-01",
    },
    "observations": {"topic": "x", "kind": "other", "observed_on": "2026-01-01", "source": "x"},
    "costs": {"day": "2026-01-01", "amount": "1", "currency": "CNY"},
    "interactions": {"kind": "call", "at": "2020-01-01T00:00:00Z"},
    "custom_fields": {"noun": "contact", "key": "x", "kind": "text", "label": "x"},
    "exchange_rates": {"currency": "USD", "base": "CNY", "on_date": "2026-01-02", "rate": "7"},
    "calendars": {"name": "x", "time_zone": "UTC", "week": {}},
    "users": {"email": "x@test.example", "name": "x"},
    "teams": {"name": "x"},
    "roles": {"name": "x"},
    "api_keys": {"name": "x"},
    "tags": {"name": "x"},
    "presets": {"key": "x", "target": "contact", "mapping": {}},
    "segments": {"name": "x", "kind": "static"},
    "imports": {"name": "x"},
    "exports": {"noun": "contact", "sort": "name", "format": "ndjson"},
    "forms": {
        "name": "x",
        "title": {"en": "x"},
        "questions": [{"path": "email", "label": {"en": "x"}}],
        "active": False,
    },
    "duplicates": {},
    "merges": {},
}
_EDIT: dict[str, dict[str, Any]] = {
    "products": {"active": True},
    "custom_fields": {"required": False},
    "exchange_rates": {"rate": "8"},
    "calendars": {"time_zone": "Asia/Shanghai"},
    "pipelines": {"name": "y"},
    "quotas": {"note": "y"},
    "assignment_rules": {"name": "y"},
    "competitors": {"note": "y"},
    "competitor_prices": {"source": "y"},
    "observations": {"text": "y"},
    "costs": {"note": "y"},
    "users": {"language": "en"},
    "teams": {"name": "y"},
    "roles": {"name": "y"},
    "api_keys": {"name": "y"},
    "tags": {"colour": "red"},
    "presets": {"mode": "create"},
    "segments": {"description": "y"},
    "imports": {"mode": "create"},
    "forms": {"title": {"en": "y"}},
}
_WITH_WORDS = {"contacts", "companies", "products", "orders", "deals"}


Builder = Callable[[Targets], Iterable[tuple[str, dict[str, Any]]]]


def _by_id(plural: str, tail: str = "", *, writing: bool = False, **more: Any) -> Builder:
    return lambda t: [(f"/v1/{plural}/{id_}{tail}", dict(more)) for id_ in t.ids(plural, writing=writing)]


def _plainly(address: str, *variants: dict[str, Any]) -> Builder:
    return lambda _: [(address, dict(more)) for more in variants]


def _edits(plural: str) -> Builder:
    body = _EDIT.get(plural, {"tags": []})

    def build(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
        for id_ in t.ids(plural, writing=True):
            for headers in (ANY, STALE):
                yield f"/v1/{plural}/{id_}", {"params": DRY, "json": body, "headers": headers}

    return build


def _bulk(plural: str) -> Builder:
    def build(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
        if plural in t.others:
            items = [{"id": id_, **_EDIT[plural]} for id_ in t.others[plural]]
            yield f"/v1/{plural}/bulk", {"params": DRY, "json": {"items": [*items, _NEW[plural]]}}
            return
        chosen = t.writing[plural]
        key = {"orders": "number", "products": "sku"}.get(plural)
        items = [{"id": one.id, "tags": []} for one in chosen]
        items += [{"external_ids": {"erp": one.external}, "tags": []} for one in chosen]
        items += [{key: one.number, "tags": []} for one in chosen if key]
        items += [{**_NEW[plural], "external_ids": {"erp": one.external, "pos": "1"}} for one in chosen]
        yield f"/v1/{plural}/bulk", {"params": DRY, "json": {"items": items}}

    return build


def _new(plural: str) -> Builder:
    def build(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
        yield f"/v1/{plural}", {"params": DRY, "json": _NEW[plural]}
        for one in t.writing.get(plural, []):
            key = {"orders": "number", "products": "sku"}.get(plural)
            taken = {key: one.number} if key else {"external_ids": {"erp": one.external}}
            yield f"/v1/{plural}", {"params": DRY, "json": {**_NEW[plural], **taken}}

    return build


def _by_external(plural: str, **more: Any) -> Builder:
    return lambda t: [
        (f"/v1/{plural}/by/erp/{external}", dict(more)) for external in t.external(plural, writing=bool(more))
    ]


def _generic(plural: str) -> dict[Route, Builder]:
    root = f"/v1/{plural}"
    record = f"{root}/{{id}}"
    written = {"params": DRY, "headers": ANY}
    listed = [
        {"params": {"limit": "2", "sort": "id"}},
        {"params": {"limit": "200"}},
        {"params": {"archived": "true"}},
    ]
    if plural in _WITH_WORDS:
        listed.append({"params": {"q": "zq", "limit": "200"}})
    found: dict[Route, Builder] = {
        ("GET", root): _plainly(root, *listed),
        ("POST", f"{root}/search"): _plainly(
            f"{root}/search", {"json": {"where": _WHERE, "limit": 200}}, {"json": {"limit": 1}}
        ),
        ("POST", f"{root}/count"): _plainly(f"{root}/count", {"json": {"where": _WHERE}}),
        ("GET", record): _by_id(plural),
        ("POST", root): _new(plural),
        ("PATCH", record): _edits(plural),
        ("POST", f"{record}/archive"): _by_id(plural, "/archive", writing=True, **written),
        ("POST", f"{record}/restore"): _by_id(plural, "/restore", writing=True, **written),
        ("GET", f"{record}/history"): _by_id(plural, "/history"),
    }
    if plural in _EDIT or plural in NOUNS.values():
        found[("POST", f"{root}/bulk")] = _bulk(plural)
    if plural in {*NOUNS.values(), "users", "teams", "calendars", "quotas", *MARKET}:
        named = f"{root}/by/{{system}}/{{external_id}}"
        body = {"tags": []} if plural in NOUNS.values() else _EDIT[plural]
        found[("GET", named)] = _by_external(plural)
        found[("PUT", named)] = _by_external(plural, params=DRY, json=body)
    return found


_SAID = {"purpose": "zqz", "channel": "sms", "state": "granted", "source": "x"}
_VERBS: dict[str, Any] = {
    "pay": {},
    "ship": {"at": "1999-01-01T00:00:00Z"},
    "cancel": {},
    "refund": {"amount": "99999999"},
}

_TASK_VERBS = ("complete", "cancel", "reopen")
ROUTES: dict[Route, Builder] = {
    route: builder
    for plural in (
        *NOUNS.values(),
        *(
            "custom_fields",
            "exchange_rates",
            "calendars",
            "pipelines",
            "quotas",
            "assignment_rules",
            *MARKET,
            "tags",
            "segments",
            "users",
            "teams",
            "roles",
            "api_keys",
            "runs",
            "presets",
            "imports",
            "exports",
            "forms",
            "duplicates",
            "merges",
        ),
    )
    for route, builder in _generic(plural).items()
}
for method, template in (
    ("POST", "/v1/api_keys/bulk"),
    ("POST", "/v1/assignment_rules/bulk"),
    ("POST", "/v1/api_keys/{id}/archive"),
    ("POST", "/v1/api_keys/{id}/restore"),
    ("POST", "/v1/calendars/bulk"),
    ("POST", "/v1/pipelines/bulk"),
    ("POST", "/v1/imports/bulk"),
    ("POST", "/v1/segments/bulk"),
    ("PATCH", "/v1/exports/{id}"),
    ("POST", "/v1/forms/bulk"),
    ("POST", "/v1/duplicates"),
    ("PATCH", "/v1/duplicates/{id}"),
    ("POST", "/v1/duplicates/{id}/archive"),
    ("POST", "/v1/duplicates/{id}/restore"),
    ("POST", "/v1/merges"),
    ("PATCH", "/v1/merges/{id}"),
    ("POST", "/v1/merges/{id}/archive"),
    ("POST", "/v1/merges/{id}/restore"),
    ("POST", "/v1/runs"),
    ("PATCH", "/v1/runs/{id}"),
    ("POST", "/v1/runs/{id}/archive"),
    ("POST", "/v1/runs/{id}/restore"),
):
    del ROUTES[(method, template)]


def _explained(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
    for listed in t.reading.values():
        for one in listed[:2]:
            yield "/v1/access/explain", {"params": {"noun": one.noun, "record_id": one.id}}


def _merging(plural: str) -> Callable[[Targets], Iterator[tuple[str, dict[str, Any]]]]:
    def calls(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
        ids = t.ids(plural, writing=True)
        for one, other in zip(ids, [*ids[1:], *ids[:1]], strict=True):
            said = {"others": [other]}
            yield f"/v1/{plural}/{one}/merge", {"params": DRY, "headers": ANY, "json": said}

    return calls


def _matching(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in t.reading["contacts"]:
        yield (
            "/v1/contacts/match",
            {"json": {"contact": {"name": "x", "external_ids": {"erp": one.external}}}},
        )
    yield "/v1/contacts/match", {"json": {"contact": {"name": "zq", "phones": [{"number": "13800138000"}]}}}


def _matching_companies(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
    for one in t.reading["companies"]:
        yield (
            "/v1/companies/match",
            {"json": {"company": {"name": "x", "external_ids": {"erp": one.external}}}},
        )
    yield "/v1/companies/match", {"json": {"company": {"name": "zq", "domain": "zq.example"}}}


_NOBODY = "01a20000-0000-7000-8000-000000000001"
_DEALT: dict[str, list[dict[str, Any]]] = {
    "move": [{"to": "agreed"}, {"to": "first"}, {"to": "won"}, {"to": "x"}],
    "win": [{}, {"at": "1999-01-01T00:00:00Z"}],
    "lose": [{"reason": "x"}, {"reason": " "}],
    "reopen": [{}, {"to": "agreed"}],
    "reassign": [{"owner_id": _NOBODY}],
    "split": [
        {"credit": [{"user_id": _NOBODY, "share": "100"}]},
        {"credit": [{"user_id": _NOBODY, "share": "7"}]},
    ],
    "approve": [{"to": "agreed"}, {"to": "won"}],
}


def _dealt(verb: str) -> Builder:
    def build(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
        for id_ in t.ids("deals", writing=True):
            for body in _DEALT[verb]:
                for headers in (ANY, STALE):
                    yield f"/v1/deals/{id_}/{verb}", {"params": DRY, "json": body, "headers": headers}

    return build


def _changing(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
    first, agreed, *closed = PIPELINE["stages"]
    renamed = {**first, "key": "other"}
    for id_ in t.ids("pipelines", writing=True):
        for said in (
            {"stages": [renamed, agreed, *closed], "moves": {"reopened": ["other"], "forward": 2}},
            {"stages": [renamed, agreed, *closed], "moves": {"forward": 2}, "goes": {"first": "other"}},
            {"moves": {"forward": 2}},
        ):
            yield f"/v1/pipelines/{id_}/change", {"params": DRY, "json": said, "headers": ANY}


def _assigning(t: Targets) -> Iterator[tuple[str, dict[str, Any]]]:
    for plural, noun in (("contacts", "contact"), ("companies", "company"), ("deals", "deal")):
        for id_ in t.ids(plural, writing=True):
            yield "/v1/assignment_rules/explain", {"json": {"noun": noun, "id": id_}}
        record = {"name": "x"} | ({"currency": "CNY"} if noun == "deal" else {})
        yield "/v1/assignment_rules/explain", {"json": {"noun": noun, "record": record}}


_WRITTEN: dict[str, Any] = {"writing": True, "params": DRY, "headers": ANY}
ROUTES |= {
    ("POST", "/v1/assignment_rules/explain"): _assigning,
    **{
        ("POST", f"/v1/{plural}/{{id}}/assign"): _by_id(plural, "/assign", **_WRITTEN)
        for plural in ("contacts", "companies", "deals")
    },
    ("GET", "/v1/access/explain"): _explained,
    ("GET", "/v1/settings"): _plainly("/v1/settings", {}),
    ("PATCH", "/v1/settings"): _plainly(
        "/v1/settings", {"params": DRY, "headers": ANY, "json": {"region": "CN"}}
    ),
    ("GET", "/v1/settings/history"): _plainly("/v1/settings/history", {}),
    ("GET", "/v1/auth/me"): _plainly("/v1/auth/me", {}),
    ("GET", "/v1/auth/logins"): _plainly("/v1/auth/logins", {}),
    ("POST", "/v1/api_keys/{id}/revoke"): _by_id("api_keys", "/revoke", **_WRITTEN),
    ("POST", "/v1/runs/{id}/cancel"): _by_id("runs", "/cancel", writing=True, params=DRY),
    ("POST", "/v1/runs/{id}/retry"): _by_id("runs", "/retry", writing=True, params=DRY),
    ("GET", "/v1/calendars/{id}/time"): _by_id(
        "calendars", "/time", params={"begin": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}
    ),
    ("GET", "/v1/calendars/{id}/due"): _by_id(
        "calendars", "/due", params={"begin": "2026-01-01T00:00:00Z", "seconds": "3600"}
    ),
    ("POST", "/v1/tags/{id}/rename"): _by_id("tags", "/rename", **_WRITTEN, json={"name": "y"}),
    ("GET", "/v1/presets/shipped"): _plainly("/v1/presets/shipped", {}),
    ("POST", "/v1/segments/preview"): _plainly(
        "/v1/segments/preview", {"json": {"condition": _WHERE, "limit": 200}}, {"json": {"condition": _ABOUT}}
    ),
    ("POST", "/v1/segments/{id}/rebuild"): _by_id("segments", "/rebuild", writing=True, params=DRY),
    ("GET", "/v1/segments/{id}/members"): lambda t: [
        (f"/v1/segments/{id_}/members", {"params": {"limit": "200", **more}})
        for id_ in t.ids("segments", writing=False)
        for more in ({}, {"as_of": "2199-01-01T00:00:00Z"})
    ],
    ("POST", "/v1/segments/{id}/members"): lambda t: [
        (f"/v1/segments/{id_}/members", {"params": DRY, "json": {"add": t.ids("contacts", writing=True)}})
        for id_ in t.ids("segments", writing=True)
    ],
    ("GET", "/v1/segments/{id}/movements"): _by_id("segments", "/movements"),
    ("GET", "/v1/contacts/{id}/segments"): _by_id("contacts", "/segments", params={"past": "true"}),
    ("POST", "/v1/imports"): _plainly(
        "/v1/imports", {"params": {**DRY, "name": "x.ndjson"}, "json": {"name": "x"}}
    ),
    ("GET", "/v1/imports/{id}/preview"): _by_id("imports", "/preview"),
    ("GET", "/v1/imports/{id}/rows"): _by_id("imports", "/rows"),
    ("GET", "/v1/imports/{id}/failures.csv"): _by_id("imports", "/failures.csv"),
    ("GET", "/v1/imports/{id}/undone"): _by_id("imports", "/undone"),
    ("POST", "/v1/imports/{id}/undo"): _by_id("imports", "/undo", **_WRITTEN),
    ("POST", "/v1/imports/{id}/start"): _by_id("imports", "/start", **_WRITTEN),
    ("POST", "/v1/imports/{id}/try"): _by_id("imports", "/try", **_WRITTEN),
    ("GET", "/v1/exports/{id}/file"): _by_id("exports", "/file"),
    ("GET", "/v1/exports/{id}/link"): _by_id("exports", "/link"),
    ("GET", "/v1/exports/{id}/download"): _by_id("exports", "/download", params={"token": "x"}),
    ("POST", "/v1/forms/{id}/rotate"): _by_id("forms", "/rotate", **_WRITTEN),
    ("GET", "/v1/forms/{id}/address"): _by_id("forms", "/address"),
    ("GET", "/v1/public/forms/{token}"): _plainly("/v1/public/forms/x", {}),
    ("GET", "/v1/public/forms/{token}/page"): _plainly("/v1/public/forms/x/page", {}),
    ("POST", "/v1/public/forms/{token}"): _plainly(
        "/v1/public/forms/x", {"json": {"ticket": "x", "answers": {}}}
    ),
    ("OPTIONS", "/v1/public/forms/{token}"): _plainly("/v1/public/forms/x", {}),
    ("POST", "/v1/contacts/match"): _matching,
    ("POST", "/v1/companies/match"): _matching_companies,
    ("POST", "/v1/contacts/{id}/merge"): _merging("contacts"),
    ("POST", "/v1/companies/{id}/merge"): _merging("companies"),
    ("POST", "/v1/duplicates/find"): _plainly(
        "/v1/duplicates/find",
        {"params": DRY, "json": {}},
        {"params": DRY, "json": {"noun": "company"}},
    ),
    ("GET", "/v1/duplicates/settings"): _plainly(
        "/v1/duplicates/settings", {}, {"params": {"noun": "company"}}
    ),
    ("PATCH", "/v1/duplicates/settings"): _plainly(
        "/v1/duplicates/settings", {"params": DRY, "headers": ANY, "json": {"nightly": True}}
    ),
    ("POST", "/v1/duplicates/{id}/dismiss"): _by_id("duplicates", "/dismiss", **_WRITTEN),
    ("POST", "/v1/duplicates/{id}/merge"): _by_id("duplicates", "/merge", writing=True, params=DRY, json={}),
    ("POST", "/v1/merges/{id}/undo"): _by_id("merges", "/undo", writing=True, params=DRY),
    ("POST", "/v1/contacts/{id}/erase"): _by_id("contacts", "/erase", writing=True, params=DRY),
    ("POST", "/v1/contacts/{id}/consents"): _by_id(
        "contacts", "/consents", writing=True, params=DRY, headers=ANY, json=_SAID
    ),
    ("GET", "/v1/orders/{id}/targets"): _by_id("orders", "/targets"),
    ("GET", "/v1/contacts/{id}/timeline"): _by_id("contacts", "/timeline"),
    ("GET", "/v1/contacts/{id}/summary"): _by_id("contacts", "/summary"),
    ("GET", "/v1/companies/{id}/contacts"): _by_id("companies", "/contacts"),
    ("GET", "/v1/products/{id}/prices"): _by_id("products", "/prices"),
    **{
        ("POST", f"/v1/orders/{{id}}/{verb}"): _by_id(
            "orders", f"/{verb}", writing=True, params=DRY, headers=ANY, json=body
        )
        for verb, body in _VERBS.items()
    },
    **{("POST", f"/v1/tasks/{{id}}/{verb}"): _by_id("tasks", f"/{verb}", **_WRITTEN) for verb in _TASK_VERBS},
    ("GET", "/v1/deals/{id}/stages"): _by_id("deals", "/stages"),
    ("GET", "/v1/deals/board"): _plainly("/v1/deals/board", {}, {"params": {"limit": "0"}}),
    ("GET", "/v1/deals/{id}/targets"): _by_id("deals", "/targets"),
    **{("POST", f"/v1/deals/{{id}}/{verb}"): _dealt(verb) for verb in _DEALT},
    ("GET", "/v1/pipelines/templates"): _plainly(
        "/v1/pipelines/templates", {}, {"params": {"language": "zh"}}
    ),
    ("POST", "/v1/pipelines/{id}/change"): _changing,
    ("POST", "/v1/rfm/runs"): _plainly("/v1/rfm/runs", {"params": DRY, "json": {}}),
    ("GET", "/v1/analytics/rfm"): _plainly("/v1/analytics/rfm", {}),
    ("GET", "/v1/analytics/rfm/contacts"): _plainly(
        "/v1/analytics/rfm/contacts", {"params": {"limit": "1"}}, {"params": {"limit": "200"}}
    ),
    ("GET", "/v1/analytics/sales/attainment"): _plainly(
        "/v1/analytics/sales/attainment", {}, {"params": {"on": "2026-02-01"}}
    ),
    ("GET", "/v1/analytics/sales/attainment/{id}/deals"): lambda t: [
        (f"/v1/analytics/sales/attainment/{id_}/deals", {"params": {"limit": limit}})
        for id_ in t.ids("quotas", writing=False)
        for limit in ("1", "200")
    ],
    ("POST", "/v1/analytics/sales/funnel"): _plainly(
        "/v1/analytics/sales/funnel",
        {"json": _YEARS},
        *({"json": _YEARS | {"group_by": by}} for by in Group),
        {"json": _YEARS | {"where": _WHERE}},
        {"json": _YEARS | {"country": "CN"}},
    ),
    ("POST", "/v1/analytics/sales/funnel/deals"): _plainly(
        "/v1/analytics/sales/funnel/deals", {"json": _YEARS | {"limit": 200}}, {"json": _YEARS | {"limit": 1}}
    ),
    ("POST", "/v1/analytics/sales/competitors"): _plainly(
        "/v1/analytics/sales/competitors",
        {"json": _YEARS},
        *({"json": _YEARS | {"group_by": by}} for by in Group),
        {"json": _YEARS | {"where": _WHERE}},
    ),
    ("POST", "/v1/analytics/sales/competitors/deals"): _plainly(
        "/v1/analytics/sales/competitors/deals",
        *({"json": _YEARS | {"limit": 200, "outcome": outcome}} for outcome in Outcome),
        {"json": _YEARS | {"limit": 1}},
    ),
    ("POST", "/v1/analytics/sales/changes"): _plainly(
        "/v1/analytics/sales/changes",
        {"json": _YEARS | {"limit": 200}},
        *({"json": _YEARS | {"group_by": by}} for by in Group),
        {"json": _YEARS | {"where": _WHERE}},
    ),
    ("POST", "/v1/analytics/sales/changes/deals"): _plainly(
        "/v1/analytics/sales/changes/deals",
        *({"json": _YEARS | {"change": change, "limit": 200}} for change in Change),
        {"json": _YEARS | {"change": "entered", "limit": 1}},
    ),
    ("POST", "/v1/analytics/sales/velocity"): _plainly(
        "/v1/analytics/sales/velocity",
        *({"json": _YEARS | {"group_by": by}} for by in (None, *Group)),
        {"json": _YEARS | {"where": _WHERE}},
    ),
    ("POST", "/v1/analytics/sales/velocity/deals"): _plainly(
        "/v1/analytics/sales/velocity/deals",
        *({"json": _YEARS | {"part": part, "limit": 200}} for part in Behind),
        {"json": _YEARS | {"part": "open", "limit": 1}},
    ),
    ("POST", "/v1/analytics/sales/activity"): _plainly(
        "/v1/analytics/sales/activity",
        *({"json": _YEARS | {"group_by": by}} for by in (None, *Group)),
        {"json": _YEARS | {"where": _WHERE}},
    ),
    ("POST", "/v1/analytics/sales/revenue"): _plainly(
        "/v1/analytics/sales/revenue",
        *({"json": _YEARS | {"group_by": by}} for by in (None, *By)),
        {"json": _YEARS | {"where": _WHERE}},
    ),
    ("POST", "/v1/analytics/sales/revenue/orders"): _plainly(
        "/v1/analytics/sales/revenue/orders",
        {"json": _YEARS | {"limit": 200}},
        {"json": _YEARS | {"buyer": "new", "limit": 1}},
    ),
    ("POST", "/v1/analytics/sales/acquisition"): _plainly(
        "/v1/analytics/sales/acquisition",
        *({"json": _YEARS | {"group_by": by}} for by in (None, *CostsBy)),
        *({"json": _YEARS | {"group_by": by, "new_by": "deals"}} for by in (None, *CostsBy)),
    ),
    **{
        ("POST", f"/v1/analytics/sales/acquisition/{side}"): _plainly(
            f"/v1/analytics/sales/acquisition/{side}",
            *({"json": _YEARS | {"limit": 200, "new_by": new_by}} for new_by in ("orders", "deals")),
            {"json": _YEARS | {"limit": 1}},
        )
        for side in ("costs", "customers")
    },
    ("POST", "/v1/analytics/sales/forecasts"): _plainly(
        "/v1/analytics/sales/forecasts",
        {"params": DRY, "json": {"kind": "pipeline"}},
        {"params": DRY, "json": {"kind": "revenue", "region": "华东"}},
    ),
    ("GET", "/v1/analytics/sales/forecasts"): _plainly(
        "/v1/analytics/sales/forecasts", {}, {"params": {"limit": "1"}}
    ),
    ("GET", "/v1/analytics/sales/forecasts/{id}"): _by_id("analytics/sales/forecasts"),
    ("GET", "/v1/analytics/sales/forecasts/{id}/deals"): _by_id("analytics/sales/forecasts", "/deals"),
    ("GET", "/v1/contacts/{id}/rfm"): _by_id("contacts", "/rfm"),
    ("GET", "/v1/events"): _plainly(
        "/v1/events",
        {"params": {"limit": "200"}},
        {"params": {"limit": "3"}},
        {"params": {"noun": "order"}},
        {"params": {"limit": "200", "order": "committed"}},
    ),
    ("GET", "/v1/search"): _plainly("/v1/search", {"params": {"q": "zq", "limit": "50"}}),
    ("GET", "/v1/nouns"): _plainly("/v1/nouns", {}),
    ("GET", "/v1/nouns/{noun}"): lambda _: [(f"/v1/nouns/{noun}", {}) for noun in NOUNS],
    ("GET", "/livez"): _plainly("/livez", {}),
    ("GET", "/readyz"): _plainly("/readyz", {}),
    ("GET", "/metrics"): _plainly("/metrics", {}),
    ("GET", "/openapi.json"): _plainly("/openapi.json", {}),
    ("GET", "/docs"): _plainly("/docs", {}),
    **{
        ("GET", f"/docs/{name}"): _plainly(f"/docs/{name}", {})
        for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")
    },
}

DOORLESS: frozenset[Route] = frozenset(
    {
        *(("GET", f"/{name}") for name in ("livez", "readyz", "metrics", "openapi.json", "docs")),
        *(route for route in ROUTES if route[1].startswith("/docs/")),
    }
)
"""Routes that ask nobody who they are, and so need be tried once and not with every role."""

PENDING: frozenset[Route] = frozenset(
    {
        ("POST", "/v1/auth/token"),
        ("POST", "/v1/auth/refresh"),
        ("POST", "/v1/auth/logout"),
        ("POST", "/v1/auth/password"),
        ("POST", "/v1/auth/logins/{id}/revoke"),
        ("POST", "/v1/users/{id}/set_password"),
    }
)
"""Routes that are known and not tried here: they take a password or a sign-in, and tests/api tries them."""


def routes_of(app: FastAPI) -> set[Route]:
    """Every method and address that the service answers, whether or not the document shows it."""
    return set(_walk(app.routes, ""))


def _walk(routes: Iterable[Any], prefix: str) -> Iterator[Route]:
    for route in routes:
        if hasattr(route, "methods"):
            for method in set(route.methods) - {"HEAD"}:
                yield method, prefix + route.path_format
        elif hasattr(route, "original_router"):
            yield from _walk(route.original_router.routes, prefix + route.include_context.prefix)
        else:
            raise AssertionError(f"{route!r} is of a kind whose addresses are not known here")


def calls(targets: Targets, routes: Iterable[Route]) -> Iterator[Call]:
    """The requests that try the routes."""
    for method, template in routes:
        for url, more in ROUTES[(method, template)](targets):
            yield Call(method, template, url, **more)
