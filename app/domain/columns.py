"""The columns of files: where one may go, and where it likely does by its name and its values.

A *path* says where a column goes: a field (``job_title``), one of several (``email:work``, and ``email:work#2`` for the
second of that label, ``address:home.city``), an id in another system (``external:erp``), an organisation's own field
(``custom.level``), another record by what it is known by (``company``, ``contact:email``), the day on which a deal came to a stage
(``entered:quote``), or what the person allows or
forbids on a channel, for marketing where no other purpose is named (``consent.email``, ``consent:research.sms``,
``opt_out.phone``).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from app.domain.headers import ANY, TABLES, table
from app.domain.slots import numberless

SYSTEM = "import"
"""Whose ids they are, where a file does not say of which system."""

_KEY = r"[a-z][a-z0-9_]{0,62}"
_LABEL = r"[^\x00-\x20](?:[^\x00-\x1f]{0,62}[^\x00-\x20])?"
_ORDINAL = r"(?:#[1-9][0-9]{0,2})?"
_SHARED = rf"tags|external:{_KEY}|custom\.{_KEY}"
_COMPANY = rf"company|company:external:{_KEY}"
_CONTACT = rf"contact:external:{_KEY}|contact:email|contact:phone"
_PATHS = {
    target: re.compile("|".join(forms))
    for target, forms in {
        "contact": (
            "name|given_name|family_name|job_title|birth_date|gender|occupation|income_band|education|source|stage",
            f"language|owner|(?:email|phone)(?::{_LABEL})?{_ORDINAL}",
            rf"address(?::{_LABEL})?{_ORDINAL}\.(?:country|province|city|district|street|postal_code)",
            rf"(?:consent|opt_out)(?::{_KEY})?\.(?:email|sms|phone|post|wecom|push|social)",
            _COMPANY,
            _SHARED,
        ),
        "company": ("name|domain|industry|employees|region|country|parent|owner", _SHARED),
        "product": ("sku|name|category|price|cost|currency|active", _SHARED),
        "order": (
            "number|channel|country|currency|discount|tax|total|placed_at|due_on|paid_at|shipped_at|cancelled_at",
            "refunded|owner",
            _CONTACT,
            _COMPANY,
            _SHARED,
        ),
        "deal": (
            "name|amount|currency|expected_close|probability|channel|campaign|next_step|next_step_on|owner",
            "stage|opened_at|closed_at|lost_reason|sku|product|quantity|unit_price",
            rf"entered:{_LABEL}",
            _CONTACT,
            _COMPANY,
            _SHARED,
        ),
        "interaction": (
            "kind|channel|direction|at|duration_seconds|subject|body|page|campaign|session|company|product|owner",
            _CONTACT,
            _SHARED,
        ),
        "cost": (f"day|kind|amount|currency|channel|campaign|source|owner|note|external:{_KEY}",),
        "line": (
            "number|at|sku|description|quantity|unit_price|discount|currency|channel|country",
            "customer|customer_name|customer_email|customer_phone",
        ),
    }.items()
}


def is_path(target: str, path: str) -> bool:
    """Whether a column of a file of such rows may go there."""
    return target in _PATHS and _PATHS[target].fullmatch(path) is not None


def is_consent(path: str) -> bool:
    """Whether a column tells what the person allows or forbids."""
    return re.match(r"(?:consent|opt_out)[.:]", path) is not None


NAMES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    target: table(text) | {path: names for path, names in table(ANY).items() if is_path(target, path)}
    for target, text in TABLES.items()
}
"""What people call the columns of each path, the likeliest path first where they call two the same."""

_SIMPLIFIED = str.maketrans(
    "繫優會價關內別單歷縣發號員國場備頭學實崗幣帳賬廣庫應開錄總戶數時機來標欄溝潛電碼種稱稅籤簽類級線組細織經絡續編網聯職獲營銜訂訊"
    "記訪話詳語負責貨購費進選遞郵採鋪鏈銷長門問間階頁項題額產業個務動區買啟計註",
    "系优会价关内别单历县发号员国场备头学实岗币账账广库应开录总户数时机来标栏沟潜电码种称税签签类级线组细织经络续编网联职获营衔订讯"
    "记访话详语负责货购费进选递邮采铺链销长门问间阶页项题额产业个务动区买启计注",
)
"""Traditional characters that occur in names, as the simplified ones."""
_REMARK = re.compile(
    r"[(\[](?:required|optional|mandatory|必[填须須][项項]?|[选選]填|可[选選]|元|cny|rmb|usd)[)\]]"
)


def bare(name: str) -> str:
    """A column's name as names are compared: without blanks, marks, capitals, and remarks like (required)."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(filter(str.isalnum, _REMARK.sub("", text).translate(_SIMPLIFIED)))


