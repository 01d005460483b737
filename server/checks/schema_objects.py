"""Checks that the database has every constraint, index, trigger and function, and the role of hubs its privileges only.

A test compares the lists with what the migrations create.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, text

from server.checks.finding import Finding
from server.schema.hub_role import ROLE, may_call
from server.schema.installed_functions import function_differences

CONSTRAINTS: Mapping[str, str] = {
    "admin_events": "admin_events_pkey",
    "closed_days": "closed_days_pkey idx_unique_closed_day closed_days_service_id_fkey",
    "counter_services": "counter_services_pkey idx_unique_counter_place counter_services_counter_id_fkey "
    "counter_services_service_id_fkey",
    "counters": "counters_pkey chk_code counters_rule_check counters_state_check counters_held_by_fkey",
    "installed_functions": "installed_functions_pkey",
    "installed_schema": "installed_schema_pkey installed_schema_only_row_check",
    "devices": "devices_pkey devices_code_key devices_token_hash_key devices_role_check",
    "hubs": "hubs_pkey",
    "opening_hours": "opening_hours_pkey opening_hours_last_ticket_minutes_check opening_hours_weekday_check "
    "opening_hours_service_id_fkey",
    "pairing_codes": "pairing_codes_pkey pairing_codes_device_id_fkey",
    "presence": "presence_pkey presence_hub_fkey presence_user_id_fkey",
    "queue_events": "queue_events_pkey queue_events_service_id_fkey",
    "requests": "requests_once",
    "services": "services_pkey chk_head_before_tail",
    "sessions": "sessions_pkey sessions_user_id_fkey",
    "settings": "settings_pkey settings_only_row_check",
    "tickets": "tickets_pkey idx_unique_queue_position chk_counter_while_consulting chk_position_while_waiting "
    "chk_positive_number chk_positive_queue_position chk_priority chk_status tickets_counter_id_fkey "
    "tickets_origin_service_id_fkey tickets_service_id_fkey",
    "users": "users_pkey users_role_check",
    "wait_estimates": "wait_estimates_pkey wait_estimates_check wait_estimates_low_seconds_check "
    "wait_estimates_waited_seconds_check wait_estimates_service_id_fkey wait_estimates_ticket_id_fkey",
}
DOMAINS: Mapping[str, str] = {
    "number_prefix": "chk_prefix",
    "open_state": "chk_state",
    "positive_integer": "chk_positive",
    "site_code": "chk_code",
}
"""Domain -> its constraint."""
UNIQUE_INDEXES: Mapping[str, str] = {
    "idx_unique_consulting_counter": "tickets counter_id",
    "idx_unique_counter_code": "counters code",
    "idx_unique_counter_name": "counters name_key",
    "idx_unique_display_name": "users display_key",
    "idx_unique_service_code": "services code",
    "idx_unique_service_name": "services name_key",
    "idx_unique_service_prefix": "services prefix",
    "idx_unique_ticket_number": "tickets origin_service_id business_day number_value",
    "idx_unique_username": "users name_key",
}
INDEXES: Mapping[str, str] = {
    "idx_admin_subject": "admin_events subject id",
    "idx_completed": "tickets service_id ended_at",
    "idx_consulting": "tickets service_id",
    "idx_device_name": "devices name_key",
    "idx_missed": "tickets service_id business_day ended_at",
    "idx_parked": "tickets service_id",
    "idx_recently_called": "tickets service_id called_at",
    "idx_requests_at": "requests at",
    "idx_waiting_rank": "tickets service_id rank_class rank_time position_in_queue",
    "idx_wait_estimates_told": "wait_estimates service_id told_at",
}
"""Index -> its table and columns; an expression has no columns."""
TRIGGERS: Mapping[str, str] = {
    "admin_events": "admin_events_append_only admin_events_no_truncate",
    "closed_days": "closed_days_config",
    "counter_services": "counter_services_config",
    "counters": "counters_config",
    "devices": "devices_config",
    "opening_hours": "opening_hours_config",
    "queue_events": "queue_events_append_only queue_events_no_truncate",
    "services": "services_config services_rank_is_fixed",
    "settings": "settings_schedule",
    "users": "users_config users_counters",
}
MAKE_AGAIN = "Make it again as in server/schema/migrations/sql, or restore a backup into a new database."


def named(lists: Mapping[str, str]) -> set[tuple[str, str]]:
    """Pairs of an owner (table or domain) and the name of an object of it."""
    return {(table, name) for table, names in lists.items() for name in names.split()}


def constraint_findings(connection: Connection) -> Iterator[Finding]:
    """Constraints that are missing or were never validated."""
    query = "SELECT {0}::text, conname, convalidated FROM pg_constraint WHERE {1} <> 0"
    of_tables = _flags(connection, query.format("conrelid::regclass", "conrelid"))
    found = of_tables | _flags(connection, query.format("contypid::regtype", "contypid"))
    for table, name in sorted((named(CONSTRAINTS) | named(DOMAINS)) - set(found)):
        yield Finding("FAILED", "constraints", f"{name} of {table} is missing. {MAKE_AGAIN}")
    for table, name in sorted(named(CONSTRAINTS) & {key for key, valid in of_tables.items() if not valid}):
        advice = f"Run: ALTER TABLE {table} VALIDATE CONSTRAINT {name}"
        yield Finding("FAILED", "constraints", f"{name} of {table} was never checked for all rows. {advice}")


def index_findings(connection: Connection) -> Iterator[Finding]:
    """Indexes that are missing, invalid, not unique, or over other columns."""
    query = text(
        "SELECT c.relname, indrelid::regclass::text, indisvalid AND indisready AS usable, indisunique, "
        "concat_ws(' ', indrelid::regclass, (SELECT string_agg(attname, ' ' ORDER BY place) "
        "FROM unnest(indkey) WITH ORDINALITY k (number, place) JOIN pg_attribute ON attrelid = indrelid "
        "AND attnum = number)) AS columns FROM pg_index JOIN pg_class c ON c.oid = indexrelid ORDER BY 1"
    )
    found = {row.relname: row for row in connection.execute(query)}
    for name, columns in sorted({**UNIQUE_INDEXES, **INDEXES}.items()):
        table = columns.split()[0]
        if name not in found:
            yield Finding("FAILED", "indexes", f"{name} on {table} is missing. {MAKE_AGAIN}")
        elif found[name].columns != columns:
            yield Finding("FAILED", "indexes", f"{name} on {table} is over other columns. {MAKE_AGAIN}")
        elif name in UNIQUE_INDEXES and not found[name].indisunique:
            yield Finding("FAILED", "indexes", f"{name} on {table} is not unique. {MAKE_AGAIN}")
    for name, row in found.items():
        if not row.usable and row.indrelid in CONSTRAINTS:
            yield Finding(
                "FAILED", "indexes", f"{name} on {row.indrelid} is invalid. Run: REINDEX INDEX {name}"
            )


def trigger_findings(connection: Connection) -> Iterator[Finding]:
    """Triggers that are missing or disabled: history could be rewritten, or hubs would miss a change."""
    query = "SELECT tgrelid::regclass::text, tgname, tgenabled IN ('O', 'A') FROM pg_trigger"
    found = _flags(connection, query)
    for table, name in sorted(named(TRIGGERS) - set(found)):
        yield Finding("FAILED", "triggers", f"{name} on {table} is missing. {MAKE_AGAIN}")
    switched_off = {table for (table, name), on in found.items() if not on and table in CONSTRAINTS}
    for table in sorted(switched_off):
        names = ", ".join(sorted(name for (where, name), on in found.items() if where == table and not on))
        advice = f"Run: ALTER TABLE {table} ENABLE TRIGGER ALL"
        yield Finding("FAILED", "triggers", f"{names} on {table} switched off. {advice}")


def function_findings(connection: Connection) -> Iterator[Finding]:
    """Functions that were changed by hand since `db upgrade` put them in place."""
    for difference in function_differences(connection):
        name = difference.signature
        if difference.fault == "strange":
            yield Finding("FAILED", "functions", f"{name} is not InTurn's. Run: DROP FUNCTION {name}")
        else:
            yield Finding("FAILED", "functions", f"{name} is {difference.fault}. Run: inturn-hub db upgrade")


def role_findings(connection: Connection) -> Iterator[Finding]:
    """Privileges of the hub's role beyond calling operations, and privileges of PUBLIC."""
    if not may_call(connection):
        yield Finding("warning", "role", "Only the database's owner can see what hubs may do.")
        return
    query = text(
        "SELECT r.oid, hub_role() AS usable, session_user AS account, "
        "EXISTS (SELECT FROM our_functions() f JOIN pg_proc p ON p.oid = f.name WHERE f.for_hubs AND (NOT p.prosecdef "
        "OR p.proconfig IS NULL OR NOT has_function_privilege(r.oid, f.name, 'EXECUTE')) "
        "OR has_function_privilege('public', f.name, 'EXECUTE')) AS open FROM (SELECT) one "
        "LEFT JOIN pg_roles r ON r.rolname = :role"
    )
    row = connection.execute(query, {"role": ROLE}).one()
    again = "Run: inturn-hub db upgrade"
    if row.oid is None:
        advice = f"A superuser should run: CREATE ROLE {ROLE}; GRANT {ROLE} TO {row.account}; then: inturn-hub db upgrade"
        yield Finding(
            "warning", "role", f"There is no role {ROLE}, so that hubs act as {row.account}. {advice}"
        )
    elif row.open:
        yield Finding("FAILED", "role", f"Functions lack their privileges, as after a restore. {again}")
    elif not row.usable:
        advice = f"A superuser should run: GRANT {ROLE} TO {row.account}; then: inturn-hub db upgrade"
        yield Finding(
            "warning", "role", f"Hubs can't act as {ROLE}, so that they act as {row.account}. {advice}"
        )
    if row.oid is not None:
        yield from _tables_of_role(connection)


