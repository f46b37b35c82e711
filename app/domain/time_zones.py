"""Time zones, by their IANA names."""

from functools import cache
from zoneinfo import available_timezones

from app.domain.errors import InvalidInput

# Asking the system reads hundreds of files, and the answer does not change while the service runs.
_names = cache(available_timezones)


def must_be_known(name: str) -> None:
    """Raise InvalidInput for a name that is no time zone's."""
    # Names of IANA have capitals; the others stand for whichever zone this machine is in.
    if name not in _names() or name.islower():
        raise unknown(name)


def unknown(name: str) -> InvalidInput:
    """What refuses a time zone."""
    return InvalidInput(
        "time_zone_unknown",
        f"There is no time zone {name!r}; use an IANA name such as Asia/Shanghai.",
        field="time_zone",
    )
