-- The tables. Functions stand in ../../functions; those that triggers run are there before this file.

-- Types that check themselves: a row's own CHECKs are evaluated again with every event that changes its line, these are not.
CREATE DOMAIN site_code AS text CONSTRAINT chk_code CHECK (VALUE ~ '^[A-Za-z0-9_-]{1,32}$');
CREATE DOMAIN number_prefix AS text CONSTRAINT chk_prefix CHECK (VALUE ~ '^[A-Z]{1,3}$');
CREATE DOMAIN open_state AS text CONSTRAINT chk_state CHECK (VALUE IN ('open', 'paused', 'closed'));
CREATE DOMAIN positive_integer AS integer CONSTRAINT chk_positive CHECK (VALUE > 0);

-- The schema in force: fingerprints of the revisions and of the function files that `db upgrade` put in place. One row.
CREATE TABLE installed_schema (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    tables_fingerprint text NOT NULL,
    functions_fingerprint text NOT NULL
);

-- The functions that `db upgrade` put in place, and a hash of each as it was then.
CREATE TABLE installed_functions (
    signature text PRIMARY KEY,
    definition bytea NOT NULL
);

-- The site: one row. `day_closes` is when a schedule closes the day (null: only an administrator does), `closed_day` the last
-- business day that was closed. `epoch` changes after a restore or a lossy failover, `cluster_identity` is where the database was
-- when its epoch was made, `config_revision` changes with every change of the configuration. `admin_revision` and
-- `admin_last_hash` are the anchor of the administrative chain.
CREATE TABLE settings (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    site_name text NOT NULL DEFAULT 'Clinic',
    time_zone text NOT NULL DEFAULT 'UTC',
    day_starts time NOT NULL DEFAULT '00:00',
    day_closes time,
    closed_day date NOT NULL DEFAULT '-infinity',
    languages text[] NOT NULL DEFAULT '{en}',
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    config_revision bigint NOT NULL DEFAULT 1,
    request_salt bytea NOT NULL DEFAULT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')),
    admin_revision bigint NOT NULL DEFAULT 0,
    admin_last_hash bytea NOT NULL DEFAULT '\x',
    cluster_identity text
);
INSERT INTO settings DEFAULT VALUES;

-- People who sign in at a console. Windows know them by their display name.
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL,
    display_name text NOT NULL,
    role text NOT NULL CHECK (role IN ('staff', 'supervisor', 'admin')),
    password_hash text NOT NULL,
    disabled_at timestamptz,
    version bigint NOT NULL DEFAULT 1
);
CREATE TRIGGER users_config AFTER INSERT OR DELETE OR UPDATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();

-- A person's way back without a password, for twelve hours; the secret itself is never stored.
CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users,
    expires_at timestamptz NOT NULL
);

-- Kiosks and wall monitors. `token_hash` is null until the device is paired.
CREATE TABLE devices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('kiosk', 'monitor')),
    token_hash bytea UNIQUE,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    version bigint NOT NULL DEFAULT 1
);
CREATE TRIGGER devices_config AFTER INSERT OR DELETE OR UPDATE ON devices
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();

-- One-time codes that a new device exchanges for its token.
CREATE TABLE pairing_codes (
    code_hash bytea PRIMARY KEY,
    device_id bigint NOT NULL REFERENCES devices,
    expires_at timestamptz NOT NULL
);

-- A service and its line. `head` is the slot of the first waiting ticket and `tail` the slot behind the last: `tail - head` wait.
-- Both start at 2^40, so that the front of the line can grow as well as its end. `state` is what a person set; opening hours and
-- quota come on top (service_state). `issued` counts the business day's numbers; `held_numbers` are those that live tickets of
-- earlier days still held when the business day began. A no-show sends a patient to the end of the line until the patient was
-- called `no_show_calls` times, and then off.
CREATE TABLE services (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code site_code NOT NULL UNIQUE,
    name text NOT NULL,
    names jsonb NOT NULL DEFAULT '{}',
    alias text,
    icon text,
    prefix number_prefix NOT NULL UNIQUE,
    sort_order integer NOT NULL DEFAULT 0,
    state open_state NOT NULL DEFAULT 'open',
    head_start interval,
    no_show_calls positive_integer NOT NULL DEFAULT 1,
    daily_quota positive_integer,
    configured_pace_seconds positive_integer NOT NULL DEFAULT 600,
    pace_seconds positive_integer,
    pace_spread_seconds integer,
    pace_samples integer NOT NULL DEFAULT 0,
    version bigint NOT NULL DEFAULT 1,
    revision bigint NOT NULL DEFAULT 0,
    last_hash bytea NOT NULL DEFAULT '\x',
    last_event_at timestamptz NOT NULL DEFAULT '-infinity',
    head bigint NOT NULL DEFAULT 1099511627776,
    tail bigint NOT NULL DEFAULT 1099511627776,
    next_number integer NOT NULL DEFAULT 1,
    business_day date NOT NULL DEFAULT '-infinity',
    issued integer NOT NULL DEFAULT 0,
    held_numbers integer[] NOT NULL DEFAULT '{}'
);
-- A line's own columns are not configuration: its trigger leaves them out, as that of counters does.
CREATE TRIGGER services_config AFTER INSERT OR DELETE OR UPDATE OF
    code, name, names, alias, icon, prefix, sort_order, head_start, configured_pace_seconds, no_show_calls, daily_quota ON services
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
-- Ranks are fixed while patients wait, so that the line stays sorted.
CREATE TRIGGER services_rank_is_fixed BEFORE UPDATE OF head_start ON services FOR EACH ROW
    WHEN (OLD.head_start IS DISTINCT FROM NEW.head_start AND OLD.tail > OLD.head) EXECUTE FUNCTION refuse_reranking();

