-- Folding: bringing our rows up to date where a trigger could not, without ever holding up the web app. Rows locked
-- by somebody else stay stale for the next round. A row is locked first and computed in the next statement, so that
-- no comment is counted twice. One fold at a time in a database; each call is short.

-- Each of the three brings these rows up to date and answers with those it could not lock. `touch`: also raise the
-- version of rows in which nothing of ours changed, since what the screens show did (a text, a subject).
CREATE OR REPLACE FUNCTION desk.fold_tickets(ids text[], answers timestamp[], touch boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  added text[] := desk.add_tickets(ids, answers);
  free text[];
BEGIN
  SELECT coalesce(array_agg(l.ticket_id), '{}') INTO free
    FROM (SELECT t.ticket_id FROM desk.tickets t
           WHERE t.ticket_id = ANY (ids) AND t.ticket_id <> ALL (added) FOR UPDATE SKIP LOCKED) l;
  UPDATE desk.tickets t
     SET status = c.status, client_id = c.client_id, number = c.number, created_at = c.created_at,
         last_activity_at = c.last_activity_at, last_comment_id = c.last_comment_id, last_side = c.last_side,
         last_author_id = c.last_author_id, waiting_since = c.waiting_since, answered_at = c.answered_at,
         comment_count = c.comment_count
    FROM (SELECT array_agg(a.id) AS ids, array_agg(a.answer) AS answers
            FROM unnest(ids, answers) AS a (id, answer) WHERE a.id = ANY (free)) m,
         desk.compute_tickets(m.ids, m.answers) c
   WHERE t.ticket_id = c.ticket_id
     AND (touch OR (t.status, t.client_id, t.number, t.created_at, t.last_activity_at, t.last_comment_id, t.last_side,
                    t.last_author_id, t.waiting_since, t.answered_at, t.comment_count)
         IS DISTINCT FROM
                   (c.status, c.client_id, c.number, c.created_at, c.last_activity_at, c.last_comment_id, c.last_side,
                    c.last_author_id, c.waiting_since, c.answered_at, c.comment_count));
  DELETE FROM desk.tickets t
   WHERE t.ticket_id = ANY (free) AND NOT EXISTS (SELECT FROM public.support_tickets p WHERE p.id = t.ticket_id);
  DELETE FROM desk.reads r
   WHERE (r.user_id, r.ticket_id) IN (
     SELECT o.user_id, o.ticket_id FROM desk.reads o
      WHERE o.ticket_id = ANY (ids) AND NOT EXISTS (SELECT FROM public.support_tickets p WHERE p.id = o.ticket_id)
        FOR UPDATE SKIP LOCKED);
  RETURN ARRAY(SELECT t.ticket_id FROM desk.tickets t
                WHERE t.ticket_id = ANY (ids) AND t.ticket_id <> ALL (added) AND t.ticket_id <> ALL (free));
END
$$;

CREATE OR REPLACE FUNCTION desk.fold_projects(ids text[], touch boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  added text[] := desk.add_projects(ids);
  free text[];
BEGIN
  SELECT coalesce(array_agg(l.project_id), '{}') INTO free
    FROM (SELECT d.project_id FROM desk.projects d
           WHERE d.project_id = ANY (ids) AND d.project_id <> ALL (added) FOR UPDATE SKIP LOCKED) l;
  UPDATE desk.projects d
     SET status = p.status::text, client_id = p.client_id::text, end_date = p.end_date,
         title_key = desk.title_key(p.title)
    FROM unnest(free) AS a (id) JOIN public.projects p ON p.id = a.id
   WHERE d.project_id = a.id
     AND (touch OR (d.status, d.client_id, d.end_date, d.title_key)
         IS DISTINCT FROM (p.status::text, p.client_id::text, p.end_date, desk.title_key(p.title)));
  DELETE FROM desk.projects d
   WHERE d.project_id = ANY (free) AND NOT EXISTS (SELECT FROM public.projects p WHERE p.id = d.project_id);
  RETURN ARRAY(SELECT d.project_id FROM desk.projects d
                WHERE d.project_id = ANY (ids) AND d.project_id <> ALL (added) AND d.project_id <> ALL (free));
END
$$;

CREATE OR REPLACE FUNCTION desk.fold_users(ids text[], touch boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  added text[] := desk.add_users(ids);
  free text[];
BEGIN
  SELECT coalesce(array_agg(l.user_id), '{}') INTO free
    FROM (SELECT d.user_id FROM desk.users d
           WHERE d.user_id = ANY (ids) AND d.user_id <> ALL (added) FOR UPDATE SKIP LOCKED) l;
  UPDATE desk.users d
     SET search = desk.user_search(u.name, u.email, u.company), name_key = desk.user_name_key(u.name, u.email),
         role = u.role::text, active = u.active
    FROM unnest(free) AS a (id) JOIN public.users u ON u.id = a.id
   WHERE d.user_id = a.id
     AND (touch OR (d.search, d.name_key, d.role, d.active)
         IS DISTINCT FROM (desk.user_search(u.name, u.email, u.company), desk.user_name_key(u.name, u.email),
                           u.role::text, u.active));
  DELETE FROM desk.users d
   WHERE d.user_id = ANY (free) AND NOT EXISTS (SELECT FROM public.users u WHERE u.id = d.user_id);
  RETURN ARRAY(SELECT d.user_id FROM desk.users d
                WHERE d.user_id = ANY (ids) AND d.user_id <> ALL (added) AND d.user_id <> ALL (free));
END
$$;

CREATE OR REPLACE FUNCTION desk.fold_rows(row_kind text, ids text[], answers timestamp[], touch boolean) RETURNS text[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  busy text[] := '{}';
  i integer;
BEGIN
  IF coalesce(cardinality(ids), 0) = 0 THEN
    RETURN busy;
  END IF;
  BEGIN
    RETURN CASE row_kind WHEN 'ticket' THEN desk.fold_tickets(ids, answers, touch)
                         WHEN 'project' THEN desk.fold_projects(ids, touch)
                         ELSE desk.fold_users(ids, touch) END;
  EXCEPTION WHEN OTHERS THEN
    -- One row that cannot be kept (a limit, a value no index takes) must not stop the others.
    IF cardinality(ids) = 1 THEN
      RAISE LOG 'desk: % % cannot be folded: %', row_kind, left(ids[1], 100), SQLSTATE;
      RETURN CASE WHEN SQLSTATE IN ('55P03', '40P01', '40001') THEN ids ELSE '{}' END;
    END IF;
  END;
  FOR i IN 1 .. cardinality(ids) LOOP
    busy := busy || desk.fold_rows(row_kind, ids[i:i], answers[i:i], touch);
  END LOOP;
  RETURN busy;
END
$$;

-- One step of folding everything of a kind: the next `most` ids of the web app's rows and ours together.
CREATE OR REPLACE FUNCTION desk.fold_all_step(stale_id bigint, row_kind text, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  beyond text := (SELECT s.folded_to FROM desk.stale s WHERE s.id = stale_id);
  ids text[];
BEGIN
  IF beyond IS NULL THEN
    PERFORM desk.fold_rows(row_kind, '{""}', '{NULL}', false);
    beyond := '';
  END IF;
  CASE row_kind
    WHEN 'ticket' THEN
      SELECT array_agg(k.id ORDER BY k.id) INTO ids FROM (
        (SELECT p.id::text AS id FROM public.support_tickets p WHERE p.id > beyond ORDER BY p.id LIMIT most)
        UNION (SELECT t.ticket_id FROM desk.tickets t WHERE t.ticket_id > beyond ORDER BY t.ticket_id LIMIT most)
        ORDER BY 1 LIMIT most) k;
    WHEN 'project' THEN
      SELECT array_agg(k.id ORDER BY k.id) INTO ids FROM (
        (SELECT p.id::text AS id FROM public.projects p WHERE p.id > beyond ORDER BY p.id LIMIT most)
        UNION (SELECT d.project_id FROM desk.projects d WHERE d.project_id > beyond ORDER BY d.project_id LIMIT most)
        ORDER BY 1 LIMIT most) k;
    ELSE
      SELECT array_agg(k.id ORDER BY k.id) INTO ids FROM (
        (SELECT u.id::text AS id FROM public.users u WHERE u.id > beyond ORDER BY u.id LIMIT most)
        UNION (SELECT d.user_id FROM desk.users d WHERE d.user_id > beyond ORDER BY d.user_id LIMIT most)
        ORDER BY 1 LIMIT most) k;
  END CASE;
  IF ids IS NULL THEN
    DELETE FROM desk.stale s WHERE s.id = stale_id;
    RETURN 0;
  END IF;
  INSERT INTO desk.stale (kind, row_id)
  SELECT row_kind, b.id
    FROM unnest(desk.fold_rows(row_kind, ids, array_fill(NULL::timestamp, ARRAY[cardinality(ids)]), false)) AS b (id);
  UPDATE desk.stale s SET folded_to = ids[cardinality(ids)] WHERE s.id = stale_id;
  RETURN cardinality(ids);
END
$$;

-- Folds up to `most` stale rows. folded: how many rows were looked at; busy: how many stay stale because somebody
-- else holds them (ask again shortly); more: whether to call again at once.
CREATE OR REPLACE FUNCTION desk.fold(most integer, OUT folded integer, OUT busy integer, OUT more boolean)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
  taken bigint[];
  part record;
  held text[];
  whole record;
BEGIN
  folded := 0; busy := 0; more := false;
  IF NOT EXISTS (SELECT FROM desk.stale) THEN
    RETURN;
  END IF;
  IF NOT pg_try_advisory_xact_lock(1801548141, 2) THEN
    busy := 1;
    RETURN;
  END IF;
  SELECT array_agg(s.id) INTO taken
    FROM (SELECT id FROM desk.stale WHERE row_id IS NOT NULL ORDER BY id LIMIT most FOR UPDATE SKIP LOCKED) s;
  FOR part IN
    SELECT k.kind, array_agg(k.row_id) AS ids, array_agg(k.answer) AS answers
      FROM (SELECT s.kind, s.row_id, max(s.at) FILTER (WHERE s.answered) AS answer
              FROM desk.stale s WHERE s.id = ANY (taken) GROUP BY s.kind, s.row_id) k
     GROUP BY k.kind
  LOOP
    held := desk.fold_rows(part.kind, part.ids, part.answers, true);
    DELETE FROM desk.stale s WHERE s.id = ANY (taken) AND s.kind = part.kind AND s.row_id <> ALL (held);
    folded := folded + cardinality(part.ids) - cardinality(held);
    busy := busy + cardinality(held);
  END LOOP;
  IF folded = 0 THEN
    SELECT s.id, s.kind INTO whole FROM desk.stale s WHERE s.row_id IS NULL ORDER BY s.id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
      folded := desk.fold_all_step(whole.id, whole.kind, most);
      more := true;
      RETURN;
    END IF;
  END IF;
  more := folded > 0 AND EXISTS (SELECT FROM desk.stale);
END
$$;
REVOKE ALL ON FUNCTION desk.fold(integer) FROM PUBLIC;

-- One batch of filling in our rows for those of the web app's that were there first: the next `most` ids after
-- `beyond` (null: from the start). upto: where this batch ended, null when there was nothing left; busy: somebody
-- folds this instant, ask again. The triggers are there already: a change that comes meanwhile finds no row of ours
-- yet and leaves the id in desk.stale.
CREATE OR REPLACE FUNCTION desk.backfill(row_kind text, beyond text, most integer,
  OUT upto text, OUT filled integer, OUT busy boolean)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ids text[];
BEGIN
  filled := 0;
  busy := NOT pg_try_advisory_xact_lock(1801548141, 2);
  IF busy THEN
    RETURN;
  END IF;
  CASE row_kind
    WHEN 'ticket' THEN
      SELECT array_agg(k.id ORDER BY k.id) INTO ids FROM (
        SELECT p.id::text AS id FROM public.support_tickets p WHERE p.id > coalesce(beyond, '') ORDER BY p.id LIMIT most) k;
    WHEN 'project' THEN
      SELECT array_agg(k.id ORDER BY k.id) INTO ids FROM (
        SELECT p.id::text AS id FROM public.projects p WHERE p.id > coalesce(beyond, '') ORDER BY p.id LIMIT most) k;
    ELSE
      SELECT array_agg(k.id ORDER BY k.id) INTO ids FROM (
        SELECT u.id::text AS id FROM public.users u WHERE u.id > coalesce(beyond, '') ORDER BY u.id LIMIT most) k;
  END CASE;
  upto := ids[cardinality(ids)];
  IF beyond IS NULL THEN
    ids := array_prepend('', ids);
  END IF;
  IF ids IS NULL THEN
    RETURN;
  END IF;
  BEGIN
    filled := cardinality(CASE row_kind
      WHEN 'ticket' THEN desk.add_tickets(ids, array_fill(NULL::timestamp, ARRAY[cardinality(ids)]))
      WHEN 'project' THEN desk.add_projects(ids)
      ELSE desk.add_users(ids) END);
  EXCEPTION WHEN OTHERS THEN
    PERFORM desk.fold_rows(row_kind, ids, array_fill(NULL::timestamp, ARRAY[cardinality(ids)]), false);
  END;
  filled := coalesce(filled, 0);
END
$$;
