"""What a form may ask: which fields of a contact, in which way each is answered, and in which words."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from app.domain.contacts import Gender
from app.domain.errors import InvalidInput
from app.domain.fields import CUSTOM, TEXT_MAX, Field, Kind

MESSAGE = "message"
"""What is said besides; it becomes part of the interaction alone."""
COMPANY = "company"
ADDRESS = ("country", "province", "city", "district", "street", "postal_code")
_REACH = frozenset({"email", "phone"})


class Language(StrEnum):
    """The languages that forms speak."""

    EN = "en"
    ZH = "zh"


class Way(StrEnum):
    """How a question is answered."""

    LINE = "line"
    TEXT = "text"
    EMAIL = "email"
    PHONE = "phone"
    DATE = "date"
    INTEGER = "integer"
    NUMBER = "number"
    YES_NO = "yes_no"
    ONE = "one"
    SOME = "some"


_WAYS: Mapping[str, tuple[Way, int]] = MappingProxyType(
    {
        "name": (Way.LINE, 200),
        "given_name": (Way.LINE, 500),
        "family_name": (Way.LINE, 500),
        "email": (Way.EMAIL, 320),
        "phone": (Way.PHONE, 60),
        COMPANY: (Way.LINE, 200),
        "job_title": (Way.LINE, 500),
        "birth_date": (Way.DATE, 10),
        "gender": (Way.ONE, 64),
        "occupation": (Way.LINE, 500),
        "income_band": (Way.LINE, 64),
        "education": (Way.LINE, 500),
        "country": (Way.LINE, 2),
        **dict.fromkeys(("province", "city", "district", "street"), (Way.LINE, 500)),
        "postal_code": (Way.LINE, 64),
        MESSAGE: (Way.TEXT, TEXT_MAX),
    }
)
"""Path to the way of answering and the longest answer, in characters."""
PATHS = frozenset(_WAYS)
_OF_KIND: Mapping[Kind, tuple[Way, int]] = MappingProxyType(
    {
        Kind.TEXT: (Way.LINE, TEXT_MAX),
        Kind.INTEGER: (Way.INTEGER, 20),
        Kind.NUMBER: (Way.NUMBER, 30),
        Kind.BOOLEAN: (Way.YES_NO, 5),
        Kind.DATE: (Way.DATE, 10),
        Kind.LABELS: (Way.SOME, 64),
    }
)
"""The kinds of custom field that people can be asked for."""
_WRITTEN = {
    "email": "emails",
    "phone": "phones",
    COMPANY: "company_id",
    **dict.fromkeys(ADDRESS, "addresses"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers to choose from."""

    value: str
    label: Mapping[str, str | None] | None = None

    def says(self, language: Language) -> str:
        """Its label, or the value itself where it has none."""
        return words(self.label, language)[0] or self.value


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it is put to whoever fills in the form."""

    path: str
    label: Mapping[str, str | None]
    required: bool
    way: Way
    most: int
    """Characters of the longest answer, or of each where there are several."""
    choices: tuple[Choice, ...] = ()
    """No other answers count when there are any."""

    @property
    def values(self) -> frozenset[str]:
        """The answers that count; empty where any does."""
        return frozenset(choice.value for choice in self.choices)


_GENDERS = (
    Choice(Gender.FEMALE.value, {"en": "Woman", "zh": "女"}),
    Choice(Gender.MALE.value, {"en": "Man", "zh": "男"}),
    Choice(Gender.OTHER.value, {"en": "Other", "zh": "其他"}),
    Choice(Gender.UNDISCLOSED.value, {"en": "I do not say", "zh": "不愿透露"}),
)


def words(said: Mapping[str, str | None] | None, language: Language) -> tuple[str, Language]:
    """The words in a language, or in the other one where they are there alone; and the language that they are in."""
    for one in (language, *Language):
        if said and (text := said.get(one)):
            return text, one
    return "", language


def field_of(path: str) -> str | None:
    """The field of a contact that an answer is for; None for what no field holds."""
    return None if path == MESSAGE else _WRITTEN.get(path, path)


def asked(questions: Iterable[Mapping[str, Any]], custom: Mapping[str, Field]) -> list[Asked]:
    """The questions as they are put; one about a custom field that is gone is put no more."""
    found = []
    for question in questions:
        path = question["path"]
        field = custom.get(path.removeprefix(CUSTOM)) if path.startswith(CUSTOM) else None
        if path in PATHS or (field is not None and field.kind in _OF_KIND):
            found.append(_asked(question, field))
    return found


def _asked(question: Mapping[str, Any], field: Field | None) -> Asked:
    path = question["path"]
    way, most = _OF_KIND[field.kind] if field else _WAYS[path]
    own = tuple(Choice(one["value"], one.get("label")) for one in question.get("choices") or ())
    known = _GENDERS if path == "gender" else tuple(map(Choice, sorted(field.choices if field else ())))
    choices = own or known
    if choices and way is Way.LINE:
        way = Way.ONE
    return Asked(path, question["label"], question["required"], way, most, choices)


def check_form(form: Mapping[str, Any]) -> None:
    """Raise InvalidInput for questions that make no form: two of one field, or none by which a person can be reached."""
    paths = [question["path"] for question in form["questions"]]
    for place, path in enumerate(paths):
        if path in paths[:place]:
            raise InvalidInput("question_twice", f"{path} is asked for twice; ask once.", field="questions")
        if path not in PATHS and not path.startswith(CUSTOM):
            raise InvalidInput(
                "question_unknown",
                f"A form cannot ask for {path}; it can ask for {', '.join(sorted(PATHS))} and custom.<key>.",
                field="questions",
            )
    if _REACH.isdisjoint(paths):
        raise InvalidInput(
            "form_unreachable",
            "Ask for the email or the phone, or nobody knows who has answered.",
            field="questions",
        )
    for field in ("title", "intro", "thanks", "consent", "questions"):
        if not all(said["en"] or said["zh"] for said in _said(form[field])):
            raise InvalidInput("words_missing", "Say it in one language at least.", field=field)


def _said(value: Any) -> Iterator[Mapping[str, Any]]:
    """Everything in it that is said in both languages."""
    if isinstance(value, Mapping):
        if value.keys() == {"en", "zh"}:
            yield value
        else:
            for inner in value.values():
                yield from _said(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _said(inner)


def check_fields(questions: Sequence[Mapping[str, Any]], custom: Mapping[str, Field]) -> None:
    """Raise InvalidInput for a custom field that is not there or cannot be asked for, or a choice that it does not know."""
    for question in questions:
        path = question["path"]
        field = custom.get(path.removeprefix(CUSTOM)) if path.startswith(CUSTOM) else None
        if path.startswith(CUSTOM) and (field is None or field.kind not in _OF_KIND):
            raise InvalidInput(
                "question_unknown",
                f"A form cannot ask for {path}: contacts have no such field, or one of a kind that nobody types.",
                field="questions",
            )
        one = _asked(question, field)
        if one.choices and one.way not in {Way.ONE, Way.SOME}:
            raise InvalidInput(
                "choices_not_here", f"{path} is not a text, so it takes no choices.", field="questions"
            )
        known = _known(path, field)
        unknown = sorted(one.values - known) if known else []
        long = [value for value in one.values if len(value) > one.most]
        if unknown or long:
            raise InvalidInput(
                "choice_unknown",
                f"{path} does not take {(unknown or long)[0]!r}; it takes {_taken(known, one.most)}.",
                field="questions",
            )


def _known(path: str, field: Field | None) -> frozenset[str]:
    if path == "gender":
        return frozenset(gender.value for gender in Gender)
    return field.choices if field else frozenset()


def _taken(known: frozenset[str], most: int) -> str:
    return ", ".join(sorted(known)) if known else f"at most {most} characters"


Understand = Mapping[Way, Callable[[str], str | None]]
"""Way to what makes an answer the form that is compared, or None of what it cannot understand."""
