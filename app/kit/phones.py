"""Telephone numbers in one form."""

import re
from functools import cache, lru_cache

import phonenumbers

# What the library itself refuses; checked first so that no long text fills the cache.
_LONGEST = 250
_BLANKS = str.maketrans("", "", " -")


def e164(typed: str, region: str) -> str | None:
    """The number as +<country><number> (ITU-T E.164), or None when it is not a possible and valid one.

    `region` is the ISO 3166-1 alpha-2 code, in capitals, of the country whose habits a number without + follows.
    An extension is dropped.
    """
    if len(typed) > _LONGEST:
        return None
    digits = typed.translate(_BLANKS)
    if digits.startswith("+86"):
        digits = digits[3:]
    elif region != "CN":
        return _parsed(typed, region)
    elif digits.startswith("0086"):
        digits = digits[4:]
    # Ten times as fast as parsing, and most numbers in bulk are of this shape.
    if _chinese_mobile().fullmatch(digits):
        return "+86" + digits
    return _parsed(typed, region)


@cache
def _chinese_mobile() -> re.Pattern[str]:
    """The library's own pattern of a valid mobile number in China, so that the two answers change together."""
    china = phonenumbers.PhoneMetadata.metadata_for_region("CN")
    assert china
    assert china.general_desc
    assert china.mobile
    return re.compile(
        f"(?=(?:{china.general_desc.national_number_pattern})$)(?:{china.mobile.national_number_pattern})",
        re.ASCII,
    )


@lru_cache(maxsize=8192)
def _parsed(typed: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None
    if not (phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number)):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
