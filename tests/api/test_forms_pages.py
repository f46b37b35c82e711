"""Forms as pages: in two languages, without a script, and sent by a browser as it sends any form."""

import re
from collections.abc import Mapping
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from app.kit import clock
from tests.makers.forms import SHOP, WEI, address, contacts, interactions, made, ticket
from tests.makers.organisations import Organisation

_CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Read(HTMLParser):
    """What a page has: its fields by name with their marks, its labels, its texts, and whatever it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.language = ""
        self.fields: dict[str, dict[str, str | None]] = {}
        self.labelled: set[str | None] = set()
        self.action = ""
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        marks = dict(attrs)
        self.language = self.language or (marks.get("lang") or "" if tag == "html" else "")
        if tag in {"input", "select", "textarea"}:
            self.fields[marks["name"] or ""] = marks
        elif tag == "label" and "for" in marks:
            self.labelled.add(marks["for"])
        elif tag == "form":
            self.action = marks["action"] or ""
        elif tag == "a":
            self.links.append(marks["href"] or "")
        self.fetched += [
            f"{tag} {name}" for name in ("src", "srcset", "data", "style", "onclick") if name in marks
        ]
        self.fetched += [tag] if tag in {"script", "link", "iframe", "object", "base"} else []

    def handle_data(self, data: str) -> None:
        self.text += data


def filled(read: Read, answers: Mapping[str, str]) -> dict[str, str]:
    """What a browser sends of the page once its fields are filled in."""
    own = {
        name: marks.get("value") or ""
        for name, marks in read.fields.items()
        if marks.get("type") != "checkbox"
    }
    return own | dict(answers)


@pytest.mark.parametrize(
    ("accepted", "lang", "shown"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh-CN"),
        ("en-GB,en;q=0.9,zh;q=0.1", None, "en"),
        ("de", None, "en"),
        ("", None, "en"),
        ("zh;q=nonsense, en;q=0.2", None, "en"),
        ("zh-CN", "en", "en"),
        ("en", "zh", "zh-CN"),
    ],
)
async def test_a_page_speaks_the_readers_language(
    accepted: str, lang: str | None, shown: str, org: Organisation, stranger: httpx.AsyncClient
):
    here = await address(org, await made(org))
    params = {"lang": lang} if lang else {}
    page = await stranger.get(f"{here}/page", params=params, headers={"Accept-Language": accepted})
    read = Read(page.text)
    assert (page.status_code, read.language, page.headers["content-language"]) == (200, shown, shown)
    words = (
        ("保持联系", "姓名", "请向我发送资讯。", "提交")
        if shown == "zh-CN"
        else ("Stay in touch", "Name", "Send me news.", "Send")
    )
    for word in words:
        assert word in read.text
    assert read.links == ["?lang=en" if shown == "zh-CN" else "?lang=zh"]


async def test_a_page_brings_all_it_needs_and_every_field_has_its_label(
    org: Organisation, stranger: httpx.AsyncClient
):
    here = await address(org, await made(org, redirect_url="https://www.example.com/thanks?x=1"))
    page = await stranger.get(f"{here}/page")
    read = Read(page.text)
    assert read.fetched == []
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": policy["style-src"],
        "form-action": "'self' https://www.example.com",
        "base-uri": "'none'",
        "frame-ancestors": SHOP,
    }
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    for name, marks in read.fields.items():
        if marks.get("type") not in {"hidden", "checkbox"}:
            assert marks["id"] in read.labelled, name
    assert "required" in read.fields["email"]
    assert "required" not in read.fields["phone"]
    assert (read.fields["email"]["type"], read.fields["email"]["autocomplete"]) == ("email", "email")
    assert read.fields["website"]["tabindex"] == "-1"


async def test_a_page_is_sent_without_a_script(org: Organisation, stranger: httpx.AsyncClient):
    here = await address(org, await made(org, thanks={"en": "Thank <you>!", "zh": "多谢！"}))
    read = Read((await stranger.get(f"{here}/page", params={"lang": "zh"})).text)
    assert str(httpx.URL(f"http://test{here}/page").join(read.action).path) == here
    sent = filled(read, WEI | {"consent": "true", "ticket": await ticket(org, here)})
    answer = await stranger.post(here, data=sent, headers={"Origin": "http://test"})
    assert answer.status_code == 200, answer.text
    assert "多谢！" in answer.text
    assert Read(answer.text).language == "zh-CN"
    [wei] = await contacts(org)
    assert (wei["name"], wei["consented"]) == ("张伟", ["marketing:email", "marketing:sms"])
    again = await stranger.post(here, data=sent)
    assert (again.status_code, len(await interactions(org))) == (200, 1)
    english = await stranger.post(here, data=sent | {"language": "en", "ticket": await ticket(org, here)})
    assert "Thank &lt;you&gt;!" in english.text


async def test_a_page_goes_on_to_where_the_form_says(org: Organisation, stranger: httpx.AsyncClient):
    here = await address(org, await made(org, redirect_url="https://www.example.com/thanks"))
    sent = WEI | {"ticket": await ticket(org, here), "language": "en"}
    answer = await stranger.post(here, data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, "https://www.example.com/thanks")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_a_page_that_is_refused_comes_back_as_it_was_filled_in(
    language: str, org: Organisation, stranger: httpx.AsyncClient
):
    here = await address(org, await made(org))
    good = await ticket(org, here)
    answers = WEI | {"email": 'no "address" <script>', "consent": "true"}
    answer = await stranger.post(here, data=answers | {"ticket": good, "language": language})
    read = Read(answer.text)
    assert answer.status_code == 422
    assert read.fetched == []
    assert (read.fields["email"]["value"], read.fields["email"]["aria-invalid"]) == (answers["email"], "true")
    assert f'id="{read.fields["email"]["aria-describedby"]}"' in answer.text
    assert read.fields["name"]["value"] == "张伟"
    assert "checked" in read.fields["consent"]
    assert "留言" in read.text if language == "zh" else "Message" in read.text
    assert (
        "这不是有效的电子邮箱地址。" if language == "zh" else "This is not an e-mail address."
    ) in read.text
    assert httpx.URL(f"http://test{here}").join(read.action).path == here
    assert httpx.URL(f"http://test{here}").join(read.links[0]).path == f"{here}/page"
    # The ticket is still good, so what is mended can be sent at once.
    assert read.fields["ticket"]["value"] == good
    mended = await stranger.post(here, data=filled(read, WEI))
    assert mended.status_code == 200
    assert len(await contacts(org)) == 1


async def test_a_page_with_a_used_or_old_ticket_comes_back_with_a_new_one(
    org: Organisation, stranger: httpx.AsyncClient
):
    here = await address(org, await made(org))
    old = await ticket(org, here, clock.now() - timedelta(days=2))
    answer = await stranger.post(here, data=WEI | {"ticket": old, "language": "en"})
    read = Read(answer.text)
    assert answer.status_code == 409
    assert "more than a day ago" in read.text
    assert not _CHINESE.search(
        read.text.replace("张伟", "").replace("杭州", "").replace("你好", "").replace("中文", "")
    )
    assert read.fields["ticket"]["value"] not in {"", old}
    soon = await stranger.post(here, data=filled(read, {}))
    assert soon.status_code == 409
    assert "sooner than anybody" in soon.text
    assert await contacts(org) == []


async def test_a_page_of_no_form_says_so(org: Organisation, stranger: httpx.AsyncClient):
    form = await made(org)
    here = await address(org, form)
    await org.admin.post(f"/v1/forms/{form['id']}/archive", headers={"If-Match": "*"})
    for answer in (
        await stranger.get(f"{here}/page", params={"lang": "zh"}),
        await stranger.post(here, data={"language": "zh"}, headers={"Accept-Language": "zh"}),
    ):
        assert answer.status_code == 404
        assert "此表单已关闭" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_every_way_of_asking_is_drawn(org: Organisation, stranger: httpx.AsyncClient):
    asks: list[dict[str, Any]] = [
        {"path": "email", "label": {"en": "E-mail"}},
        {"path": "gender", "label": {"en": "Gender"}},
        {"path": "birth_date", "label": {"en": "Birthday"}},
        {
            "path": "job_title",
            "label": {"en": "Role"},
            "choices": [{"value": "buyer", "label": {"zh": "采购"}}],
        },
    ]
    for key, kind in (("teas", "labels"), ("many", "integer"), ("vip", "boolean")):
        added: dict[str, Any] = {"noun": "contact", "key": key, "kind": kind, "label": key}
        added |= {"choices": ["green", "a b"]} if kind == "labels" else {}
        assert (await org.admin.post("/v1/custom_fields", json=added)).status_code == 201
        asks.append({"path": f"custom.{key}", "label": {"en": key}})
    here = await address(org, await made(org, questions=asks, consent=None, title={"zh": "仅中文"}))
    page = await stranger.get(f"{here}/page", params={"lang": "en"})
    read = Read(page.text)
    assert '<span lang="zh-CN">仅中文</span>' in page.text
    assert '<option value="female">' in page.text
    assert '<option value="buyer">采购</option>' in page.text
    assert read.fields["birth_date"]["type"] == "date"
    assert read.fields["custom.many"]["inputmode"] == "numeric"
    assert read.fields["custom.teas"]["type"] == "checkbox"
    sent: dict[str, Any] = {
        "email": "a@example.com",
        "gender": "female",
        "birth_date": "1990-05-17",
        "job_title": "buyer",
    }
    sent |= {"custom.teas": ["green", "a b"], "custom.many": "3", "custom.vip": "false", "utm_source": "x"}
    answer = await stranger.post(here, data=sent | {"ticket": await ticket(org, here), "language": "en"})
    assert answer.status_code == 200, answer.text
    [one] = await contacts(org)
    assert (one["gender"], one["birth_date"], one["job_title"]) == ("female", "1990-05-17", "buyer")
    assert one["custom"] == {"teas": ["green", "a b"], "many": 3, "vip": False}
    assert one["name"] == "a@example.com"
