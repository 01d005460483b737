-- The history of administration and sign-ins: a chain of its own.

-- One link of the administrative chain.
CREATE OR REPLACE FUNCTION admin_event_hash(previous bytea, e admin_events) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(previous || convert_to(jsonb_build_array(
        e.id, utc_text(e.at), e.actor, e.kind, e.subject, e.details
    )::text, 'UTF8'))
$$;

-- Writes the next administrative event. The lock on the site's row orders the chain, and the row is its anchor: without it
-- a deletion of the last events would not be detected.
CREATE OR REPLACE FUNCTION append_admin_event(p_actor text, p_kind text, p_subject text, p_details jsonb DEFAULT '{}')
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    e admin_events;
    previous bytea;
BEGIN
    SELECT admin_revision + 1, admin_last_hash INTO e.id, previous FROM settings FOR NO KEY UPDATE;
    e.at := greatest(clock_timestamp(), (SELECT at FROM admin_events WHERE id = e.id - 1 AND at <= clock_timestamp() + clock_tolerance()));
    e.actor := p_actor;
    e.kind := p_kind;
    e.subject := p_subject;
    e.details := p_details;
    e.hash := admin_event_hash(previous, e);
    INSERT INTO admin_events SELECT e.*;
    UPDATE settings SET admin_revision = e.id, admin_last_hash = e.hash;
END
$$;
