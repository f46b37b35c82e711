"""Forms: what is asked, what is understood of the answers, and what they make of a contact."""

import string
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import DomainError, InvalidInput
from app.domain.fields import Field, Kind
from app.domain.forms import people, tickets
from app.domain.forms.answers import Answers, read, refusal
from app.domain.forms.questions import PATHS, Language, Way, asked, check_fields, check_form, words
from app.domain.forms.tickets import Ticket, judge, neighbourhood, says
from app.schemas.contacts import ContactAdd
from app.schemas.forms import FormAdd

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FORM, COMPANY = UUID(int=1), UUID(int=2)
CUSTOM = {"note": Field("custom.note", Kind.TEXT), "size": Field("custom.size", Kind.INTEGER)}
ASKED = asked(
    [
        {"path": path, "label": {"en": path, "zh": f"问{path}"}, "required": False}
        for path in (*sorted(PATHS), "custom.note", "custom.size")
    ],
    CUSTOM,
)
UNDERSTAND = {
    Way.EMAIL: lambda typed: typed.strip().lower() if "@" in typed else None,
    Way.PHONE: lambda typed: f"+{digits}" if (digits := "".join(filter(str.isdigit, typed))) else None,
}
ROW: dict[str, Any] = {"source": "fair", "owner_id": FORM, "contact_tags": ["fair", "tea"]}
line = st.text(max_size=30)
something = st.text(string.ascii_letters + "张伟海", min_size=1, max_size=8)
answered = st.fixed_dictionaries(
    {"email": st.emails()},
    optional={
        **dict.fromkeys(
            ("name", "given_name", "family_name", "job_title", "city", "street", "company"), something
        ),
        **dict.fromkeys(("message", "custom.note"), something),
        "phone": st.from_regex(r"1[0-9]{6,9}", fullmatch=True),
        "birth_date": st.dates(date(1850, 1, 1), date(2199, 12, 31)).map(str),
        "custom.size": st.integers(-5, 5),
        "country": st.sampled_from(["CN", "de"]),
        "gender": st.sampled_from(["female", "male"]),
    },
)
entries = st.lists(
    st.builds(lambda n: {"number": str(n), "label": None, "e164": f"+{n}"}, st.integers(10**6, 10**9)),
    max_size=22,
)
known = st.fixed_dictionaries(
    {
        "name": something,
        **{name: st.none() | something for name in ("given_name", "family_name", "job_title", "occupation")},
        **{name: st.none() | something for name in ("income_band", "education")},
        "birth_date": st.none() | st.dates(date(1850, 1, 1)),
        "gender": st.sampled_from([None, "female"]),
        "company_id": st.sampled_from([None, FORM, COMPANY]),
        "emails": st.lists(
            st.builds(lambda typed: {"address": typed, "normalised": typed.lower()}, st.emails()), max_size=22
        ),
        "phones": entries,
        "addresses": st.lists(
            st.fixed_dictionaries({"city": something, "country": st.just("CN")}), max_size=2
        ),
        "custom": st.dictionaries(st.sampled_from(["note", "size"]), st.integers(-5, 5) | something),
        "tags": st.lists(something, unique=True, max_size=3),
    }
)


def understood(raw: dict[str, Any]) -> Answers:
    found = read(ASKED, raw, UNDERSTAND)
    assert found.faults == []
    return found


@given(known, answered, st.sampled_from([None, COMPANY]))
def test_nothing_that_is_known_is_replaced_or_taken_away(before: Any, raw: Any, company: UUID | None):
    answers = understood(raw)
    plan = people.plan_known(before, answers, ROW["contact_tags"], company)
    for name, value in plan.items():
        old = before[name]
        match old:
            case list():
                assert value[: len(old)] == old
                assert len(value) > len(old)
            case dict():
                assert old.keys().isdisjoint(value)
            case _:
                assert old is None
    assert set(before["tags"]) <= set(plan.get("tags", before["tags"]))
    assert "name" not in plan


