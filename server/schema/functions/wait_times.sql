-- Paces of services, estimates that patients got, and their real waits. No operation on a line waits for these functions.

-- Sets a service's pace from its newest 200 completed consultations, in one statement that locks the service's row briefly
-- and only if something changed. A consultation counts as four times the median at most: one that stayed open for hours has no
-- known length, and one in fifty of those then adds a twentieth to the pace. The rule needs no other guess of what is usual, and
-- cuts about one in forty of the real ones. With fewer than 20 the pace is null, and the configured one holds. Null for an
-- unknown service.
CREATE OR REPLACE FUNCTION update_wait_times_atomic(p_service text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
BEGIN
    WITH newest AS (
        SELECT extract(epoch FROM ended_at - started_at)::double precision AS seconds FROM tickets
        WHERE service_id = (SELECT id FROM services WHERE code = p_service AND retired_on IS NULL) AND status = 'completed' AND started_at <= ended_at
        ORDER BY ended_at DESC LIMIT 200
    ), usual AS (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median FROM newest
    ), measured AS (
        SELECT count(*)::integer AS samples,
            CASE WHEN count(*) >= 20 THEN greatest(avg(least(seconds, 4 * median))::integer, 1) END AS pace,
            CASE WHEN count(*) >= 20 THEN stddev_samp(least(seconds, 4 * median))::integer END AS spread
        FROM newest CROSS JOIN usual
    ), changed AS (
        UPDATE services s SET pace_seconds = m.pace, pace_spread_seconds = m.spread, pace_samples = m.samples
        FROM measured m
        WHERE s.code = p_service AND s.retired_on IS NULL
            AND (s.pace_seconds, s.pace_spread_seconds, s.pace_samples) IS DISTINCT FROM (m.pace, m.spread, m.samples)
        RETURNING s.id
    )
    SELECT jsonb_build_object('service', s.code, 'pace', coalesce(m.pace, s.configured_pace_seconds), 'pace_spread', m.spread,
        'samples', m.samples, 'changed', EXISTS (SELECT FROM changed))
    INTO answer FROM services s CROSS JOIN measured m WHERE s.code = p_service AND s.retired_on IS NULL;
    RETURN answer;
END
$$;

-- Stores the estimates that patients were told when they joined: [{"ticket", "low", "high"}], seconds. The first estimate of
-- a ticket counts; unknown tickets are ignored. Each row looks its ticket up by itself (OFFSET 0): a join may read them all.
-- Returns the number of stored estimates.
CREATE OR REPLACE FUNCTION log_wait_estimates(p_estimates jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    noted integer;
BEGIN
    INSERT INTO wait_estimates (ticket_id, service_id, told_at, low_seconds, high_seconds)
    SELECT t.id, t.origin_service_id, t.joined_at, e.low, e.high
    FROM jsonb_to_recordset(p_estimates) AS e (ticket uuid, low integer, high integer)
    CROSS JOIN LATERAL (SELECT id, origin_service_id, joined_at FROM tickets WHERE id = e.ticket OFFSET 0) t
    ON CONFLICT (ticket_id) DO NOTHING;
    GET DIAGNOSTICS noted = ROW_COUNT;
    RETURN to_jsonb(noted);
END
$$;

-- Stores how long the tickets of a service waited until their first call, in one statement, for the newest 200 called. Tickets
-- that a person sent to another line or put at a place are left out: their wait could not be estimated. (`+ 0`: rows are found
-- by the ticket, never through a service's whole history.) Returns the number of changed rows.
CREATE OR REPLACE FUNCTION log_wait_outcomes(p_service text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    noted integer;
BEGIN
    UPDATE wait_estimates e SET waited_seconds = called.waited
    FROM (
        SELECT id, service_id, greatest(0, extract(epoch FROM called_at - joined_at)::integer) AS waited, calls, placed_by_hand FROM tickets
        WHERE service_id = (SELECT id FROM services WHERE code = p_service AND retired_on IS NULL) AND called_at IS NOT NULL
        ORDER BY called_at DESC LIMIT 200
    ) called
    WHERE e.ticket_id = called.id AND e.service_id + 0 = called.service_id AND called.calls = 1 AND NOT called.placed_by_hand
        AND e.waited_seconds IS DISTINCT FROM called.waited;
    GET DIAGNOSTICS noted = ROW_COUNT;
    RETURN to_jsonb(noted);
END
$$;

-- How good a service's estimates were since a moment: the number of waits; how many were within their bracket, below it and
-- above it; by how many seconds its middle was off on average (null without any).
CREATE OR REPLACE FUNCTION estimate_accuracy(p_service text, p_since timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_build_object(
            'samples', count(*),
            'within', count(*) FILTER (WHERE waited_seconds BETWEEN low_seconds AND high_seconds),
            'below', count(*) FILTER (WHERE waited_seconds < low_seconds),
            'above', count(*) FILTER (WHERE waited_seconds > high_seconds),
            'mean_absolute_error_seconds', round(avg(abs(waited_seconds - (low_seconds + high_seconds) / 2.0)))::integer)
        FROM wait_estimates
        WHERE service_id = (SELECT id FROM services WHERE code = p_service AND retired_on IS NULL) AND told_at >= p_since AND waited_seconds IS NOT NULL);
END
$$;
