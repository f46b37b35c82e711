"""Forms, and what strangers send by them."""

from datetime import datetime, timedelta
from typing import Any

import httpx

from app.kit import clock
from app.usecases.forms import sending
from tests.conftest import SECRET
from tests.makers.organisations import Organisation

SHOP = "https://shop.example"
ASKS: dict[str, Any] = {
    "name": "fair",
    "title": {"en": "Stay in touch", "zh": "保持联系"},
    "questions": [
        {"path": "name", "label": {"en": "Name", "zh": "姓名"}, "required": True},
        {"path": "email", "label": {"en": "E-mail", "zh": "邮箱"}, "required": True},
        {"path": "phone", "label": {"en": "Phone", "zh": "电话"}},
        {"path": "city", "label": {"en": "City", "zh": "城市"}},
        {"path": "job_title", "label": {"en": "Position", "zh": "职位"}},
        {"path": "message", "label": {"en": "Message", "zh": "留言"}},
    ],
    "consent": {
        "channels": ["email", "sms"],
        "text": {"en": "Send me news.", "zh": "请向我发送资讯。"},
    },
    "source": "tea fair",
    "contact_tags": ["fair"],
    "origins": [SHOP],
}
WEI = {
    "name": "张伟",
    "email": "Wei.Zhang@Example.com",
    "phone": "138 0013 8000",
    "city": "杭州",
    "message": "你好",
}


async def made(org: Organisation, **more: Any) -> dict[str, Any]:
    """A new form."""
    answer = await org.admin.post("/v1/forms", json=ASKS | more)
    assert answer.status_code == 201, answer.text
    form: dict[str, Any] = answer.json()
    return form


async def address(org: Organisation, form: dict[str, Any]) -> str:
    """Where anybody fills it in."""
    answer = await org.admin.get(f"/v1/forms/{form['id']}/address")
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["url"]
    assert answer.json()["page_url"] == f"{url}/page"
    return httpx.URL(url).path


async def ticket(org: Organisation, here: str, at: datetime | None = None) -> str:
    """A ticket that was issued some time ago."""
    form = await sending.opened(org.database, SECRET, here.rpartition("/")[2])
    return sending.issue(form, SECRET, at or clock.now() - timedelta(seconds=5))


async def body(
    org: Organisation, here: str, answers: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """The form filled in."""
    filled = {
        "ticket": await ticket(org, here),
        "language": "zh",
        "answers": WEI if answers is None else answers,
    }
    return filled | more


async def contacts(org: Organisation) -> list[dict[str, Any]]:
    """All contacts, newest first."""
    found: list[dict[str, Any]] = (await org.admin.get("/v1/contacts")).json()["data"]
    return found


async def interactions(org: Organisation) -> list[dict[str, Any]]:
    """All interactions, newest first."""
    found: list[dict[str, Any]] = (await org.admin.get("/v1/interactions")).json()["data"]
    return found
