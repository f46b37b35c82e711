"""A real company's opportunities taken in by the API, beside sums made straight from its files.

    python -m bench.maven [FOLDER]

FOLDER has accounts.csv, products.csv, sales_teams.csv and sales_pipeline.csv of Maven Analytics' CRM Sales
Opportunities. Agents become users, in a team for each manager below one for each regional office; accounts and
opportunities go through imports, where each opportunity becomes a deal with its stages and one line. What the files
spell in two ways is corrected as CORRECTED says. A lost deal has no reason there, and one that is only prospected no day: both are stated here. Then the stored deals
and their stage histories are asked for the same numbers as Polars finds in the files, and each difference is printed.
"""

import argparse
import asyncio
import contextlib
import importlib
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import polars as pl

from app.db.engine import driver_url
from app.db.migrate import migrate
from app.embedded.servers import Servers, servers
from app.usecases.bootstrap import bootstrap
from bench.api import SECRET, free_port

_imports = importlib.import_module("bench.import")  # its name is a keyword
process, until_alive = _imports.process, _imports.until_alive

CORRECTED = {"product": {"GTXPro": "GTX Pro"}, "sector": {"technolgy": "technology"}}
"""By column, what is written and what is meant."""
UNDATED = "2017-12-31"
"""The day on which deals without one are opened: the last of the data."""
LOST = "Not stated"
PIPELINE = {
    "name": "Opportunities",
    "stages": [
        {"key": "prospecting", "name": "Prospecting", "kind": "open", "probability": "0.3"},
        {"key": "engaging", "name": "Engaging", "kind": "open", "probability": "0.6"},
        {"key": "won", "name": "Won", "kind": "won", "probability": "1"},
        {"key": "lost", "name": "Lost", "kind": "lost", "probability": "0"},
    ],
    "moves": {"entries": ["prospecting", "engaging"]},
}
GROUPS = ("agent", "manager", "office", "product")
Rows = list[dict[str, Any]]

STORED = """select x.external_id as id, d.stage, d.amount::float8 as amount, u.name as agent, t.name as manager,
  o.name as office, p.name as product, c.name as account,
  (select m.at at time zone 'UTC' from deal_moves m where m.deal_id = d.id and m.to_stage = 'engaging')::date as engaged,
  (select m.at at time zone 'UTC' from deal_moves m where m.deal_id = d.id and m.verb in ('win', 'lose'))::date as closed
from deals d
join external_ids x on x.noun = 'deal' and x.noun_id = d.id and x.system = 'maven'
join users u on u.id = d.owner_id join teams t on t.id = u.team_id join teams o on o.id = t.parent_id
join deal_lines l on l.deal_id = d.id join products p on p.id = l.product_id
left join companies c on c.id = d.company_id"""
"""What the API has stored, a row a deal."""


def read(folder: Path, name: str) -> pl.DataFrame:
    """A file with its corrections, every cell as text."""
    found = pl.read_csv(folder / f"{name}.csv", infer_schema=False)
    return found.with_columns(
        pl.col(column).replace(meant) for column, meant in CORRECTED.items() if column in found.columns
    )


def expected(folder: Path) -> pl.DataFrame:
    """What the files say, in the columns of STORED."""
    deals = read(folder, "sales_pipeline").join(read(folder, "sales_teams"), on="sales_agent", how="left")
    prices = read(folder, "products").select("product", "sales_price")
    amount = pl.coalesce("close_value", "sales_price").cast(pl.Float64)
    return deals.join(prices, on="product", how="left").select(
        pl.col("opportunity_id").alias("id"),
        pl.col("deal_stage").str.to_lowercase().alias("stage"),
        amount.alias("amount"),
        pl.col("sales_agent").alias("agent"),
        "manager",
        pl.col("regional_office").alias("office"),
        "product",
        "account",
        pl.col("engage_date").str.to_date().alias("engaged"),
        pl.col("close_date").str.to_date().alias("closed"),
    )


