"""What answers make of a contact: nobody knows who has sent them, so they fill what is empty and replace nothing."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.domain.contacts import ConsentState
from app.domain.fields import CUSTOM
from app.domain.forms.answers import Answers
from app.domain.forms.questions import ADDRESS, COMPANY, MESSAGE, Asked, Language, words

FORM = "form"
"""The label of addresses and numbers that somebody added by a form, and the source of consents given by one."""
_MOST_LISTED = 20
"""Addresses or numbers that a contact's writers may send at once."""
_MOST_TAGS = 100
_HAN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_TAGGED = {Language.EN: "en", Language.ZH: "zh-CN"}
_LISTS = {"email": ("emails", "address", "normalised"), "phone": ("phones", "number", "e164")}
_AGREED = {Language.EN: "Agreed: {}", Language.ZH: "已同意：{}"}
_BETWEEN = {Language.EN: ", ", Language.ZH: "、"}
_YES_NO = {Language.EN: {True: "Yes", False: "No"}, Language.ZH: {True: "是", False: "否"}}


def plan_new(
    answers: Answers, form: Mapping[str, Any], language: Language, company: UUID | None
) -> dict[str, Any]:
    """A new contact's values."""
    values = answers.values
    given = {name: _own(name, value) for name, value in values.items() if _is_own(name)}
    given["name"] = values.get("name") or _composed(values)
    for path, (listed, name, _) in _LISTS.items():
        if path in values:
            given[listed] = [{name: values[path]}]
    if address := _address(values):
        given["addresses"] = [address]
    if custom := _custom(values):
        given["custom"] = custom
    if company is not None:
        given["company_id"] = company
    told = {name: form[name] for name in ("source", "owner_id") if form[name] is not None}
    return given | told | {"language": _TAGGED[language], "tags": list(form["contact_tags"])}


def plan_known(
    known: Mapping[str, Any], answers: Answers, tags: Sequence[str], company: UUID | None
) -> dict[str, Any]:
    """What is missing of a contact that is there already. No value that it has is replaced, and none taken away."""
    values = answers.values
    given = {
        name: _own(name, value)
        for name, value in values.items()
        if _is_own(name) and known[name] in {None, ""}
    }
    for path, normal in answers.normal.items():
        listed, name, form = _LISTS[path]
        there = known[listed]
        if len(there) < _MOST_LISTED and normal not in {entry[form] for entry in there}:
            given[listed] = [*there, {name: values[path], "label": FORM}]
    if (address := _address(values)) and not known["addresses"]:
        given["addresses"] = [{**address, "label": FORM}]
    custom = {key: value for key, value in _custom(values).items() if known["custom"].get(key) is None}
    if custom:
        given["custom"] = custom
    if company is not None and known["company_id"] is None:
        given["company_id"] = company
    tagged = list(dict.fromkeys([*known["tags"], *tags]))
    if len(known["tags"]) < len(tagged) <= _MOST_TAGS:
        given["tags"] = tagged
    return given


def _is_own(path: str) -> bool:
    """Whether the answer is the value of the contact's field of the same name."""
    apart = path in _LISTS or path in ADDRESS or path in {COMPANY, MESSAGE}
    return not apart and not path.startswith(CUSTOM)


def _own(path: str, value: Any) -> Any:
    return date.fromisoformat(value) if path == "birth_date" else value


def _address(values: Mapping[str, Any]) -> dict[str, str]:
    return {part: values[part] for part in ADDRESS if part in values}


def _custom(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(CUSTOM): value for name, value in values.items() if name.startswith(CUSTOM)}


def _composed(values: Mapping[str, Any]) -> str:
    """A name for whoever gave none: of its parts, in the order of their script; else how they are reached."""
    given, family = values.get("given_name", ""), values.get("family_name", "")
    together = f"{family}{given}" if _HAN.search(family + given) else f"{given} {family}".strip()
    return str(together or values.get("email") or values["phone"])[:200]


def consents(
    known: Sequence[Mapping[str, Any]],
    form: Mapping[str, Any],
    text: str,
    language: Language,
    *,
    at: datetime,
) -> list[dict[str, Any]]:
    """The consents that are new, each with the text agreed to.

    Where something was said before, be it yes or no, that counts: anybody may type anybody's address.
    """
    asked = form["consent"]
    said = {(one["purpose"], one["channel"]) for one in known}
    return [
        {
            "purpose": asked["purpose"],
            "channel": channel,
            "state": ConsentState.GRANTED,
            "at": at,
            "source": FORM,
            "evidence": text,
            "language": language.value,
            "form_id": str(form["id"]),
            "form_version": form["version"],
        }
        for channel in asked["channels"]
        if (asked["purpose"], channel) not in said
    ]


def told(questions: Sequence[Asked], answers: Answers, language: Language, *, agreed: str | None) -> str:
    """Everything that was answered, as the body of an interaction.

    What of it differs from what was known is not marked: whoever reads this may not read that.
    """
    lines = [
        f"{words(one.label, language)[0]}: {_shown(one, answers.values[one.path], language)}"
        for one in questions
        if one.path in answers.values
    ]
    return "\n".join(lines if agreed is None else [*lines, _AGREED[language].format(agreed)])


def _shown(question: Asked, value: Any, language: Language) -> str:
    match value:
        case bool():
            return _YES_NO[language][value]
        case list():
            return _BETWEEN[language].join(_chosen(question, one, language) for one in value)
    return _chosen(question, str(value), language)


def _chosen(question: Asked, value: str, language: Language) -> str:
    return next((one.says(language) for one in question.choices if one.value == value), value)
