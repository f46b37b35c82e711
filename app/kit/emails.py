"""E-mail addresses in one form."""

import re
import unicodedata
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

# Octets of UTF-8 (RFC 5321, 4.5.3.1.3). Characters are never more; they are counted first, because the reading is slow.
_LONGEST = 254
_ATEXT = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_PLAIN = re.compile(rf"({_ATEXT}(?:\.{_ATEXT})*)@([A-Za-z0-9.\-]+)")


def normalised(typed: str) -> str | None:
    """The address in the one form in which two of them are compared, or None when it is not an address.

    Blanks around it are dropped; both parts are in lower case and NFC; an IDN domain is in Unicode. Syntax only (RFC 5321,
    RFC 6531): no quoted local part, no bracketed domain, no DNS. `test` and its subdomains count as ordinary, the other
    names reserved against delivery (`invalid`, `localhost`, `local`, `onion`, `arpa`) are refused.
    """
    typed = typed.strip()
    if len(typed) > _LONGEST:
        return None
    # The local part of such an address is valid as it stands, and the domain's verdict is soon known:
    # twenty times as fast as the whole reading.
    if plain := _PLAIN.fullmatch(typed):
        local, domain = plain.groups()
        domain = domain.lower()
        known = _domain(domain)
        if known is None:
            return None
        if known == domain:
            return f"{local.lower()}@{domain}"
    return _read(typed)


@lru_cache(maxsize=16384)
def _domain(domain: str) -> str | None:
    address = _read("a@" + domain)
    return None if address is None else address[2:]


def _read(typed: str) -> str | None:
    try:
        valid = validate_email(typed, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    # Lower case can be longer, and can be composed in another way, than the capital was.
    address = unicodedata.normalize("NFC", f"{valid.local_part.lower()}@{valid.domain}")
    return address if len(address.encode()) <= _LONGEST else None
