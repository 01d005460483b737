-- Keys: a repeated request gets the result of its first try. The result is stored in the transaction of the change, without
-- personal data, together with what an undo needs. Operations look a key up after they took their locks.

-- The answer to the first request with this key; null if there was none. Refuses the key of a different request.
CREATE OR REPLACE FUNCTION remembered_result(p_actor text, p_key text, p_digest bytea) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    r requests;
    personal jsonb;
BEGIN
    SELECT * INTO r FROM requests WHERE actor = p_actor AND key = p_key;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF r.digest <> p_digest THEN PERFORM refuse('key_conflict'); END IF;
    SELECT personal_data(t) INTO personal FROM tickets t WHERE t.id = (r.result #>> '{ticket,id}')::uuid;
    IF personal IS NOT NULL THEN
        r.result := jsonb_set(r.result, '{ticket}', r.result -> 'ticket' || personal);
    END IF;
    RETURN jsonb_build_object('result', r.result, 'events', '[]'::jsonb);
END
$$;

-- Stores an operation's result and, for a person, what an undo needs; without a key, as from the command line, nothing. Returns
-- the operation's answer: the result in staff's view, and its events, behind those of a correction of times.
CREATE OR REPLACE FUNCTION remember_result(
    p_actor text, p_key text, p_digest bytea, p_at timestamptz, result jsonb, events jsonb, undo jsonb DEFAULT NULL
) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    bare jsonb := result;
BEGIN
    IF jsonb_typeof(result -> 'ticket') = 'object' THEN
        bare := jsonb_set(result, '{ticket}', without_personal_data(result -> 'ticket'));
    END IF;
    IF p_key IS NOT NULL THEN
        INSERT INTO requests VALUES (p_actor, p_key, p_digest, bare, p_at, CASE WHEN p_actor LIKE 'user:%' THEN undo END);
    END IF;
    RETURN jsonb_build_object('result', result, 'events', corrections() || events);
END
$$;

-- The answer of an operation on one ticket that wrote one event.
CREATE OR REPLACE FUNCTION remember_ticket(
    p_actor text, p_key text, p_digest bytea, p_at timestamptz, message jsonb, undo jsonb
) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
    RETURN remember_result(p_actor, p_key, p_digest, p_at, jsonb_build_object(
        'ticket', message -> 'ticket', 'revision', message -> 'revision'),
        jsonb_build_array(message), CASE WHEN undo IS NOT NULL THEN jsonb_build_array(undo) END);
END
$$;

-- One ticket's part of an undo: its row before the operation (null for a new ticket), its place then, and the revision of
-- the event that the operation ended with.
CREATE OR REPLACE FUNCTION undo_step(was tickets, place bigint, service_id bigint, message jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object('ticket', message #> '{ticket,id}', 'place', place, 'service', service_id,
        'revision', message -> 'revision',
        'was', CASE WHEN was.id IS NOT NULL THEN without_personal_data(to_jsonb(was)) END);
END
$$;

-- Deletes requests after seven days: no client repeats one that late. Returns their number.
CREATE OR REPLACE FUNCTION forget_old_requests() RETURNS jsonb
LANGUAGE sql AS $$
    WITH forgotten AS (DELETE FROM requests WHERE at < now() - interval '7 days' RETURNING 1)
    SELECT to_jsonb(count(*)) FROM forgotten
$$;
