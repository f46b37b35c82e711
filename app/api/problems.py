"""Errors on the wire: RFC 9457 problem details with a stable code; the one table from errors to statuses."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.exceptions import HTTPException

from app.domain import errors
from app.domain.errors import DomainError
from app.kit import json
from app.schemas.problems import faults_of, title_of

STATUS: Mapping[type[DomainError], int] = {
    errors.InvalidInput: 422,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.RuleBroken: 409,
    errors.Duplicate: 409,
    errors.Stale: 412,
    errors.PreconditionMissing: 428,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.Busy: 503,
}
MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger()


def status_of(error: DomainError) -> int:
    """The status of an error, found by its class."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body_of(error: DomainError) -> dict[str, Any]:
    """An error as problem details."""
    status = status_of(error)
    return {
        "type": f"urn:rapport:problem:{error.code}",
        "title": title_of(status),
        "status": status,
        "code": error.code,
        "detail": error.detail,
        **error.facts,
    }


def respond(request_id: str | None, error: DomainError) -> Response:
    """The response to an error."""
    body = body_of(error) | {"request_id": request_id}
    headers = {}
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if body["status"] in {429, 503}:
        headers["Retry-After"] = str(error.facts.get("retry_after", 1))
    return Response(json.dumps(body), status_code=body["status"], media_type=MEDIA_TYPE, headers=headers)


def request_id(request: Request) -> str | None:
    """The id that the middleware gave this request."""
    found: str | None = request.scope.get("state", {}).get("request_id")
    return found


async def _domain(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning(
            "request.refused", request_id=request_id(request), code=error.code, cause=repr(error.__cause__)
        )
    return respond(request_id(request), error)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = faults_of(list(error.errors()))
    named = "; ".join(f"{fault['at']}: {fault['detail']}" for fault in faults[:3])
    broken = any(one["type"] == "json_invalid" for one in error.errors())
    code = "json_invalid" if broken else "request_invalid"
    detail = f"The request cannot be understood. {named}"
    return respond(request_id(request), errors.InvalidInput(code, detail, errors=faults[:50]))


_HTTP = {
    404: ("route_not_found", "There is nothing at this address; /docs lists what there is."),
    405: (
        "method_not_allowed",
        "This address does not take this method; the Allow header names those that it takes.",
    ),
    413: ("body_too_large", "The body is larger than is taken at once; send less."),
}


def _methods(request: Request) -> str:
    """What an address takes, for the Allow header (RFC 9110, 15.5.6): the router names the methods of one route only."""
    found = request.scope.get("route")
    path = found.path if isinstance(found, APIRoute) else None
    same = (
        route.methods or ()
        for route in iter_route_contexts(request.app.routes)
        if getattr(route.original_route, "path", None) == path
    )
    return ", ".join(sorted({method for methods in same for method in methods}))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:  # what FastAPI says of bytes that are no text or no form
        unread = errors.InvalidInput("body_unreadable", "The body could not be read; send UTF-8 JSON.")
        return respond(request_id(request), unread)
    code, detail = _HTTP.get(error.status_code, ("http_error", str(error.detail)))
    body = {
        "type": f"urn:rapport:problem:{code}",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "code": code,
        "detail": detail,
        "request_id": request_id(request),
    }
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request)):
        headers["Allow"] = methods
    return Response(json.dumps(body), status_code=error.status_code, media_type=MEDIA_TYPE, headers=headers)


def unexpected(request_id: str | None) -> Response:
    """The answer when something is wrong with us; what it is stands in the log, under the request id."""
    body = {
        "type": "urn:rapport:problem:unexpected",
        "title": "Internal Server Error",
        "status": 500,
        "code": "unexpected",
        "detail": "Something went wrong on our side; nothing of this request was kept. Quote the request id.",
        "request_id": request_id,
    }
    return Response(json.dumps(body), status_code=500, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error with a problem."""
    app.add_exception_handler(DomainError, _domain)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
