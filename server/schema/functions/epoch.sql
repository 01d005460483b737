-- The epoch. It changes whenever lines may have lost events that clients have seen: after a restore in another cluster, a
-- promotion, a recovery to an earlier time.

-- Identifies where this database is: the cluster, the timeline (each promotion and each recovery to a point in time begins one)
-- and the database's oid (a copy has another). Null on a standby.
CREATE OR REPLACE FUNCTION cluster_identity_now() RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF pg_is_in_recovery() THEN RETURN NULL; END IF;
    RETURN (SELECT concat_ws('/', c.system_identifier, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8), d.oid)
        FROM pg_control_system() c, pg_database d WHERE d.datname = current_database());
END
$$;

-- The epoch; a new one if the database is not where its epoch was made. Hubs call it first on every new connection. Of several
-- hubs at once the first makes the new epoch; the others wait for the row's lock and read it. On a standby, which can't write,
-- it is the stored epoch.
CREATE OR REPLACE FUNCTION current_epoch() RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    here text;
BEGIN
    IF current_setting('transaction_read_only') = 'off' THEN
        here := cluster_identity_now();
        UPDATE settings SET cluster_identity = here, epoch = gen_random_uuid(), config_revision = config_revision + 1
        WHERE cluster_identity IS DISTINCT FROM here;
    END IF;
    RETURN (SELECT epoch FROM settings);
END
$$;