-- When tickets are issued: local times of the site, weekday 1 is Monday. `closes` at or before `opens` is the next day's.
-- The last ticket is issued `last_ticket_minutes` before the end. A service without a row is always open.
CREATE TABLE opening_hours (
    service_id bigint NOT NULL REFERENCES services ON DELETE CASCADE,
    weekday smallint NOT NULL CHECK (weekday BETWEEN 1 AND 7),
    opens time NOT NULL,
    closes time NOT NULL,
    last_ticket_minutes integer NOT NULL DEFAULT 0 CHECK (last_ticket_minutes >= 0),
    PRIMARY KEY (service_id, weekday, opens)
);
CREATE TRIGGER opening_hours_config AFTER INSERT OR DELETE OR UPDATE ON opening_hours
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();

-- Holidays: no tickets on these days of the calendar, for one service or (null) for all.
CREATE TABLE closed_days (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_id bigint REFERENCES services ON DELETE CASCADE,
    day date NOT NULL,
    CONSTRAINT idx_unique_closed_day UNIQUE NULLS NOT DISTINCT (service_id, day)
);
CREATE TRIGGER closed_days_config AFTER INSERT OR DELETE OR UPDATE ON closed_days
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();

-- Where patients are called to. `held_by` is the person who works there.
CREATE TABLE counters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    names jsonb NOT NULL DEFAULT '{}',
    rule text NOT NULL DEFAULT 'best_rank' CHECK (rule IN ('best_rank', 'in_order')),
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'paused', 'closed')),
    held_by bigint REFERENCES users,
    version bigint NOT NULL DEFAULT 1
);
CREATE TRIGGER counters_config AFTER INSERT OR DELETE OR UPDATE OF code, name, names, rule ON counters
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();

-- Which services a counter serves, in which order.
CREATE TABLE counter_services (
    counter_id bigint NOT NULL REFERENCES counters ON DELETE CASCADE,
    service_id bigint NOT NULL REFERENCES services,
    place integer NOT NULL,
    PRIMARY KEY (counter_id, service_id)
);
CREATE TRIGGER counter_services_config AFTER INSERT OR DELETE OR UPDATE ON counter_services
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();

-- A patient's turn. `position_in_queue` is a slot between the service's head and tail; the place in line is
-- `position_in_queue - head + 1`. (`rank_class`, `rank_time`) is what the line is sorted by. `placed_by_hand`: a person chose the
-- place (move, transfer first or last, no-show to the end), so that the rank is a neighbour's. Name, note, needs and
-- `parked_reason` are personal data.
CREATE TABLE tickets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    service_id bigint NOT NULL REFERENCES services,
    origin_service_id bigint NOT NULL REFERENCES services,
    business_day date NOT NULL,
    number_value integer NOT NULL,
    number text NOT NULL,
    priority text NOT NULL,
    status text NOT NULL,
    position_in_queue bigint,
    rank_class smallint NOT NULL,
    rank_time timestamptz NOT NULL,
    placed_by_hand boolean NOT NULL DEFAULT false,
    counter_id bigint REFERENCES counters,
    calls integer NOT NULL DEFAULT 0,
    language text,
    patient_name text,
    note text,
    needs text[] NOT NULL DEFAULT '{}',
    parked_reason text,
    issued_by text NOT NULL,
    joined_at timestamptz NOT NULL,
    called_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz
);

-- The spine: every change of every line, without gaps, one hash chain a service. Audit trail, outbox and replay log in one.
-- It holds no name, note or need: `ticket` is the public view after the change, `before` what the change replaced. `reason` is a
-- word, never free text: why the system acted by itself ("day_closed", "no_show").
CREATE TABLE queue_events (
    service_id bigint NOT NULL REFERENCES services,
    revision bigint NOT NULL,
    kind text NOT NULL,
    ticket_id uuid,
    actor text NOT NULL,
    at timestamptz NOT NULL,
    from_position bigint,
    waiting bigint NOT NULL,
    before jsonb,
    ticket jsonb,
    reason text,
    hash bytea NOT NULL,
    PRIMARY KEY (service_id, revision)
);
CREATE TRIGGER queue_events_append_only BEFORE UPDATE OR DELETE ON queue_events
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER queue_events_no_truncate BEFORE TRUNCATE ON queue_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- What was already done for a key, so that a repeated request finds its first result. Kept for seven days. `undo`: the tickets as
-- they were before the operation, without personal data; null: nothing to undo.
CREATE TABLE requests (
    actor text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    result jsonb NOT NULL,
    at timestamptz NOT NULL,
    undo jsonb,
    CONSTRAINT requests_once PRIMARY KEY (actor, key)
);

-- What patients were told when they joined, to be compared with what came (estimate_accuracy).
CREATE TABLE wait_estimates (
    ticket_id uuid PRIMARY KEY REFERENCES tickets ON DELETE CASCADE,
    service_id bigint NOT NULL REFERENCES services,
    told_at timestamptz NOT NULL,
    low_seconds integer NOT NULL CHECK (low_seconds >= 0),
    high_seconds integer NOT NULL CHECK (high_seconds >= low_seconds),
    waited_seconds integer CHECK (waited_seconds >= 0)
);

-- What administrators and sign-ins did; a chain of its own.
CREATE TABLE admin_events (
    id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    details jsonb NOT NULL DEFAULT '{}',
    hash bytea NOT NULL
);
CREATE TRIGGER admin_events_append_only BEFORE UPDATE OR DELETE ON admin_events
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER admin_events_no_truncate BEFORE TRUNCATE ON admin_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
