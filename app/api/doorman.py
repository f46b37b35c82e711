"""Who is calling: a signed access token or an API key becomes an actor, kept in memory until access changes."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from starlette.requests import Request

from app.db import actors, api_keys
from app.db.engine import Connection, Database
from app.domain.access import Actor
from app.domain.errors import Unauthenticated
from app.kit import clock, tokens

_MOST_KEPT = 20_000
_KEPT_FOR = timedelta(minutes=5)
"""How long an actor is served from memory. A change of access is seen at once, by the stamp; this bounds memory."""

_NOTED_EVERY = timedelta(minutes=1)

ACCESS = "access"
REFRESH = "refresh"


class Load(Protocol):
    """Loads an actor anew, on a connection that is held or on one of the pool. Raises Unauthenticated."""

    async def __call__(self, held: Connection | None = None) -> Actor:
        """The actor under their present access."""
        ...


@dataclass(slots=True)
class Caller:
    """A known credential."""

    actor: Actor
    reload: Load
    expires_at: datetime | None
    good_until: datetime
    noted_at: datetime | None = None
    """When the use of an API key was last written down."""


class Doorman:
    """Knows callers by their credentials."""

    def __init__(self, database: Database, secret: str) -> None:
        self.database = database
        self.secret = secret
        self._known: OrderedDict[str, Caller] = OrderedDict()

    async def caller(self, request: Request) -> Caller:
        """The caller of a request. Raises Unauthenticated."""
        token = _credential(request)
        now = clock.now()
        known = self._known.get(token)
        expired = known is not None and known.expires_at is not None and known.expires_at <= now
        # An API key that has expired by what is remembered of it may have been given more time.
        if known is None or known.good_until <= now or (expired and known.actor.kind == "api_key"):
            self._known.pop(token, None)
            known = await self._admit(token, now)
        if known.expires_at is not None and known.expires_at <= now:
            raise Unauthenticated(
                "unauthenticated", "Your access token or API key has expired; get a new one."
            )
        if known.actor.kind == "api_key":
            await self._note(known, now)
        return known

    async def _note(self, caller: Caller, now: datetime) -> None:
        since = now - _NOTED_EVERY
        if caller.noted_at is None or caller.noted_at < since:
            caller.noted_at = now
            actor = caller.actor
            await actors.note_use(self.database, actor.org_id, actor.id, now=now, since=since)

    async def _admit(self, token: str, now: datetime) -> Caller:
        find = self._by_key(token) if token.startswith(tokens.KEY_PREFIX) else self._by_token(token, now)
        load, expires_at = await find

        async def reload(held: Connection | None = None) -> Actor:
            self._known.pop(token, None)
            fresh = await load(held)
            caller.actor = fresh
            caller.expires_at = expires_at or fresh.expires_at
            self._known[token] = caller
            return fresh

        actor = await load()
        caller = Caller(actor, reload, expires_at or actor.expires_at, now + _KEPT_FOR)
        self._known[token] = caller
        if len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)
        return caller

    async def _by_key(self, key: str) -> tuple[Load, datetime | None]:
        owner = await api_keys.owner_of(self.database, tokens.digest(key))
        if owner is None:
            raise Unauthenticated("unauthenticated", "This API key is not known.")
        org_id, key_id = owner

        async def load(held: Connection | None = None) -> Actor:
            return await actors.load(self.database, org_id, None, now=clock.now(), key_id=key_id, held=held)

        return load, None

    async def _by_token(self, token: str, now: datetime) -> tuple[Load, datetime | None]:
        claims = tokens.verify(self.secret, token, kind=ACCESS, now=now)
        if claims is None:
            raise Unauthenticated(
                "unauthenticated", "This access token is not valid or has expired; get a new one."
            )
        org_id, user_id, login_id = UUID(claims["org"]), UUID(claims["sub"]), UUID(claims["login"])
        expires_at = datetime.fromtimestamp(claims["exp"], tz=now.tzinfo)

        async def load(held: Connection | None = None) -> Actor:
            return await actors.load(
                self.database, org_id, user_id, now=clock.now(), login_id=login_id, held=held
            )

        return load, expires_at


def _credential(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    if key := request.headers.get("x-api-key"):
        return key
    raise Unauthenticated(
        "unauthenticated",
        "Say who you are: Authorization: Bearer with an access token or an API key, or X-API-Key.",
    )
