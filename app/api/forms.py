"""Forms as pages of our own: HTML without a script, a cookie or anything from elsewhere; and whose pages may send them."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import Counter
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from app.domain.errors import DomainError
from app.domain.forms.answers import CONSENT
from app.domain.forms.questions import Asked, Language, Way, words
from app.domain.forms.tickets import refused_origin, says
from app.usecases.forms.sending import Opened

PUBLIC = "/v1/public/"
TRAP = "website"
"""The name of the question that people are not shown."""
FORMS = Counter("rapport_forms_total", "Forms sent, by what became of them.", ["outcome"])
"""kept, trapped, or the code of the refusal."""
_TAGS = {Language.EN: "en", Language.ZH: "zh-CN"}
_SAYS: Mapping[str, Mapping[Language, str]] = {
    "send": {Language.EN: "Send", Language.ZH: "提交"},
    "required": {Language.EN: "required", Language.ZH: "必填"},
    "choose": {Language.EN: "Choose…", Language.ZH: "请选择…"},
    "yes": {Language.EN: "Yes", Language.ZH: "是"},
    "no": {Language.EN: "No", Language.ZH: "否"},
    "empty": {Language.EN: "Leave this empty", Language.ZH: "请勿填写此项"},
    "thanks": {Language.EN: "Thank you. We have received it.", Language.ZH: "谢谢，我们已收到。"},
    "sorry": {Language.EN: "This did not work", Language.ZH: "未能完成"},
    "other": {Language.EN: "中文", Language.ZH: "English"},
}
_STYLE = (
    "*{box-sizing:border-box}body{margin:0;font:1rem/1.5 system-ui,sans-serif;color:#1c1c1c;background:#f4f4f2}"
    "main{max-width:36rem;margin:0 auto;padding:1.25rem;background:#fff;min-height:100vh}"
    "h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}nav{text-align:right}p{white-space:pre-line}"
    "label,legend{display:block;font-weight:600;padding:0;margin:1rem 0 .25rem}fieldset{border:0;margin:1rem 0;padding:0}legend{margin-top:0}"
    ".one{display:flex;gap:.6rem;align-items:start;font-weight:400;margin:.35rem 0}"
    "input,select,textarea{width:100%;font:inherit;padding:.6rem;border:1px solid #767676;border-radius:.35rem}"
    ".one input{width:1.25rem;height:1.25rem;flex:none;margin:.15rem 0 0}"
    "button{font:inherit;font-weight:600;width:100%;margin:1.5rem 0;padding:.8rem;border:0;border-radius:.35rem;"
    "color:#fff;background:#0b5c4a}:focus-visible{outline:3px solid #2a7de1;outline-offset:2px}"
    ".wrong{color:#a31515;margin:.25rem 0}.hint{font-weight:400;color:#595959}"
    ".away{position:absolute;left:-100vw;width:1px;height:1px;overflow:hidden}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_TYPES = {Way.EMAIL: "email", Way.PHONE: "tel", Way.DATE: "date"}
_FILLED = {
    "name": "name",
    "given_name": "given-name",
    "family_name": "family-name",
    "email": "email",
    "phone": "tel",
    "company": "organization",
    "job_title": "organization-title",
    "birth_date": "bday",
    "country": "country",
    "province": "address-level1",
    "city": "address-level2",
    "district": "address-level3",
    "street": "street-address",
    "postal_code": "postal-code",
}
"""Path to what browsers know it by (HTML, autofill detail tokens)."""


class Sites(CORSMiddleware):
    """Lets pages of the named sites call the API; a form names sites of its own."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith(PUBLIC):
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Page:
    """A form as it is shown: in a language, with a ticket, and again with what was answered and what is wrong with it."""

    form: Opened
    language: Language
    ticket: str
    action: str
    """The form's address, as seen from the page's own."""
    other: str
    """The page in the other language, likewise."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    agreed: bool = False
    refusal: DomainError | None = None


def language_of(accepted: str) -> Language:
    """The language of ours that a reader prefers (RFC 9110, 12.5.4); English for who says nothing of either."""
    best, most = Language.EN, 0.0
    for part in accepted.lower().split(",")[:20]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            continue
        if weight > most and tag.partition("-")[0] in set(Language):
            best, most = Language(tag.partition("-")[0]), weight
    return best


def allow_origin(response: Response, request: Request, form: Opened) -> Response:
    """Let the page that asked read the answer, when the form names its site."""
    origin = request.headers.get("origin")
    response.headers["Vary"] = "Origin"
    if origin in form.row["origins"]:
        response.headers["Access-Control-Allow-Origin"] = str(origin)
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-ID"
    return response


def preflight(response: Response) -> Response:
    """What a page of a named site may ask (Fetch, 4.8), beside being named."""
    if "Access-Control-Allow-Origin" in response.headers:
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def must_be_from(request: Request, form: Opened) -> None:
    """Raise Forbidden for what a page of another site sends; what is no browser says nothing of pages."""
    origin = request.headers.get("origin")
    if origin is None or origin in form.row["origins"]:
        return
    try:
        host = urlsplit(origin).netloc
    except ValueError as unreadable:
        raise refused_origin() from unreadable
    if host != request.headers.get("host"):
        raise refused_origin()


def page(shown: Page, status: int = 200) -> HTMLResponse:
    """The form, to be filled in."""
    row, language = shown.form.row, shown.language
    wrong = {} if shown.refusal is None else _faults(shown.refusal)
    parts = [
        f'<nav><a href="{escape(shown.other)}" lang="{_TAGS[_other(language)]}">{_says("other", language)}</a></nav>',
        f"<h1>{_said(row['title'], language)}</h1>",
    ]
    if row["intro"]:
        parts.append(f"<p>{_said(row['intro'], language)}</p>")
    if shown.refusal is not None:
        parts.append(f'<p class="wrong" role="alert">{escape(says(shown.refusal, language))}</p>')
    parts.append(
        f'<form method="post" action="{escape(shown.action)}" accept-charset="utf-8">'
        f'<input type="hidden" name="ticket" value="{escape(shown.ticket)}">'
        f'<input type="hidden" name="language" value="{language.value}">'
    )
    for number, question in enumerate(shown.form.questions):
        parts.append(_question(question, number, shown, wrong.get(question.path)))
    if row["consent"]:
        parts.append(_consent(row["consent"], shown, wrong.get(CONSENT)))
    parts.append(
        f'<div class="away" aria-hidden="true"><label for="{TRAP}">{_says("empty", language)}</label>'
        f'<input id="{TRAP}" name="{TRAP}" tabindex="-1" autocomplete="off"></div>'
        f'<button type="submit">{_says("send", language)}</button></form>'
    )
    response = _html(parts, language, _text(row["title"], language), status, shown.form)
    if shown.refusal is not None and "retry_after" in shown.refusal.facts:
        response.headers["Retry-After"] = str(shown.refusal.facts["retry_after"])
    return response


def thanks(form: Opened, language: Language) -> HTMLResponse:
    """What is shown to whoever has sent the form."""
    row = form.row
    text = _said(row["thanks"], language) if row["thanks"] else _says("thanks", language)
    parts = [f"<h1>{_said(row['title'], language)}</h1>", f'<p role="status">{text}</p>']
    return _html(parts, language, _text(row["title"], language), 200, form)


def sorry(refusal: DomainError, language: Language, status: int) -> HTMLResponse:
    """What is shown where there is no form."""
    title = _SAYS["sorry"][language]
    return _html(
        [f"<h1>{title}</h1>", f"<p>{escape(says(refusal, language))}</p>"], language, title, status, None
    )


def _html(
    parts: Iterable[str], language: Language, title: str, status: int, form: Opened | None
) -> HTMLResponse:
    body = (
        f'<!doctype html><html lang="{_TAGS[language]}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>"
    )
    headers = {
        "Content-Security-Policy": _policy(form),
        # With no-referrer a browser would send the page's own form without saying that it is ours.
        "Referrer-Policy": "same-origin",
        "Content-Language": _TAGS[language],
        "Vary": "Accept-Language, Origin",
    }
    return HTMLResponse(body, status_code=status, headers=headers)


def _policy(form: Opened | None) -> str:
    """Nothing but our own style; sent to us, and on to where the form says; framed by the sites that it names."""
    origins: list[str] = form.row["origins"] if form else []
    onward = urlsplit((form.row["redirect_url"] if form else None) or "")
    target = f" {onward.scheme}://{onward.netloc}" if onward.netloc else ""
    frames = " ".join(origins) or "'none'"
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'{target}; base-uri 'none';"
        f" frame-ancestors {frames}"
    )


def _other(language: Language) -> Language:
    return Language.ZH if language is Language.EN else Language.EN


def _says(key: str, language: Language) -> str:
    return escape(_SAYS[key][language])


def _text(said: Mapping[str, str | None] | None, language: Language) -> str:
    return words(said, language)[0]


def _said(said: Mapping[str, str | None] | None, language: Language) -> str:
    """Words in the page's language; where they are there in the other one alone, marked as such."""
    text, own = words(said, language)
    return escape(text) if own is language else f'<span lang="{_TAGS[own]}">{escape(text)}</span>'