def _reversed(names: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    paths: dict[str, tuple[str, ...]] = {}
    for path, name in ((path, bare(name)) for path, listed in names.items() for name in listed):
        paths[name] = (*paths.get(name, ()), path)
    return paths


_BY_NAME = {target: _reversed(names) for target, names in NAMES.items()}
_NOUNS = {
    "contact": "contact person customer client member user lead 联系人 联络人 客户 会员 用户",
    "company": "company account organization organisation 公司 企业 客户 单位",
    "product": "product item 产品 商品 货品 物料",
    "order": "order 订单",
    "deal": "deal opportunity 商机 交易",
    "interaction": "interaction activity call event 活动 互动 跟进",
    "cost": "cost expense 费用 支出",
    "line": "line item 明细 商品",
}
"""What a column's name may begin with and mean nothing by it."""


def _named(target: str, column: str) -> tuple[str, ...]:
    name = column.strip()
    written_out = re.search(r"[:._]", name) and is_path(target, name)
    return (name,) if written_out else _BY_NAME[target].get(bare(name), ())


def _nearly_named(target: str, column: str) -> tuple[str, ...]:
    """As `_named`, without the noun before it or the number behind it."""
    name = bare(column)
    shorter = [name.removeprefix(noun) for noun in _NOUNS[target].split() if name.startswith(noun)]
    numberless = [one.rstrip("0123456789") for one in (name, *shorter)]
    return next((paths for one in (*shorter, *numberless) if (paths := _BY_NAME[target].get(one))), ())


_PARTNER = {"given_name": "family_name"}
"""A name that could be either path is that of the first where the other is there: 名字 beside 姓氏 is a given name."""


def _choose(paths: Sequence[str], taken: Iterable[str]) -> str | None:
    """The likeliest path that is free; e-mails and phones always are, as the next of their label."""
    held = set(taken)
    for path in sorted(paths, key=lambda path: _PARTNER.get(path) not in held):
        if path not in held:
            return path
        if re.match(r"(?:email|phone)\b", path):
            first = numberless(path)
            return next(one for n in count(2) if (one := f"{first}#{n}") not in held)
    return None


_MAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]+")
_PHONE = re.compile(
    r"\+\d(?:[ .()-]*\d){6,14}|1[3-9]\d[ -]?\d{4}[ -]?\d{4}|0\d{2,3}-\d{7,8}|(?:\(\d{3}\) ?|\d{3}-)\d{3}-\d{4}"
)
_DAY = re.compile(
    r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4}|\d{4}年\d{1,2}月\d{1,2}日)(?:[ T].*)?"
)
_SITE = re.compile(r"(?:https?://)?(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/\S*)?", re.IGNORECASE)
_VALUES = {
    "contact": {"email": _MAIL, "phone": _PHONE},
    "company": {"domain": _SITE},
    "product": {},
    "order": {"contact:email": _MAIL, "contact:phone": _PHONE, "placed_at": _DAY},
    "deal": {"contact:email": _MAIL, "contact:phone": _PHONE},
    "interaction": {"contact:email": _MAIL, "contact:phone": _PHONE, "at": _DAY},
    "cost": {"day": _DAY},
    "line": {"customer_email": _MAIL, "customer_phone": _PHONE, "at": _DAY},
}
_SILENT = re.compile(r"(?:unnamed|column|col|field|列|栏|字段)?\d*|[a-z]\d*")
"""Names that say nothing, so that a date may be taken for the one that matters."""
_OF_AN_ADDRESS = re.compile(r"owner|email(?::.*)?|contact:email|customer_email")


def _look_like(form: re.Pattern[str], values: Sequence[str]) -> bool:
    """Whether four of five do; the rest may be typing errors."""
    return bool(values) and sum(form.fullmatch(value) is not None for value in values) >= 0.8 * len(values)


def _contradicted(path: str, values: Sequence[str]) -> bool:
    """Whether a column named like an e-mail holds something else: an owner's name, a yes or no."""
    return bool(_OF_AN_ADDRESS.fullmatch(path) and values) and not any("@" in one for one in values)


def suggest(target: str, columns: Sequence[str], samples: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Column to path, for the columns that can be told by their name, or else by a few of their values.

    No path is given twice; what cannot be told is left out.
    """
    taken: dict[str, str] = {}  # path to column
    # Nothing that is told by its value is longer than an e-mail address.
    values = {
        column: [cell[:321] for one in samples.get(column, ()) if (cell := one.strip())] for column in columns
    }

    def left() -> list[str]:
        found = set(taken.values())
        return [column for column in values if column not in found]

    for known in (_named, _nearly_named):
        told = {column: known(target, column) for column in left()}
        # Those that can be one thing only, first.
        for column in sorted(told, key=lambda column: len(told[column])):
            fitting = [path for path in told[column] if not _contradicted(path, values[column])]
            if path := _choose(fitting, taken):
                taken[path] = column
    for path, form in _VALUES[target].items():
        for column in left():
            says_something = form is _DAY and not _SILENT.fullmatch(bare(column))
            if path not in taken and not says_something and _look_like(form, values[column]):
                taken[path] = column
    by_column = {column: path for path, column in taken.items()}
    return {column: by_column[column] for column in values if column in by_column}


_TELLING = {
    "contact": {"name", "given_name", "family_name", "email"},
    "company": {"name", "domain"},
    "product": {"sku", "name"},
    "order": {"number"},
    "deal": {"expected_close", "closed_at", "lost_reason", "probability"},
    "interaction": {"kind", "at"},
    "cost": {"kind"},
    "line": {"quantity"},
}


def guess_target(columns: Sequence[str]) -> str | None:
    """The target that the columns' names fit best, those that few targets know counting most; None when none does."""
    known = {target: [paths for one in columns if (paths := _named(target, one))] for target in NAMES}
    knowing = Counter(one for target in NAMES for one in columns if _named(target, one))

    def fit(target: str) -> tuple[bool, float]:
        telling = any(_TELLING[target].intersection(paths) for paths in known[target])
        return telling, sum(1 / knowing[one] for one in columns if _named(target, one))

    best = max(NAMES, key=fit)
    return best if known[best] else None
