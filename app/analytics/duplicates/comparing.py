"""What is compared of two records, how far it agrees, and what that is held to mean before anything is learnt.

Splink has it as settings in no database's dialect: settings(linkage).create_settings_dict("spark") is the same for Spark.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import splink.comparison_level_library as levels
from splink import SettingsCreator, block_on
from splink.comparison_library import CustomComparison
from splink.internals.comparison_level_creator import ComparisonLevelCreator


@dataclass(frozen=True, slots=True)
class Level:
    """How far two values agree."""

    name: str
    m: float
    """Prior: of pairs of one person that have both values, how many agree so far and no further."""
    u: float
    """The same of pairs of two; never held to be less than a tenth of it."""
    rule: ComparisonLevelCreator
    frequency: str | None = None
    """The column by whose values' frequencies u is told for each value."""
    known: bool = False
    """Whether u is as it is said here, whatever is seen: what identifies is shared by no two, if not in error."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared of two records, from full agreement down to none."""

    name: str
    missing: str
    """The column without which nothing is said."""
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Apart:
    """What is never one record, however much else agrees: fields are taken to agree independently of each other."""

    comparison: str
    level: str
    """Those that agree so far, or less."""
    unless: tuple[tuple[str, str], ...]
    """Comparisons and levels, of which one agrees as far or further."""


@dataclass(frozen=True, slots=True)
class Linkage:
    """What is linked, and by what; everything that differs between people and firms."""

    columns: pa.Schema
    """Features of a record, all normalised, null where it has none. Besides those that are compared: unique_id; keys,
    which are what pairs meet by; and fresh, which of a pair one at least is."""
    compared: tuple[Comparison, ...]
    strict: tuple[tuple[str, ...], ...]
    """Columns that, all the same, leave little doubt."""
    sessions: tuple[tuple[str, ...], ...]
    """Columns by which pairs are brought together to learn how far the other ones agree."""
    apart: tuple[Apart, ...]
    within: tuple[str, ...] = ()
    """Columns that are never null, of which two that differ are not learnt from; no key brings such two together."""
    alike: tuple[str, ...] = ()
    """Columns in which no two of a cluster differ that stand between others, whoever brings them together."""
    share: float = 1e-5
    """Prior: of all pairs, how many are one."""

    def one(self, name: str) -> Comparison:
        """The comparison of this name."""
        return next(one for one in self.compared if one.name == name)

    def gamma(self, name: str, level: str) -> int:
        """The number that Splink gives the level: the higher, the more the values agree."""
        names = [one.name for one in self.one(name).levels]
        return len(names) - 1 - names.index(level)

    def frequencies(self) -> list[str]:
        """Columns of which some values are much commoner than others."""
        return sorted({level.frequency for one in self.compared for level in one.levels if level.frequency})

    def prior(self) -> "Model":
        """What is held before anything is learnt."""
        return Model(
            self.share,
            {one.name: tuple(level.m for level in one.levels) for one in self.compared},
            {one.name: tuple(level.u for level in one.levels) for one in self.compared},
            0,
        )


@dataclass(frozen=True, slots=True)
class Model:
    """What was learnt: the share of matches among all pairs, and per comparison the m and u of each level."""

    share: float
    m: Mapping[str, tuple[float, ...]]
    u: Mapping[str, tuple[float, ...]]
    records: int
    """That it was learnt from."""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def remembered(linkage: Linkage, told: Mapping[str, Any]) -> Model | None:
    """The model that was told as JSON; None when other things are compared by now."""
    m, u = ({name: tuple(each) for name, each in told[key].items()} for key in ("m", "u"))
    lengths = {one.name: len(one.levels) for one in linkage.compared}
    if any({name: len(each) for name, each in side.items()} != lengths for side in (m, u)):
        return None
    return Model(told["share"], m, u, told["records"])


def settings(linkage: Linkage, model: Model | None = None) -> SettingsCreator:
    """The linkage as Splink has it, by what was learnt or by the prior."""
    model = model or linkage.prior()
    return SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=model.share,
        blocking_rules_to_generate_predictions=[block_on("keys", arrays_to_explode=["keys"])],
        comparisons=[_comparison(one, model) for one in linkage.compared],
        retain_intermediate_calculation_columns=True,
        additional_columns_to_retain=["fresh"],
        max_iterations=50,
        linker_uid="duplicates",
    )


def _comparison(one: Comparison, model: Model) -> CustomComparison:
    listed: list[Any] = [levels.NullLevel(one.missing)]
    for level, m, u in zip(one.levels, model.m[one.name], model.u[one.name], strict=True):
        configured = level.rule.configure(m_probability=m, u_probability=u)
        if level.frequency:
            configured = configured.configure(tf_adjustment_column=level.frequency)
        listed.append(configured)
    return CustomComparison(listed, output_column_name=one.name)