def _faults(refusal: DomainError) -> dict[str, str]:
    return {
        fault["at"].rpartition("/")[2].replace("~1", "/").replace("~0", "~"): fault["detail"]
        for fault in refusal.facts.get("errors", ())
    }


def _question(question: Asked, number: int, shown: Page, fault: str | None) -> str:
    id_, language = f"q{number}", shown.language
    hint = f' <span class="hint">({_says("required", language)})</span>' if question.required else ""
    label = _said(question.label, language) + hint
    told = f'<p class="wrong" id="{id_}w">{escape(fault)}</p>' if fault else ""
    marks = f' aria-describedby="{id_}w" aria-invalid="true"' if fault else ""
    if question.way is Way.SOME and question.choices:
        return f"<fieldset{marks}><legend>{label}</legend>{_boxes(question, id_, shown)}{told}</fieldset>"
    marks += " required" if question.required else ""
    marks += f' id="{id_}" name="{escape(question.path)}"'
    return f'<label for="{id_}">{label}</label>{_control(question, marks, shown)}{told}'


def _control(question: Asked, marks: str, shown: Page) -> str:
    answer = shown.answers.get(question.path) or ""
    given = answer if isinstance(answer, str) else "".join(map(str, answer[:1]))
    match question.way:
        case Way.ONE | Way.YES_NO:
            return f"<select{marks}>{_options(question, given, shown.language)}</select>"
        case Way.TEXT:
            return f'<textarea{marks} rows="5" maxlength="{question.most}">{escape(given)}</textarea>'
        case Way.INTEGER | Way.NUMBER:
            kind = f'type="text" inputmode="{"numeric" if question.way is Way.INTEGER else "decimal"}"'
        case way:
            kind = f'type="{_TYPES.get(way, "text")}"'
    filled = f' autocomplete="{_FILLED[question.path]}"' if question.path in _FILLED else ""
    bound = "" if question.way is Way.DATE else f' maxlength="{question.most}"'
    return f'<input{marks} {kind}{bound}{filled} value="{escape(given)}">'


