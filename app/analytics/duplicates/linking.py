"""Which records are one: probabilistic record linkage without labels.

Fellegi and Sunter 1969, "A Theory for Record Linkage"; computed by Splink (Linacre et al. 2022, "Splink: Free software
for probabilistic record linkage at scale", IJPDS 7(3)) on DuckDB. Pairs are compared only where they share a key
(an address, a number, how the name sounds with something beside it), and a key that more records share than
MOST_SHARING tells nobody apart, so the work grows with the records, not with their square.

u is estimated from all pairs of a sample, with the share of true matches among these taken out; m by expectation
maximisation, as far as there are matches to learn it from: PSEUDO matches of the prior are counted beside them.
Samples are taken by hashes, so that the same records give the same result whatever their order.
"""

# ruff: noqa: S608 - the SQL is made of our own columns and numbers; what anybody wrote comes in tables

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker

from app.analytics.duplicates.comparing import Comparison, Linkage, Model, settings

THRESHOLD = 0.9
"""The probability from which a pair is held to be one. Fixed beforehand, fitted to no data."""
MOST_SHARING = 40
"""Records that may share a key; among more, two do not meet by it alone."""
MOST_TOGETHER = 20
"""Records of one cluster; what would be larger is cut at its weakest links."""
SAMPLE = 2_000
"""Records whose pairs, all of them, u is estimated from."""
TRAINED = 2e6
"""Pairs at most that one session of expectation maximisation learns from."""
PSEUDO = 50.0
"""Matches that the prior is worth."""
MOST_SHARE = 2e-3
"""Of all pairs that are held to be matches before anything is compared; of few records the share tells nothing."""
KNOWN = 5_000
"""Records, without the value in question, that are counted beside the real ones where a value's frequency is told."""
_RECALL = 0.7
"""Of all duplicates, how many the strictest keys are held to find; for the share of matches among all pairs alone."""


