"""A request that is tried, and the records that it is tried on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.leaks.world import Stored, World


@dataclass
class Call:
    """One request, ready to go; `words` is what it says itself, which an answer may repeat."""

    method: str
    template: str
    url: str
    params: dict[str, Any] = field(default_factory=dict)
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """Everything the caller knows already."""
        return f"{self.url} {self.params} {self.json} {self.headers}"

    async def send(self, client: httpx.AsyncClient) -> httpx.Response:
        """Make the request."""
        return await client.request(
            self.method, self.url, params=self.params, json=self.json, headers=self.headers
        )


@dataclass
class Targets:
    """What to try the routes on: records to read, fewer to write, and the ids of everything else by plural."""

    world: World
    reading: dict[str, list[Stored]]
    writing: dict[str, list[Stored]]
    others: Mapping[str, Sequence[str]]

    def ids(self, plural: str, *, writing: bool) -> Sequence[str]:
        """Ids of a noun's records."""
        if plural in self.others:
            return self.others[plural]
        chosen = self.writing if writing else self.reading
        return [one.id for one in chosen[plural]]

    def external(self, plural: str, *, writing: bool) -> list[str]:
        """External ids of a noun's records; those that are not planted have none, so one that nobody has."""
        if plural in self.others:
            return ["nobody"]
        return [one.external for one in (self.writing if writing else self.reading)[plural]]
