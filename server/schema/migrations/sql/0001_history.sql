-- A time as the chains and the wire write it: UTC, microseconds, whatever the session's time zone and locale.
CREATE FUNCTION utc_text(at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- One link of a service's chain: sha256(previous hash || canonical row).
CREATE FUNCTION queue_event_hash(previous bytea, e queue_events) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(previous || convert_to(jsonb_build_array(
        e.service_id, e.revision, e.kind, e.ticket_id, e.actor, utc_text(e.at), e.from_position, e.waiting, e.before, e.ticket
    )::text, 'UTF8'))
$$;

-- One link of the administrators' chain.
CREATE FUNCTION admin_event_hash(previous bytea, e admin_events) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(previous || convert_to(jsonb_build_array(
        e.id, utc_text(e.at), e.actor, e.kind, e.subject, e.details
    )::text, 'UTF8'))
$$;

-- Writes the next administrative event. The lock on the site's row orders the chain.
CREATE FUNCTION append_admin_event(p_actor text, p_kind text, p_subject text, p_details jsonb DEFAULT '{}') RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    last admin_events;
    e admin_events;
BEGIN
    PERFORM FROM settings FOR NO KEY UPDATE;
    SELECT * INTO last FROM admin_events ORDER BY id DESC LIMIT 1;
    e.id := coalesce(last.id, 0) + 1;
    e.at := greatest(clock_timestamp(), last.at);
    e.actor := p_actor;
    e.kind := p_kind;
    e.subject := p_subject;
    e.details := p_details;
    e.hash := admin_event_hash(coalesce(last.hash, ''), e);
    INSERT INTO admin_events SELECT e.*;
END
$$;

-- History is never rewritten: UPDATE, DELETE and TRUNCATE fail loudly.
CREATE FUNCTION refuse_rewriting_history() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER queue_events_append_only BEFORE UPDATE OR DELETE ON queue_events
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER queue_events_no_truncate BEFORE TRUNCATE ON queue_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER admin_events_append_only BEFORE UPDATE OR DELETE ON admin_events
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_history();
CREATE TRIGGER admin_events_no_truncate BEFORE TRUNCATE ON admin_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting_history();

-- Every change of the configuration raises `config_revision`: hubs and windows notice and list again.
-- The line's own columns of `services` and `counters` are not configuration and don't fire it.
CREATE FUNCTION raise_config_revision() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE settings SET config_revision = config_revision + 1;
    RETURN NULL;
END
$$;
CREATE TRIGGER services_config AFTER INSERT OR DELETE OR UPDATE OF
    code, name, names, alias, icon, prefix, sort_order, head_start, configured_pace_seconds ON services
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
CREATE TRIGGER counters_config AFTER INSERT OR DELETE OR UPDATE OF code, name, names, rule ON counters
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
CREATE TRIGGER counter_services_config AFTER INSERT OR DELETE OR UPDATE ON counter_services
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
CREATE TRIGGER devices_config AFTER INSERT OR DELETE OR UPDATE ON devices
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
CREATE TRIGGER users_config AFTER INSERT OR DELETE OR UPDATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION raise_config_revision();
