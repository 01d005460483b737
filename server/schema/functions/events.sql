-- The history of a line, its row and its tickets' rows. An operation writes its event in its own transaction: revision + 1,
-- and the hash of the event before. The callers hold the line's lock.

-- One link of a line's chain: sha256(previous hash || canonical row).
CREATE OR REPLACE FUNCTION queue_event_hash(previous bytea, e queue_events) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(previous || convert_to(jsonb_build_array(
        e.service_id, e.revision, e.kind, e.ticket_id, e.actor, utc_text(e.at), e.from_position, e.waiting, e.before, e.ticket,
        e.reason
    )::text, 'UTF8'));
END
$$;

-- A line's next event, not written yet. For a ticket that was moved to another line `p_head` is that line's head, so that the
-- event shows the ticket's place there.
CREATE OR REPLACE FUNCTION next_queue_event(
    s services, p_kind text, p_actor text, p_at timestamptz, t tickets, p_from_position bigint, p_before jsonb,
    p_reason text DEFAULT NULL, p_head bigint DEFAULT NULL
) RETURNS queue_events
LANGUAGE plpgsql STABLE AS $$
DECLARE
    e queue_events;
BEGIN
    e.service_id := s.id;
    e.revision := s.revision + 1;
    e.kind := p_kind;
    e.ticket_id := t.id;
    e.actor := p_actor;
    e.at := p_at;
    e.from_position := p_from_position;
    e.waiting := s.tail - s.head;
    e.before := p_before;
    e.ticket := public_ticket(t, coalesce(p_head, s.head));
    e.reason := p_reason;
    e.hash := queue_event_hash(s.last_hash, e);
    RETURN e;
END
$$;

-- Writes an event. Returns the line as it is after the event, not saved yet, so that several events of a line save it once.
CREATE OR REPLACE FUNCTION write_queue_event(s services, e queue_events) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO queue_events SELECT e.*;
    s.revision := e.revision;
    s.last_hash := e.hash;
    s.last_event_at := e.at;
    RETURN s;
END
$$;

-- Writes the columns of a line that operations change: head, tail, numbers, state and last event.
CREATE OR REPLACE FUNCTION save_line(s services) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE services SET revision = s.revision, last_hash = s.last_hash, last_event_at = s.last_event_at,
        head = s.head, tail = s.tail, next_number = s.next_number, business_day = s.business_day,
        issued = s.issued, held_numbers = s.held_numbers, state = s.state
    WHERE id = s.id;
END
$$;

-- Writes the line's next event and saves the line. Returns the event as it is pushed.
CREATE OR REPLACE FUNCTION append_queue_event(
    s services, p_kind text, p_actor text, p_at timestamptz, t tickets, p_from_position bigint, p_before jsonb,
    p_reason text DEFAULT NULL, p_head bigint DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    e queue_events := next_queue_event(s, p_kind, p_actor, p_at, t, p_from_position, p_before, p_reason, p_head);
BEGIN
    s := write_queue_event(s, e);
    PERFORM save_line(s);
    RETURN event_message(s.code, e, personal_data(t));
END
$$;

-- Writes the columns of a ticket that operations change.
CREATE OR REPLACE FUNCTION save_ticket(t tickets) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET service_id = t.service_id, priority = t.priority, status = t.status,
        position_in_queue = t.position_in_queue, rank_class = t.rank_class, rank_time = t.rank_time,
        placed_by_hand = t.placed_by_hand, counter_id = t.counter_id, calls = t.calls, no_shows = t.no_shows, language = t.language,
        patient_name = t.patient_name, note = t.note, needs = t.needs, parked_reason = t.parked_reason,
        joined_at = t.joined_at,
        called_at = t.called_at, started_at = t.started_at, ended_at = t.ended_at
    WHERE id = t.id;
END
$$;
