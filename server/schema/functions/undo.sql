-- Undoes a person's last operation. The request holds the tickets as they were (requests.undo), without personal data, which an
-- undo does not change.
-- locks.sql describes what every operation does first and last.

-- Locks what an undo changes: the counters that tickets return to, the tickets' present lines and their former lines.
CREATE OR REPLACE FUNCTION lock_for_undo(steps jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM counters WHERE id IN (
        SELECT (step #>> '{was,counter_id}')::bigint FROM jsonb_array_elements(steps) step WHERE step #>> '{was,status}' = 'consulting'
    ) ORDER BY id FOR NO KEY UPDATE;
    PERFORM lock_lines(ARRAY(
        SELECT (step ->> 'service')::bigint FROM jsonb_array_elements(steps) step
        UNION SELECT (step #>> '{was,service_id}')::bigint FROM jsonb_array_elements(steps) step
        UNION SELECT service_id FROM tickets WHERE status = 'consulting' AND counter_id IN (
            SELECT (step #>> '{was,counter_id}')::bigint FROM jsonb_array_elements(steps) step)));
END
$$;

-- Whether a step's ticket has an event after the step's.
CREATE OR REPLACE FUNCTION happened_since(step jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM queue_events WHERE service_id = (step ->> 'service')::bigint
        AND revision > (step ->> 'revision')::bigint AND ticket_id = (step ->> 'ticket')::uuid);
END
$$;

-- Refuses to return a ticket to its counter unless the counter is free, not closed, and held by the caller or by no person.
CREATE OR REPLACE FUNCTION refuse_unless_counter_waits(p_actor text, t tickets) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM tickets WHERE counter_id = t.counter_id AND status = 'consulting' AND id <> t.id) THEN
        PERFORM refuse('not_undoable', 'Another patient is at the counter by now.');
    END IF;
    PERFORM FROM counters WHERE id = t.counter_id AND state <> 'closed' AND coalesce(held_by = actor_user(p_actor), true);
    IF NOT FOUND THEN PERFORM refuse('not_undoable', 'The counter is closed or another person''s by now.'); END IF;
END
$$;

-- Undoes one step: restores the ticket and its place. A ticket that was new is cancelled. Returns the events, that of the ticket's
-- line last.
CREATE OR REPLACE FUNCTION take_back(p_actor text, step jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    now_is tickets;
    t tickets;
    left_line services;
    line services;
    before jsonb;
    at timestamptz;
    place bigint;
    events jsonb := '[]';
BEGIN
    SELECT * INTO now_is FROM tickets WHERE id = (step ->> 'ticket')::uuid;
    SELECT * INTO left_line FROM services WHERE id = now_is.service_id;
    IF jsonb_typeof(step -> 'was') = 'null' THEN
        left_line.issued := left_line.issued - CASE WHEN now_is.business_day = left_line.business_day THEN 1 ELSE 0 END;
        RETURN jsonb_build_array(write_off(left_line, p_actor, now_is, event_time(left_line), 'undone'));
    END IF;
    t := jsonb_populate_record(now_is, step -> 'was');
    SELECT * INTO line FROM services WHERE id = t.service_id;
    before := public_ticket(now_is, left_line.head);
    at := greatest(event_time(left_line), event_time(line));
    IF t.status = 'consulting' THEN PERFORM refuse_unless_counter_waits(p_actor, t); END IF;

    IF now_is.status = 'waiting' AND t.status = 'waiting' AND line.id = left_line.id THEN
        t.position_in_queue := now_is.position_in_queue;
        place := former_place(line, t, (step ->> 'place')::bigint, now_is.position_in_queue);
        line := move_within_line(line, t, place);
        t.position_in_queue := line.head + place - 1;
    ELSE
        t.position_in_queue := NULL;
        IF t.status = 'waiting' THEN
            place := former_place(line, t, (step ->> 'place')::bigint, NULL);
            line := reorder_queue_positions_atomic(line, NULL, place);
            t.position_in_queue := line.head + place - 1;
        END IF;
        PERFORM save_ticket(t);
        IF line.id = left_line.id THEN
            line := close_gap(line, now_is);
        ELSE
            left_line := close_gap(left_line, now_is);
        END IF;
    END IF;
    IF line.id <> left_line.id THEN
        events := events || append_queue_event(left_line, 'undone', p_actor, at, t,
            (before ->> 'position')::bigint, before, NULL, line.head);
    END IF;
    RETURN events || append_queue_event(line, 'undone', p_actor, at, t,
        CASE WHEN line.id = left_line.id THEN (before ->> 'position')::bigint END, before);
END
$$;

-- Undoes the caller's last operation if it is at most 10 s old and its tickets have no later event.
CREATE OR REPLACE FUNCTION undo_operation(p_actor text, p_key text, p_digest bytea, p_operation text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    r requests;
    step jsonb;
    events jsonb := '[]';
    answer jsonb;
    last jsonb;
BEGIN
    SELECT * INTO r FROM requests WHERE actor = p_actor AND key = p_operation;
    IF FOUND AND r.undo IS NOT NULL THEN PERFORM lock_for_undo(r.undo); END IF;
    answer := remembered_result(p_actor, p_key, p_digest);
    IF answer IS NOT NULL THEN RETURN answer; END IF;
    IF r.undo IS NULL THEN
        PERFORM refuse('not_undoable', 'There is nothing to take back.');
    ELSIF r.at NOT BETWEEN clock_timestamp() - interval '10 seconds' AND clock_timestamp() + clock_tolerance() THEN
        PERFORM refuse('not_undoable');
    ELSIF EXISTS (SELECT FROM requests later WHERE later.actor = p_actor AND later.at > r.at AND later.undo IS NOT NULL) THEN
        PERFORM refuse('not_undoable', 'Only your last action can be taken back.');
    END IF;
    FOR step IN SELECT s FROM jsonb_array_elements(r.undo) WITH ORDINALITY e(s, n) ORDER BY n DESC LOOP
        IF happened_since(step) THEN
            PERFORM refuse('not_undoable', 'Something happened to this patient since.');
        END IF;
        events := events || take_back(p_actor, step);
        last := coalesce(last, events -> -1);
    END LOOP;
    RETURN remember_result(p_actor, p_key, p_digest, clock_timestamp(),
        jsonb_build_object('ticket', last -> 'ticket', 'revision', last -> 'revision'), events);
END
$$;
