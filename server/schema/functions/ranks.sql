-- Ranks. A line is sorted by rank, (class, time). A ticket that a person puts at a place takes a neighbour's rank, so that the
-- line stays sorted.

-- The rank's first part. With a head start, medium and low share a class, so that low is reached in the end.
CREATE OR REPLACE FUNCTION rank_class(priority text, head_start interval) RETURNS smallint
LANGUAGE sql IMMUTABLE AS $$
    SELECT (CASE WHEN priority = 'high' THEN 0 WHEN priority = 'medium' OR head_start IS NOT NULL THEN 1 ELSE 2 END)::smallint
$$;

-- The rank's second part: when the patient joined; for medium, earlier by the head start.
CREATE OR REPLACE FUNCTION rank_time(priority text, head_start interval, joined_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN priority = 'medium' THEN joined_at - coalesce(head_start, interval '0') ELSE joined_at END
$$;

-- Sets a ticket's rank for a place in a line: its own rank ("arrival"), or that of the first or last ticket ("first", "last"). In
-- an empty line it is the ticket's own.
CREATE OR REPLACE FUNCTION rank_for_place(t tickets, s services, place text) RETURNS tickets
LANGUAGE plpgsql STABLE AS $$
DECLARE
    neighbour tickets;
BEGIN
    IF place <> 'arrival' THEN
        SELECT * INTO neighbour FROM tickets WHERE service_id = s.id AND status = 'waiting'
            AND position_in_queue = CASE place WHEN 'first' THEN s.head ELSE s.tail - 1 END;
    END IF;
    t.joined_at := least(t.joined_at, clock_timestamp());  -- a clock that was ahead issued it
    t.placed_by_hand := neighbour.id IS NOT NULL;
    t.rank_class := coalesce(neighbour.rank_class, rank_class(t.priority, s.head_start));
    t.rank_time := coalesce(neighbour.rank_time, rank_time(t.priority, s.head_start, t.joined_at));
    RETURN t;
END
$$;