def numbers(deals: pl.DataFrame) -> dict[tuple[str, str], Any]:
    """Counts, won amounts and cycles, of all deals and of each group."""
    won = pl.col("stage") == "won"
    days = (pl.col("closed") - pl.col("engaged")).dt.total_days().filter(won)
    sums = {
        **{stage: (pl.col("stage") == stage).sum() for stage in ("prospecting", "engaging", "won", "lost")},
        "won amount": pl.col("amount").filter(won).sum(),
        "win rate": won.sum() / pl.col("stage").is_in(["won", "lost"]).sum(),
        "average won": pl.col("amount").filter(won).mean(),
        "mean days": days.mean(),
        "median days": days.median(),
    }
    asked = [expression.alias(name) for name, expression in sums.items()]
    found = {("all", name): value for name, value in deals.select(asked).row(0, named=True).items()}
    for group in GROUPS:
        for row in deals.group_by(group).agg(asked).iter_rows(named=True):
            found |= {(row[group], name): row[name] for name in sums}
    return found


async def sent(client: httpx.AsyncClient, noun: str, items: Rows) -> list[str]:
    """Send records, all of which must be taken; their ids."""
    answer = await client.post(f"/{noun}/bulk", json={"items": items})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    failed = [one["problem"] for one in told["items"] if one["status"] == "failed"]
    assert not failed, f"{len(failed)} of {len(items)} {noun}: {failed[:3]}"
    print(f"{noun}: {told['created']:,} added, {told['updated']:,} edited", flush=True)
    return [one["id"] for one in told["items"]]


async def users(client: httpx.AsyncClient, agents: Rows) -> None:
    """Teams of offices, teams of managers below them, and agents in those."""
    offices = sorted({one["regional_office"] for one in agents})
    above = dict(zip(offices, await sent(client, "teams", [{"name": name} for name in offices]), strict=True))
    managers = sorted({(one["manager"], one["regional_office"]) for one in agents})
    below = [{"name": name, "parent_id": above[office]} for name, office in managers]
    teams = dict(zip([name for name, _ in managers], await sent(client, "teams", below), strict=True))
    items = [
        {
            "name": one["sales_agent"],
            "email": f"{one['sales_agent'].lower().replace(' ', '.')}@maven.example",
            "team_id": teams[one["manager"]],
        }
        for one in agents
    ]
    await sent(client, "users", items)


async def imported(client: httpx.AsyncClient, file: Path, edit: Any, **said: str) -> None:
    """Send a file and say what it means, begin and wait; every row must be taken."""
    content = await asyncio.to_thread(file.read_bytes)
    sent = await client.post("/imports", params={"name": file.name, **said}, content=content)
    assert sent.status_code == 201, sent.text
    here, any_version = f"/imports/{sent.json()['id']}", {"If-Match": "*"}
    edited = await client.patch(here, json=edit, headers=any_version)
    assert edited.status_code == 200, edited.text
    run = (await client.post(f"{here}/start", headers=any_version)).json()
    while run["status"] in {"queued", "running"}:
        await asyncio.sleep(0.2)
        run = (await client.get(f"/runs/{run['id']}")).json()
    assert run["status"] == "done", run
    left = (await client.get(f"{here}/rows", params={"outcome": "failed", "limit": 3})).json()["data"]
    assert not left, left
    print(
        f"{file.name}: " + ", ".join(f"{many:,} {name}" for name, many in run["result"].items()), flush=True
    )


async def companies(client: httpx.AsyncClient, file: Path) -> None:
    """The accounts, then what each is a part of, which may stand further down."""
    mapping = {
        "account": "name",
        "sector": "industry",
        "employees": "employees",
        "office_location": "region",
    }
    options = {"replace": {"sector": CORRECTED["sector"]}}
    edit = {"mapping": mapping, "match": ["name"], "options": options}
    await imported(client, file, edit, target="company")
    await imported(
        client,
        file,
        edit | {"mode": "update", "mapping": mapping | {"subsidiary_of": "parent"}},
        target="company",
    )


