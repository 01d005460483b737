-- The role that hubs act as: inturn_hub may call what is named here and may neither read nor write a table.

-- The functions that hubs call. A new one must be added here.
CREATE OR REPLACE FUNCTION hub_functions() RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT '{
        join_queue, call_next_patient, call_patient, recall_patient, finish_consultation, park_ticket, unpark_ticket,
        transfer_ticket, set_ticket_priority, move_ticket, cancel_ticket, update_ticket, undo_operation,
        set_counter_state, set_service_state, close_day, day_to_close, close_day_if_due, correct_all_times,
        find_device, note_presence, find_user, find_user_of, find_session, open_session, close_session, pair_device,
        admitted_secrets,
        services_overview, counters_overview, site_overview, current_revisions, schema_revision, current_epoch, hub_role,
        find_ticket, queue_snapshot, events_after, line_integrity,
        save_service, order_services, retire_service, service_settings, save_counter, retire_counter, counter_settings,
        save_user, set_password, switch_user, users_overview, save_device, revoke_device, devices_overview,
        save_site, site_record, save_closed_days, closed_days_overview, audit_page,
        update_wait_times_atomic, log_wait_estimates, log_wait_outcomes, forget_old_requests
    }'::text[]
$$;

-- Whether the session's account may act as inturn_hub, and inturn_hub may call everything that hubs call in this database.
CREATE OR REPLACE FUNCTION hub_role() RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    kind text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    RETURN EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'inturn_hub' AND pg_has_role(session_user, r.oid, kind)
        AND NOT EXISTS (SELECT FROM our_functions() f WHERE f.for_hubs
            AND NOT has_function_privilege(r.oid, f.name, 'EXECUTE')));
END
$$;

-- The functions of this schema, an extension's aside, and whether hubs call them.
CREATE OR REPLACE FUNCTION our_functions() RETURNS TABLE (name regprocedure, for_hubs boolean)
LANGUAGE sql STABLE AS $$
    SELECT p.oid::regprocedure, p.proname = ANY (hub_functions())
    FROM pg_proc p JOIN pg_class c ON c.oid = 'settings'::regclass AND c.relnamespace = p.pronamespace
    WHERE p.prokind = 'f' AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
$$;

-- Makes inturn_hub for the whole cluster unless it exists, and lets the caller act as it. Without the right to do so everything
-- stays as it is, and hubs act as the owner. (Other databases of the cluster may be doing the same.)
CREATE OR REPLACE FUNCTION make_hub_role() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inturn_hub') THEN CREATE ROLE inturn_hub NOLOGIN; END IF;
    EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN NULL;
    END;
    BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'inturn_hub' AND pg_has_role(current_user, r.oid, 'USAGE')) THEN
            EXECUTE format('GRANT inturn_hub TO %I', current_user);
        END IF;
    EXCEPTION WHEN insufficient_privilege OR undefined_object OR unique_violation THEN NULL;
    END;
END
$$;

-- Grants the functions that hubs call to inturn_hub, and revokes every function from all other accounts but the owner. Functions
-- that hubs call run as the owner, and their search path is this schema: a caller's own objects and settings can't redirect them.
-- Only the owner may create objects in the schema (in databases from before PostgreSQL 15 every account could). Every `db upgrade`
-- and `db restore` repeats this, so that a dump restored without privileges gets them again.
CREATE OR REPLACE FUNCTION set_up_hub_role() RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    place text := (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'settings'::regclass);
    f record;
    there boolean;
BEGIN
    PERFORM make_hub_role();
    EXECUTE format('REVOKE CREATE ON SCHEMA %s FROM PUBLIC', place);
    there := EXISTS (SELECT FROM pg_roles WHERE rolname = 'inturn_hub');
    IF there THEN EXECUTE format('GRANT USAGE ON SCHEMA %s TO inturn_hub', place); END IF;
    FOR f IN SELECT * FROM our_functions() LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.name);
        IF there THEN
            EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM inturn_hub', f.name);
        END IF;
        IF f.for_hubs THEN
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = %s, pg_temp', f.name, place);
            IF there THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO inturn_hub', f.name);
            END IF;
        END IF;
    END LOOP;
    RETURN hub_role();
END
$$;
