-- Triggers on public.support_tickets. The rules of all triggers on the web app's tables:
--   never wait: our row is locked with SKIP LOCKED; a table that is locked is given up after 20 ms;
--   never raise: whatever goes wrong, the ids are left in desk.stale for the next desk that folds;
--   never read what another transaction may be changing: add increments, else leave it to folding;
--   never name a column in the trigger's own definition, and work for roles without rights on `desk`.
-- Large statements and SERIALIZABLE transactions (which our reads would entangle) only leave ids.

CREATE OR REPLACE FUNCTION desk.on_tickets_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n <= 500 AND current_setting('transaction_isolation') <> 'serializable' THEN
    WITH done AS (
      INSERT INTO desk.tickets (ticket_id, status, client_id, number, created_at, last_activity_at, last_side,
        last_author_id, waiting_since, answered_at)
      SELECT c.id::text, c.status::text, c.client_id::text, c.ticket_number::text, c.created_at, c.created_at, 'CLIENT',
             c.client_id::text,
             CASE WHEN c.status::text NOT IN ('RESOLVED', 'CLOSED') THEN c.created_at END,
             CASE WHEN c.status::text IN ('RESOLVED', 'CLOSED') THEN desk.answer_time(c.created_at) END
        FROM changed c
      ON CONFLICT (ticket_id) DO NOTHING
      RETURNING ticket_id)
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'ticket', c.id::text FROM changed c EXCEPT SELECT 'ticket', d.ticket_id FROM done d;
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id, answered)
  SELECT 'ticket', c.id::text, c.status::text IN ('RESOLVED', 'CLOSED') FROM changed c;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id, answered)
    SELECT 'ticket', c.id::text, c.status::text IN ('RESOLVED', 'CLOSED') FROM changed c;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.on_tickets_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
  pairs integer := 0;
  r record;
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 51) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n > 50 OR current_setting('transaction_isolation') = 'serializable' THEN
    -- Those in which something shown changed (updated_at and last_replied_at are not); a changed id comes out too.
    INSERT INTO desk.stale (kind, row_id, answered)
    SELECT 'ticket', v.id,
           count(DISTINCT v.status) > 1 AND bool_or(v.is_new AND v.status IN ('RESOLVED', 'CLOSED'))
      FROM (
        SELECT c.id::text AS id, c.status::text AS status, c.client_id, c.ticket_number, c.subject, c.description,
               c.created_at, true AS is_new
          FROM changed c
        UNION ALL
        SELECT b.id::text, b.status::text, b.client_id, b.ticket_number, b.subject, b.description, b.created_at, false
          FROM before b) v
     GROUP BY v.id
    HAVING count(DISTINCT (v.status, v.client_id, v.ticket_number, v.subject, v.description, v.created_at)) > 1
        OR count(*) <> 2;
    RETURN NULL;
  END IF;
  FOR r IN
    SELECT c.id::text AS id, c.status::text AS status, c.client_id::text AS client_id, c.ticket_number::text AS number,
           c.status::text <> b.status::text AND c.status::text IN ('RESOLVED', 'CLOSED') AS closing,
           c.created_at <> b.created_at AS moved,
           (c.status, c.client_id, c.ticket_number, c.subject, c.description, c.created_at)
             IS DISTINCT FROM (b.status, b.client_id, b.ticket_number, b.subject, b.description, b.created_at) AS news
      FROM changed c JOIN before b ON b.id = c.id
  LOOP
    pairs := pairs + 1;
    CONTINUE WHEN NOT r.news;
    UPDATE desk.tickets t
       SET status = r.status, client_id = r.client_id, number = r.number,
           last_author_id = CASE WHEN t.comment_count = 0 THEN r.client_id ELSE t.last_author_id END,
           answered_at = CASE WHEN r.closing THEN desk.answer_time(GREATEST(t.last_activity_at, t.created_at)) ELSE t.answered_at END,
           waiting_since = CASE WHEN r.closing THEN NULL ELSE t.waiting_since END
     WHERE t.ticket_id = (SELECT l.ticket_id FROM desk.tickets l WHERE l.ticket_id = r.id FOR UPDATE SKIP LOCKED)
       AND NOT r.moved;
    IF NOT FOUND THEN
      INSERT INTO desk.stale (kind, row_id, answered) VALUES ('ticket', r.id, r.closing);
    END IF;
  END LOOP;
  IF pairs < n THEN
    -- Ids themselves were changed.
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'ticket', c.id::text FROM changed c UNION SELECT 'ticket', b.id::text FROM before b;
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id, answered)
    SELECT 'ticket', c.id::text, c.status::text IN ('RESOLVED', 'CLOSED') AND c.status::text <> b.status::text
      FROM changed c JOIN before b ON b.id = c.id
    UNION SELECT 'ticket', b.id::text, false FROM before b;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.on_tickets_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
  free text[];
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n <= 500 AND current_setting('transaction_isolation') <> 'serializable' THEN
    SELECT array_agg(l.ticket_id) INTO free
      FROM (SELECT t.ticket_id FROM desk.tickets t
             WHERE t.ticket_id IN (SELECT c.id FROM changed c) FOR UPDATE SKIP LOCKED) l;
    DELETE FROM desk.reads r
     WHERE (r.user_id, r.ticket_id) IN (
       SELECT o.user_id, o.ticket_id FROM desk.reads o WHERE o.ticket_id = ANY (free) FOR UPDATE SKIP LOCKED);
    WITH done AS (DELETE FROM desk.tickets t WHERE t.ticket_id = ANY (free) RETURNING t.ticket_id)
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'ticket', c.id::text FROM changed c EXCEPT SELECT 'ticket', d.ticket_id FROM done d;
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id) SELECT 'ticket', c.id::text FROM changed c;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id) SELECT 'ticket', c.id::text FROM changed c;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

-- Our rows go with theirs if nobody holds the tables this instant, else at the next fold.
CREATE OR REPLACE FUNCTION desk.on_tickets_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
BEGIN
  INSERT INTO desk.stale (kind, row_id) VALUES ('ticket', NULL);
  BEGIN
    LOCK TABLE desk.tickets, desk.reads IN ACCESS EXCLUSIVE MODE NOWAIT;
    TRUNCATE desk.tickets, desk.reads;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION desk.on_tickets_insert(), desk.on_tickets_update(), desk.on_tickets_delete(), desk.on_tickets_truncate() FROM PUBLIC;

CREATE OR REPLACE TRIGGER desk_insert AFTER INSERT ON public.support_tickets
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_tickets_insert();
CREATE OR REPLACE TRIGGER desk_update AFTER UPDATE ON public.support_tickets
  REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_tickets_update();
CREATE OR REPLACE TRIGGER desk_delete AFTER DELETE ON public.support_tickets
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_tickets_delete();
CREATE OR REPLACE TRIGGER desk_truncate AFTER TRUNCATE ON public.support_tickets
  FOR EACH STATEMENT EXECUTE FUNCTION desk.on_tickets_truncate();
