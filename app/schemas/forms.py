"""Forms on the wire: as they are kept, and as whoever fills one in meets them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from app.domain.forms.questions import Language, Way
from app.schemas.base import Address, DatedQuery, Flag, Label, Labels, Name, Part, RecordOut, Shape, optional
from app.schemas.contacts import Channel, Purpose

_TEXT = r"^[^\x00]*[^\x00\s][^\x00]*$"
Paragraph = Annotated[str, StringConstraints(max_length=2_000, pattern=_TEXT)]
Path = Annotated[
    str,
    StringConstraints(max_length=80, pattern=r"^([a-z_]+|custom\.[a-z][a-z0-9_]{0,62})$"),
    Field(description="A field of the contact, such as name, email, city or custom.<key>; or message."),
]
Origin = Annotated[
    str,
    StringConstraints(max_length=200, pattern=r"^https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$"),
    Field(description="A site as browsers name it: scheme, host in lower case, port where it is not 443."),
]


class Said(Part):
    """Words in both languages; where one is missing, the other one is shown."""

    en: Paragraph | None = None
    zh: Paragraph | None = None


class Choice(Part):
    """One of the answers to choose from."""

    value: Label
    label: Said | None = Field(None, description="The value itself is shown when left out.")


class Question(Part):
    """One question."""

    path: Path
    label: Said
    required: Flag = False
    choices: list[Choice] = Field(
        default_factory=list, max_length=100, description="A field's own choices when left out."
    )


class ConsentAsked(Part):
    """What people may agree to by the form, in the words that are kept as evidence."""

    purpose: Purpose = "marketing"
    channels: list[Channel] = Field(min_length=1, max_length=7)
    text: Said
    required: Flag = Field(False, description="Whether the form is taken only from who agrees.")


class FormFields(Shape):
    """What can be written of a form."""

    name: Name = optional()
    title: Said = optional()
    intro: Said | None = None
    questions: list[Question] = optional(
        min_length=1,
        max_length=50,
        description="All that is answered is kept in the body of an interaction, too, for whoever reads its content.",
    )
    consent: ConsentAsked | None = None
    thanks: Said | None = Field(None, description="Shown to whoever has sent the form.")
    redirect_url: Address | None = Field(None, description="Where the page goes then, instead of the thanks.")
    source: Label | None = Field(None, description="Of the contacts that the form makes.")
    contact_tags: Labels = Field(default_factory=list, description="Given to whoever sends the form.")
    owner_id: UUID | None = Field(
        None, description="Who gets the contacts that the form makes; others keep theirs."
    )
    origins: list[Origin] = Field(
        default_factory=list, max_length=20, description="Sites whose own pages may show and send the form."
    )
    active: Flag = Field(True, description="Whether the form is open.")


_EXAMPLE: dict[str, JsonValue] = {
    "name": "Tea fair 2026",
    "title": {"en": "Stay in touch", "zh": "保持联系"},
    "questions": [
        {"path": "name", "label": {"en": "Name", "zh": "姓名"}, "required": True},
        {"path": "email", "label": {"en": "E-mail", "zh": "电子邮箱"}, "required": True},
        {"path": "message", "label": {"en": "Your question", "zh": "您的问题"}},
    ],
    "consent": {
        "channels": ["email"],
        "text": {"en": "Send me news by e-mail.", "zh": "请通过电子邮件向我发送资讯。"},
    },
    "source": "tea fair",
    "contact_tags": ["fair"],
    "origins": ["https://www.example.com"],
}


class FormAdd(FormFields):
    """A new form."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    title: Said
    questions: list[Question] = Field(min_length=1, max_length=50)


class FormEdit(FormFields):
    """Changes to a form; lists and texts are given whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"active": False}]})


class FormOut(RecordOut, FormFields):
    """A form."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": []})

    key_version: int = optional(description="Counts the addresses that the form has had.")


class FormQuery(DatedQuery):
    """Simple filters over forms."""

    name: Name | None = None
    owner_id: UUID | None = None
    active: bool | None = None


class FormAddress(BaseModel):
    """Where a form can be filled in, by everybody who knows the address, until it is rotated."""

    token: str
    url: str = Field(description="For programs and pages of your own.")
    page_url: str = Field(description="For people.")


class PublicChoice(BaseModel):
    """One of the answers to choose from."""

    model_config = ConfigDict(from_attributes=True)

    value: str
    label: Said | None = None


class PublicQuestion(BaseModel):
    """One question, and how it is answered."""

    model_config = ConfigDict(from_attributes=True)

    path: str
    label: Said
    required: bool
    way: Way = Field(description="integer, number, yes_no and some take JSON of that kind, too; others text.")
    choices: list[PublicChoice]


class PublicConsent(BaseModel):
    """What may be agreed to."""

    text: Said
    required: bool


class PublicForm(BaseModel):
    """What a form asks, and the ticket to send it with."""

    title: Said
    intro: Said | None
    questions: list[PublicQuestion]
    consent: PublicConsent | None
    thanks: Said | None
    redirect_url: str | None
    ticket: str = Field(description="Good once, from two seconds to a day after it was issued.")
    good_until: datetime


_ANSWERED: dict[str, JsonValue] = {
    "ticket": "AZexampleOfATicketThatWasIssuedWithTheForm",
    "language": "zh",
    "answers": {"name": "张伟", "email": "wei.zhang@example.com"},
    "consent": True,
}


class PublicAnswers(Shape):
    """A form filled in."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ANSWERED]})

    ticket: Annotated[str, Field(max_length=200)]
    language: Language = Field(Language.EN, description="In which the form was shown.")
    answers: dict[Annotated[str, Field(max_length=80)], JsonValue] = Field(
        max_length=50, description="By the path of the question."
    )
    consent: Flag = False
    website: Annotated[str, Field(max_length=2_000)] = Field(
        "", description="Leave it empty: people are not shown it, and machines fill it in."
    )


class PublicThanks(BaseModel):
    """The form was taken."""

    thanks: Said | None
    redirect_url: str | None


def public(form: Any, questions: list[PublicQuestion], ticket: str, good_until: datetime) -> PublicForm:
    """A form as everybody may know it."""
    return PublicForm(
        title=form["title"],
        intro=form["intro"],
        questions=questions,
        consent=form["consent"] and PublicConsent(**{n: form["consent"][n] for n in ("text", "required")}),
        thanks=form["thanks"],
        redirect_url=form["redirect_url"],
        ticket=ticket,
        good_until=good_until,
    )