@dataclass(frozen=True, slots=True)
class Reason:
    """What one comparison says of a pair: the level, and its weight, log2 of how many times likelier it makes a match."""

    field: str
    level: str
    weight: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records held to be one, the lesser id first, and why, the weightiest reason first."""

    left: str
    right: str
    score: float
    reasons: tuple[Reason, ...]


class Records:
    """The records of one linkage, held by DuckDB in a file of its own, so that memory stays bounded."""

    def __init__(self, place: Path, linkage: Linkage, *, memory: str = "1GB", threads: int = 2) -> None:
        """place is a directory that is there for this alone."""
        self._linkage, self._prior = linkage, linkage.prior()
        self._connection = duckdb.connect(
            str(place / "records.duckdb"),
            config={"memory_limit": memory, "threads": threads, "temp_directory": str(place / "spilled")},
        )
        self._connection.register("nothing", linkage.columns.empty_table())
        self._connection.execute("create table records as select * from nothing")
        self._ready = False

    def __enter__(self) -> Self:
        """Themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of them."""
        self._connection.close()

    def stop(self) -> None:
        """Give up what another thread is just asking for; it raises there."""
        self._connection.interrupt()

    def add(self, features: pa.Table) -> None:
        """Take some more, with the columns of the linkage."""
        self._connection.register("chunk", features)
        self._connection.execute("insert into records select * from chunk")
        self._connection.unregister("chunk")

    def learn(self) -> Model:
        """Estimate everything from the records themselves; where they are too few to tell, the prior stands."""
        self._prepare()
        count = self._value("select count(*) from linked")
        if count < 2:
            return self._prior
        share = self._share(count)
        guessed = replace(self._prior, share=share, u=self._u(share), records=count)
        return replace(guessed, m=self._m(guessed, share * count * (count - 1) / 2))

    def pairs(self, model: Model) -> list[Pair]:
        """Every pair that is one, a fresh one among the two, by its ids."""
        self._prepare()
        if not self._value("select count(*) from linked where keys is not null"):
            return []
        found = self._linker("linked", model).inference.predict(
            threshold_match_probability=THRESHOLD, warning_mode="never"
        )
        compared = self._linkage.compared
        weights = ", ".join(f"gamma_{one.name}, mw_{one.name}" for one in compared)
        frequencies = ", ".join(
            f"mw_tf_adj_{one.name}" for one in compared if any(level.frequency for level in one.levels)
        )
        rows = self._connection.execute(
            f"select unique_id_l, unique_id_r, match_probability, {weights}, {frequencies}"
            f" from {found.physical_name} where (fresh_l or fresh_r) and not {_apart(self._linkage)}"
            " order by 1, 2"
        )
        names = [column[0] for column in rows.description]
        pairs = []
        while part := rows.fetchmany(10_000):
            pairs += [_pair(compared, dict(zip(names, row, strict=True))) for row in part]
        return pairs

    def told(self, ids: Iterable[str]) -> list[dict[str, Any]]:
        """The features of some records, without what pairs meet by."""
        self._connection.register(
            "wanted", pa.table({"unique_id": sorted(ids)}, pa.schema([("unique_id", pa.string())]))
        )
        found = self._connection.sql(
            "select r.* exclude (keys, fresh) from records r join wanted using (unique_id) order by unique_id"
        ).to_arrow_table()
        return list(found.to_pylist())

    def marks(self, ids: Iterable[str]) -> dict[str, tuple[frozenset[str], ...]]:
        """Of some records, the values in which no two of a cluster differ."""
        if not self._linkage.alike:
            return {}
        return {
            row["unique_id"]: tuple(_values(row[column]) for column in self._linkage.alike)
            for row in self.told(ids)
        }

    def _prepare(self) -> None:
        """Leave the keys by which somebody meets somebody, and mark the values that many share."""
        if self._ready:
            return
        marks = ", ".join(
            f"{column} is not null and count(*) over (partition by {column}) <= {MOST_SHARING} as rare_{column}"
            for column in self._rare()
        )
        self._connection.execute(f"""
          create table linked as
          with held as (select unique_id, unnest(keys) as key, fresh from records),
          useful as (select key from held group by key having count(*) between 2 and {MOST_SHARING} and bool_or(fresh)),
          met as (select h.unique_id, list(h.key order by h.key) as keys from held h join useful using (key) group by 1)
          select r.* exclude (keys), m.keys, {marks} from records r left join met m using (unique_id) order by unique_id""")
        self._ready = True

    def _share(self, count: int) -> float:
        sure = " union ".join(
            f"select l.unique_id, r.unique_id from linked l join linked r on l.unique_id < r.unique_id and {self._alike(columns)}"
            for columns in self._linkage.strict
        )
        found = self._value(f"select count(*) from ({sure})")
        every = count * (count - 1) / 2
        return min(max(found / _RECALL, 0.5) / every, MOST_SHARE)

    def _u(self, share: float) -> dict[str, tuple[float, ...]]:
        self._connection.execute(
            f"create or replace table sampled as select * from linked order by md5(unique_id), unique_id limit {SAMPLE}"
        )
        count = self._value("select count(*) from sampled")
        linker = self._linker("sampled", self._prior)
        linker.training.estimate_u_using_random_sampling(
            max_pairs=count * count, seed=1, min_count_per_level=None, num_chunks=1
        )
        pairs = count * (count - 1) / 2
        seen = _trained(linker, "u_probability", self._prior.u)
        return {name: _without_matches(self._linkage.one(name), u, share, pairs) for name, u in seen.items()}

    def _m(self, guessed: Model, matches: float) -> dict[str, tuple[float, ...]]:
        linker, learnt = self._linker("linked", guessed), False
        for columns in self._linkage.sessions:
            met = self._value(
                f"select count(*) from linked l join linked r on l.unique_id < r.unique_id and {self._alike(columns)}"
            )
            if met >= PSEUDO:
                linker.training.estimate_parameters_using_expectation_maximisation(
                    self._alike(columns), estimate_without_term_frequencies=True, max_pairs=TRAINED
                )
                learnt = True
        if not learnt:
            return dict(guessed.m)
        return {
            name: _blended(self._prior.m[name], m, PSEUDO, matches)
            for name, m in _trained(linker, "m_probability", self._prior.m).items()
        }

    def _linker(self, table: str, model: Model) -> Linker:
        database = DuckDBAPI(self._connection)
        linker = Linker(database.register(table), settings(self._linkage, model), log_level="ERROR")
        for column in self._linkage.frequencies():
            # Of few records each value makes up much, which tells nothing of how common it is among people.
            known = f"frequency_{column}"
            self._connection.execute(
                f"create or replace table {known} as select {column}, count(*)"
                f" / (sum(count(*)) over () + {KNOWN})::float8 as tf_{column}"
                f" from linked where {column} is not null group by {column}"
            )
            linker.table_management.register_term_frequency_lookup(database.register(known), column)
        return linker

    def _rare(self) -> list[str]:
        """Columns by which pairs are brought together to learn from; what many share would bring too many."""
        columns = (*self._linkage.sessions, *self._linkage.strict)
        return list(dict.fromkeys(column for several in columns for column in several))

    def _alike(self, columns: Sequence[str]) -> str:
        same = [f"l.{column} = r.{column} and l.rare_{column} and r.rare_{column}" for column in columns]
        return " and ".join([*same, *(f"l.{column} = r.{column}" for column in self._linkage.within)])

    def _value(self, sql: str) -> int:
        ((value,),) = self._connection.execute(sql).fetchall()
        return int(value)


def _apart(linkage: Linkage) -> str:
    """Whether a pair is never one record, however much else agrees."""
    ways = [
        f"(gamma_{one.comparison} between 0 and {linkage.gamma(one.comparison, one.level)}"
        + "".join(f" and gamma_{name} < {linkage.gamma(name, level)}" for name, level in one.unless)
        + ")"
        for one in linkage.apart
    ]
    return f"({' or '.join(ways)})"


def _trained(
    linker: Linker, what: str, prior: Mapping[str, tuple[float, ...]]
) -> dict[str, tuple[float, ...]]:
    told = linker.misc.save_model_to_json()
    found = {}
    for one in told["comparisons"]:
        listed = [level for level in one["comparison_levels"] if not level.get("is_null_level")]
        found[one["output_column_name"]] = tuple(
            float(level.get(what, 0.0)) if isinstance(level.get(what), float | int) else given
            for level, given in zip(listed, prior[one["output_column_name"]], strict=True)
        )
    return found


def _without_matches(one: Comparison, seen: Sequence[float], share: float, pairs: float) -> tuple[float, ...]:
    """u from what is seen of pairs of which a share are matches: seen = share m + (1 - share) u."""
    told = [
        level.u if level.known else (each - share * level.m) / (1 - share)
        for each, level in zip(seen, one.levels, strict=True)
    ]
    least = [max(each, level.u / 10) for each, level in zip(told, one.levels, strict=True)]
    return _blended([level.u for level in one.levels], least, 1 / min(level.u for level in one.levels), pairs)


def _blended(prior: Sequence[float], seen: Sequence[float], worth: float, weight: float) -> tuple[float, ...]:
    """Both, as so many observations each; they sum to one."""
    mixed = [(p * worth + s * weight) / (worth + weight) for p, s in zip(prior, seen, strict=True)]
    # Rounded, so that sums in another order of threads come to the same.
    return tuple(round(each / sum(mixed), 9) for each in mixed)


def _pair(compared: Iterable[Comparison], row: Mapping[str, Any]) -> Pair:
    reasons = []
    for one in compared:
        agreed = row[f"gamma_{one.name}"]
        if agreed >= 0:
            weight = row[f"mw_{one.name}"] + row.get(f"mw_tf_adj_{one.name}", 0.0)
            level = one.levels[len(one.levels) - 1 - agreed].name
            reasons.append(Reason(one.name, level, round(weight, 2)))
    reasons.sort(key=lambda reason: (-abs(reason.weight), reason.field))
    left, right = sorted((row["unique_id_l"], row["unique_id_r"]))
    return Pair(left, right, round(row["match_probability"], 4), tuple(reasons))


def clusters(
    pairs: Iterable[Pair],
    most: int = MOST_TOGETHER,
    apart: Collection[frozenset[str]] = (),
    marks: Mapping[str, Sequence[frozenset[str]]] = MappingProxyType({}),
) -> list[list[Pair]]:
    """The pairs that hang together, by the least id; what would be larger than most is cut at its weakest links.

    The surest pairs are joined first, so the result does not depend on the order. Who is apart is in no cluster
    together, whoever stands between them (cannot-link: Wagstaff and Cardie 2000, "Clustering with Instance-level
    Constraints"); nor are those of whose marks, each of a kind, one has nothing in common while both have some,
    unless what identifies joins them.
    """
    others: dict[str, set[str]] = defaultdict(set)
    for one, other in map(sorted, apart):
        others[one].add(other)
        others[other].add(one)
    group: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for pair in (ordered := sorted(pairs, key=lambda pair: (-pair.score, pair.left, pair.right))):
        for one in (pair.left, pair.right):
            if one not in group:
                group[one], members[one] = one, [one]
        kept, gone = sorted((group[pair.left], group[pair.right]))
        parted = any(not others[one].isdisjoint(members[kept]) for one in members[gone])
        if not parted and not _identified(pair):
            parted = any(
                _differ(marks.get(one, ()), marks.get(other, ()))
                for one in members[gone]
                for other in members[kept]
            )
        if kept != gone and not parted and len(members[kept]) + len(members[gone]) <= most:
            for one in members.pop(gone):
                group[one] = kept
                members[kept].append(one)
    found: dict[str, list[Pair]] = defaultdict(list)
    for pair in ordered:
        if group[pair.left] == group[pair.right]:
            found[group[pair.left]].append(pair)
    return [found[key] for key in sorted(found, key=lambda key: min(members[key]))]


def _identified(pair: Pair) -> bool:
    return any(one.field == "identity" and one.weight > 0 for one in pair.reasons)


def _values(held: str | Sequence[str] | None) -> frozenset[str]:
    return frozenset([held] if isinstance(held, str) else held or ())


def _differ(one: Sequence[frozenset[str]], other: Sequence[frozenset[str]]) -> bool:
    return any(a and b and a.isdisjoint(b) for a, b in zip(one, other, strict=True))