def _options(question: Asked, given: str, language: Language) -> str:
    if question.way is Way.YES_NO:
        listed = [("true", _says("yes", language)), ("false", _says("no", language))]
    else:
        listed = [(one.value, escape(one.says(language))) for one in question.choices]
    options = [
        f'<option value="{escape(value)}"{" selected" if value == given else ""}>{label}</option>'
        for value, label in listed
    ]
    return f'<option value="">{_says("choose", language)}</option>{"".join(options)}'


def _boxes(question: Asked, id_: str, shown: Page) -> str:
    given = shown.answers.get(question.path) or []
    return "".join(
        f'<label class="one"><input type="checkbox" name="{escape(question.path)}" value="{escape(one.value)}"'
        f' id="{id_}-{place}"{" checked" if one.value in given else ""}>'
        f"<span>{escape(one.says(shown.language))}</span></label>"
        for place, one in enumerate(question.choices)
    )


def _consent(consent: Mapping[str, Any], shown: Page, fault: str | None) -> str:
    told = f'<p class="wrong" id="{CONSENT}w">{escape(fault)}</p>' if fault else ""
    marks = f' aria-describedby="{CONSENT}w" aria-invalid="true"' if fault else ""
    marks += " required" if consent["required"] else ""
    marks += " checked" if shown.agreed else ""
    return (
        f'<label class="one"><input type="checkbox" name="{CONSENT}" value="true" id="{CONSENT}"{marks}>'
        f"<span>{_said(consent['text'], shown.language)}</span></label>{told}"
    )
