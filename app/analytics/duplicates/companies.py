"""Companies: which of them are one firm."""

import pyarrow as pa
import splink.comparison_level_library as levels

from app.analytics.duplicates.comparing import Apart, Comparison, Level, Linkage

_COLUMNS = pa.schema(
    [
        ("unique_id", pa.string()),
        ("registered", pa.string()),
        ("name", pa.string()),
        ("spoken", pa.string()),
        ("sound", pa.string()),
        ("spelt", pa.string()),
        ("words", pa.list_(pa.string())),
        ("trade", pa.string()),
        ("trades", pa.list_(pa.string())),
        ("initials", pa.string()),
        ("place", pa.string()),
        ("branch", pa.string()),
        ("domain", pa.string()),
        ("label", pa.string()),
        ("after_name", pa.string()),
        ("region", pa.string()),
        ("country", pa.string()),
        ("industry", pa.string()),
        ("identity", pa.string()),
        ("identities", pa.list_(pa.string())),
        ("keys", pa.list_(pa.string())),
        ("fresh", pa.bool_()),
    ]
)
"""registered is what is unique where firms are registered: place, core and trades, where a name has all of them; name is
its core and trades, spoken the same as it sounds, and sound that of the core alone; spelt is the core where it is long
enough for an error to show; words are those of core and trades; initials those of its words; label is the domain without
its ending, where it is not after_name; branch is empty for a firm; identity is what belongs to one firm alone."""

_SAME_TRADE = levels.Or(
    levels.ExactMatchLevel("trade"), levels.NullLevel("trade"), levels.ArrayIntersectLevel("trades")
)
_INITIALS = levels.Or(
    levels.ColumnsReversedLevel("initials", "sound"), levels.ColumnsReversedLevel("sound", "initials")
)
_OTHER = levels.ElseLevel

_COMPARED = (
    Comparison(
        "name",
        "sound",
        (
            Level("in_full", 0.25, 1e-5, levels.ExactMatchLevel("registered"), known=True),
            Level("same", 0.25, 2e-4, levels.ExactMatchLevel("name"), "name"),
            Level("same_sound", 0.10, 1e-4, levels.ExactMatchLevel("spoken"), "spoken"),
            Level(
                "without_trade",
                0.11,
                2e-4,
                levels.And(levels.ExactMatchLevel("sound"), _SAME_TRADE),
                "sound",
            ),
            Level("similar", 0.17, 2e-4, levels.And(levels.DamerauLevenshteinLevel("spelt", 1), _SAME_TRADE)),
            Level("one_part_missing", 0.04, 2e-4, levels.ArraySubsetLevel("words")),
            Level("initials", 0.02, 1e-4, _INITIALS),
            Level("other_trade", 0.03, 5e-4, levels.ExactMatchLevel("sound")),
            Level("different", 0.03, 0.998, _OTHER()),
        ),
    ),
    Comparison(
        "place",
        "place",
        (
            Level("same", 0.98, 0.05, levels.ExactMatchLevel("place")),
            Level("different", 0.02, 0.95, _OTHER()),
        ),
    ),
    Comparison(
        "domain",
        "domain",
        (
            Level("same", 0.80, 1e-5, levels.ExactMatchLevel("domain"), "domain"),
            Level("same_label", 0.05, 1e-5, levels.ExactMatchLevel("label")),
            # Firms of one name have sites of that name: it tells nothing that the name has not told.
            Level("after_name", 0.08, 0.08, levels.ExactMatchLevel("after_name"), known=True),
            Level("different", 0.07, 0.91, _OTHER()),
        ),
    ),
    Comparison(
        "region",
        "region",
        (
            Level("same", 0.85, 0.08, levels.ExactMatchLevel("region")),
            Level("different", 0.15, 0.92, _OTHER()),
        ),
    ),
    Comparison(
        "country",
        "country",
        (
            Level("same", 0.97, 0.5, levels.ExactMatchLevel("country")),
            Level("different", 0.03, 0.5, _OTHER()),
        ),
    ),
    Comparison(
        "industry",
        "industry",
        (
            Level("same", 0.75, 0.08, levels.ExactMatchLevel("industry")),
            Level("different", 0.25, 0.92, _OTHER()),
        ),
    ),
    Comparison(
        "identity",
        "identity",
        (
            Level("same", 0.94, 1e-6, levels.ArrayIntersectLevel("identities"), known=True),
            Level("similar", 0.04, 1e-5, levels.DamerauLevenshteinLevel("identity", 1)),
            Level("different", 0.02, 0.99, _OTHER()),
        ),
    ),
)

COMPANIES = Linkage(
    _COLUMNS,
    _COMPARED,
    strict=(("identity",), ("registered",), ("domain", "spoken")),
    sessions=(("identity",), ("domain",), ("registered",), ("spoken",)),
    # A group's firms share their site, their city and often their own word, and differ in what they do or where; names
    # are unique where firms are registered. So only an identity makes those one whose names say that they are two.
    apart=(
        Apart("name", "other_trade", unless=(("identity", "similar"),)),
        Apart("place", "different", unless=(("identity", "similar"),)),
    ),
    within=("branch",),
    alike=("place", "trades"),
)
"""Which companies are one firm."""
