-- Ticket numbers: each is issued once in a business day of a service.

-- A ticket's number as patients read it: the prefix and at least three digits.
CREATE OR REPLACE FUNCTION ticket_number(prefix text, value integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT prefix || lpad(value::text, greatest(3, length(value::text)), '0')
$$;

-- Begins a service's business day with its first ticket: numbers start at 1 again, without those that live tickets of
-- other days still hold. A day that lies in the future, since the clock was ahead, ends as well; numbers then go on behind those
-- that the day has already given. A new prefix applies from now on: the caller writes it (take_prefix).
CREATE OR REPLACE FUNCTION begin_business_day(s services, today date) RETURNS services
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF today <> s.business_day THEN
        s.prefix := coalesce(s.next_prefix, s.prefix);
        s.next_prefix := NULL;
        s.business_day := today;
        SELECT coalesce(max(number_value), 0) + 1, count(*) INTO s.next_number, s.issued
        FROM tickets WHERE origin_service_id = s.id AND business_day = today;
        s.held_numbers := ARRAY(
            SELECT number_value FROM tickets WHERE status = 'waiting' AND origin_service_id = s.id
            UNION SELECT number_value FROM tickets WHERE status = 'consulting' AND origin_service_id = s.id
            UNION SELECT number_value FROM tickets WHERE status = 'parked' AND origin_service_id = s.id);
    END IF;
    RETURN s;
END
$$;

-- Writes the prefix of a line whose business day has begun with a new one, `pending` before. (save_line leaves it out: it is
-- configuration.)
CREATE OR REPLACE FUNCTION take_prefix(s services, pending text) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    IF pending IS NOT NULL AND s.next_prefix IS NULL THEN
        UPDATE services SET prefix = s.prefix, next_prefix = NULL WHERE id = s.id;
    END IF;
    RETURN s;
END
$$;

-- Takes the service's next number, which is `next_number - 1` afterwards.
CREATE OR REPLACE FUNCTION take_number(s services) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    WHILE s.next_number = ANY (s.held_numbers) LOOP
        s.next_number := s.next_number + 1;
    END LOOP;
    s.next_number := s.next_number + 1;
    s.issued := s.issued + 1;
    RETURN s;
END
$$;
