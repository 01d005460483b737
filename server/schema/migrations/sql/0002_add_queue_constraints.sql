-- The net under the locks: the database checks again what the operations keep by construction. And the indexes by which each
-- statement of each operation finds its rows, with any statistics.

-- No two waiting tickets of a service in one slot. A plain partial unique index is checked row by row and would make a
-- one-statement shift fail; an exclusion constraint is partial, unique and checked at commit.
ALTER TABLE tickets ADD CONSTRAINT idx_unique_queue_position
    EXCLUDE USING btree (service_id WITH =, position_in_queue WITH =) WHERE (status = 'waiting')
    DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE tickets ADD CONSTRAINT chk_positive_queue_position CHECK (position_in_queue > 0);
ALTER TABLE tickets ADD CONSTRAINT chk_position_while_waiting
    CHECK ((status = 'waiting') = (position_in_queue IS NOT NULL));
ALTER TABLE tickets ADD CONSTRAINT chk_counter_while_consulting
    CHECK (status <> 'consulting' OR counter_id IS NOT NULL);
ALTER TABLE tickets ADD CONSTRAINT chk_status
    CHECK (status IN ('waiting', 'consulting', 'parked', 'completed', 'no_show', 'cancelled'));
ALTER TABLE tickets ADD CONSTRAINT chk_priority CHECK (priority IN ('high', 'medium', 'low'));
ALTER TABLE tickets ADD CONSTRAINT chk_positive_number CHECK (number_value > 0);

-- No number twice on one day, no counter with two patients, no name twice.
CREATE UNIQUE INDEX idx_unique_ticket_number ON tickets (origin_service_id, business_day, number_value);
CREATE UNIQUE INDEX idx_unique_consulting_counter ON tickets (counter_id) WHERE status = 'consulting';
CREATE UNIQUE INDEX idx_unique_username ON users (lower(username));
CREATE UNIQUE INDEX idx_unique_display_name ON users (lower(display_name));

ALTER TABLE services ADD CONSTRAINT chk_head_before_tail CHECK (0 < head AND head <= tail);
ALTER TABLE counters ADD CONSTRAINT chk_code CHECK (code ~ '^[A-Za-z0-9_-]{1,32}$');
ALTER TABLE counter_services ADD CONSTRAINT idx_unique_counter_place UNIQUE (counter_id, place);

-- Where a ticket enters the line. Only get_next_queue_position says `rank_class >= 0`, so that only it can use this index: without
-- statistics, in a clinic's first hours, PostgreSQL would otherwise look for a place here too, through the whole line.
CREATE INDEX idx_waiting_rank ON tickets (service_id, rank_class, rank_time, position_in_queue)
    WHERE status = 'waiting' AND rank_class >= 0;
-- Who is served now (the daily close, integrity), and who was (update_wait_times_atomic, reports).
CREATE INDEX idx_consulting ON tickets (service_id) WHERE status = 'consulting';
CREATE INDEX idx_completed ON tickets (service_id, ended_at DESC) WHERE status = 'completed';
-- The snapshot's lists: parked, recently called, missed today.
CREATE INDEX idx_parked ON tickets (service_id) WHERE status = 'parked';
CREATE INDEX idx_recently_called ON tickets (service_id, called_at DESC) WHERE called_at IS NOT NULL;
CREATE INDEX idx_missed ON tickets (service_id, business_day, ended_at DESC) WHERE status = 'no_show';
-- Requests older than seven days, and a service's estimates since a moment.
CREATE INDEX idx_requests_at ON requests (at);
CREATE INDEX idx_wait_estimates_told ON wait_estimates (service_id, told_at);
