-- Places in line. A waiting ticket has a slot between its line's `head` and `tail`; its place is `slot - head + 1`. The callers
-- hold the line's lock.

-- The place behind all waiting tickets of the same or better rank: their count + 1, found by idx_waiting_rank and without
-- counting. For a ticket of this line, in slot `own`, the place among the others.
CREATE OR REPLACE FUNCTION get_next_queue_position(s services, class smallint, at timestamptz, own bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    last_slot bigint;
BEGIN
    SELECT position_in_queue INTO last_slot FROM tickets
    WHERE service_id = s.id AND status = 'waiting' AND rank_class >= 0 AND (rank_class, rank_time) <= (class, at)
        AND position_in_queue IS DISTINCT FROM own
    ORDER BY rank_class DESC, rank_time DESC, position_in_queue DESC LIMIT 1;
    RETURN coalesce(last_slot - s.head + 2 - CASE WHEN last_slot > own THEN 1 ELSE 0 END, 1);
END
$$;

-- Moves the tickets between two places by one place, in one statement, on the shorter side; at an end of the line only
-- `head` or `tail` moves. From a place to a place: one ticket goes there. To null: closes the gap that a ticket left. From
-- null: opens a gap. Returns the service with its new head and tail: the slot of a place is then `head + place - 1`.
CREATE OR REPLACE FUNCTION reorder_queue_positions_atomic(s services, from_place bigint, to_place bigint) RETURNS services
LANGUAGE plpgsql AS $$
DECLARE
    waiting bigint := s.tail - s.head;
    from_slot bigint := s.head + from_place - 1;
    to_slot bigint := s.head + to_place - 1;
    step integer := CASE WHEN to_place IS NULL OR from_place < to_place THEN -1 ELSE 1 END;
    first_moved bigint;
    last_moved bigint;
BEGIN
    IF from_place IS NOT NULL AND to_place IS NOT NULL THEN
        first_moved := least(from_slot, to_slot);
        last_moved := greatest(from_slot, to_slot);
        IF 2 * (last_moved - first_moved) <= waiting THEN
            UPDATE tickets SET position_in_queue = CASE position_in_queue WHEN from_slot THEN to_slot ELSE position_in_queue + step END
            WHERE service_id = s.id AND status = 'waiting' AND position_in_queue BETWEEN first_moved AND last_moved;
        ELSE
            UPDATE tickets SET position_in_queue = CASE position_in_queue WHEN from_slot THEN to_slot ELSE position_in_queue END - step
            WHERE service_id = s.id AND status = 'waiting'
                AND (position_in_queue <= first_moved OR position_in_queue >= last_moved)
                AND (position_in_queue <> to_slot);
            s.head := s.head - step;
            s.tail := s.tail - step;
        END IF;
    ELSIF 2 * coalesce(from_place, to_place) <= waiting + 1 THEN
        first_moved := coalesce(from_slot, to_slot);
        IF first_moved > s.head THEN
            UPDATE tickets SET position_in_queue = position_in_queue - step
            WHERE service_id = s.id AND status = 'waiting' AND position_in_queue < first_moved;
        END IF;
        s.head := s.head - step;
    ELSE
        first_moved := coalesce(from_slot + 1, to_slot);
        IF first_moved < s.tail THEN
            UPDATE tickets SET position_in_queue = position_in_queue + step
            WHERE service_id = s.id AND status = 'waiting' AND position_in_queue >= first_moved;
        END IF;
        s.tail := s.tail + step;
    END IF;
    RETURN s;
END
$$;

-- The place for "first", "arrival" or "last"; call it after rank_for_place.
CREATE OR REPLACE FUNCTION place_in_line(t tickets, s services, place text) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE place WHEN 'first' THEN 1 WHEN 'last' THEN s.tail - s.head + 1
        ELSE get_next_queue_position(s, t.rank_class, t.rank_time) END;
END
$$;

-- Closes the gap that a ticket left, if it stood in the line. Returns the service. The caller saves the ticket first: a
-- ticket has a slot exactly while it waits.
CREATE OR REPLACE FUNCTION close_gap(s services, t tickets) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    IF t.position_in_queue IS NULL THEN RETURN s; END IF;
    RETURN reorder_queue_positions_atomic(s, t.position_in_queue - s.head + 1, NULL);
END
$$;

-- Moves a waiting ticket to another place of its line and saves it, with its new rank. Returns the service.
CREATE OR REPLACE FUNCTION move_within_line(s services, t tickets, place bigint) RETURNS services
LANGUAGE plpgsql AS $$
DECLARE
    stood bigint := t.position_in_queue - s.head + 1;
BEGIN
    IF place <> stood THEN s := reorder_queue_positions_atomic(s, stood, place); END IF;
    t.position_in_queue := s.head + place - 1;
    PERFORM save_ticket(t);
    RETURN s;
END
$$;

-- The place where a ticket stood before, moved no further than its rank allows: other tickets may have come or gone since.
CREATE OR REPLACE FUNCTION former_place(s services, t tickets, place bigint, own bigint) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN least(
        greatest(place, get_next_queue_position(s, t.rank_class, t.rank_time - interval '1 microsecond', own)),
        get_next_queue_position(s, t.rank_class, t.rank_time, own));
END
$$;
