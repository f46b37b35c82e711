"""The ticket that a form is sent with, how often forms are taken, and what is said when one is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from uuid import UUID

from app.domain.errors import DomainError, Forbidden, InvalidInput, NotFound, RuleBroken, TooMany
from app.domain.forms.questions import Language

YOUNGEST = timedelta(seconds=2)
"""Sooner than this nobody has read a form and filled it in."""
OLDEST = timedelta(hours=24)
MOST_SENT = 30
"""From one neighbourhood of addresses to one form within the window: a desk at a fair, and not a flood."""
WINDOW = timedelta(minutes=10)
_NEIGHBOURHOOD = {4: 24, 6: 48}
"""Bits of an address that are counted together: whoever has one address often has those beside it."""
_CHINESE: Mapping[str, str] = {
    "form_closed": "此表单已关闭，或其地址已更改。",
    "ticket_invalid": "表单未正常打开，请重新打开后再提交。",
    "ticket_young": "提交得太快，请稍等片刻再提交一次。",
    "ticket_old": "此表单打开已超过一天，请确认后再提交一次。",
    "ticket_used": "此表单已提交过；如需再次提交，请重新打开表单。",
    "form_changed": "表单内容已更新，请阅读后再提交一次。",
    "sent_too_often": "来自您网络的提交过多，请稍后再试。",
    "origin_refused": "此表单不接受来自该网站的提交。",
    "answers_invalid": "有些内容未填写或无法识别。",
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """Who opens a form gets one, and sends it once."""

    id: UUID
    form_id: UUID
    form_version: int
    issued_at: datetime


def judge(ticket: Ticket | None, form_id: UUID, version: int, now: datetime) -> Ticket:
    """The ticket, good for this form as it stands and at this moment. Raises InvalidInput or RuleBroken."""
    if ticket is None or ticket.form_id != form_id or ticket.issued_at > now + YOUNGEST:
        raise InvalidInput(
            "ticket_invalid", "This form was not opened properly; open it again and send it then."
        )
    if now - ticket.issued_at < YOUNGEST:
        raise RuleBroken(
            "ticket_young",
            "This was sent sooner than anybody can fill it in; wait a moment and send it again.",
        )
    if now - ticket.issued_at > OLDEST:
        raise RuleBroken(
            "ticket_old", "This form was opened more than a day ago; look it through and send it again."
        )
    if ticket.form_version != version:
        raise changed()
    return ticket


def changed() -> RuleBroken:
    """The answer to a form that reads otherwise by now: nobody agrees to what they have not seen."""
    return RuleBroken("form_changed", "This form has changed since you opened it; read it and send it again.")


def used() -> RuleBroken:
    """The answer to a ticket that came with other answers before."""
    return RuleBroken("ticket_used", "This form was sent already; to send another one, open it again.")


def closed() -> NotFound:
    """The one answer to every address that opens no form, whatever is the matter."""
    return NotFound("form_closed", "This form is closed, or its address has changed.")


def too_often(until: datetime, now: datetime) -> TooMany:
    """The answer while a neighbourhood has sent too much."""
    return TooMany(
        "sent_too_often",
        "Too many forms came from your network; try again in some minutes.",
        retry_after=max(1, int((until - now).total_seconds()) + 1),
    )


def refused_origin() -> Forbidden:
    """The answer to a page of a site that the form does not name."""
    return Forbidden("origin_refused", "This form is not taken from pages of that site.")


def says(refusal: DomainError, language: Language) -> str:
    """The sentence of a refusal, in the language of whoever is refused."""
    if language is Language.ZH:
        return _CHINESE.get(refusal.code, refusal.detail)
    return refusal.detail


def neighbourhood(address: str | None) -> str:
    """The network that an address is counted with; what is no address is counted together."""
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "unknown"
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    return str(ip_network((found, _NEIGHBOURHOOD[found.version]), strict=False))
