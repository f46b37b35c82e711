"""A preset: where the columns of one kind of export go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from app.domain.columns import bare
from app.domain.headers import table
from app.domain.imports import Mode


@dataclass(frozen=True)
class Preset:
    """What the columns of one kind of file mean; `system` is whose ids they are, `note` says what is not carried over."""

    key: str
    title: str
    title_zh: str
    target: str
    columns: Mapping[str, str]
    """Label to path."""
    system: str | None
    note: str = ""
    mode: Mode = Mode.UPSERT
    match: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def mapping(self, columns: Sequence[str]) -> dict[str, str]:
        """Column to path, for those columns of a file that are the preset's; no path twice."""
        present = {bare(column): column for column in reversed(columns)}
        by_path: dict[str, str] = {}
        for label, path in self.columns.items():
            if column := present.get(bare(label)):
                by_path.setdefault(path, column)
        by_column = {column: path for path, column in by_path.items()}
        return {column: by_column[column] for column in columns if column in by_column}


def labels(text: str) -> Mapping[str, str]:
    """Label to path, from lines of ``path = label | label``."""
    return MappingProxyType({label: path for path, labels in table(text).items() for label in labels})
