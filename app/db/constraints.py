"""The database's refusals as ours: constraint names become codes and sentences."""

import re

import asyncpg

from app.domain.errors import Busy, DomainError, Duplicate, InvalidInput

_UNIQUE = {
    "pk_external_ids": ("external_id_taken", "Another record already has this external id in this system."),
    "uq_products_sku": ("sku_taken", "Another product already has this SKU."),
    "uq_orders_number": ("number_taken", "Another order already has this number."),
    "uq_users_email": ("email_taken", "Another user already has this e-mail address."),
    "uq_presets_key": ("key_taken", "Another preset already has this key."),
    "uq_teams_name": ("name_taken", "Another team already has this name."),
    "uq_roles_name": ("name_taken", "Another role already has this name."),
    "uq_pipelines_name": ("name_taken", "Another pipeline already has this name."),
    "uq_segments_name": ("name_taken", "Another segment already has this name."),
    "uq_tags_name": ("name_taken", "Another tag already has this name."),
    "uq_custom_fields_key": ("key_taken", "This noun already has a custom field with this key."),
    "uq_exchange_rates_day": (
        "rate_taken",
        "There is already a rate for this pair of currencies on this day.",
    ),
    "uq_competitor_prices_day": (
        "price_taken",
        "This competitor already has a price of this product from this day on; edit that one.",
    ),
    "uq_calendars_name": ("name_taken", "Another calendar already has this name."),
    "ex_quotas_days": (
        "quota_overlaps",
        "There is already a quota of this measure for the same ones on some of these days; let one end first.",
    ),
    "uq_organisations_slug": ("slug_taken", "Another organisation already has this short name."),
}
_REFERENCE = re.compile(r"[a-z]+_id$")
_PARTITION = re.compile(r"_p\d{6}|_default")


def refusal(fault: Exception) -> Exception:
    """The error that a caller understands, or the fault itself when it is ours to mend."""
    match fault:
        case asyncpg.UniqueViolationError() | asyncpg.ExclusionViolationError():
            name = _PARTITION.sub("", fault.constraint_name or "")
            code, detail = _UNIQUE.get(name, ("duplicate", "A record with these values already exists."))
            return Duplicate(code, detail)
        case asyncpg.ForeignKeyViolationError():
            return unknown_reference(_REFERENCE.findall(fault.constraint_name or "")[0])
        case asyncpg.CheckViolationError():
            table = _PARTITION.sub("", fault.table_name or "")
            column = (fault.constraint_name or "").removeprefix(f"ck_{table}_")
            return InvalidInput(
                "value_out_of_range", f"The value of {column} is outside of what it may be.", field=column
            )
        case asyncpg.NumericValueOutOfRangeError():
            return InvalidInput(
                "number_too_large", "A number is larger than can be kept; amounts go up to 10^16."
            )
        case asyncpg.DeadlockDetectedError() | asyncpg.LockNotAvailableError() | asyncpg.SerializationError():
            return Busy("try_again", "Somebody else is changing the same records; try again in a moment.")
        case asyncpg.QueryCanceledError():
            return Busy("took_too_long", "The database took too long over this; ask for less at once.")
        case (
            asyncpg.PostgresConnectionError() | asyncpg.CannotConnectNowError() | asyncpg.AdminShutdownError()
        ):
            return Busy("database_unreachable", "The database cannot be reached; try again in a moment.")
        case _:
            return fault


def refuse(fault: asyncpg.PostgresError) -> None:
    """Raise what a caller understands; return when the fault is ours to mend, and goes on as it is."""
    refused = refusal(fault)
    if refused is not fault:
        raise refused from fault


def unknown_reference(column: str, value: object = None) -> DomainError:
    """A reference to something that is not there, or not for the writer's eyes: the two sound the same."""
    named = f"{column}: " if column else ""
    shown = "what it names" if value is None else str(value)
    return InvalidInput(
        "reference_unknown", f"{named}{shown} does not exist, or you may not see it.", field=column
    )
