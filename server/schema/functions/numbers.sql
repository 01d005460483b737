-- Ticket numbers: each is issued once in a business day of a service.

-- A ticket's number as patients read it: the prefix and at least three digits.
CREATE OR REPLACE FUNCTION ticket_number(prefix text, value integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT prefix || lpad(value::text, greatest(3, length(value::text)), '0')
$$;

-- Begins a service's business day with its first ticket: numbers start at 1 again, without those that live tickets of
-- earlier days still hold. The day never goes back.
CREATE OR REPLACE FUNCTION begin_business_day(s services, today date) RETURNS services
LANGUAGE plpgsql AS $$
BEGIN
    IF today > s.business_day THEN
        s.business_day := today;
        s.next_number := 1;
        s.issued := 0;
        s.held_numbers := ARRAY(
            SELECT number_value FROM tickets WHERE status = 'waiting' AND origin_service_id = s.id
            UNION SELECT number_value FROM tickets WHERE status = 'consulting' AND origin_service_id = s.id
            UNION SELECT number_value FROM tickets WHERE status = 'parked' AND origin_service_id = s.id);
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
