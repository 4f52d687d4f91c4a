-- Triggers on public.users. See the rules in 0012.

CREATE OR REPLACE FUNCTION desk.on_users_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n <= 500 AND current_setting('transaction_isolation') <> 'serializable' THEN
    WITH done AS (
      INSERT INTO desk.users (user_id, search, name_key, role, active)
      SELECT c.id::text, desk.user_search(c.name, c.email, c.company), desk.user_name_key(c.name, c.email),
             c.role::text, c.active
        FROM changed c
      ON CONFLICT (user_id) DO NOTHING
      RETURNING user_id)
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'user', c.id::text FROM changed c EXCEPT SELECT 'user', d.user_id FROM done d;
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id) SELECT 'user', c.id::text FROM changed c;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id) SELECT 'user', c.id::text FROM changed c;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.on_users_update() RETURNS trigger
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
    -- Only those in which something shown changed: a sign-in in the web app is no news. A changed id comes out too.
    SELECT array_agg(k.id) INTO touched FROM (
      SELECT v.id FROM (
        SELECT c.id::text AS id, c.name, c.email, c.company, c.role::text AS role, c.active, c.email_verified, true AS is_new
          FROM changed c
        UNION ALL
        SELECT b.id::text, b.name, b.email, b.company, b.role::text, b.active, b.email_verified, false FROM before b) v
      GROUP BY v.id
      HAVING count(DISTINCT (v.name, v.email, v.company, v.role, v.active, v.email_verified)) > 1
          OR count(*) <> 2) k;
    IF touched IS NULL THEN
      RETURN NULL;
    END IF;
    SELECT array_agg(l.user_id) INTO free
      FROM (SELECT u.user_id FROM desk.users u WHERE u.user_id = ANY (touched) FOR UPDATE SKIP LOCKED) l;
    WITH done AS (
      UPDATE desk.users u
         SET search = desk.user_search(c.name, c.email, c.company), name_key = desk.user_name_key(c.name, c.email),
             role = c.role::text, active = c.active
        FROM changed c
       WHERE u.user_id = c.id AND u.user_id = ANY (free)
      RETURNING u.user_id)
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'user', k.id FROM unnest(touched) AS k (id) EXCEPT SELECT 'user', d.user_id FROM done d;
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id)
  SELECT 'user', c.id::text FROM changed c UNION SELECT 'user', b.id::text FROM before b;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'user', c.id::text FROM changed c UNION SELECT 'user', b.id::text FROM before b;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.on_users_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
  free text[];
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n <= 500 AND current_setting('transaction_isolation') <> 'serializable' THEN
    SELECT array_agg(l.user_id) INTO free
      FROM (SELECT u.user_id FROM desk.users u WHERE u.user_id IN (SELECT c.id FROM changed c) FOR UPDATE SKIP LOCKED) l;
    WITH done AS (DELETE FROM desk.users u WHERE u.user_id = ANY (free) RETURNING u.user_id)
    INSERT INTO desk.stale (kind, row_id)
    SELECT 'user', c.id::text FROM changed c EXCEPT SELECT 'user', d.user_id FROM done d;
    RETURN NULL;
  END IF;
  INSERT INTO desk.stale (kind, row_id) SELECT 'user', c.id::text FROM changed c;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  BEGIN
    INSERT INTO desk.stale (kind, row_id) SELECT 'user', c.id::text FROM changed c;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
END
$$;

-- Our rows go with theirs if nobody holds the table this instant, else at the next fold.
CREATE OR REPLACE FUNCTION desk.on_users_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
BEGIN
  INSERT INTO desk.stale (kind, row_id) VALUES ('user', NULL);
  BEGIN
    LOCK TABLE desk.users IN ACCESS EXCLUSIVE MODE NOWAIT;
    TRUNCATE desk.users;
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION desk.on_users_insert(), desk.on_users_update(), desk.on_users_delete(), desk.on_users_truncate() FROM PUBLIC;

CREATE OR REPLACE TRIGGER desk_insert AFTER INSERT ON public.users
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_users_insert();
CREATE OR REPLACE TRIGGER desk_update AFTER UPDATE ON public.users
  REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_users_update();
CREATE OR REPLACE TRIGGER desk_delete AFTER DELETE ON public.users
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_users_delete();
CREATE OR REPLACE TRIGGER desk_truncate AFTER TRUNCATE ON public.users
  FOR EACH STATEMENT EXECUTE FUNCTION desk.on_users_truncate();
