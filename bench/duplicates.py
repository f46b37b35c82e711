"""How well and how fast duplicates are found.

python -m bench.duplicates [--records 100000] [FEBRL.csv …]

The files are those of the Febrl generator (Christen 2005): rec_id names the person. Nothing is fitted to them, nor to the
generated contacts and companies; these have branches, sisters and namesakes among them.
"""

import argparse
import csv
import datetime as dt
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import psutil

from app.analytics.duplicates import linking
from app.usecases.duplicates import features
from tests.makers import doubles, firms

Truth = set[tuple[str, str]]


def febrl(path: Path) -> tuple[list[dict[str, Any]], Truth]:
    """The file's people as contacts, and the pairs that are one person."""
    with path.open(encoding="utf-8", newline="") as file:
        lines = [
            {k.strip(): (v or "").strip() for k, v in line.items()}
            for line in csv.DictReader(file, skipinitialspace=True)
        ]
    people = defaultdict(list)
    for line in lines:
        people[line["rec_id"].split("-")[1]].append(line["rec_id"])
    truth = {pair for ids in people.values() for pair in combinations(sorted(ids), 2)}
    return [_contact(line) for line in lines], truth


def _contact(line: dict[str, str]) -> dict[str, Any]:
    given, family = line["given_name"] or None, line["surname"] or None
    street = " ".join(filter(None, (line["street_number"], line["address_1"], line["address_2"])))
    return {
        "id": line["rec_id"],
        "name": " ".join(filter(None, (given, family))) or "?",
        "given_name": given,
        "family_name": family,
        "emails": [],
        "phones": [],
        "addresses": [
            {
                "street": street,
                "city": line["suburb"],
                "province": line["state"],
                "postal_code": line["postcode"],
            }
        ],
        "birth_date": _date(line["date_of_birth"]),
        "company_id": None,
        "custom": {"soc_sec_id": line["soc_sec_id"]},
        "updated_at": None,
    }


def _date(written: str) -> dt.date | None:
    try:
        return dt.date(int(written[:4]), int(written[4:6]), int(written[6:]))
    except ValueError:
        return None


def closure(records: linking.Records, pairs: Sequence[linking.Pair]) -> Truth:
    """Every pair within the clusters."""
    found: Truth = set()
    marks = records.marks({one for pair in pairs for one in (pair.left, pair.right)})
    for cluster in linking.clusters(pairs, marks=marks):
        members = sorted({one for pair in cluster for one in (pair.left, pair.right)})
        found.update(combinations(members, 2))
    return found


def measure(noun: str, what: str, rows: Sequence[dict[str, Any]], truth: Truth) -> None:
    """Find the duplicates among the rows and print how well and how fast."""
    began, linkage = time.perf_counter(), features.COMPARED[noun].linkage
    with tempfile.TemporaryDirectory() as place, linking.Records(Path(place), linkage) as records:
        for start in range(0, len(rows), 10_000):
            records.add(features.table(noun, rows[start : start + 10_000], ["soc_sec_id", "tax_number"]))
        read = time.perf_counter()
        model = records.learn()
        learnt = time.perf_counter()
        pairs = records.pairs(model)
        found = closure(records, pairs)
    ended = time.perf_counter()
    good = len(found & truth)
    precision, recall = good / max(len(found), 1), good / max(len(truth), 1)
    f1 = 2 * good / max(len(found) + len(truth), 1)
    print(
        f"{what}: {len(rows):,} records, {len(truth):,} true pairs, {len(found):,} found:"
        f" precision {precision:.4f}, recall {recall:.4f}, F1 {f1:.4f};"
        f" features {read - began:.1f} s, learning {learnt - read:.1f} s, pairs {ended - learnt:.1f} s,"
        f" {psutil.Process().memory_info().rss / 2**20:,.0f} MiB"
    )


def main() -> None:
    """Measure."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=10_000)
    arguments.add_argument("paths", nargs="*", type=Path)
    asked = arguments.parse_args()
    for path in asked.paths:
        measure("contact", path.name, *febrl(path))
    measure("contact", "generated Chinese contacts", *doubles.people(asked.records))
    measure("company", "generated companies", *firms.firms(asked.records, seed=11))


if __name__ == "__main__":
    main()