async def taken(client: httpx.AsyncClient, folder: Path) -> None:
    """Everything, by the API."""
    answer = await client.post("/pipelines", json=PIPELINE)
    assert answer.status_code == 201, answer.text
    await users(client, read(folder, "sales_teams").to_dicts())
    await companies(client, folder / "accounts.csv")
    listed = read(folder, "products").to_dicts()
    items = [
        {
            "sku": one["product"],
            "name": one["product"],
            "category": one["series"],
            "price": one["sales_price"],
            "currency": "USD",
        }
        for one in listed
    ]
    await sent(client, "products", items)
    options = {
        "replace": {"product": CORRECTED["product"]},
        "pipeline": answer.json()["id"],
        "lost_reason": LOST,
        "undated": f"{UNDATED}T00:00:00Z",
        "currency": "USD",
        "time_zone": "UTC",
    }
    begun = time.perf_counter()
    for _ in range(2):  # the second time, nothing is new
        await imported(
            client, folder / "sales_pipeline.csv", {"options": options}, preset="maven-opportunities"
        )
        print(f"in {time.perf_counter() - begun:.1f} s", flush=True)


def compared(ours: pl.DataFrame, files: pl.DataFrame) -> int:
    """Print each difference, of rows and of numbers; how many there are."""
    theirs = {row["id"]: row for row in files.to_dicts()}
    stored = {row["id"]: row for row in ours.to_dicts()}
    rows = [id_ for id_ in theirs.keys() | stored.keys() if theirs.get(id_) != stored.get(id_)]
    for id_ in sorted(rows):
        print(f"{id_}: the file has {theirs.get(id_)}, the API {stored.get(id_)}")
    wanted, found = numbers(files), numbers(ours)
    names = wanted.keys() | found.keys()
    differing = [name for name in names if not same(wanted.get(name), found.get(name))]
    for key in sorted(differing, key=str):
        print(f"{key}: {wanted.get(key)} in the files, {found.get(key)} by the API")
    for (group, name), value in found.items():
        if group == "all":
            print(f"{name:12} {value:,.4f}".rstrip("0").rstrip("."))
    print(f"{len(rows)} of {len(theirs):,} rows differ, and {len(differing)} of {len(names)} numbers")
    return len(rows) + len(differing)


def same(one: float | None, other: float | None) -> bool:
    """Whether two numbers are one but for the order in which floats were added."""
    return one == other or (one is not None and other is not None and abs(one - other) < 1e-9 * abs(one))


async def run(running: Servers, folder: Path) -> int:
    """Take the files in, and compare; the number of differences."""
    url = running.database_url
    await asyncio.to_thread(migrate, url)
    made = await bootstrap(url)
    assert made is not None
    port = free_port()
    env = {
        "DATABASE_URL": url,
        "REDIS_URL": running.redis_url,
        "RAPPORT_SECRET_KEY": SECRET,
        "RAPPORT_LOG_LEVEL": "WARNING",
    }
    api = ["uvicorn", "app.main:app", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    headers = {"Authorization": f"Bearer {made.key}"}
    with process(api, env), process(["app.cli", "worker"], env):
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}/v1", headers=headers, timeout=600
        ) as client:
            await until_alive(client)
            await taken(client, folder)
    connection = await asyncpg.connect(driver_url(url))
    rows = [dict(row) for row in await connection.fetch(STORED)]
    await connection.close()
    files = expected(folder)
    return compared(pl.DataFrame(rows, schema=files.schema), files)


def main() -> None:
    """Take in, compare, print; ends with 1 when anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    chosen = parser.parse_args()
    if chosen.folder is None:
        print("Without the folder of its files, which are not ours to give out, there is nothing to compare.")
        return
    # Ended from outside, it ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rapport-bench-")))
        place.chmod(0o711)
        running = stack.enter_context(servers(place / "state", durable=False))
        sys.exit(1 if asyncio.run(run(running, chosen.folder)) else 0)


if __name__ == "__main__":
    main()