def _tables_of_role(connection: Connection) -> Iterator[Finding]:
    query = text(
        "SELECT string_agg(relname, ', ' ORDER BY relname) FROM pg_class WHERE relnamespace = "
        "(SELECT relnamespace FROM pg_class WHERE oid = 'settings'::regclass) AND relkind IN ('r', 'v', 'm', 'p') AND "
        "(has_table_privilege(:role, oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') "
        "OR has_any_column_privilege(:role, oid, 'SELECT, INSERT, UPDATE'))"
    )
    if tables := connection.execute(query, {"role": ROLE}).scalar():
        advice = f"Run: REVOKE ALL ON {tables} FROM {ROLE}, PUBLIC"
        yield Finding("FAILED", "role", f"{ROLE} may read or write tables itself. {advice}")


def missing_indexes(connection: Connection) -> set[str]:
    """Names of indexes, including those of constraints, that are missing, unusable or over other columns."""
    query = text("SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid AND indisready")
    usable = set(connection.execute(query).scalars())
    faulty = {finding.text.split()[0] for finding in index_findings(connection)}
    return {name for _, name in named(CONSTRAINTS)} - usable | faulty


def _flags(connection: Connection, query: str) -> dict[tuple[str, str], bool]:
    return {(table, name): flag for table, name, flag in connection.execute(text(query))}
