"""Around every request: an id, a limit, a measure, a log line, and no stack trace ever."""

import re
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api import problems
from app.domain.errors import TooLarge
from app.kit import clock
from app.kit.ids import new_id

REQUESTS = Counter("rapport_requests_total", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram(
    "rapport_request_seconds",
    "Time to answer a request.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
MOST_BYTES = 2**20
"""Of a body that is read as one value before anybody knows whose it is; only bulk bodies and files may be larger."""
MOST_OF_STRANGERS = 2**16
"""Of a body that anybody may send."""
_BULK = re.compile(r"/v1/[a-z_]+/bulk")
_UPLOADS = frozenset({("POST", "/v1/imports")})
"""What takes a file, whose bytes go to disk as they come."""
_LEFT = 499
"""In the measures only: the client went away before it had sent its request; nginx's number for it."""
_log = structlog.get_logger("rapport.request")


@cache
def _measures(method: str, template: str, status: int) -> tuple[Counter, Histogram]:
    """The two measures of one route and outcome; routes, methods and statuses are few."""
    return REQUESTS.labels(method, template, status), SECONDS.labels(method, template)


class _TooLargeError(HTTPException):
    """FastAPI turns any other error while it reads a body into 400."""

    def __init__(self, most: int) -> None:
        super().__init__(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self.most = most


class Around:
    """The one middleware."""

    def __init__(
        self, app: ASGIApp, *, most_bytes: int, most_of_files: int, templates: Mapping[Any, str]
    ) -> None:
        self.app = app
        self.most_bytes = most_bytes
        self.most_of_files = most_of_files
        self.templates = templates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _ID.fullmatch(given) else str(new_id())
        scope.setdefault("state", {})["request_id"] = request_id
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._serve(scope, headers, receive, send, request_id)
        finally:
            structlog.contextvars.reset_contextvars(**bound)

    async def _serve(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send, request_id: str
    ) -> None:
        begun = clock.monotonic()
        status = 500
        started = False

        async def sending(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                own = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(pair for pair in _SAFE if pair[0] not in own),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            await self._limited(scope, headers, receive, sending)
        except _TooLargeError as error:
            if not started:
                await _refuse(error.most, scope, receive, sending, request_id)
        except ClientDisconnect:
            status = _LEFT  # nobody is there to be answered, and what was begun is rolled back
        except Exception:
            _log.exception("request.failed", method=scope["method"], path=scope["path"])
            if started:
                raise
            await problems.unexpected(request_id)(scope, receive, sending)
        self._note(scope, status, clock.monotonic() - begun)

    async def _limited(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send) -> None:
        most = self._most(scope)
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > most:
            raise _TooLargeError(most)
        if b"transfer-encoding" not in headers:
            await self.app(scope, receive, send)
            return
        taken = 0

        async def receiving() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _TooLargeError(most)
            return message

        await self.app(scope, receiving, send)

    def _most(self, scope: Scope) -> int:
        if (scope["method"], scope["path"]) in _UPLOADS:
            return self.most_of_files
        if scope["path"].startswith("/v1/public/"):
            return min(MOST_OF_STRANGERS, self.most_bytes)
        return self.most_bytes if _BULK.fullmatch(scope["path"]) else min(MOST_BYTES, self.most_bytes)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        template = self.templates.get(scope.get("endpoint"), "none")
        count, time = _measures(scope["method"], template, status)
        count.inc()
        time.observe(seconds)
        level = _log.warning if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _log.info
        level(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 2),
        )


async def _refuse(most: int, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
    error = TooLarge(
        "body_too_large",
        f"The body is larger than the {most:,} bytes that are taken here at once; send less.",
    )
    await problems.respond(request_id, error)(scope, receive, send)
