-- The import of the earlier version's tickets by `db upgrade`.

-- Imports a service's tickets, an array of JSON rows of `tickets`, in the order of their events, and writes one `imported` event
-- for each ticket. Waiting tickets join the line in this order. A waiting ticket that is out of the order of ranks has `ranks_as`
-- (priority, joined_at): the neighbour whose rank it takes. Numbers continue after the highest of the newest day. The service's
-- row is written once: PostgreSQL reads through all versions of a row that one transaction wrote (DECISIONS: How does a CHECK cost
-- nothing in a hot row?).
CREATE OR REPLACE FUNCTION import_tickets(p_service text, p_actor text, p_tickets jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    t tickets;
    item jsonb;
    ranks_as jsonb;
BEGIN
    SELECT * INTO s FROM services WHERE code = p_service AND retired_on IS NULL FOR NO KEY UPDATE;
    FOR item IN SELECT value FROM jsonb_array_elements(p_tickets) WITH ORDINALITY ORDER BY ordinality LOOP
        t := jsonb_populate_record(NULL::tickets, item);
        t.id := gen_random_uuid();
        t.no_shows := 0;
        t.service_id := s.id;
        t.origin_service_id := s.id;
        t.business_day := business_day_at(t.joined_at);
        ranks_as := coalesce(item -> 'ranks_as', item);
        t.placed_by_hand := item ? 'ranks_as';
        t.rank_class := rank_class(ranks_as ->> 'priority', s.head_start);
        t.rank_time := rank_time(ranks_as ->> 'priority', s.head_start, (ranks_as ->> 'joined_at')::timestamptz);
        IF t.status = 'waiting' THEN
            t.position_in_queue := s.tail;
            s.tail := s.tail + 1;
        END IF;
        INSERT INTO tickets SELECT t.*;
        s := write_queue_event(s, next_queue_event(s, 'imported', p_actor, event_time(s), t, NULL, NULL));
    END LOOP;
    SELECT coalesce(max(business_day), s.business_day) INTO s.business_day FROM tickets WHERE origin_service_id = s.id;
    SELECT coalesce(max(number_value) FILTER (WHERE business_day = s.business_day), 0) + 1,
        count(*) FILTER (WHERE business_day = s.business_day),
        coalesce(array_agg(DISTINCT number_value) FILTER (
            WHERE business_day < s.business_day AND status IN ('waiting', 'consulting', 'parked')), '{}')
    INTO s.next_number, s.issued, s.held_numbers
    FROM tickets WHERE origin_service_id = s.id;
    PERFORM save_line(s);
END
$$;
