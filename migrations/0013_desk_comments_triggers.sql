-- Triggers on public.ticket_comments. The rules stand in 0012.

CREATE OR REPLACE FUNCTION desk.on_comments_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
  r record;
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 51) c;
  IF n > 50 OR current_setting('transaction_isolation') = 'serializable' THEN
    INSERT INTO desk.stale (kind, row_id) SELECT DISTINCT 'ticket', c.ticket_id::text FROM changed c;
    RETURN NULL;
  END IF;
  FOR r IN
    SELECT c.id::text AS id, c.ticket_id::text AS ticket_id, c.user_id::text AS author, c.sender::text AS side,
           c.created_at AS at
      FROM changed c ORDER BY c.created_at, c.id
  LOOP
    -- A message newer than all we know is added; one that slips in between others is left to folding. A client's
    -- counts after an answer, also with a clock up to five minutes behind (see desk.compute_tickets).
    UPDATE desk.tickets t
       SET comment_count = t.comment_count + 1, last_activity_at = r.at, last_comment_id = r.id, last_side = r.side,
           last_author_id = r.author,
           waiting_since = CASE
             WHEN r.side = 'ADMIN' THEN NULL
             WHEN r.side <> 'CLIENT' OR t.waiting_since IS NOT NULL OR r.at <= t.answered_at - interval '5 minutes'
             THEN t.waiting_since ELSE r.at END,
           answered_at = CASE
             WHEN r.side = 'CLIENT' AND t.waiting_since IS NULL AND r.at <= t.answered_at
              AND r.at > t.answered_at - interval '5 minutes'
             THEN r.at - interval '1 microsecond' ELSE t.answered_at END
     WHERE t.ticket_id = (SELECT l.ticket_id FROM desk.tickets l WHERE l.ticket_id = r.ticket_id FOR UPDATE SKIP LOCKED)
       AND (r.at, r.id) > (t.last_activity_at, coalesce(t.last_comment_id, '')) AND r.at >= t.created_at;
    IF NOT FOUND THEN
      INSERT INTO desk.stale (kind, row_id) VALUES ('ticket', r.ticket_id);
    END IF;
  END LOOP;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id) SELECT DISTINCT 'ticket', c.ticket_id::text FROM changed c;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

-- An edited text only raises the version, so that screens read it again. Anything else is left to folding.
CREATE OR REPLACE FUNCTION desk.on_comments_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
  pairs integer;
  r record;
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 51) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n > 50 OR current_setting('transaction_isolation') = 'serializable' THEN
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'ticket', c.ticket_id::text FROM changed c UNION SELECT 'ticket', b.ticket_id::text FROM before b;
    RETURN NULL;
  END IF;
  FOR r IN
    SELECT c.ticket_id::text AS ticket_id, b.ticket_id::text AS left_id,
           (c.ticket_id, c.user_id, c.sender, c.created_at)
             IS DISTINCT FROM (b.ticket_id, b.user_id, b.sender, b.created_at) AS moved
      FROM changed c JOIN before b ON b.id = c.id
     WHERE (c.content, c.ticket_id, c.user_id, c.sender, c.created_at)
       IS DISTINCT FROM (b.content, b.ticket_id, b.user_id, b.sender, b.created_at)
  LOOP
    UPDATE desk.tickets t SET comment_count = t.comment_count
     WHERE t.ticket_id = (SELECT l.ticket_id FROM desk.tickets l WHERE l.ticket_id = r.ticket_id FOR UPDATE SKIP LOCKED)
       AND NOT r.moved;
    IF NOT FOUND THEN
      INSERT INTO desk.stale (kind, row_id) SELECT 'ticket', r.ticket_id UNION SELECT 'ticket', r.left_id;
    END IF;
  END LOOP;
  SELECT count(*) INTO pairs FROM changed c JOIN before b ON b.id = c.id;
  IF pairs < n THEN
    -- Ids themselves were changed.
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'ticket', c.ticket_id::text FROM changed c UNION SELECT 'ticket', b.ticket_id::text FROM before b;
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'ticket', c.ticket_id::text FROM changed c UNION SELECT 'ticket', b.ticket_id::text FROM before b;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

-- What remains after a deletion is worked out by folding; not for tickets that are being deleted themselves.
CREATE OR REPLACE FUNCTION desk.on_comments_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n <= 500 AND current_setting('transaction_isolation') <> 'serializable' THEN
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'ticket', k.ticket_id FROM (SELECT DISTINCT c.ticket_id::text AS ticket_id FROM changed c) k
     WHERE EXISTS (SELECT FROM public.support_tickets p WHERE p.id = k.ticket_id);
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id) SELECT DISTINCT 'ticket', c.ticket_id::text FROM changed c;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id) SELECT DISTINCT 'ticket', c.ticket_id::text FROM changed c;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.on_comments_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
BEGIN
  INSERT INTO desk.stale (kind, row_id) VALUES ('ticket', NULL);
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION desk.on_comments_insert(), desk.on_comments_update(), desk.on_comments_delete(), desk.on_comments_truncate() FROM PUBLIC;

CREATE OR REPLACE TRIGGER desk_insert AFTER INSERT ON public.ticket_comments
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_comments_insert();
CREATE OR REPLACE TRIGGER desk_update AFTER UPDATE ON public.ticket_comments
  REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_comments_update();
CREATE OR REPLACE TRIGGER desk_delete AFTER DELETE ON public.ticket_comments
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_comments_delete();
CREATE OR REPLACE TRIGGER desk_truncate AFTER TRUNCATE ON public.ticket_comments
  FOR EACH STATEMENT EXECUTE FUNCTION desk.on_comments_truncate();
