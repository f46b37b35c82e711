"""What is compared of a contact, in the forms that can be compared."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.kit import names
from app.usecases.duplicates import identities


def features(row: Mapping[str, Any], identifying: Sequence[str], freshest: Any = None) -> dict[str, Any]:
    """One contact's features; see app.analytics.duplicates.contacts."""
    given, family = names.parts(row["name"], row["given_name"], row["family_name"])
    bag = names.bag(given, family, row["name"])
    sound = names.sound(given, family, row["name"])
    emails = [e["normalised"].lower() for e in row["emails"] if e.get("normalised")]
    phones = [p["e164"] for p in row["phones"] if p.get("e164")]
    address = names.words(
        *(value for one in row["addresses"] for key, value in one.items() if key in _PLACES)
    )
    birth = row["birth_date"].strftime("%Y%m%d") if row["birth_date"] else None
    known = identities.of(row["custom"], identifying)
    company = str(row["company_id"]) if row["company_id"] else None
    return {
        "unique_id": str(row["id"]),
        "name": bag or None,
        "given": given or None,
        "family": family or None,
        "sound": sound or None,
        "email": emails[0] if emails else None,
        "emails": emails or None,
        "mailboxes": [_mailbox(one) for one in emails] or None,
        "phone": phones[0] if phones else None,
        "phones": phones or None,
        "birth": birth,
        "address": address or None,
        "company": company,
        "identity": known[0] if known else None,
        "identities": known or None,
        "keys": _keys(sound, emails, phones, birth, row["addresses"], address, company, known),
        "fresh": freshest is None or row["updated_at"] > freshest,
    }


_PLACES = frozenset({"country", "province", "city", "district", "street", "postal_code"})
_SHORTEST_MAILBOX = 5


def _mailbox(address: str) -> str:
    return address.partition("@")[0]


def _keys(
    sound: str,
    emails: Sequence[str],
    phones: Sequence[str],
    birth: str | None,
    addresses: Sequence[Mapping[str, Any]],
    bag: Sequence[str],
    company: str | None,
    known: Sequence[str],
) -> list[str]:
    """What pairs meet by: each alone would do, and what many share is left out later."""
    words = sound.split()
    codes = sorted({names.soundex(word) for word in words if len(word) > 1})
    initials = sorted({word[0] for word in words})
    postal = {names.folded(one["postal_code"]) for one in addresses if one.get("postal_code")}
    numbers = [word for word in bag if word.isdigit()]
    places = [word for word in bag if not word.isdigit()]
    keys = {f"e {address}" for address in emails} | {f"p {number}" for number in phones}
    if sound:
        keys.add(f"n {sound}")
        keys |= {f"nd {address.partition('@')[2]} {sound}" for address in emails}
        keys |= {f"np {word} {sound}" for word in places}
    keys |= {f"m {box}" for box in map(_mailbox, emails) if len(box) >= _SHORTEST_MAILBOX}
    keys |= {f"i {identity}" for identity in known}
    if birth:
        keys |= {f"b {birth} {initial}" for initial in initials}
        keys |= {f"by {birth[:4]} {code} {other}" for code in codes for other in codes if code < other}
        keys |= {f"bm {birth[4:]} {code}" for code in codes}
        keys |= {f"bz {birth} {code}" for code in postal}
    keys |= {
        f"z {code} {number} {initial}"
        for code in postal
        for number in numbers
        for initial in initials
        if number != code
    }
    keys |= {f"zn {code} {other}" for code in postal for other in codes}
    if company and sound:
        keys.add(f"c {company} {sound}")
    return sorted(keys)
