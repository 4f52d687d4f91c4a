-- Triggers on public.projects. See the rules in 0012.

CREATE OR REPLACE FUNCTION desk.on_projects_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n <= 500 AND current_setting('transaction_isolation') <> 'serializable' THEN
    WITH done AS (
      INSERT INTO desk.projects (project_id, status, client_id, end_date, title_key)
      SELECT c.id::text, c.status::text, c.client_id::text, c.end_date, desk.title_key(c.title)
        FROM changed c
      ON CONFLICT (project_id) DO NOTHING
      RETURNING project_id)
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'project', c.id::text FROM changed c EXCEPT SELECT 'project', d.project_id FROM done d;
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id) SELECT 'project', c.id::text FROM changed c;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id) SELECT 'project', c.id::text FROM changed c;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.on_projects_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
  touched text[];
  free text[];
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n <= 500 AND current_setting('transaction_isolation') <> 'serializable' THEN
    -- Only those in which something shown changed. A changed id comes out too.
    SELECT array_agg(k.id) INTO touched FROM (
      SELECT v.id FROM (
        SELECT c.id::text AS id, c.title, c.description, c.status::text AS status, c.client_id, c.start_date, c.end_date,
               c.type::text AS type, c.budget, c.requirements
          FROM changed c
        UNION ALL
        SELECT b.id::text, b.title, b.description, b.status::text, b.client_id, b.start_date, b.end_date, b.type::text,
               b.budget, b.requirements
          FROM before b) v
      GROUP BY v.id
      HAVING count(DISTINCT (v.title, v.description, v.status, v.client_id, v.start_date, v.end_date, v.type, v.budget,
                             v.requirements)) > 1
          OR count(*) <> 2) k;
    IF touched IS NULL THEN
      RETURN NULL;
    END IF;
    SELECT array_agg(l.project_id) INTO free
      FROM (SELECT d.project_id FROM desk.projects d WHERE d.project_id = ANY (touched) FOR UPDATE SKIP LOCKED) l;
    WITH done AS (
      UPDATE desk.projects d
         SET status = c.status::text, client_id = c.client_id::text, end_date = c.end_date,
             title_key = desk.title_key(c.title)
        FROM changed c
       WHERE d.project_id = c.id AND d.project_id = ANY (free)
      RETURNING d.project_id)
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'project', k.id FROM unnest(touched) AS k (id) EXCEPT SELECT 'project', d.project_id FROM done d;
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id)
  SELECT 'project', c.id::text FROM changed c UNION SELECT 'project', b.id::text FROM before b;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'project', c.id::text FROM changed c UNION SELECT 'project', b.id::text FROM before b;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.on_projects_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
  free text[];
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n <= 500 AND current_setting('transaction_isolation') <> 'serializable' THEN
    SELECT array_agg(l.project_id) INTO free
      FROM (SELECT d.project_id FROM desk.projects d WHERE d.project_id IN (SELECT c.id FROM changed c) FOR UPDATE SKIP LOCKED) l;
    WITH done AS (DELETE FROM desk.projects d WHERE d.project_id = ANY (free) RETURNING d.project_id)
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'project', c.id::text FROM changed c EXCEPT SELECT 'project', d.project_id FROM done d;
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id) SELECT 'project', c.id::text FROM changed c;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id) SELECT 'project', c.id::text FROM changed c;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

-- Our rows go with theirs if nobody holds the table this instant, else at the next fold.
CREATE OR REPLACE FUNCTION desk.on_projects_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
BEGIN
  INSERT INTO desk.stale (kind, row_id) VALUES ('project', NULL);
  BEGIN
    LOCK TABLE desk.projects IN ACCESS EXCLUSIVE MODE NOWAIT;
    TRUNCATE desk.projects;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION desk.on_projects_insert(), desk.on_projects_update(), desk.on_projects_delete(), desk.on_projects_truncate() FROM PUBLIC;

CREATE OR REPLACE TRIGGER desk_insert AFTER INSERT ON public.projects
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_projects_insert();
CREATE OR REPLACE TRIGGER desk_update AFTER UPDATE ON public.projects
  REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_projects_update();
CREATE OR REPLACE TRIGGER desk_delete AFTER DELETE ON public.projects
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_projects_delete();
CREATE OR REPLACE TRIGGER desk_truncate AFTER TRUNCATE ON public.projects
  FOR EACH STATEMENT EXECUTE FUNCTION desk.on_projects_truncate();
