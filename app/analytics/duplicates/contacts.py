"""Contacts: which of them are one person."""

import pyarrow as pa
import splink.comparison_level_library as levels
from splink.internals.comparison_level_creator import ComparisonLevelCreator

from app.analytics.duplicates.comparing import Apart, Comparison, Level, Linkage

_COLUMNS = pa.schema(
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
"""identity is what belongs to one person alone."""


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

_COMPARED = (
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

CONTACTS = Linkage(
    _COLUMNS,
    _COMPARED,
    strict=(("identity",), ("email", "sound"), ("phone", "sound"), ("birth", "sound")),
    sessions=(("identity",), ("email",), ("phone",), ("birth",), ("sound",)),
    # In a family number, address and family name are shared: nobody with another given name is the same person unless
    # a birth date or an identity says so, too.
    apart=(Apart("name", "family_name", unless=(("birth_date", "similar"), ("identity", "similar"))),),
)
"""Which contacts are one person."""