@given(known, answered)
def test_every_answer_is_kept_or_told(before: Any, raw: Any):
    answers = understood(raw)
    plan = people.plan_known(before, answers, [], None)
    body = people.told(ASKED, answers, Language.ZH, agreed=None)
    for path, value in answers.values.items():
        shown = {"female": "女", "male": "男"}.get(value, value) if path == "gender" else value
        assert f"问{path}: {shown}" in body
    after = {**before, **plan, "custom": {**before["custom"], **plan.get("custom", {})}}
    for entry in after["emails"]:
        entry.setdefault("normalised", entry["address"].lower())
    for entry in after["phones"]:
        entry.setdefault("e164", f"+{entry['number']}")
    again = people.plan_known(after, answers, [], None)
    assert again == {}, "the same answers twice do nothing the second time"


@given(answered, st.sampled_from(Language))
def test_a_new_contact_is_one_that_the_api_would_take(raw: Any, language: Language):
    new = people.plan_new(understood(raw), ROW, language, None)
    contact = ContactAdd.model_validate(new)
    assert contact.name.strip()
    assert contact.tags == ["fair", "tea"]


@given(
    st.dictionaries(
        st.sampled_from([one.path for one in ASKED]),
        line | st.integers() | st.booleans() | st.none() | st.lists(line),
    )
)
def test_whatever_is_sent_is_understood_or_refused_and_what_is_understood_can_be_kept(raw: dict[str, Any]):
    answers = read(ASKED, raw, UNDERSTAND)
    if answers.faults:
        for language in Language:
            told = refusal(answers.faults, language).facts["errors"]
            assert len(told) == len(answers.faults)
        return
    ContactAdd.model_validate(people.plan_new(answers, ROW, Language.EN, None))


@pytest.mark.parametrize(
    ("path", "raw", "fault"),
    [
        ("email", "nobody", "email"),
        ("phone", "none", "phone"),
        ("birth_date", "1849-12-31", "date"),
        ("birth_date", "17.5.1990", "date"),
        ("country", "China", "country"),
        ("gender", "x", "choice"),
        ("custom.size", "many", "number"),
        ("custom.size", True, "number"),
        ("name", {"a": 1}, "form"),
        ("name", "x" * 201, "long"),
        ("stage", "customer", "unknown"),
    ],
)
def test_a_wrong_answer_is_named(path: str, raw: Any, fault: str):
    found = read(ASKED, {"email": "a@example.com", path: raw}, UNDERSTAND)
    assert [(one.path, one.code) for one in found.faults] == [(path, fault)]


def test_somebody_must_be_reachable():
    assert [one.path for one in read(ASKED, {"name": "x"}, UNDERSTAND).faults] == ["email"]
    assert read(ASKED, {"phone": "123"}, UNDERSTAND).faults == []


def test_answers_are_cleaned_of_what_no_text_needs():
    raw = {"email": " a@example.com ", "name": "\x00 张\t\n伟\ud800 ", "message": "\r\n one\x07\r\ntwo \n"}
    assert understood(raw).values == {"email": "a@example.com", "name": "张 伟", "message": "one \ntwo"}


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"given_name": "伟", "family_name": "张"}, "张伟"),
        ({"given_name": "Anna", "family_name": "Lee"}, "Anna Lee"),
        ({"family_name": "Lee"}, "Lee"),
        ({}, "a@example.com"),
    ],
)
def test_who_gives_no_name_is_called_by_its_parts_or_the_address(parts: dict[str, str], name: str):
    answers = understood({"email": "a@example.com", **parts})
    assert people.plan_new(answers, ROW, Language.EN, None)["name"] == name


def test_words_are_shown_in_the_other_language_where_there_are_no_others():
    assert words({"en": "a", "zh": "b"}, Language.ZH) == ("b", Language.ZH)
    assert words({"en": "a", "zh": None}, Language.ZH) == ("a", Language.EN)
    assert words(None, Language.EN) == ("", Language.EN)


