-- The times of events, and clocks that were ahead. The database's clock gives every time. While it is ahead, its times are later
-- than they should be. When it was set right, the lines' times are corrected, so that no line has to wait for them.

-- How far a line's last event may be ahead of the clock. Events of one moment are a microsecond apart, and a clock that is
-- adjusted a little goes back a little: neither needs a correction.
CREATE OR REPLACE FUNCTION clock_tolerance() RETURNS interval
LANGUAGE sql IMMUTABLE AS $$
    SELECT interval '100 milliseconds'
$$;

-- A time for the line's next event: read after the lock, and later than the line's last event unless that lies in the future. Then
-- the times of the line step back, once.
CREATE OR REPLACE FUNCTION event_time(s services) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    now_at timestamptz := clock_timestamp();
BEGIN
    IF s.last_event_at > now_at + clock_tolerance() THEN RETURN now_at; END IF;
    RETURN greatest(now_at, s.last_event_at + interval '1 microsecond');
END
$$;

-- The tickets of a line whose times lie in the future as far as a list or an order depends on them, waiting ones in the order of
-- the line. A waiting ticket behind such a one is among them: its rank may have to follow.
CREATE OR REPLACE FUNCTION tickets_ahead(p_service_id bigint, now_at timestamptz) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
    first_slot bigint := (SELECT min(position_in_queue) FROM tickets WHERE service_id = p_service_id AND status = 'waiting'
        AND greatest(joined_at, rank_time, called_at) > now_at);
BEGIN
    RETURN QUERY SELECT id FROM tickets WHERE service_id = p_service_id AND status = 'waiting' AND position_in_queue >= first_slot
        ORDER BY position_in_queue;
    RETURN QUERY SELECT id FROM tickets WHERE service_id = p_service_id AND status = 'consulting'
        AND greatest(joined_at, called_at) > now_at;
    RETURN QUERY SELECT id FROM tickets WHERE service_id = p_service_id AND status = 'parked'
        AND greatest(joined_at, called_at) > now_at;
    RETURN QUERY SELECT id FROM tickets WHERE service_id = p_service_id AND called_at IS NOT NULL AND called_at > now_at
        AND status NOT IN ('waiting', 'consulting', 'parked');
END
$$;

-- A ticket with its future times put back by `ahead`, at the latest to `now_at`.
CREATE OR REPLACE FUNCTION put_back(t tickets, now_at timestamptz, ahead interval) RETURNS tickets
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF t.joined_at > now_at THEN t.joined_at := least(t.joined_at - ahead, now_at); END IF;
    IF t.called_at > now_at THEN t.called_at := least(t.called_at - ahead, now_at); END IF;
    IF t.started_at > now_at THEN t.started_at := least(t.started_at - ahead, now_at); END IF;
    IF t.ended_at > now_at THEN t.ended_at := least(t.ended_at - ahead, now_at); END IF;
    RETURN t;
END
$$;

-- The rank of a waiting ticket whose times were put back, behind the ticket before it (`front`): its own if the line stays sorted
-- with it, else the nearest that keeps it sorted.
CREATE OR REPLACE FUNCTION rank_behind(t tickets, front tickets, s services, now_at timestamptz, ahead interval) RETURNS tickets
LANGUAGE plpgsql STABLE AS $$
DECLARE
    own timestamptz := rank_time(t.priority, s.head_start, t.joined_at);
BEGIN
    IF t.placed_by_hand THEN
        own := CASE WHEN t.rank_time > now_at THEN least(t.rank_time - ahead, now_at) ELSE t.rank_time END;
    END IF;
    IF front.rank_class = t.rank_class AND front.rank_time > own THEN
        t.placed_by_hand := true;
        own := front.rank_time;
    END IF;
    t.rank_time := own;
    RETURN t;
END
$$;

-- The events of corrections in this transaction.
CREATE OR REPLACE FUNCTION corrections() RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('inturn.corrections', true), ''), '[]')::jsonb
$$;

-- Corrects the future times of a line's tickets, after the clock was ahead and set right: all by the same interval, so that
-- tickets issued meanwhile keep their place, in this line and among lines. The last thing that happened anywhere counts as just
-- now. Writes an event for each corrected ticket and saves the line once (see close_line). The events go out with those of
-- the operation (remember_result). The caller holds the line's lock.
CREATE OR REPLACE FUNCTION correct_times(p_service_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    now_at timestamptz := clock_timestamp();
    ahead interval := (SELECT max(last_event_at) FROM services) - now_at;
    ticket uuid;
    was tickets;
    t tickets;
    front tickets;
    e queue_events;
    messages jsonb := corrections();
BEGIN
    SELECT * INTO s FROM services WHERE id = p_service_id;
    FOR ticket IN SELECT tickets_ahead(p_service_id, now_at) LOOP
        SELECT * INTO was FROM tickets WHERE id = ticket;
        t := put_back(was, now_at, ahead);
        IF t.status = 'waiting' THEN
            IF front.id IS NULL THEN
                SELECT * INTO front FROM tickets WHERE service_id = s.id AND status = 'waiting'
                    AND position_in_queue = was.position_in_queue - 1;
            END IF;
            t := rank_behind(t, front, s, now_at, ahead);
            front := t;
        END IF;
        CONTINUE WHEN t IS NOT DISTINCT FROM was;
        PERFORM save_ticket(t);
        e := next_queue_event(s, 'updated', 'schedule', event_time(s), t, was.position_in_queue - s.head + 1,
            public_ticket(was, s.head), 'clock');
        s := write_queue_event(s, e);
        messages := messages || event_message(s.code, e, personal_data(t));
    END LOOP;
    PERFORM save_line(s);
    PERFORM set_config('inturn.corrections', messages::text, true);
END
$$;

-- Whether the clock was ahead and left a ticket with a future time or a close of a future day. Cheap while no line's last event is
-- ahead.
CREATE OR REPLACE FUNCTION times_ahead() RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT closed_day > business_day_now() FROM settings) OR EXISTS (SELECT FROM services s WHERE s.last_event_at > clock_timestamp() + clock_tolerance()
        AND EXISTS (SELECT FROM tickets_ahead(s.id, clock_timestamp())));
END
$$;

-- Corrects what `times_ahead` finds. Locking a line corrects its times. A close of a future day was that of the last day that ended.
CREATE OR REPLACE FUNCTION correct_all_times() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lock_lines(ARRAY(SELECT id FROM services WHERE last_event_at > clock_timestamp() + clock_tolerance()));
    UPDATE settings SET closed_day = coalesce(ended_business_day(clock_timestamp()), business_day_now() - 1)
    WHERE closed_day > business_day_now();
END
$$;
