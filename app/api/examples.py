"""The examples of the OpenAPI document: what a shape brings, or what is made of words, formats and what is written."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from app.schemas.problems import title_of

ID = "0197b2a4-6c1e-7d42-9b1f-5a3c8e7d9f10"
_FORMATS = {
    "uuid": ID,
    "date-time": "2026-03-01T02:30:00Z",
    "date": "2026-03-01",
    "password": "seven green bicycles",
}
_WHERE = {"all": [{"field": "created_at", "op": "gte", "value": "2026-01-01T00:00:00+08:00"}]}
_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "Address": {"country": "CN", "province": "浙江", "city": "杭州", "street": "龙井路 1 号"},
    "ApiKeyMade": {"key": "rpt_this_is_where_the_43_letters_of_a_key_stand"},
    "ApiKeyOut": {"prefix": "rpt_this_is_"},
    "Attained": {
        "measure": "won_amount",
        "currency": "CNY",
        "begins_on": "2026-10-01",
        "ends_on": "2026-12-31",
        "amount": "1200000.0000",
        "achieved": "936000.0000",
        "share": "0.7800",
        "left": "264000.0000",
        "due": "800000.0000",
        "ahead": "136000.0000",
        "unconverted": 0,
        "rank": 1,
    },
    "BulkItem": {"index": 0, "status": "created", "id": ID},
    "BulkResult": {"created": 1, "updated": 0, "unchanged": 0, "failed": 0},
    "CompetitionGroup": {
        "deals": 40,
        "won": 18,
        "lost": 22,
        "lost_to": 15,
        "share_of_wins": {"of": 33, "count": 18, "rate": 0.545455, "low": 0.379859, "high": 0.701571},
    },
    "CompetitorStanding": {
        "name": "远山茶业",
        "deals": 20,
        "won": 8,
        "lost": 12,
        "lost_to": 9,
        "win_rate": {"of": 20, "count": 8, "rate": 0.4, "low": 0.218807, "high": 0.613418},
        "share_of_wins": {"of": 33, "count": 9, "rate": 0.272727, "low": 0.150674, "high": 0.442176},
        "won_amount": "384000.0000",
        "lost_amount": "610000.0000",
        "lost_to_amount": "455000.0000",
        "prices": {"pairs": 31, "ratio": 1.08},
        "unconverted": 0,
    },
    "Consent": {"purpose": "marketing", "channel": "email", "state": "granted", "source": "form"},
    "ConsentOut": {"purpose": "marketing", "channel": "email", "source": "form"},
    "ContactOut": {"email": "wei.zhang@example.com", "phone": "+8613800138000"},
    "ContactSummary": {"orders": {}, "interactions": {}, "deals": {}},
    "Count": {"count": 42},
    "CountQuery": {"where": _WHERE},
    "DealOut": {"stage": "quote", "status": "open", "amount": "48000.0000"},
    "DealStep": {"verb": "move", "from_stage": "new", "to_stage": "quote", "why": "样品确认"},
    "DealTarget": {
        "stage": "quote",
        "verb": "move",
        "allowed": False,
        "code": "fields_missing",
        "reason": "The stage 报价 needs amount; fill in what is missing.",
        "facts": {"fields": ["amount"]},
    },
    "EmailOut": {"normalised": "wei.zhang@example.com"},
    "EventOut": {
        "seq": 4711,
        "type": "contact.edited",
        "noun": "contact",
        "version": 2,
        "actor_kind": "user",
        "before": {"job_title": "采购经理"},
        "after": {"job_title": "采购总监"},
    },
    "Hit": {"title": "张伟"},
    "Hits": {"more": []},
    "Me": {"name": "李娜", "email": "li.na@example.com", "scopes": ["contacts:read"]},
    "OrderLineOut": {
        "quantity": "2.0000",
        "unit_price": "168.0000",
        "discount": "0.0000",
        "amount": "336.0000",
    },
    "OrderOut": {"total": "336.0000", "subtotal": "336.0000", "refunded": "0.0000", "status": "placed"},
    "PhoneOut": {"e164": "+8613800138000"},
    "PriceOut": {"price": "168.0000", "currency": "CNY"},
    "Refresh": {"refresh_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"},
    "RunOut": {
        "kind": "tags.rename",
        "status": "running",
        "params": {"to": "VIP"},
        "done": 400,
        "total": 1000,
    },
    "Ruling": {
        "rule": "scope",
        "subject": "contacts:read",
        "why": "The role sales opens it.",
        "roles": ["sales"],
    },
    "Search": {"where": _WHERE, "sort": "-created_at", "limit": 50},
    "SettingsOut": {"slug": "rapport", "name": "Rapport", "region": "CN", "time_zone": "Asia/Shanghai"},
    "SignIn": {"username": "li.na@example.com"},
    "Stage": {
        "key": "quote",
        "name": "报价",
        "kind": "open",
        "probability": "0.5000",
        "expected_days": 5,
        "on_entry": ["amount"],
        "on_exit": [],
        "guards": [],
        "approvers": [],
    },
    "TemplateOut": {"key": "retail_project", "name": "零售项目"},
    "Spent": {"total": "336.0000", "refunded": "0.0000", "average": "168.0000"},
    "Tokens": {"access_token": "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl", "expires_in": 900},
}
"""What an example says where neither the shape that is written nor a name or format gives a good word."""
_WORDS = ("text", "CNY", "CN", "zh-CN", "168.00", "0.5", "contacts:read")
_NAMED = {"currency": "CNY", "base": "CNY", "language": "zh-CN", "name": "华东", "label": "work"}


_PROBLEMS: Mapping[int, Mapping[str, Any]] = {
    401: {
        "code": "unauthenticated",
        "detail": "Your access token or API key has expired; get a new one.",
    },
    403: {
        "code": "scope_missing",
        "detail": "This needs the scope contacts:write, which your role or key does not have.",
        "scope": "contacts:write",
    },
    404: {
        "code": "contact_not_found",
        "detail": "There is no contact with this id, or you may not see it.",
    },
    409: {
        "code": "sku_taken",
        "detail": "Another product already has this SKU.",
    },
    412: {
        "code": "version_mismatch",
        "detail": "This contact is now in version 4, and you know version 3; read it again.",
        "version": 4,
        "conflicts": [{"field": "job_title", "base": "采购经理", "theirs": "采购总监", "yours": "副总经理"}],
    },
    413: {
        "code": "body_too_large",
        "detail": "The body is larger than the 1,048,576 bytes that are taken here at once; send less.",
    },
    422: {
        "code": "request_invalid",
        "detail": "The request cannot be understood. /body/name: Field required",
        "errors": [{"at": "/body/name", "detail": "Field required"}],
    },
    428: {
        "code": "if_match_missing",
        "detail": "Say which version you change: If-Match with the ETag that you read, or * for any.",
    },
    429: {
        "code": "locked_out",
        "detail": "There were 5 wrong passwords for this e-mail address; try again in 15 minutes.",
        "retry_after": 900,
    },
    503: {
        "code": "try_again",
        "detail": "Somebody else is changing the same records; try again in a moment.",
    },
}


def problem(status: int) -> dict[str, Any]:
    """A problem of this status, as it may come."""
    shown = _PROBLEMS[status]
    return {
        "type": f"urn:rapport:problem:{shown['code']}",
        "title": title_of(status),
        "status": status,
        "request_id": ID,
        **shown,
    }


class Examples:
    """One example for every shape: the one it brings, or one made of what is written, of formats and of words."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self._schemas = schemas
        self.used: set[str] = set()
        """Shapes whose example stands in the document."""

    def of_shape(self, name: str) -> Any:
        """The example of a named shape; that of an answer tells of the same record as that of its request."""
        schema = self._schemas[name]
        if brought := schema.get("examples"):
            return brought[0]
        written: Mapping[str, Any] = {}
        if name.endswith(("Out", "Made")):
            request = self._schemas.get(re.sub("(Out|Made)$", "Add", name), {})
            written = request.get("examples", [{}])[0]
            written = {**written, **_SHAPES.get(re.sub("Made$", "Out", name), {})}
        made = self.of(schema, name, {**written, **_SHAPES.get(name, {})} or None)
        return _answered(made, "") if name.endswith(("Out", "Made")) else made

    def of(self, schema: Mapping[str, Any], name: str = "", given: Any = None) -> Any:
        """An example of any schema; what is given is kept, and completed where it is an object or a list of them."""
        if reference := schema.get("$ref"):
            shape = reference.rpartition("/")[2]
            if given is None:
                return self.of_shape(shape)
            more = {**_SHAPES.get(shape, {}), **given} if isinstance(given, dict) else given
            return self.of(self._schemas[shape], name, more)
        if given is not None and "oneOf" in schema:  # what is given has chosen already
            return given
        if given is None and schema.get("examples"):
            return schema["examples"][0]
        if branches := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            nullable = any(branch.get("type") == "null" for branch in branches)
            return None if nullable and given is None else self.of(branches[0], name, given)
        match schema.get("type"):
            case "object" if "properties" in schema:
                return self._object(schema, given or {})
            case "array" if given is not None:
                return [self.of(schema["items"], name, one) for one in given]
            case "array" if "$ref" in schema["items"]:
                return [self.of(schema["items"])]
            case "array":
                return []
        return given if given is not None else self._value(schema, name)

    def _object(self, schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
        # An answer shows every field; of a request only what it must have and what was given.
        every = schema.get("additionalProperties") is not False
        return {
            name: self.of(part, name, given.get(name))
            for name, part in schema["properties"].items()
            if every or name in given or name in schema.get("required", ())
        }

    def _value(self, schema: Mapping[str, Any], name: str) -> Any:
        for said in ("const", "default"):
            if said in schema:
                return schema[said]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "string":
                return _text(schema, name)
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case "object":
                return {}
        return None


_PLACES = {"rate": 10} | dict.fromkeys(
    (
        "price",
        "probability",
        "share",
        "cost",
        "quantity",
        "unit_price",
        "discount",
        "amount",
        "subtotal",
        "tax",
        "total",
        "refunded",
        "figure",
    ),
    4,
)
"""How many decimals an answer carries."""


def _answered(value: Any, name: str) -> Any:
    """What was written in a request, as an answer tells it: times in UTC, decimals with all their places."""
    match value:
        case dict():
            return {key: _answered(one, key) for key, one in value.items()}
        case list():
            return [_answered(one, name) for one in value]
        case str() if name in _PLACES:
            return format(Decimal(value), f".{_PLACES[name]}f")
        case str() if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*", value):
            return datetime.fromisoformat(value).astimezone(UTC).isoformat()
    return value


def _text(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    words = (_NAMED[name], *_WORDS) if name in _NAMED else _WORDS
    return next(word for word in words if re.search(schema.get("pattern", ""), word))
