-- The site: one row. `epoch` changes after a restore or a lossy failover, `config_revision` with every configuration change.
CREATE TABLE settings (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    site_name text NOT NULL DEFAULT 'Clinic',
    time_zone text NOT NULL DEFAULT 'UTC',
    day_starts time NOT NULL DEFAULT '00:00',
    languages text[] NOT NULL DEFAULT '{en}',
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    config_revision bigint NOT NULL DEFAULT 1,
    request_salt bytea NOT NULL DEFAULT sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
);
INSERT INTO settings DEFAULT VALUES;

-- People who sign in at a console.
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    username text NOT NULL,
    display_name text NOT NULL,
    role text NOT NULL CHECK (role IN ('staff', 'supervisor', 'admin')),
    password_hash text NOT NULL,
    disabled_at timestamptz,
    version bigint NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX idx_unique_username ON users (lower(username));
-- Windows know people by this name: `held_by` of a counter, `name` of hello.
CREATE UNIQUE INDEX idx_unique_display_name ON users (lower(display_name));

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

-- One-time codes that a new device exchanges for its token.
CREATE TABLE pairing_codes (
    code_hash bytea PRIMARY KEY,
    device_id bigint NOT NULL REFERENCES devices,
    expires_at timestamptz NOT NULL
);

-- A line. `head` is the slot of the first waiting ticket and `tail` the slot behind the last: `tail - head` wait.
-- Both start at 2^40, so that the front of the line can grow as well as its end.
CREATE TABLE services (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    names jsonb NOT NULL DEFAULT '{}',
    alias text,
    icon text,
    prefix text NOT NULL UNIQUE,
    sort_order integer NOT NULL DEFAULT 0,
    is_open boolean NOT NULL DEFAULT true,
    head_start interval,
    configured_pace_seconds integer NOT NULL DEFAULT 600,
    pace_seconds integer,
    version bigint NOT NULL DEFAULT 1,
    revision bigint NOT NULL DEFAULT 0,
    last_hash bytea NOT NULL DEFAULT '\x',
    last_event_at timestamptz NOT NULL DEFAULT '-infinity',
    head bigint NOT NULL DEFAULT 1099511627776,
    tail bigint NOT NULL DEFAULT 1099511627776,
    next_number integer NOT NULL DEFAULT 1,
    business_day date NOT NULL DEFAULT '-infinity'
);

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

-- Which services a counter serves, in which order.
CREATE TABLE counter_services (
    counter_id bigint NOT NULL REFERENCES counters ON DELETE CASCADE,
    service_id bigint NOT NULL REFERENCES services,
    place integer NOT NULL,
    PRIMARY KEY (counter_id, service_id)
);

-- A patient's turn. `position_in_queue` is a slot between the service's head and tail; the place in line is
-- `position_in_queue - head + 1`. (`rank_class`, `rank_time`) is what the line is sorted by.
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
    counter_id bigint REFERENCES counters,
    calls integer NOT NULL DEFAULT 0,
    language text,
    patient_name text,
    note text,
    needs text[] NOT NULL DEFAULT '{}',
    issued_by text NOT NULL,
    joined_at timestamptz NOT NULL,
    called_at timestamptz,
    started_at timestamptz,
    ended_at timestamptz
);

-- The spine: every change of every line, without gaps, one hash chain a service. Audit trail, outbox and replay log in one.
-- It holds no name, note or need: `ticket` is the public view after the change, `before` what the change replaced.
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
    hash bytea NOT NULL,
    PRIMARY KEY (service_id, revision)
);

-- What was already done for a key, so that a repeated request finds its first result. Kept for seven days.
CREATE TABLE requests (
    actor text NOT NULL,
    key text NOT NULL,
    digest bytea NOT NULL,
    result jsonb NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT requests_once PRIMARY KEY (actor, key)
);
CREATE INDEX idx_requests_at ON requests (at);

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
