"""A running service as commands ask it: over HTTP, in sentences."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from app.cli.local import Refused, local_key, local_url
from app.kit import clock
from app.settings import settings

_TIMES = httpx.Timeout(60, connect=5, read=600)
"""A large file is kept and looked through before the answer to it comes."""
_EVERY = 0.5
_PATIENCE = 60.0
"""Seconds that the service may be away while its work is watched."""

Body = dict[str, Any]


class Away(Refused):
    """The service does not answer, or asks for a moment."""


@dataclass(frozen=True)
class Service:
    """A running Rapport."""

    url: str
    client: httpx.Client

    def ask(self, method: str, path: str, **options: Any) -> Body:
        """The body of its answer. Raises Refused with its own sentence."""
        try:
            answer = self.client.request(method, path, **options)
        except httpx.TransportError as fault:
            raise Away(
                f"Nothing answers at {self.url} ({fault}): start it with `rapport up`, or name another address by --url."
            ) from fault
        if answer.is_success:
            found: Body = answer.json()
            return found
        kind = Away if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else Refused
        raise kind(_sentence(answer))

    def save(self, path: str, to: Path) -> None:
        """Write a file of its to disk. Raises Refused."""
        with self.client.stream("GET", path) as answer:
            if not answer.is_success:
                answer.read()
                raise Refused(_sentence(answer))
            with to.open("wb") as file:
                for part in answer.iter_bytes():
                    file.write(part)


def _sentence(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        faults = [f"{fault['at']}: {fault['detail']}." for fault in problem.get("errors", ())]
        return " ".join([problem["detail"], *faults])
    except (ValueError, KeyError, TypeError):
        return f"{answer.url} answers {answer.status_code}, which is not how Rapport answers: check --url."


def service(url: str, key: str, *, here: bool) -> Service:
    """The service at an address; a proxy is not asked for one on this machine."""
    headers = {"Authorization": f"Bearer {key}"}
    return Service(url, httpx.Client(base_url=url, headers=headers, timeout=_TIMES, trust_env=not here))


def service_for(
    url: str | None, key: str | None, organisation: str | None, name: str, scopes: Sequence[str]
) -> Service:
    """The service that is named, or the one on this machine, with a key of a day's life for that. Raises Refused."""
    if url and not key:
        raise Refused(
            f"Say a key of the Rapport at {url} by --key or RAPPORT_KEY; `rapport create-key` makes one there."
        )
    key = key or local_key(organisation, name, scopes, days=1)
    return service((url or local_url(settings())).rstrip("/"), key, here=not url)


def watched(at: Service, run: Mapping[str, Any], show: Callable[[Body], None]) -> Body:
    """The run once it has ended, shown as it goes on. Raises Refused when the service stays away."""
    heard = clock.monotonic()
    while True:
        try:
            now = at.ask("GET", f"/v1/runs/{run['id']}")
            heard = clock.monotonic()
        except Away as fault:
            if clock.monotonic() - heard > _PATIENCE:
                raise Refused(f"{fault} The work goes on there once it is back.") from fault
        else:
            show(now)
            if now["status"] not in {"queued", "running"}:
                return now
        threading.Event().wait(_EVERY)
