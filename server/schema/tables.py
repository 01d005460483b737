"""The tables as SQLAlchemy objects, for administration and reports. `migrations/sql` creates them; a test compares both.
Operations on a line don't use them: they call SQL functions (`server.operations.queue_operations`).
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Time,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
_moment = DateTime(timezone=True)


def _id() -> Column[int]:
    return Column("id", BigInteger, primary_key=True)


installed_schema = Table(
    "installed_schema",
    metadata,
    Column("only_row", Boolean, primary_key=True),
    Column("tables_fingerprint", Text, nullable=False),
    Column("functions_fingerprint", Text, nullable=False),
)

installed_functions = Table(
    "installed_functions",
    metadata,
    Column("signature", Text, primary_key=True),
    Column("definition", LargeBinary, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("only_row", Boolean, primary_key=True),
    Column("site_name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("day_starts", Time, nullable=False),
    Column("day_closes", Time),
    Column("closed_day", Date, nullable=False),
    Column("languages", ARRAY(Text), nullable=False),
    Column("epoch", Uuid, nullable=False),
    Column("config_revision", BigInteger, nullable=False),
    Column("request_salt", LargeBinary, nullable=False),
    Column("admin_revision", BigInteger, nullable=False),
    Column("admin_last_hash", LargeBinary, nullable=False),
    Column("cluster_identity", Text),
    Column("site_version", BigInteger, nullable=False),
    Column("counter_free_after", Interval, nullable=False),
)

users = Table(
    "users",
    metadata,
    _id(),
    Column("username", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("disabled_at", _moment),
    Column("version", BigInteger, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("display_key", Text, nullable=False),
    Column("must_change_password", Boolean, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("expires_at", _moment, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    _id(),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("token_hash", LargeBinary, unique=True),
    Column("revoked_at", _moment),
    Column("created_at", _moment, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("name_key", Text, nullable=False),
)

pairing_codes = Table(
    "pairing_codes",
    metadata,
    Column("code_hash", LargeBinary, primary_key=True),
    Column("device_id", ForeignKey("devices.id"), nullable=False),
    Column("expires_at", _moment, nullable=False),
)

services = Table(
    "services",
    metadata,
    _id(),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("names", JSONB, nullable=False),
    Column("alias", Text),
    Column("icon", Text),
    Column("prefix", Text, nullable=False),
    Column("sort_order", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("head_start", Interval),
    Column("no_shows", Integer, nullable=False),
    Column("daily_quota", Integer),
    Column("configured_pace_seconds", Integer, nullable=False),
    Column("pace_seconds", Integer),
    Column("pace_spread_seconds", Integer),
    Column("pace_samples", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("last_hash", LargeBinary, nullable=False),
    Column("last_event_at", _moment, nullable=False),
    Column("head", BigInteger, nullable=False),
    Column("tail", BigInteger, nullable=False),
    Column("next_number", Integer, nullable=False),
    Column("business_day", Date, nullable=False),
    Column("issued", Integer, nullable=False),
    Column("held_numbers", ARRAY(Integer), nullable=False),
    Column("name_key", Text),
    Column("next_prefix", Text),
    Column("card_group", Text),
    Column("where_to_wait", JSONB, nullable=False),
    Column("wait_target_minutes", Integer),
    Column("retired_on", Date),
)

opening_hours = Table(
    "opening_hours",
    metadata,
    Column("service_id", ForeignKey("services.id", ondelete="CASCADE"), primary_key=True),
    Column("weekday", SmallInteger, primary_key=True),
    Column("opens", Time, primary_key=True),
    Column("closes", Time, nullable=False),
    Column("last_ticket_minutes", Integer, nullable=False),
)

closed_days = Table(
    "closed_days",
    metadata,
    _id(),
    Column("service_id", ForeignKey("services.id", ondelete="CASCADE")),
    Column("day", Date, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    _id(),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("names", JSONB, nullable=False),
    Column("rule", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("held_by", ForeignKey("users.id")),
    Column("version", BigInteger, nullable=False),
    Column("name_key", Text),
    Column("sign", Text),
    Column("words", JSONB, nullable=False),
    Column("place", JSONB, nullable=False),
    Column("short", JSONB, nullable=False),
    Column("retired_on", Date),
)

hubs = Table(
    "hubs",
    metadata,
    Column("address", Text, primary_key=True),
    Column("uptime", Interval, nullable=False),
)

presence = Table(
    "presence",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("hub", ForeignKey("hubs.address"), nullable=False),
    Column("seen_at", Interval, nullable=False),
)

counter_services = Table(
    "counter_services",
    metadata,
    Column("counter_id", ForeignKey("counters.id", ondelete="CASCADE"), primary_key=True),
    Column("service_id", ForeignKey("services.id"), primary_key=True),
    Column("place", Integer, nullable=False),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False),
    Column("origin_service_id", ForeignKey("services.id"), nullable=False),
    Column("business_day", Date, nullable=False),
    Column("number_value", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("position_in_queue", BigInteger),
    Column("rank_class", SmallInteger, nullable=False),
    Column("rank_time", _moment, nullable=False),
    Column("placed_by_hand", Boolean, nullable=False),
    Column("counter_id", ForeignKey("counters.id")),
    Column("calls", Integer, nullable=False),
    Column("language", Text),
    Column("patient_name", Text),
    Column("note", Text),
    Column("needs", ARRAY(Text), nullable=False),
    Column("parked_reason", Text),
    Column("issued_by", Text, nullable=False),
    Column("joined_at", _moment, nullable=False),
    Column("called_at", _moment),
    Column("started_at", _moment),
    Column("ended_at", _moment),
    Column("no_shows", Integer, nullable=False),
)

queue_events = Table(
    "queue_events",
    metadata,
    Column("service_id", ForeignKey("services.id"), primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("ticket_id", Uuid),
    Column("actor", Text, nullable=False),
    Column("at", _moment, nullable=False),
    Column("from_position", BigInteger),
    Column("waiting", BigInteger, nullable=False),
    Column("before", JSONB),
    Column("ticket", JSONB),
    Column("reason", Text),
    Column("hash", LargeBinary, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("actor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("result", JSONB, nullable=False),
    Column("at", _moment, nullable=False),
    Column("undo", JSONB),
)

wait_estimates = Table(
    "wait_estimates",
    metadata,
    Column("ticket_id", ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    Column("service_id", ForeignKey("services.id"), nullable=False),
    Column("told_at", _moment, nullable=False),
    Column("low_seconds", Integer, nullable=False),
    Column("high_seconds", Integer, nullable=False),
    Column("waited_seconds", Integer),
)

admin_events = Table(
    "admin_events",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("at", _moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("details", JSONB, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)
