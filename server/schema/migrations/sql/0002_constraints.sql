-- The net under the locks: what the operations keep by construction, the database checks again.

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

-- No number twice on one day, no counter with two patients.
CREATE UNIQUE INDEX idx_unique_ticket_number ON tickets (origin_service_id, business_day, number_value);
CREATE UNIQUE INDEX idx_unique_consulting_counter ON tickets (counter_id) WHERE status = 'consulting';

-- Where a ticket enters the line (get_next_queue_position) and who is waiting.
CREATE INDEX idx_waiting_rank ON tickets (service_id, rank_class, rank_time, position_in_queue) WHERE status = 'waiting';
-- A number still held by a live ticket of an earlier day (join_queue).
CREATE INDEX idx_live_numbers ON tickets (origin_service_id, number_value)
    WHERE status IN ('waiting', 'consulting', 'parked');
-- The snapshot's lists: parked, recently called, missed today.
CREATE INDEX idx_parked ON tickets (service_id) WHERE status = 'parked';
CREATE INDEX idx_recently_called ON tickets (service_id, called_at DESC) WHERE called_at IS NOT NULL;
CREATE INDEX idx_missed ON tickets (service_id, business_day, ended_at DESC) WHERE status = 'no_show';

ALTER TABLE services ADD CONSTRAINT chk_head_before_tail CHECK (0 < head AND head <= tail);
ALTER TABLE services ADD CONSTRAINT chk_prefix CHECK (prefix ~ '^[A-Z]{1,3}$');
ALTER TABLE services ADD CONSTRAINT chk_code CHECK (code ~ '^[A-Za-z0-9_-]{1,32}$');
ALTER TABLE services ADD CONSTRAINT chk_pace CHECK (configured_pace_seconds > 0 AND pace_seconds > 0);
ALTER TABLE counters ADD CONSTRAINT chk_code CHECK (code ~ '^[A-Za-z0-9_-]{1,32}$');
ALTER TABLE counter_services ADD CONSTRAINT idx_unique_counter_place UNIQUE (counter_id, place);
