-- The form of tickets and events in the history and on the wire. Functions that run in every operation are PL/pgSQL, which keeps
-- their plans: before PostgreSQL 18 an SQL function that can't be inlined is planned at each call. Plain expressions are SQL
-- functions, so that they are inlined.

-- A time as the chains and the wire write it: UTC, microseconds, independent of the session's time zone and locale. STABLE like
-- to_char: PostgreSQL inlines no function that is declared stricter than its body.
CREATE OR REPLACE FUNCTION utc_text(at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- The public view of a ticket, from the codes of its line, of the line that issued it and of its counter. `head` is the
-- line's, to turn the ticket's slot into a place. The only definition of this form.
CREATE OR REPLACE FUNCTION ticket_view(t tickets, head bigint, line text, origin text, seat text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'id', t.id, 'number', t.number, 'service', line, 'origin_service', origin,
        'business_day', t.business_day, 'priority', t.priority, 'status', t.status,
        'position', t.position_in_queue - head + 1, 'counter', seat,
        'rank_class', t.rank_class, 'rank_time', utc_text(t.rank_time), 'placed_by_hand', t.placed_by_hand,
        'language', t.language, 'calls', t.calls, 'joined_at', utc_text(t.joined_at),
        'called_at', utc_text(t.called_at), 'started_at', utc_text(t.started_at), 'ended_at', utc_text(t.ended_at))
$$;

-- The public view of one ticket; looks its codes up. Null for no ticket.
CREATE OR REPLACE FUNCTION public_ticket(t tickets, head bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
DECLARE
    line text;
    origin text;
    seat text;
BEGIN
    IF t.id IS NULL THEN RETURN NULL; END IF;
    SELECT code INTO line FROM services WHERE id = t.service_id;
    IF t.origin_service_id = t.service_id THEN
        origin := line;
    ELSE
        SELECT code INTO origin FROM services WHERE id = t.origin_service_id;
    END IF;
    IF t.counter_id IS NOT NULL THEN SELECT code INTO seat FROM counters WHERE id = t.counter_id; END IF;
    RETURN ticket_view(t, head, line, origin, seat);
END
$$;

-- The members that only staff may see. The column keeps the reason for parking for an undo; the view shows it only while the
-- ticket is parked.
CREATE OR REPLACE FUNCTION personal_data(t tickets) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object('patient_name', t.patient_name, 'note', t.note, 'needs', t.needs,
        'parked_reason', CASE WHEN t.status = 'parked' THEN t.parked_reason END)
$$;

-- A ticket or its row as JSON, without what only staff may see.
CREATE OR REPLACE FUNCTION without_personal_data(ticket jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT ticket - '{patient_name,note,needs,parked_reason}'::text[]
$$;

-- The staff's view of a ticket.
CREATE OR REPLACE FUNCTION staff_ticket(t tickets, head bigint) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT public_ticket(t, head) || personal_data(t)
$$;

-- An event as it is pushed: staff's view, times as text, `reason` only if there is one.
CREATE OR REPLACE FUNCTION event_message(service_code text, e queue_events, personal jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('service', service_code, 'revision', e.revision, 'kind', e.kind, 'at', utc_text(e.at),
            'ticket', e.ticket || personal, 'from_position', e.from_position, 'waiting', e.waiting)
        || CASE WHEN e.reason IS NULL THEN '{}' ELSE jsonb_build_object('reason', e.reason) END;
END
$$;