def test_a_question_about_a_field_that_is_gone_is_put_no_more():
    question = {"path": "custom.gone", "label": {"en": "x"}, "required": True}
    assert asked([question], CUSTOM) == []


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_path_can_be_asked_for(path: str):
    questions = [{"path": one, "label": {"en": "x"}} for one in {path, "phone"}]
    form = FormAdd(name="x", title={"en": "x"}, questions=questions)
    check_form(form.model_dump())
    check_fields(form.model_dump()["questions"], {})


@pytest.mark.parametrize(
    ("path", "choices", "code"),
    [
        ("custom.when", [], "question_unknown"),
        ("custom.size", ["1"], "choices_not_here"),
        ("custom.colour", ["blue"], "choice_unknown"),
        ("gender", ["x"], "choice_unknown"),
        ("country", ["China"], "choice_unknown"),
    ],
)
def test_a_choice_that_the_field_does_not_know_is_refused(path: str, choices: list[str], code: str):
    custom = CUSTOM | {
        "when": Field("custom.when", Kind.TIME),
        "colour": Field("custom.colour", Kind.TEXT, choices=frozenset({"red"})),
    }
    question = {
        "path": path,
        "label": {"en": "x"},
        "required": False,
        "choices": [{"value": one} for one in choices],
    }
    with pytest.raises(InvalidInput) as refused:
        check_fields([question], custom)
    assert refused.value.code == code


def test_a_ticket_is_good_from_two_seconds_to_a_day():
    def at(age: timedelta) -> str:
        try:
            judge(Ticket(FORM, FORM, 3, NOON - age), FORM, 3, NOON)
        except DomainError as refused:
            return refused.code
        return "good"

    tick = timedelta(milliseconds=1)
    ages = {tickets.YOUNGEST - tick: "ticket_young", tickets.YOUNGEST: "good", tickets.OLDEST: "good"}
    ages |= {tickets.OLDEST + tick: "ticket_old", -tickets.YOUNGEST - tick: "ticket_invalid"}
    assert {age: at(age) for age in ages} == ages


def test_every_refusal_is_said_in_chinese():
    refusals: list[DomainError] = [
        tickets.changed(),
        tickets.used(),
        tickets.closed(),
        tickets.too_often(NOON, NOON),
        tickets.refused_origin(),
        refusal([], Language.EN),
    ]
    for ticket, now in (
        (None, NOON),
        *((Ticket(FORM, FORM, 1, NOON), NOON + age) for age in (timedelta(0), timedelta(days=2))),
    ):
        with pytest.raises(DomainError) as refused:
            judge(ticket, FORM, 1, now)
        refusals.append(refused.value)
    for one in refusals:
        assert says(one, Language.EN) == one.detail
        assert any("\u4e00" <= c <= "\u9fff" for c in says(one, Language.ZH)), one.code
    assert {one.code for one in refusals} == tickets._CHINESE.keys()


@pytest.mark.parametrize(
    ("address", "together"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        (None, "unknown"),
        ("testclient", "unknown"),
    ],
)
def test_addresses_that_lie_together_are_counted_together(address: str | None, together: str):
    assert neighbourhood(address) == together


@given(
    st.lists(
        st.sampled_from([("marketing", "email"), ("marketing", "sms"), ("service", "email")]), unique=True
    )
)
def test_a_consent_is_new_where_nothing_was_said(said: list[tuple[str, str]]):
    form = {"id": FORM, "version": 3, "consent": {"purpose": "marketing", "channels": ["email", "sms"]}}
    there = [{"purpose": purpose, "channel": channel} for purpose, channel in said]
    new = people.consents(there, form, "text", Language.ZH, at=NOON)
    both = {(one["purpose"], one["channel"]) for one in new}
    assert both == {("marketing", "email"), ("marketing", "sms")} - set(said)
    assert all((one["evidence"], one["form_version"]) == ("text", 3) for one in new)
