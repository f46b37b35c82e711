"""Signing in and out, and who one is."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Form, Query, Request, Response

from app.api import answers, docs
from app.api.doorman import ACCESS, REFRESH
from app.api.doors import Id, reads, writes
from app.api.problems import request_id
from app.api.routing import Router
from app.db import logins as sign_ins
from app.db import organisations, users
from app.db.reads import Reads
from app.db.uow import UnitOfWork
from app.domain.logins import ended
from app.kit import clock, json, tokens
from app.schemas.base import Page
from app.schemas.events import HistoryQuery
from app.schemas.logins import LoginOut, Me, PasswordChange, Refresh, SignIn, Tokens
from app.usecases import access, logins
from app.usecases.logins import SignedIn

router = Router(prefix="/auth", tags=["auth"])
Reading = Annotated[Reads, reads(None)]
Writing = Annotated[UnitOfWork, writes(None)]


def _secret(request: Request) -> str:
    secret: str = request.app.state.doorman.secret
    return secret


def _lasts(request: Request) -> timedelta:
    return timedelta(days=request.app.state.settings.refresh_days)


def _tokens(request: Request, made: SignedIn) -> Response:
    secret = _secret(request)
    minutes: int = request.app.state.settings.access_minutes
    who = {"org": str(made.org_id), "login": str(made.login_id)}
    shape = Tokens(
        access_token=tokens.sign(
            secret,
            {**who, "sub": str(made.user_id)},
            kind=ACCESS,
            expires_at=clock.now() + timedelta(minutes=minutes),
        ),
        expires_in=minutes * 60,
        refresh_token=tokens.sign(
            secret, {**who, "part": made.secret}, kind=REFRESH, expires_at=made.expires_at
        ),
    )
    return answers.plain(shape.model_dump())


@router.post("/token", **docs.answer(Tokens))
async def sign_in(body: Annotated[SignIn, Form()], request: Request) -> Response:
    """Sign in with an e-mail address and a password; five wrong ones, and the address waits 15 minutes."""
    made = await logins.sign_in(
        request.app.state.database,
        address=body.username,
        password=body.password.get_secret_value(),
        organisation=body.organisation,
        now=clock.now(),
        lasts=_lasts(request),
        cause=request_id(request),
    )
    return _tokens(request, made)


@router.post("/refresh", **docs.answer(Tokens))
async def refresh_login(body: Refresh, request: Request) -> Response:
    """Trade a refresh token for the next ones; it is good once, and once more within 30 seconds if the answer was lost.

    Shown again otherwise, it ends the sign-in.
    """
    now = clock.now()
    claims = tokens.verify(_secret(request), body.refresh_token.get_secret_value(), kind=REFRESH, now=now)
    if claims is None:
        raise ended()
    made = await logins.refresh_login(
        request.app.state.database,
        org_id=UUID(claims["org"]),
        login=UUID(claims["login"]),
        secret=claims["part"],
        now=now,
        lasts=_lasts(request),
        cause=request_id(request),
    )
    return _tokens(request, made)


@router.post("/logout", **docs.nothing())
async def sign_out(uow: Writing) -> Response:
    """End the sign-in that this request came by; its tokens are refused from now on."""
    await logins.sign_out(uow)
    return answers.told(uow, 204, b"")


@router.get("/me", **docs.answer(Me))
async def get_me(door: Reading) -> Response:
    """See who you are, and what you may do, see and change."""
    row = await users.person(door, None)
    settings = await door.row(organisations.settings)
    actor = door.actor
    return answers.plain(
        {
            "kind": actor.kind,
            "id": actor.id,
            "user_id": actor.user_id,
            "name": actor.name,
            **{name: row[name] for name in ("email", "team_id", "language", "time_zone")},
            "roles": [{"id": role["id"], "name": role["name"]} for role in row["roles"]],
            "scopes": sorted(actor.grant.scopes),
            "sight": access.sights(actor),
            "readable": access.readable(actor),
            "writable": access.writable(actor),
            "organisation": json.loads(settings[1]),
        }
    )


@router.post("/password", **docs.nothing(429))
async def change_password(body: PasswordChange, uow: Writing) -> Response:
    """Change your own password; your other sign-ins end."""
    old, new = body.old_password.get_secret_value(), body.new_password.get_secret_value()
    await logins.change_password(uow, old=old, new=new)
    return answers.told(uow, 204, b"")


@router.get("/logins", **docs.answer(Page[LoginOut], description="One page."))
async def list_logins(query: Annotated[HistoryQuery, Query()], door: Reading) -> Response:
    """List your own sign-ins, newest first."""
    return answers.body(await sign_ins.list_of(door, query.limit, query.cursor))


@router.post("/logins/{id:uuid}/revoke", **docs.nothing())
async def revoke_login(id_: Id, uow: Writing) -> Response:
    """End one of your own sign-ins."""
    await logins.revoke_login(uow, id_)
    return answers.told(uow, 204, b"")
