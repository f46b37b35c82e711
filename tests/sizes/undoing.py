"""An import of which half meets records that are there, edited by hand afterwards, is undone and compared row by row."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from app.kit import clock
from tests.makers.files import ANY, account, begun, sent
from tests.makers.organisations import Organisation

MOVED = ("version", "updated_at")
"""What every change moves, undoing too."""
_PAGE, _BULK = 200, 5_000
Record = dict[str, Any]
Finish = Callable[[str], Awaitable[None]]
"""Works until the run at this address is done."""


def before_all(rows: int) -> str:
    """People whom the import will meet."""
    lines = ["customer id,name,email,phone,job title,tags,birthday"]
    lines += [
        f"K-{n},Person {n},p{n}@example.com,+86138{n:08},Clerk {n % 90},old;t{n % 7},19{n % 60 + 30}-05-17"
        for n in range(rows // 2)
    ]
    return "\n".join(lines)


def file(rows: int) -> str:
    """Half of the rows meet a person, in other words, the other half are new; in turns."""
    lines = ["customer id,name,email,phone,job title,tags"]
    for n in range(rows):
        who = n // 2 if n % 2 == 0 else rows + n
        lines.append(f"K-{who},File {who},f{who}@example.com,+86139{who:08},Head {who % 70},file;t{who % 5}")
    return "\n".join(lines)


@dataclass
class Undoing:
    """The way through, with the seconds that each part took."""

    org: Organisation
    rows: int
    finish: Finish
    took: dict[str, float] = field(default_factory=dict)

    async def check(self) -> None:
        """Raise AssertionError where undoing did not do what it should."""
        await self._imported("made before", before_all(self.rows))
        before = await self._everything()
        here = await self._imported("imported", file(self.rows))
        ended = (await self.org.admin.get(here)).json()["account"]
        half = self.rows // 2
        assert ended == account(created=self.rows - half, updated=half), ended
        touched = await self._everything()
        edits = self._edits(before, touched)
        await self._edit(edits)
        asked = await self.org.admin.post(f"{here}/undo", headers=ANY)
        await self._timed("undone", asked.headers["location"])
        after = await self._everything()
        expected = self._expected(before, touched, edits)
        assert after.keys() == expected.keys()
        wrong = [one for one, record in expected.items() if _bytes(after[one]) != _bytes(record)]
        assert wrong == [], (len(wrong), after[wrong[0]], expected[wrong[0]])
        await self._told(here, before, touched, edits)

    async def _imported(self, what: str, text: str) -> str:
        one = await sent(self.org, text, target="contact")
        await self._timed(what, await begun(self.org, one))
        return f"/v1/imports/{one['id']}"

    async def _timed(self, what: str, run: str) -> None:
        start = clock.monotonic()
        await self.finish(run)
        self.took[what] = clock.monotonic() - start

    async def _everything(self) -> dict[str, Record]:
        """Every contact that is not archived, as the API returns it."""
        return {one["id"]: one async for one in _pages(self.org, "/v1/contacts", limit=str(_PAGE))}

    def _edits(self, before: dict[str, Record], touched: dict[str, Record]) -> dict[str, Record]:
        """What is changed by hand: fields that the import had written, one that it had not, and new records."""
        edits: dict[str, Record] = {}
        for n, one in enumerate(sorted(touched)):
            match n % 40:
                case 3:
                    edits[one] = {"name": f"Hand {n}"}
                case 7 if one in before:
                    edits[one] = {"gender": "female"}
                case 11:
                    edits[one] = {"name": f"Hand {n}", "gender": "male", "tags": ["hand"]}
        return edits

    async def _edit(self, edits: dict[str, Record]) -> None:
        items = [{"id": one, **given} for one, given in edits.items()]
        for start in range(0, len(items), _BULK):
            answer = await self.org.admin.post(
                "/v1/contacts/bulk", json={"items": items[start : start + _BULK]}, timeout=120
            )
            assert answer.json()["updated"] == len(items[start : start + _BULK]), answer.text[:500]

    def _expected(
        self, before: dict[str, Record], touched: dict[str, Record], edits: dict[str, Record]
    ) -> dict[str, Record]:
        """Those of before, with what was changed by hand; and of the new ones those that somebody has changed."""
        kept = {one: touched[one] for one in edits if one not in before}
        return {one: record | edits.get(one, {}) for one, record in (before | kept).items()}

    async def _told(
        self, here: str, before: dict[str, Record], touched: dict[str, Record], edits: dict[str, Record]
    ) -> None:
        listed = {one["record_id"]: one async for one in _pages(self.org, f"{here}/undone", limit=str(_PAGE))}
        assert listed.keys() == touched.keys()
        for one, row in listed.items():
            # Of a record that was there, what the import had not written is nothing to report.
            clash = sorted(edits.get(one, {}).keys() - ({"gender"} if one in before else set()))
            outcome = "kept" if clash else "restored" if one in before else "archived"
            assert (row["outcome"], [each["field"] for each in row["conflicts"]]) == (outcome, clash), row
            for each in row["conflicts"]:
                base = before[one][each["field"]] if one in before else None
                assert (each["base"], each["theirs"]) == (base, edits[one][each["field"]]), row
        undone = (await self.org.admin.get(here)).json()["undone"]
        assert undone == Counter(restored=0, archived=0, kept=0) + Counter(
            row["outcome"] for row in listed.values()
        )


async def _pages(org: Organisation, path: str, **query: str) -> AsyncIterator[Record]:
    following: str | None = ""
    while following is not None:
        answer = await org.admin.get(path, params=query | ({"cursor": following} if following else {}))
        page = answer.json()
        for one in page["data"]:
            yield one
        following = page["next"]


def _bytes(record: Record) -> bytes:
    return json.dumps({name: value for name, value in record.items() if name not in MOVED}).encode()
