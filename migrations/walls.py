"""The walls between tenants, as SQL: policies, grants, and the few functions that look over them.

Those that say SECURITY DEFINER run as the owner of the tables, whom no wall stops; each answers one narrow question.
rapport_find and rapport_scrub keep to the caller's tenant. The others look across all tenants, since they find the
tenant (rapport_key, rapport_logins) or are nobody's own: attempts, due runs and segments, what is forgotten, partitions. The rest
run as the caller, behind the walls.
"""

from collections.abc import Iterator
from datetime import date

# Tables that the app may only add to, or may also delete from; the rest can be read, added to and updated.
_APPEND_ONLY = frozenset({"deal_moves", "events"})
_DELETABLE = frozenset(
    {
        *(
            "deal_competitors",
            "deal_lines",
            "deal_people",
            "duplicate_members",
            "external_ids",
            "file_parts",
            "import_undone",
            "memberships",
            "merge_members",
        ),
        *("order_lines", "rfm_scores"),
    }
)
_TENANT_TABLES = (
    "api_keys",
    "companies",
    "contacts",
    "custom_fields",
    "events",
    "exchange_rates",
    "external_ids",
    "idempotency_keys",
    "interactions",
    "logins",
    "order_lines",
    "orders",
    "products",
    "roles",
    "runs",
    "tags",
    "teams",
    "users",
)
# What a change of access is; other columns of these tables may change without one.
_ACCESS = {
    "users": "name, email, active, team_id, role_ids, archived_at",
    "teams": "parent_id, archived_at",
    "roles": "scopes, sight, read, write, archived_at",
    "api_keys": "user_id, scopes, expires_at, revoked_at, archived_at",
    "custom_fields": "key, kind, label, choices, required, archived_at",
    "logins": "revoked_at",
    "organisations": "name, region, time_zone, currency, language",
}


def role(name: str) -> Iterator[str]:
    """The role that requests run as."""
    yield f"""do $$ begin
  create role {name} nologin nosuperuser nobypassrls;
exception when duplicate_object or unique_violation then null;
end $$"""
    yield f"grant {name} to current_user"
    yield f"grant usage on schema public to {name}"


def wall(table: str, app_role: str, key: str = "org_id") -> Iterator[str]:
    """Row-level security, forced, with one tenant visible to the app and every tenant to the owner's functions."""
    own = f"{key} = rapport_org()"
    verbs = "select, insert" if table in _APPEND_ONLY else "select, insert, update"
    yield f"alter table {table} enable row level security"
    yield f"alter table {table} force row level security"
    yield f"create policy tenant on {table} to {app_role} using ({own}) with check ({own})"
    yield f"create policy owner on {table} to current_user using (true) with check (true)"
    yield f"grant {verbs}{', delete' if table in _DELETABLE else ''} on {table} to {app_role}"


def walls(app_role: str) -> Iterator[str]:
    """A wall around every tenant's rows."""
    yield from wall("organisations", app_role, key="id")
    for table in _TENANT_TABLES:
        yield from wall(table, app_role)
    # Of no tenant, because the address may be nobody's; only the two functions below come near it.
    yield "alter table attempts enable row level security"
    yield "alter table attempts force row level security"
    yield "create policy owner on attempts to current_user using (true) with check (true)"
    yield f"grant select on alembic_version to {app_role}"


