"""Every error code that the API can answer with, read from the source: its status and its sentence."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from app.api.problems import STATUS
from app.db.registry import NOUNS
from app.domain import errors
from app.domain.errors import DomainError
from app.schemas.problems import title_of
from tests.house import source

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, DomainError)
} | {"Unreadable": errors.InvalidInput}
"""Name to what it is answered as; what a file cannot be read for is found below the floor of our own errors."""
_HEAD = """# Problems

Every error is an RFC 9457 problem (`application/problem+json`). Programs look at `code`, which is stable; people read
`detail`, whose wording may change. Where the sentences below have `…`, the answer names what it is about.

This file is made from the source by `make openapi`.
"""


@dataclass(frozen=True, order=True)
class Code:
    """One code, with the statuses that it comes with and what it says first."""

    code: str
    status: int | None
    detail: str


def found() -> list[Code]:
    """Every code. Raises AssertionError where one cannot be read from the source."""
    by_code: dict[tuple[str, int | None], Code] = {}
    for path, tree in source.modules("app"):
        for function in source.functions(tree):
            for one in (*_raised(path.as_posix(), tree, function), *_answered(tree, function)):
                known = by_code.setdefault((one.code, one.status), one)
                if _general(one) > _general(known):
                    by_code[one.code, one.status] = one
    return sorted(by_code.values(), key=lambda one: (one.status or 0, one.code))


def _general(one: Code) -> int:
    """Of several sentences of a code, the one with most left to fill in speaks for the others."""
    return one.detail.count("…") if one.detail != "…" else -1


def _raised(path: str, tree: ast.Module, function: ast.AST) -> Iterator[Code]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and (name := ast.unparse(node.func).rpartition(".")[2]) in CLASSES:
            where = f"{path}:{node.lineno}"
            status = next(STATUS[kind] for kind in CLASSES[name].__mro__ if kind in STATUS)
            assert node.args, f"{where}: {name} has no code."
            if isinstance(node.args[0], ast.Name):
                pairs = [(code, detail) for code, detail, _ in _pairs(tree, function, node.args[0].id)]
                assert pairs, f"{where}: the code of {name} cannot be read; write it out."
            else:
                says = _sentence(node.args[1]) if len(node.args) > 1 else ""
                pairs = [
                    (code, says.replace("…", noun, 1) if noun else says)
                    for code, noun in _words(node.args[0], where)
                ]
            for code, detail in pairs:
                yield Code(code, status, detail)


def _answered(tree: ast.Module, function: ast.AST) -> Iterator[Code]:
    """Problems that are written without an error: {"status": …, "code": …, "detail": …}."""
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            parts = {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            match parts.get("code"), parts.get("status"):
                case ast.Constant(value=str(code)), ast.Constant(value=int(status)):
                    yield Code(code, status, _sentence(parts["detail"]))
                case ast.Name(id=name), ast.expr():
                    for code, detail, other in _pairs(tree, function, name):
                        yield Code(code, other, detail)
                case _:
                    pass


def _words(node: ast.expr, where: str) -> list[tuple[str, str]]:
    """Codes, each with the noun that it names."""
    match node:
        case ast.Constant(value=str(word)):
            return [(word, "")]
        case ast.IfExp(body=one, orelse=other):
            return _words(one, where) + _words(other, where)
        case ast.Attribute(attr="code"):
            return []  # handed on: it is written out where it was raised
        case ast.JoinedStr() if ast.unparse(node)[2:-1] == "{noun.name}_not_found":
            return [(f"{name}_not_found", name) for name in NOUNS]
    raise AssertionError(
        f"{where}: the code {ast.unparse(node)} cannot be read from the source; write it out."
    )


def _pairs(tree: ast.Module, function: ast.AST, name: str) -> Iterator[tuple[str, str, int | None]]:
    """(code, sentence, status) of everything that is assigned to a name, alone or with its sentence."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign):
            continue
        target = node.targets[0]
        if isinstance(target, ast.Name) and target.id == name:
            says = (_sentence(n.value) for n in ast.walk(function) if _assigns(n, "detail"))
            detail = next(says, "")
            yield from ((code, detail, None) for code, _ in _words(node.value, name))
        elif isinstance(target, ast.Tuple) and ast.unparse(target.elts[0]) == name:
            assert isinstance(node.value, ast.Call), f"{ast.unparse(node)} cannot be read."
            yield from _table(tree, ast.unparse(node.value.func).partition(".")[0])
            yield *_pair(node.value.args[1]), None


def _table(tree: ast.Module, name: str) -> Iterator[tuple[str, str, int | None]]:
    for node in tree.body:
        if _assigns(node, name) and isinstance(node.value, ast.Dict):
            for key, value in zip(node.value.keys, node.value.values, strict=True):
                status = key.value if isinstance(key, ast.Constant) and isinstance(key.value, int) else None
                yield *_pair(value), status


def _assigns(node: ast.AST, name: str) -> TypeGuard[ast.Assign]:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name


def _pair(node: ast.expr) -> tuple[str, str]:
    assert isinstance(node, ast.Tuple)
    return _words(node.elts[0], ast.unparse(node))[0][0], _sentence(node.elts[1])


def _sentence(node: ast.expr) -> str:
    """The fixed words of a text, with … for what is filled in; the first of several."""
    match node:
        case ast.Constant(value=str(words)):
            return words
        case ast.JoinedStr():
            parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
            return "".join(map(str, parts))
        case ast.IfExp(body=one):
            return _sentence(one)
        case ast.BinOp(left=left, right=right):
            return _sentence(left) + _sentence(right)
    return "…"


def page() -> str:
    """The list as it stands in openapi/problems.md."""
    lines = [_HEAD]
    by_status: dict[int | None, list[Code]] = {}
    for one in found():
        by_status.setdefault(one.status, []).append(one)
    for status in sorted(by_status, key=lambda one: one or 999):
        title = f"{status} {title_of(status)}" if status else "Any other status"
        lines += [f"## {title}", "", "| code | says |", "| --- | --- |"]
        lines += [f"| `{one.code}` | {_cell(one.detail)} |" for one in by_status[status]]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub("…+", "…", text)).replace("|", "\\|").strip()
