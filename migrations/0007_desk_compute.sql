-- What our rows must say, worked out from the web app's rows. Read by the backfill, by folding and by the doctor;
-- the triggers of later steps reach the same values by increments. Enums are read as text: they may grow.
--
-- Words: `waiting_since` is the first client message (the description counts as one, written at created_at) after the
-- last staff message and after `answered_at`, which is the time of "no answer needed" or of the change into RESOLVED
-- or CLOSED. Messages are ordered by (created_at, id).

-- The moment of an answer given now: never before the newest message seen, unless that one lies days ahead.
CREATE OR REPLACE FUNCTION desk.answer_time(last_message_at timestamp) RETURNS timestamp
LANGUAGE sql VOLATILE AS $$
  SELECT CASE WHEN last_message_at < (pg_catalog.clock_timestamp() AT TIME ZONE 'utc') + interval '1 day'
    THEN GREATEST(pg_catalog.clock_timestamp() AT TIME ZONE 'utc', last_message_at)
    ELSE pg_catalog.clock_timestamp() AT TIME ZONE 'utc' END
$$;

CREATE OR REPLACE FUNCTION desk.user_search(name text, email text, company text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT pg_catalog.lower(pg_catalog.left(coalesce(name, ''), 400) || ' ' || pg_catalog.left(email, 400)
    || ' ' || pg_catalog.left(coalesce(company, ''), 400))
$$;

CREATE OR REPLACE FUNCTION desk.user_name_key(name text, email text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT pg_catalog.lower(pg_catalog.left(coalesce(name, email), 200))
$$;

CREATE OR REPLACE FUNCTION desk.title_key(title text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT pg_catalog.lower(pg_catalog.left(title, 64))
$$;

-- One row for each of these tickets that exists. `answers[i]` is when ticket i was set to RESOLVED or CLOSED without
-- our row hearing of it, or null. A client's message that reached us after the answer counts even if its clock is up
-- to five minutes behind: then the answer is moved before it. Tickets found closed without a row of ours count as
-- answered two weeks ago, so that only recent answers of clients surface.
CREATE OR REPLACE FUNCTION desk.compute_tickets(ids text[], answers timestamp[])
RETURNS TABLE (ticket_id text, status text, client_id text, number text, created_at timestamp,
  last_activity_at timestamp, last_comment_id text, last_side text, last_author_id text,
  waiting_since timestamp, answered_at timestamp, comment_count integer)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH head AS (
    SELECT p.id::text AS ticket_id, p.status::text AS status, p.client_id::text AS client_id,
           p.ticket_number::text AS number, p.created_at,
           t.last_activity_at AS known_at, coalesce(t.last_comment_id, '') AS known_id,
           a.answer IS NULL AND t.answered_at IS NOT NULL AS answer_known,
           CASE WHEN p.status::text NOT IN ('RESOLVED', 'CLOSED') THEN GREATEST(t.answered_at, a.answer)
                WHEN t.ticket_id IS NULL
                THEN coalesce(a.answer, (clock_timestamp() AT TIME ZONE 'utc') - interval '14 days')
                WHEN t.status NOT IN ('RESOLVED', 'CLOSED') AND a.answer IS NULL
                THEN GREATEST(t.answered_at, clock_timestamp() AT TIME ZONE 'utc')
                ELSE GREATEST(t.answered_at, a.answer) END AS answered_at
      FROM unnest(ids, answers) AS a (id, answer)
      JOIN public.support_tickets p ON p.id = a.id
      LEFT JOIN desk.tickets t ON t.ticket_id = a.id
  ), said AS (
    SELECT h.ticket_id, h.answered_at, h.answer_known, c.id::text AS id, c.created_at, c.sender::text AS side,
           c.user_id::text AS author, (c.created_at, c.id::text) > (h.known_at, h.known_id) AS arrived,
           row_number() OVER newest AS back,
           count(*) FILTER (WHERE c.sender::text = 'ADMIN') OVER newest AS staff_since
      FROM head h JOIN public.ticket_comments c ON c.ticket_id = h.ticket_id
    WINDOW newest AS (PARTITION BY h.ticket_id ORDER BY c.created_at DESC, c.id DESC)
  ), gist AS (
    SELECT s.ticket_id, count(*)::integer AS comments,
           max(s.created_at) FILTER (WHERE s.back = 1) AS last_at, max(s.id) FILTER (WHERE s.back = 1) AS last_id,
           max(s.side) FILTER (WHERE s.back = 1) AS last_side, max(s.author) FILTER (WHERE s.back = 1) AS last_author,
           max(s.created_at) FILTER (WHERE s.side = 'ADMIN') AS staff_at,
           min(s.created_at) FILTER (WHERE s.side = 'CLIENT' AND s.staff_since = 0
             AND (s.answered_at IS NULL OR s.created_at > s.answered_at)) AS open_at,
           min(s.created_at) FILTER (WHERE s.side = 'CLIENT' AND s.staff_since = 0 AND s.answer_known AND s.arrived
             AND s.created_at <= s.answered_at AND s.created_at > s.answered_at - interval '5 minutes') AS late_at
      FROM said s GROUP BY s.ticket_id
  )
  SELECT h.ticket_id, h.status, h.client_id, h.number, h.created_at,
         coalesce(g.last_at, h.created_at), g.last_id, coalesce(g.last_side, 'CLIENT'),
         coalesce(g.last_author, h.client_id),
         LEAST(coalesce(g.late_at, g.open_at),
           CASE WHEN (g.staff_at IS NULL OR g.staff_at < h.created_at)
                 AND (h.answered_at IS NULL OR h.created_at > h.answered_at) THEN h.created_at END),
         coalesce(g.late_at - interval '1 microsecond', h.answered_at),
         coalesce(g.comments, 0)
    FROM head h LEFT JOIN gist g ON g.ticket_id = h.ticket_id
$$;

CREATE OR REPLACE FUNCTION desk.add_tickets(ids text[], answers timestamp[]) RETURNS text[]
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  WITH missing AS (
    SELECT coalesce(array_agg(a.id), '{}') AS ids, coalesce(array_agg(a.answer), '{}') AS answers
      FROM unnest(ids, answers) AS a (id, answer)
     WHERE NOT EXISTS (SELECT FROM desk.tickets t WHERE t.ticket_id = a.id)
  ), added AS (
    INSERT INTO desk.tickets (ticket_id, status, client_id, number, created_at, last_activity_at, last_comment_id,
      last_side, last_author_id, waiting_since, answered_at, comment_count)
    SELECT c.ticket_id, c.status, c.client_id, c.number, c.created_at, c.last_activity_at, c.last_comment_id,
           c.last_side, c.last_author_id, c.waiting_since, c.answered_at, c.comment_count
      FROM missing m, desk.compute_tickets(m.ids, m.answers) c
    ON CONFLICT (ticket_id) DO NOTHING
    RETURNING ticket_id)
  SELECT coalesce(array_agg(ticket_id), '{}') FROM added
$$;

CREATE OR REPLACE FUNCTION desk.add_projects(ids text[]) RETURNS text[]
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  WITH added AS (
    INSERT INTO desk.projects (project_id, status, client_id, end_date, title_key)
    SELECT p.id::text, p.status::text, p.client_id::text, p.end_date, desk.title_key(p.title)
      FROM unnest(ids) AS a (id) JOIN public.projects p ON p.id = a.id
     WHERE NOT EXISTS (SELECT FROM desk.projects d WHERE d.project_id = a.id)
    ON CONFLICT (project_id) DO NOTHING
    RETURNING project_id)
  SELECT coalesce(array_agg(project_id), '{}') FROM added
$$;

CREATE OR REPLACE FUNCTION desk.add_users(ids text[]) RETURNS text[]
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  WITH added AS (
    INSERT INTO desk.users (user_id, search, name_key, role, active)
    SELECT u.id::text, desk.user_search(u.name, u.email, u.company), desk.user_name_key(u.name, u.email),
           u.role::text, u.active
      FROM unnest(ids) AS a (id) JOIN public.users u ON u.id = a.id
     WHERE NOT EXISTS (SELECT FROM desk.users d WHERE d.user_id = a.id)
    ON CONFLICT (user_id) DO NOTHING
    RETURNING user_id)
  SELECT coalesce(array_agg(user_id), '{}') FROM added
$$;