FUNCTIONS = (
    """
create function rapport_org() returns uuid language sql stable parallel safe
return nullif(current_setting('rapport.org_id', true), '')::uuid
""",
    # Begins a unit of work: sets the tenant and refuses an actor whose access was loaded before it changed.
    """
create function rapport_enter(org uuid, loaded bigint) returns void language plpgsql as $$
begin
  perform set_config('rapport.org_id', org::text, true);
  if not exists (select from organisations o where o.id = org and o.stamp = loaded) then
    raise exception 'access has changed' using errcode = 'RP001';
  end if;
end $$
""",
    # Row-level security keeps @@ and @> from using their index, because the operators are not leakproof; here the
    # owner asks, within the caller's tenant, with what is sought in the text so that the planner knows how rare it is.
    # The answer is places in the table, not ids: good for the one statement that asks, and they need no other index.
    """
create function rapport_find(place text, query tsquery, tags text[], customs jsonb, owners uuid[]) returns tid[]
language plpgsql stable security definer set search_path = public, pg_temp as $$
declare
  sought text := '';
  places tid[];
begin
  if place not in ('contacts', 'companies', 'products', 'orders') then
    raise exception 'nothing is searched in %', place;
  end if;
  if query is not null then
    sought := sought || format(' and t.terms @@ %L', query);
  end if;
  if tags is not null then
    sought := sought || format(' and t.tags @> %L', tags);
  end if;
  if customs is not null then
    sought := sought || format(' and t.custom @> %L', customs);
  end if;
  if owners is not null then
    sought := sought || format(' and t.owner_id = any(%L)', owners);
  end if;
  execute format('select coalesce(array_agg(t.ctid), %L) from %I t where t.org_id = %L', '{}', place, rapport_org())
    || sought into places;
  return places;
end $$
""",
    # Before a caller is known, so is no tenant: these two find it from a secret or an address.
    """
create function rapport_key(hash text) returns table (org_id uuid, id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select k.org_id, k.id from api_keys k where k.key_hash = hash
$$
""",
    """
create function rapport_logins(address text) returns table (org_id uuid, slug text, id uuid)
language sql stable security definer set search_path = public, pg_temp as $$
  select u.org_id, o.slug, u.id from users u join organisations o on o.id = u.org_id
  where u.email = address and u.active and u.archived_at is null and u.password_hash is not null
$$
""",
    # An attempt is counted before the password is looked at, so that no two can share a place. Whether the address
    # is anybody's plays no part in it: the answers give nothing away.
    """
create function rapport_attempt(hash text, at timestamptz, most int, memory interval, pause interval,
  out refused_until timestamptz, out last_one boolean)
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  known attempts;
  count int;
begin
  delete from attempts a where a.address_hash in (
    select o.address_hash from attempts o where o.failed_at < at - memory - pause limit 10 for update skip locked);
  insert into attempts values (hash, 0, at) on conflict do nothing;
  select * into strict known from attempts a where a.address_hash = hash for update;
  last_one := false;
  if known.locked_until > at then
    refused_until := known.locked_until;
    return;
  end if;
  count := case when known.locked_until is null and known.failed_at > at - memory then known.failed else 0 end + 1;
  last_one := count >= most;
  update attempts a set failed = count, failed_at = at, locked_until = case when last_one then at + pause end
  where a.address_hash = hash;
end $$
""",
    """
create function rapport_attempt_good(hash text) returns void
language sql security definer set search_path = public, pg_temp as $$
  delete from attempts where address_hash = hash
$$
""",
    # Work that is due, whoever's it is: the relay carries it to the queue.
    """
create function rapport_due(at timestamptz, most int)
returns table (org_id uuid, id uuid, kind text, due_at timestamptz)
language sql stable security definer set search_path = public, pg_temp as $$
  select r.org_id, r.id, r.kind, r.due_at from runs r
  where r.status in ('queued', 'running') and r.due_at <= at order by r.due_at limit most
$$
""",
    """
create function rapport_forget_keys(before timestamptz, most int) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with gone as (delete from idempotency_keys where ctid = any(array(
    select ctid from idempotency_keys where created_at < before limit most for update skip locked)) returning 1)
  select count(*) from gone
$$
""",
    # Refresh tokens long over tell nobody anything.
    """
create function rapport_forget_logins(before timestamptz, most int) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with gone as (delete from logins where ctid = any(array(
    select ctid from logins where expires_at < before limit most for update skip locked)) returning 1)
  select count(*) from gone
$$
""",
    # Erasure reaches the log, which the app may otherwise only add to: that something changed stays, what does not;
    # of some records the fields named are all that goes.
    """
create function rapport_scrub(ids uuid[], names text[]) returns bigint
language sql security definer set search_path = public, pg_temp as $$
  with scrubbed as (
    update events set
      before = case when before is not null then case when names is null then '{}' else before - names end end,
      after = case when names is null then '{}' else after - names end
    where org_id = rapport_org() and noun_id = any(ids) and case when names is null then after <> '{}' or before <> '{}'
      else after ?| names or before ?| names end returning 1
  ) select count(*) from scrubbed
$$
""",
    # Rows from before their month had a partition wait in the default one, and keep it from being made: they move.
    # A reader that has begun would miss them, so parent and default are closed meanwhile, parent first as everybody
    # takes them. Waiting for that closes them too, so it is given up before PostgreSQL looks for deadlocks (after 1 s).
    """
create function rapport_partitions(parent text, since date, until date) returns int
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '500ms' as $$
declare
  month date := date_trunc('month', since);
  made int := 0;
  rest text := parent || '_default';
  part text;
  low text;
  high text;
begin
  perform pg_advisory_xact_lock(hashtext('rapport_partitions'));
  if parent not in ('events', 'interactions') then
    raise exception '% is not partitioned', parent;
  end if;
  while month < until loop
    part := parent || to_char(month, '"_p"YYYYMM');
    low := month || ' 00:00+00';
    high := (month + interval '1 month')::date || ' 00:00+00';
    if to_regclass(part) is null then
      execute format('lock table only %I, %I in access exclusive mode', parent, rest);
      execute format('create table %I (like %I including defaults including constraints)', part, parent);
      execute format('with moved as (delete from %I where at >= %L and at < %L returning *)'
        ' insert into %I select * from moved', rest, low, high, part);
      execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, part, low, high);
      made := made + 1;
    end if;
    month := month + interval '1 month';
  end loop;
  return made;
end $$
""",
    # The month with the most rows in the default partition gets its own if they are many; which month, or null.
    # There is a most, because every partition costs every question a little.
    """
create function rapport_spread(parent text, many int) returns date
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  month date;
begin
  if not pg_try_advisory_xact_lock(hashtext('rapport_partitions')) then
    return null;
  end if;
  if (select count(*) from pg_inherits i where i.inhparent = parent::regclass) < 600 then
    execute format('select date_trunc(''month'', at at time zone ''UTC'')::date from %I'
      ' group by 1 having count(*) >= %s order by count(*) desc limit 1', parent || '_default', many) into month;
    perform rapport_partitions(parent, month, month + 1);
  end if;
  return month;
end $$
""",
    """
create function rapport_stamp() returns trigger language plpgsql as $$
begin
  update organisations set stamp = stamp + 1 where id = rapport_org();
  return null;
end $$
""",
)


def doors(app_role: str) -> Iterator[str]:
    """Only the app may call the functions: PostgreSQL would let everybody, also by way of a role added later."""
    for text in FUNCTIONS:
        name = text.split("(", 1)[0].split()[-1]
        yield f"revoke execute on function {name} from public"
        yield f"grant execute on function {name} to {app_role}"


def _trigger(table: str, columns: str) -> str:
    when = (
        f"update of {columns}" if table in {"logins", "organisations"} else f"insert or update of {columns}"
    )
    return f"create trigger stamp after {when} on {table} for each statement execute function rapport_stamp()"


TRIGGERS = tuple(_trigger(table, columns) for table, columns in _ACCESS.items())


def _months(day: date, ahead: int) -> date:
    month = day.year * 12 + day.month - 1 + ahead
    return date(month // 12, month % 12 + 1, 1)


def first_partitions(today: date) -> Iterator[str]:
    """Months for what is at hand; a default for what lies outside."""
    for table, behind in (("events", 0), ("interactions", -25)):
        yield f"create table {table}_default partition of {table} default"
        yield f"select rapport_partitions('{table}', '{_months(today, behind)}', '{_months(today, 13)}')"
