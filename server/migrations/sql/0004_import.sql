-- What `db upgrade` needs to take over another program's tickets: one call a service, one `imported` event a ticket.

-- Takes over a service's tickets, an array of JSON rows of `tickets`, in the order of their events; those that wait stand in the
-- line in this order. A waiting ticket that a person's or a race's hand put where its own rank would not be has `ranks_as`
-- (priority, joined_at): the neighbour whose rank it takes. The numbers go on behind the highest of the newest day.
--
-- The service's row is written once, and so not through append_queue_event: a version of it for every event of one transaction
-- makes the time grow with the square of the tickets (40,000: 200 s).
CREATE FUNCTION import_tickets(p_service text, p_actor text, p_tickets jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    s services;
    t tickets;
    e queue_events;
    item jsonb;
    ranks_as jsonb;
BEGIN
    SELECT * INTO s FROM services WHERE code = p_service FOR NO KEY UPDATE;
    FOR item IN SELECT value FROM jsonb_array_elements(p_tickets) WITH ORDINALITY ORDER BY ordinality LOOP
        t := jsonb_populate_record(NULL::tickets, item);
        t.id := gen_random_uuid();
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

        e.service_id := s.id;
        e.revision := s.revision + 1;
        e.kind := 'imported';
        e.ticket_id := t.id;
        e.actor := p_actor;
        e.at := event_time(s);
        e.waiting := s.tail - s.head;
        e.ticket := public_ticket(t, s.head);
        e.hash := queue_event_hash(s.last_hash, e);
        INSERT INTO queue_events SELECT e.*;
        s.revision := e.revision;
        s.last_hash := e.hash;
        s.last_event_at := e.at;
    END LOOP;
    SELECT coalesce(max(business_day), s.business_day) INTO s.business_day FROM tickets WHERE origin_service_id = s.id;
    UPDATE services SET revision = s.revision, last_hash = s.last_hash, last_event_at = s.last_event_at, tail = s.tail,
        business_day = s.business_day, issued = given.tickets, next_number = given.highest + 1, held_numbers = given.held
    FROM (SELECT coalesce(max(number_value) FILTER (WHERE business_day = s.business_day), 0) AS highest,
            count(*) FILTER (WHERE business_day = s.business_day) AS tickets,
            coalesce(array_agg(DISTINCT number_value) FILTER (
                WHERE business_day < s.business_day AND status IN ('waiting', 'consulting', 'parked')), '{}') AS held
        FROM tickets WHERE origin_service_id = s.id) given
    WHERE services.id = s.id;
END
$$;
