"""What answers make of a contact: nobody knows who has sent them, so they fill what is empty and replace nothing."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.domain.contacts import ConsentState
from app.domain.fields import CUSTOM, to_raw
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
_STAYS = {
    Language.EN: "Differs from what was known, which stays as it is: {}.",
    Language.ZH: "与已有资料不同，已有资料保持不变：{}。",
}
_AGREED = {Language.EN: "Agreed: {}", Language.ZH: "已同意：{}"}
_ONLY_SAID = {
    Language.EN: "Something was said about this before, and still counts.",
    Language.ZH: "此前已有相关表示，仍以其为准。",
}
_BETWEEN = {Language.EN: ", ", Language.ZH: "、"}
_YES_NO = {Language.EN: {True: "Yes", False: "No"}, Language.ZH: {True: "是", False: "否"}}


@dataclass(slots=True)
class Plan:
    """New values of a contact, and the paths of the answers that say otherwise than what is known."""

    given: dict[str, Any] = field(default_factory=dict)
    differing: list[str] = field(default_factory=list)


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


def plan_known(known: Mapping[str, Any], answers: Answers, tags: Sequence[str], company: UUID | None) -> Plan:
    """What is missing of a contact that is there already. No value that it has is replaced, and none taken away."""
    plan = Plan()
    values = answers.values
    for path, value in values.items():
        if path in _LISTS:
            _list(plan, known, path, value, answers.normal[path])
        elif _is_own(path):
            _fill(plan, path, path, known[path], _own(path, value))
    _fill_address(plan, known, _address(values))
    custom = {}
    for key, value in _custom(values).items():
        if known["custom"].get(key) is None:
            custom[key] = value
        elif known["custom"][key] != value:
            plan.differing.append(f"{CUSTOM}{key}")
    if custom:
        plan.given["custom"] = custom
    if company is not None:
        _fill(plan, COMPANY, "company_id", known["company_id"], company)
    tagged = list(dict.fromkeys([*known["tags"], *tags]))
    if len(known["tags"]) < len(tagged) <= _MOST_TAGS:
        plan.given["tags"] = tagged
    return plan


def _is_own(path: str) -> bool:
    """Whether the answer is the value of the contact's field of the same name."""
    apart = path in _LISTS or path in ADDRESS or path in {COMPANY, MESSAGE}
    return not apart and not path.startswith(CUSTOM)


def _own(path: str, value: Any) -> Any:
    return date.fromisoformat(value) if path == "birth_date" else value


def _fill(plan: Plan, path: str, name: str, old: Any, new: Any) -> None:
    if old is None or old == "":
        plan.given[name] = new
    elif str(to_raw(old)).casefold() != str(to_raw(new)).casefold():
        plan.differing.append(path)


def _list(plan: Plan, known: Mapping[str, Any], path: str, value: str, normal: str) -> None:
    listed, name, form = _LISTS[path]
    there = known[listed]
    if normal in {entry[form] for entry in there}:
        return
    if len(there) < _MOST_LISTED:
        plan.given[listed] = [*there, {name: value, "label": FORM}]
    else:
        plan.differing.append(path)


def _fill_address(plan: Plan, known: Mapping[str, Any], address: Mapping[str, str]) -> None:
    if not address:
        return
    if not known["addresses"]:
        plan.given["addresses"] = [{**address, "label": FORM}]
    elif not any(address.items() <= entry.items() for entry in known["addresses"]):
        plan.differing += address


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


def told(
    questions: Sequence[Asked],
    answers: Answers,
    differing: Sequence[str],
    language: Language,
    *,
    agreed: str | None,
    recorded: bool,
) -> str:
    """Everything that was answered, as the body of an interaction, and what of it was not taken over."""
    lines = [
        f"{words(one.label, language)[0]}: {_shown(answers.values[one.path], language)}"
        for one in questions
        if one.path in answers.values
    ]
    if differing:
        labels = [words(one.label, language)[0] for one in questions if one.path in differing]
        lines.append(_STAYS[language].format(_BETWEEN[language].join(labels)))
    if agreed is not None:
        lines.append(_AGREED[language].format(agreed))
        lines += [] if recorded else [_ONLY_SAID[language]]
    return "\n".join(lines)


def _shown(value: Any, language: Language) -> str:
    match value:
        case bool():
            return _YES_NO[language][value]
        case list():
            return _BETWEEN[language].join(value)
    return str(value)
