"""What is compared of a company, in the forms that can be compared."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kit import firms, names
from app.usecases.duplicates import identities


def features(row: Mapping[str, Any], identifying: Sequence[str], freshest: Any = None) -> dict[str, Any]:
    """One company's features; see app.analytics.duplicates.companies."""
    firm = firms.parts(row["name"])
    trade, sound = " ".join(firm.trades), firm.sound
    domain = firms.site(row["domain"]) if row["domain"] else None
    label = firms.label(domain) if domain else None
    after_name = bool(domain) and firms.after(domain or "", firm)
    region = firms.place(row["region"]) if row["region"] else ""
    industry = names.folded(row["industry"] or "")
    known = identities.of(row["custom"], identifying)
    return {
        "unique_id": str(row["id"]),
        "registered": f"{firm.place} {firm.core} {trade}" if firm.place and trade else None,
        "name": f"{firm.core} {trade}".strip() or None,
        "spoken": f"{sound} {trade}".strip() or None,
        "sound": sound or None,
        "spelt": firm.spelt or None,
        "words": [*firm.core.split(), *firm.trades] or None,
        "trade": trade or None,
        "trades": list(firm.trades) or None,
        "initials": firm.initials or None,
        "place": firm.place or None,
        "branch": firm.branch,
        "domain": domain,
        "label": None if after_name else label,
        "after_name": "yes" if after_name else None,
        "region": region or None,
        "country": row["country"],
        "industry": industry or None,
        "identity": known[0] if known else None,
        "identities": known or None,
        "keys": _keys(firm, domain, region, known),
        "fresh": freshest is None or row["updated_at"] > freshest,
    }


_BEGINNING = 4


def _keys(firm: firms.Firm, domain: str | None, region: str, known: Sequence[str]) -> list[str]:
    """What pairs meet by: each alone would do, and what many share is left out later.

    A branch meets neither its firm nor another branch, so each key names it; what identifies is a firm's own.
    """
    sound, places = firm.sound, {each for each in (firm.place, region) if each}
    keys = {f"n {one}" for one in (sound, firm.initials) if one}
    if domain:
        keys |= {f"d {domain}", f"l {firms.label(domain)}"}
    if sound:
        keys.add(f"f {firm.core} {firm.place}")
        ends = {sound[:_BEGINNING], sound[-_BEGINNING:]}
        about = {*firm.trades, *places}
        keys |= {f"nt {sound} {each}" for each in about}
        keys |= {f"e {end} {one} {other}" for end in ends for one in about for other in about if one < other}
        keys |= {f"nd {sound} {domain}"} if domain else set()
    return sorted({f"{key} {firm.branch}" for key in keys} | {f"i {identity}" for identity in known})
