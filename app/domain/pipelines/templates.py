"""Pipelines to begin with, in English and in Chinese; an organisation changes them as it likes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

_CLOSES_LATER = {"field": "expected_close", "op": "gte", "value": {"days_ago": 0}}
_IS_WORTH_SOMETHING = {"field": "amount", "op": "gt", "value": 0}


@dataclass(frozen=True, slots=True)
class Guarded:
    """A guard in both languages."""

    condition: Mapping[str, Any]
    reason: str
    reason_zh: str


@dataclass(frozen=True, slots=True)
class Step:
    """A stage in both languages; `rest` is the rest of its JSON form."""

    key: str
    kind: str
    probability: str
    name: str
    name_zh: str
    rest: Mapping[str, Any]
    guards: Sequence[Guarded] = ()


@dataclass(frozen=True, slots=True)
class Template:
    """A pipeline in both languages."""

    key: str
    title: str
    title_zh: str
    steps: tuple[Step, ...]
    moves: Mapping[str, Any]


def _open(
    key: str, probability: str, days: int, name: str, name_zh: str, *guards: Guarded, **rest: Sequence[str]
) -> Step:
    return Step(key, "open", probability, name, name_zh, {"expected_days": days, **rest}, guards)


def _won(name: str, name_zh: str, *guards: Guarded, key: str = "won") -> Step:
    return Step(key, "won", "1", name, name_zh, {}, guards)


def _lost(name: str, name_zh: str, *, key: str = "lost") -> Step:
    return Step(key, "lost", "0", name, name_zh, {})


_TO_COME = Guarded(
    _CLOSES_LATER,
    "The expected close lies in the past; set a date from today on.",
    "预计成交日期已过，请改为今天或以后的日期。",
)
_WORTH = Guarded(
    _IS_WORTH_SOMETHING,
    "A quote is worth more than nothing; set the amount.",
    "报价金额须大于零，请填写金额。",
)

_TEMPLATES = (
    Template(
        "b2b",
        "B2B sales",
        "企业销售",
        (
            _open("lead", "0.05", 5, "Lead", "线索"),
            _open("qualified", "0.2", 10, "Qualified", "已确认需求", on_entry=("company_id",)),
            _open("solution", "0.4", 15, "Solution", "方案制定", on_exit=("amount",)),
            _open(
                "proposal", "0.6", 10, "Proposal", "方案报价", _TO_COME, on_entry=("amount", "expected_close")
            ),
            _open("negotiation", "0.8", 10, "Negotiation", "商务谈判", on_entry=("amount", "expected_close")),
            _won("Won", "赢单"),
            _lost("Lost", "输单"),
        ),
        {
            "forward": 2,
            "back": 2,
            "entries": ["lead", "qualified"],
            "reopened": ["qualified", "solution", "proposal", "negotiation"],
        },
    ),
    Template(
        "retail_project",
        "Retail project",
        "零售项目",
        (
            _open("enquiry", "0.1", 3, "Enquiry", "咨询"),
            _open("visit", "0.25", 7, "Visit and measurement", "上门量尺"),
            _open("design", "0.45", 10, "Design", "设计方案"),
            _open("quote", "0.65", 5, "Quote", "报价", _WORTH, on_entry=("amount",)),
            _open("deposit", "0.9", 5, "Deposit", "已付定金", on_entry=("amount", "expected_close")),
            _won("Ordered", "已下单", key="ordered"),
            _lost("Lost", "流失"),
        ),
        {
            "forward": 1,
            "back": 4,
            "listed": [["enquiry", "quote"], ["quote", "ordered"]],
            "reopened": ["enquiry", "design", "quote"],
        },
    ),
    Template(
        "subscription",
        "Subscription",
        "订阅",
        (
            _open("sign_up", "0.1", 2, "Sign-up", "注册"),
            _open("trial", "0.3", 14, "Trial", "试用"),
            _open("engaged", "0.5", 10, "Engaged", "活跃试用"),
            _open("offer", "0.7", 5, "Offer", "报价", on_entry=("amount",)),
            _won("Subscribed", "已订阅", key="subscribed"),
            _lost("Not now", "暂不订阅", key="not_now"),
            _lost("Went elsewhere", "选择他家", key="elsewhere"),
        ),
        {"forward": 4, "back": 1, "entries": ["sign_up", "trial"], "reopened": ["trial", "offer"]},
    ),
    Template(
        "partner",
        "Partner",
        "渠道合作",
        (
            _open("prospect", "0.1", 10, "Prospect", "潜在伙伴"),
            _open("introduction", "0.25", 10, "Introduction", "初步接洽", on_entry=("company_id",)),
            _open("evaluation", "0.4", 20, "Evaluation", "资质评估", on_exit=("amount",)),
            _open("terms", "0.6", 15, "Terms", "合作条款", on_entry=("amount",)),
            _open(
                "agreement",
                "0.85",
                10,
                "Agreement",
                "协议签署",
                on_entry=("amount", "expected_close"),
                approvers=("manager", "admin"),
            ),
            _won("Signed", "已签约", key="signed"),
            _lost("Declined", "未合作", key="declined"),
        ),
        {"forward": 1, "back": 4, "reopened": ["introduction", "evaluation", "terms"]},
    ),
)
TEMPLATES: Mapping[str, Template] = MappingProxyType({one.key: one for one in _TEMPLATES})


def written(template: Template, pipeline: UUID, *, chinese: bool) -> dict[str, Any]:
    """A new pipeline in its JSON form, in one of the languages."""
    return {
        "id": str(pipeline),
        "name": template.title_zh if chinese else template.title,
        "stages": [_stage(step, chinese=chinese) for step in template.steps],
        "moves": dict(template.moves),
    }


def written_all(*, chinese: bool) -> list[dict[str, Any]]:
    """Every template with its key, in one of the languages."""
    return [
        {
            "key": one.key,
            "name": one.title_zh if chinese else one.title,
            "stages": [_stage(step, chinese=chinese) for step in one.steps],
            "moves": dict(one.moves),
        }
        for one in _TEMPLATES
    ]


def _stage(step: Step, *, chinese: bool) -> dict[str, Any]:
    return {
        "key": step.key,
        "name": step.name_zh if chinese else step.name,
        "kind": step.kind,
        "probability": step.probability,
        **step.rest,
        "guards": [
            {"condition": guard.condition, "reason": guard.reason_zh if chinese else guard.reason}
            for guard in step.guards
        ],
    }
