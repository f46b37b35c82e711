"""What is compared of two records, how far it agrees, and what that is held to mean before anything is learnt.

Splink has it as settings in no database's dialect: settings().create_settings_dict("spark") is the same for Spark.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import splink.comparison_level_library as levels
from splink import SettingsCreator, block_on
from splink.comparison_library import CustomComparison
from splink.internals.comparison_level_creator import ComparisonLevelCreator

COLUMNS = pa.schema(
    [
        ("unique_id", pa.string()),
        ("name", pa.string()),
        ("given", pa.string()),
        ("family", pa.string()),
        ("sound", pa.string()),
        ("email", pa.string()),
        ("emails", pa.list_(pa.string())),
        ("mailboxes", pa.list_(pa.string())),
        ("phone", pa.string()),
        ("phones", pa.list_(pa.string())),
        ("birth", pa.string()),
        ("address", pa.list_(pa.string())),
        ("company", pa.string()),
        ("identity", pa.string()),
        ("identities", pa.list_(pa.string())),
        ("keys", pa.list_(pa.string())),
        ("fresh", pa.bool_()),
    ]
)
"""Features of a record, all normalised, null where it has none. identity is what belongs to one person alone; keys are
what pairs meet by; of a pair, one at least is fresh."""


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


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared of two records, from full agreement down to none."""

    name: str
    missing: str
    """The column without which nothing is said."""
    levels: tuple[Level, ...]


def _close(column: str, least: float) -> ComparisonLevelCreator:
    return levels.JaroWinklerLevel(column, least)


_BOTH = levels.Or(
    levels.And(_close("family", 0.88), _close("given", 0.88)),
    levels.ColumnsReversedLevel("given", "family", symmetrical=True),
    _close("name", 0.93),
)
_ONE_MISSING = levels.Or(
    levels.And(_close("family", 0.9), levels.NullLevel("given")),
    levels.And(_close("given", 0.9), levels.NullLevel("family")),
)
_OTHER = levels.ElseLevel

COMPARED = (
    Comparison(
        "name",
        "name",
        (
            Level("same", 0.70, 1e-3, levels.ExactMatchLevel("name"), "name"),
            Level("same_sound", 0.06, 5e-4, levels.ExactMatchLevel("sound"), "sound"),
            Level("similar", 0.13, 5e-4, _BOTH),
            Level("one_part_missing", 0.05, 1e-3, _ONE_MISSING),
            Level("given_name", 0.03, 1e-2, _close("given", 0.9)),
            Level("family_name", 0.02, 2e-2, _close("family", 0.9)),
            Level("different", 0.01, 0.96, _OTHER()),
        ),
    ),
    Comparison(
        "email",
        "email",
        (
            Level("same", 0.70, 1e-5, levels.ArrayIntersectLevel("emails")),
            Level("similar", 0.08, 1e-5, levels.LevenshteinLevel("email", 1)),
            Level("same_mailbox", 0.07, 1e-3, levels.ArrayIntersectLevel("mailboxes")),
            Level("different", 0.15, 0.99, _OTHER()),
        ),
    ),
    Comparison(
        "phone",
        "phone",
        (
            Level("same", 0.78, 1e-4, levels.ArrayIntersectLevel("phones")),
            Level("similar", 0.05, 1e-5, levels.LevenshteinLevel("phone", 1)),
            Level("different", 0.17, 0.99, _OTHER()),
        ),
    ),
    Comparison(
        "birth_date",
        "birth",
        (
            Level("same", 0.90, 1e-4, levels.ExactMatchLevel("birth")),
            Level("similar", 0.08, 2e-3, levels.DamerauLevenshteinLevel("birth", 1)),
            Level("different", 0.02, 0.99, _OTHER()),
        ),
    ),
    Comparison(
        "address",
        "address",
        (
            Level("same", 0.55, 1e-4, levels.ArrayIntersectLevel("address", 6)),
            Level("similar", 0.28, 1e-3, levels.ArrayIntersectLevel("address", 4)),
            Level("in_part", 0.10, 3e-2, levels.ArrayIntersectLevel("address", 2)),
            Level("different", 0.07, 0.95, _OTHER()),
        ),
    ),
    Comparison(
        "company",
        "company",
        (
            Level("same", 0.80, 1e-3, levels.ExactMatchLevel("company"), "company"),
            Level("different", 0.20, 0.99, _OTHER()),
        ),
    ),
    Comparison(
        "identity",
        "identity",
        (
            Level("same", 0.92, 1e-6, levels.ArrayIntersectLevel("identities")),
            Level("similar", 0.06, 1e-5, levels.DamerauLevenshteinLevel("identity", 1)),
            Level("different", 0.02, 0.99, _OTHER()),
        ),
    ),
)
BY_NAME = {comparison.name: comparison for comparison in COMPARED}
FREQUENCIES = sorted({level.frequency for one in COMPARED for level in one.levels if level.frequency})
"""Columns of which some values are much commoner than others."""


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


def remembered(told: Mapping[str, Any]) -> Model | None:
    """The model that was told as JSON; None when other things are compared by now."""
    m, u = ({name: tuple(each) for name, each in told[key].items()} for key in ("m", "u"))
    lengths = {one.name: len(one.levels) for one in COMPARED}
    if any({name: len(each) for name, each in side.items()} != lengths for side in (m, u)):
        return None
    return Model(told["share"], m, u, told["records"])


PRIOR = Model(
    1e-5,
    {one.name: tuple(level.m for level in one.levels) for one in COMPARED},
    {one.name: tuple(level.u for level in one.levels) for one in COMPARED},
    0,
)


def settings(model: Model = PRIOR) -> SettingsCreator:
    """The linkage as Splink has it, in no database's dialect: create_settings_dict("spark") is the same for Spark."""
    return SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=model.share,
        blocking_rules_to_generate_predictions=[block_on("keys", arrays_to_explode=["keys"])],
        comparisons=[_comparison(one, model) for one in COMPARED],
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


def gamma(name: str, level: str) -> int:
    """The number that Splink gives the level: the higher, the more the values agree."""
    names = [one.name for one in BY_NAME[name].levels]
    return len(names) - 1 - names.index(level)
