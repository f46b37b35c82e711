"""A small closed-loop load generator in a process of its own, over plain asyncio streams: cheap, so that it does not
measure itself."""

import asyncio
import itertools
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

CONNECTIONS = 16
Request = tuple[str, str, bytes | None]
Make = Callable[[], Iterator[Request]]
"""Begins an endless row of requests."""


@dataclass(frozen=True)
class Result:
    """Requests per second and latencies in milliseconds."""

    rate: float
    p50: float
    p95: float


def same(method: str, path: str, body: Any = None) -> Make:
    """One request over and over."""
    raw = None if body is None else json.dumps(body).encode()
    return lambda: itertools.repeat((method, path, raw))


def cycle(requests: list[Request]) -> Make:
    """A list of requests round and round."""
    return lambda: itertools.cycle(requests)


def each(method: str, path: str, make: Callable[[], Any]) -> Make:
    """A new body each time."""

    def requests() -> Iterator[Request]:
        while True:
            yield method, path, json.dumps(make()).encode()

    return requests


async def _drive(url: str, requests: Iterator[Request], headers: dict[str, str], seconds: float) -> Result:
    host, port = urlsplit(url).hostname, urlsplit(url).port
    fixed = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    latencies: list[float] = []
    stop = time.perf_counter() + seconds

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while time.perf_counter() < stop:
            method, path, body = next(requests)
            content = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
            head = f"{method} {path} HTTP/1.1\r\nhost: bench\r\n{fixed}{content}\r\n".encode()
            begun = time.perf_counter()
            writer.write(head + (body or b""))
            top = await reader.readuntil(b"\r\n\r\n")
            assert top[9:10] == b"2", top
            length = int(top.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            latencies.append((time.perf_counter() - begun) * 1000)
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    spent = time.perf_counter() - begun
    latencies.sort()
    return Result(
        len(latencies) / spent, latencies[len(latencies) // 2], latencies[int(len(latencies) * 0.95)]
    )


def _process(pipe: Any, url: str, make: Make, headers: dict[str, str], seconds: float) -> None:
    import uvloop

    pipe.send(uvloop.run(_drive(url, make(), headers, seconds)))


async def run(url: str, make: Make, headers: dict[str, str], seconds: float) -> Result:
    """Drive a service for some seconds from another process."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_process, args=(there, url, make, headers, seconds))
    process.start()
    there.close()  # or its end would never be noticed
    found: Result = await asyncio.to_thread(here.recv)
    process.join()
    return found


def median(results: list[Result]) -> Result:
    """The round with the median rate."""
    return sorted(results, key=lambda one: one.rate)[len(results) // 2]
