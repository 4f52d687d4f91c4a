-- Sessions end with what they rest on: the account's role, access and password at sign-in. One channel, `desk`:
-- `s USER_ID` when sessions of somebody ended, or when the web app changed what they rest on. Whoever hears it asks
-- how the session stands; nothing rests on being told.

ALTER TABLE desk.sessions ADD COLUMN IF NOT EXISTS role text;
-- SHA-256 of the password's hash: tells that it was changed, and is of no use to anybody who tries passwords, since
-- the salt is inside.
ALTER TABLE desk.sessions ADD COLUMN IF NOT EXISTS password_mark text;

UPDATE desk.sessions s
   SET role = u.role::text, password_mark = encode(sha256(convert_to(coalesce(u.password_hash, ''), 'UTF8')), 'hex')
  FROM public.users u
 WHERE u.id = s.user_id AND s.password_mark IS NULL;

CREATE OR REPLACE FUNCTION desk.session_begins() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.role IS NULL OR NEW.password_mark IS NULL THEN
    SELECT coalesce(NEW.role, u.role::text),
           coalesce(NEW.password_mark, encode(sha256(convert_to(coalesce(u.password_hash, ''), 'UTF8')), 'hex'))
      INTO NEW.role, NEW.password_mark
      FROM public.users u WHERE u.id = NEW.user_id;
  END IF;
  RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION desk.sessions_ended() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  many boolean;
BEGIN
  SELECT count(*) > 50 OR max(octet_length(c.user_id)) > 1000 INTO many
    FROM (SELECT DISTINCT user_id FROM changed LIMIT 51) c;
  IF many IS NULL OR pg_notification_queue_usage() > 0.5 THEN
    RETURN NULL;
  ELSIF many THEN
    PERFORM pg_notify('desk', '*');
  ELSE
    PERFORM pg_notify('desk', 's ' || c.user_id) FROM (SELECT DISTINCT user_id FROM changed) c;
  END IF;
  RETURN NULL;
END
$$;

-- Clients have no sessions at the desk. The rules of 0012 hold here too: it never waits, never raises, and locks nothing of the web app's. A session that
-- somebody holds this instant is left: its next action finds out by itself. A changed password needs no deletion,
-- the mark does not fit any more.
CREATE OR REPLACE FUNCTION desk.on_users_access() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
DECLARE
  n integer;
  touched text[];
  lost text[];
BEGIN
  SELECT count(*) INTO n FROM (SELECT 1 FROM changed LIMIT 501) c;
  IF n = 0 THEN
    RETURN NULL;
  ELSIF n > 500 THEN
    IF pg_notification_queue_usage() <= 0.5 THEN
      PERFORM pg_notify('desk', '*');
    END IF;
    RETURN NULL;
  END IF;
  SELECT array_agg(b.id::text),
         array_agg(b.id::text) FILTER (WHERE c.id IS NULL OR c.role <> b.role OR NOT c.active OR NOT c.email_verified)
    INTO touched, lost
    FROM before b LEFT JOIN changed c ON c.id = b.id
   WHERE b.role::text <> 'CLIENT'
     AND (c.id IS NULL OR (c.role, c.active, c.email_verified, c.password_hash)
                          IS DISTINCT FROM (b.role, b.active, b.email_verified, b.password_hash));
  IF touched IS NULL THEN
    RETURN NULL;
  END IF;
  IF lost IS NOT NULL AND current_setting('transaction_isolation') <> 'serializable' THEN
    BEGIN
      DELETE FROM desk.sessions s WHERE s.id IN (
        SELECT l.id FROM desk.sessions l WHERE l.user_id = ANY (lost) FOR UPDATE SKIP LOCKED);
    EXCEPTION WHEN OTHERS THEN
      NULL;
    END;
  END IF;
  IF pg_notification_queue_usage() <= 0.5 THEN
    IF cardinality(touched) > 50 OR (SELECT max(octet_length(k.id)) > 1000 FROM unnest(touched) AS k (id)) THEN
      PERFORM pg_notify('desk', '*');
    ELSE
      PERFORM pg_notify('desk', 's ' || k.id) FROM unnest(touched) AS k (id);
    END IF;
  END IF;
  RETURN NULL;
EXCEPTION WHEN OTHERS THEN
  RETURN NULL;
END
$$;

REVOKE ALL ON FUNCTION desk.session_begins(), desk.on_users_access() FROM PUBLIC;

CREATE OR REPLACE TRIGGER begins BEFORE INSERT ON desk.sessions
  FOR EACH ROW EXECUTE FUNCTION desk.session_begins();
CREATE OR REPLACE TRIGGER tell_delete AFTER DELETE ON desk.sessions
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.sessions_ended();
CREATE OR REPLACE TRIGGER tell_truncate AFTER TRUNCATE ON desk.sessions
  FOR EACH STATEMENT EXECUTE FUNCTION desk.emptied();
CREATE OR REPLACE TRIGGER desk_access AFTER UPDATE ON public.users
  REFERENCING OLD TABLE AS before NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.on_users_access();
