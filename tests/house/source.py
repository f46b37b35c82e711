"""The tree as it is read by the tests that check it: files, their syntax, their texts and SQL."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git knows, relative to the root; without git, every file that is not made by a tool."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
        names = [
            path for path in names if not any(part.startswith((".", "__")) for part in path.parent.parts)
        ]
    return tuple(sorted(path for path in names if (ROOT / path).is_file()))


@cache
def modules(*places: str) -> tuple[tuple[Path, ast.Module], ...]:
    """Every Python file below the places with its syntax tree, tracked or not."""
    paths = sorted(path for place in places for path in (ROOT / place).rglob("*.py"))
    return tuple((path.relative_to(ROOT), ast.parse(path.read_text())) for path in paths)


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module and method of its classes, with whatever is inside it."""
    for node in tree.body:
        for one in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
                yield one


def docstrings(tree: ast.AST) -> set[int]:
    """The ids of the nodes that are text about the code and not part of it."""
    bare = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {id(node) for node in bare if isinstance(node, ast.Constant)}


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every text that the code works with, by line; of a formatted one its fixed parts."""
    about = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in about:
            yield node.lineno, node.value


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every call by its line, with what is called as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)
