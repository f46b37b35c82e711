"""Answers to a form: read, cleaned and bounded, or refused one by one in the language of whoever gave them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.domain.errors import InvalidInput
from app.domain.fields import Field, Kind, parse
from app.domain.forms.questions import Asked, Language, Understand, Way
from app.domain.pointers import pointer

CONSENT = "consent"
_FIRST_YEAR, _LAST_YEAR = 1850, 2199
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_WRONG: Mapping[str, Mapping[Language, str]] = {
    "missing": {Language.EN: "Please answer this.", Language.ZH: "请填写此项。"},
    "email": {Language.EN: "This is not an e-mail address.", Language.ZH: "这不是有效的电子邮箱地址。"},
    "phone": {
        Language.EN: "This is not a phone number; from abroad, begin with + and the country.",
        Language.ZH: "这不是有效的电话号码；境外号码请以 + 和国家代码开头。",
    },
    "date": {
        Language.EN: "Write the date as year-month-day, such as 1990-05-17.",
        Language.ZH: "请按“年-月-日”填写日期，例如 1990-05-17。",
    },
    "number": {Language.EN: "This is not a number.", Language.ZH: "这不是数字。"},
    "country": {
        Language.EN: "Write the country with its two letters, such as CN.",
        Language.ZH: "请用两个字母填写国家代码，例如 CN。",
    },
    "choice": {Language.EN: "Choose from the list.", Language.ZH: "请从列表中选择。"},
    "long": {Language.EN: "This is too long.", Language.ZH: "内容过长。"},
    "form": {
        Language.EN: "This is not what such a question is answered with.",
        Language.ZH: "回答的格式不正确。",
    },
    "unknown": {Language.EN: "This form does not ask for this.", Language.ZH: "此表单没有这个问题。"},
    "consent": {Language.EN: "Without this you cannot send the form.", Language.ZH: "须同意此项方可提交。"},
}


class Fault(NamedTuple):
    """What is wrong with one answer."""

    path: str
    code: str

    def says(self, language: Language) -> str:
        """The sentence about it."""
        return _WRONG[self.code][language]


@dataclass(slots=True)
class Answers:
    """What was answered, by path; questions left open are not among them."""

    values: dict[str, Any] = field(default_factory=dict)
    normal: dict[str, str] = field(default_factory=dict)
    """Of an address and a number, the form that is compared."""
    faults: list[Fault] = field(default_factory=list)


def read(questions: Sequence[Asked], raw: Mapping[str, Any], understand: Understand) -> Answers:
    """The answers among what was sent, be it JSON or the texts of a page's fields."""
    found = Answers()
    for question in questions:
        try:
            value = _value(question, raw.get(question.path))
        except ValueError as fault:
            found.faults.append(Fault(question.path, str(fault)))
            continue
        if value is None:
            if question.required:
                found.faults.append(Fault(question.path, "missing"))
            continue
        if question.way in understand:
            normal = understand[question.way](value)
            if normal is None:
                found.faults.append(Fault(question.path, question.way.value))
                continue
            found.normal[question.path] = normal
        found.values[question.path] = value
    known = {question.path for question in questions}
    found.faults += [Fault(path, "unknown") for path in raw if path not in known]
    if not found.normal and not found.faults:  # nobody could say whose answers these are
        ways = [question for question in questions if question.way in understand]
        found.faults += [Fault(question.path, "missing") for question in ways[:1]]
    return found


def refusal(faults: Iterable[Fault], language: Language) -> InvalidInput:
    """The refusal of answers, each fault at its place in the body."""
    errors = [
        {
            "at": pointer((CONSENT,) if fault.path == CONSENT else ("answers", fault.path)),
            "detail": fault.says(language),
        }
        for fault in faults
    ]
    return InvalidInput("answers_invalid", "Some answers are missing or cannot be understood.", errors=errors)


def _value(question: Asked, raw: Any) -> Any:
    """An answer of the question's way, None when it is left open; ValueError is the code of what is wrong."""
    if raw is None or raw in ("", []):
        return None
    match question.way:
        case Way.YES_NO:
            return _yes_no(raw)
        case Way.SOME:
            return _some(question, raw if isinstance(raw, list) else [raw])
    if isinstance(raw, int | float) and question.way in {Way.INTEGER, Way.NUMBER}:
        raw = str(raw)
    if not isinstance(raw, str):
        raise ValueError("form")  # noqa: TRY004 - the code of a fault, not a type of ours
    text = _paragraphs(raw) if question.way is Way.TEXT else _line(raw)
    return _of_text(question, text) if text else None


def _of_text(question: Asked, text: str) -> Any:
    if question.values and text not in question.values:
        raise ValueError("choice")
    if question.path == "country":
        return _country(text)
    if len(text) > question.most:
        raise ValueError("long")
    match question.way:
        case Way.NUMBER:
            return _parsed(Kind.NUMBER, text)
        case Way.INTEGER:
            return _integer(text)
        case Way.DATE:
            return _date(text)
    return text


def _line(raw: str) -> str:
    return " ".join(_clean(raw, "").split())


def _paragraphs(raw: str) -> str:
    return _clean(raw.replace("\r\n", "\n").replace("\r", "\n"), "\n").strip()


def _clean(raw: str, kept: str) -> str:
    """Without control characters and halves of surrogate pairs, which no text needs and PostgreSQL does not take."""
    return "".join(" " if c not in kept and unicodedata.category(c) in {"Cc", "Cs"} else c for c in raw)


def _yes_no(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    if raw in ("true", "false"):
        return bool(raw == "true")
    raise ValueError("form")


def _integer(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("number")
    return int(text)


def _parsed(kind: Kind, text: str) -> str:
    try:
        parse(Field("answer", kind), text)
    except ValueError:
        raise ValueError("date" if kind is Kind.DATE else "number") from None
    return text


def _date(text: str) -> str:
    _parsed(Kind.DATE, text)
    if not _FIRST_YEAR <= int(text[:4]) <= _LAST_YEAR:
        raise ValueError("date")
    return text


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text.upper()):
        raise ValueError("country")
    return text.upper()


def _some(question: Asked, raw: list[Any]) -> list[str] | None:
    if not all(isinstance(one, str) for one in raw):
        raise ValueError("form")
    chosen = list(dict.fromkeys(filter(None, map(_line, raw))))
    if question.values and not question.values.issuperset(chosen):
        raise ValueError("choice")
    if len(chosen) > 100 or any(len(one) > question.most for one in chosen):
        raise ValueError("long")
    return chosen or None
