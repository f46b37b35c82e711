"""`rapport rfm`: score every customer by recency, frequency and money, and show what was found."""

from typing import Any

from rich.console import Console
from rich.table import Table

from app.cli.local import Refused
from app.cli.service import Service, watched

SCOPES = ("analytics:read", "analytics:write", "contacts:read", "orders:read", "runs:read")
"""What a key must open."""


def score(console: Console, at: Service, *, as_of: str | None, returns: str) -> None:
    """Have customers scored, wait, and show their segments. Raises Refused when the run does not come to its end."""
    asked: dict[str, Any] = {"returns": returns} | ({"as_of": as_of} if as_of else {})
    run = at.ask("POST", "/v1/rfm/runs", json=asked)
    with console.status("Scoring"):
        ended = watched(at, run, lambda _: None)
    if ended["status"] != "done":
        raise Refused(
            f"The scoring has ended as {ended['status']}: {ended['error'] or 'somebody cancelled it'}."
        )
    found = at.ask("GET", "/v1/analytics/rfm", params={"run": run["id"]})
    told = found["run"]
    console.print(
        f"{found['contacts']:,} customers, {_money(found['revenue'])} {told['currency']}, as of {told['as_of']}"
        f" (returns: {told['returns']})",
        highlight=False,
    )
    for left in (found["window"] or {"left_out": ()})["left_out"]:
        console.print(
            f"{left['orders']:,} orders in {left['currency']} are left out: add what {left['currency']} is worth in"
            f" {told['currency']} by POST /v1/exchange_rates.",
            highlight=False,
            soft_wrap=True,
        )
    table = Table(box=None, pad_edge=False)
    table.add_column("segment", no_wrap=True)
    for name in ("customers", "revenue", "share", "days", "sales", "spent"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in found["segments"]:
        table.add_row(
            one["segment"].replace("_", " "),
            f"{one['contacts']:,}",
            _money(one["revenue"]),
            "" if one["revenue_share"] is None else f"{one['revenue_share']:.1%}",
            "" if one["recency_days"] is None else f"{one['recency_days']:.0f}",
            "" if one["frequency"] is None else f"{one['frequency']:.1f}",
            _money(one["monetary"]),
        )
    console.print(table, highlight=False)


def _money(amount: str | None) -> str:
    if amount is None:
        return ""
    whole, _, rest = amount.partition(".")
    return f"{int(whole):,}.{rest[:2].ljust(2, '0')}" if rest else f"{int(whole):,}"
