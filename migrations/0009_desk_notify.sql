-- One channel, `desk`. Payloads: `t VERSION ID`, `p VERSION ID`, `u VERSION ID` for a ticket, project or user whose
-- row of ours changed; `*` when a statement touched more than fifty or an id is too long to send; `stale` when
-- something waits to be folded. Ids only, never texts. With the server's queue half full nothing is sent: a full
-- queue would abort the web app's transactions, and every desk polls now and then anyway.

CREATE OR REPLACE FUNCTION desk.next_version() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.version := OLD.version + 1;
  RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION desk.tickets_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone integer := CASE TG_OP WHEN 'DELETE' THEN 1 ELSE 0 END;
  many boolean;
BEGIN
  SELECT count(*) > 50 OR max(octet_length(c.ticket_id)) > 1000 INTO many
    FROM (SELECT ticket_id FROM changed LIMIT 51) c;
  IF many IS NULL OR pg_notification_queue_usage() > 0.5 THEN
    RETURN NULL;
  ELSIF many THEN
    PERFORM pg_notify('desk', '*');
  ELSE
    PERFORM pg_notify('desk', 't ' || c.version + gone || ' ' || c.ticket_id) FROM changed c;
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.projects_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone integer := CASE TG_OP WHEN 'DELETE' THEN 1 ELSE 0 END;
  many boolean;
BEGIN
  SELECT count(*) > 50 OR max(octet_length(c.project_id)) > 1000 INTO many
    FROM (SELECT project_id FROM changed LIMIT 51) c;
  IF many IS NULL OR pg_notification_queue_usage() > 0.5 THEN
    RETURN NULL;
  ELSIF many THEN
    PERFORM pg_notify('desk', '*');
  ELSE
    PERFORM pg_notify('desk', 'p ' || c.version + gone || ' ' || c.project_id) FROM changed c;
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.users_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  gone integer := CASE TG_OP WHEN 'DELETE' THEN 1 ELSE 0 END;
  many boolean;
BEGIN
  SELECT count(*) > 50 OR max(octet_length(c.user_id)) > 1000 INTO many
    FROM (SELECT user_id FROM changed LIMIT 51) c;
  IF many IS NULL OR pg_notification_queue_usage() > 0.5 THEN
    RETURN NULL;
  ELSIF many THEN
    PERFORM pg_notify('desk', '*');
  ELSE
    PERFORM pg_notify('desk', 'u ' || c.version + gone || ' ' || c.user_id) FROM changed c;
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.emptied() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_notification_queue_usage() <= 0.5 THEN
    PERFORM pg_notify('desk', '*');
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION desk.stale_added() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM changed) AND pg_notification_queue_usage() <= 0.5 THEN
    PERFORM pg_notify('desk', 'stale');
  END IF;
  RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER next_version BEFORE UPDATE ON desk.tickets
  FOR EACH ROW EXECUTE FUNCTION desk.next_version();
CREATE OR REPLACE TRIGGER next_version BEFORE UPDATE ON desk.projects
  FOR EACH ROW EXECUTE FUNCTION desk.next_version();
CREATE OR REPLACE TRIGGER next_version BEFORE UPDATE ON desk.users
  FOR EACH ROW EXECUTE FUNCTION desk.next_version();

CREATE OR REPLACE TRIGGER tell_insert AFTER INSERT ON desk.tickets
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.tickets_changed();
CREATE OR REPLACE TRIGGER tell_update AFTER UPDATE ON desk.tickets
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.tickets_changed();
CREATE OR REPLACE TRIGGER tell_delete AFTER DELETE ON desk.tickets
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.tickets_changed();
CREATE OR REPLACE TRIGGER tell_truncate AFTER TRUNCATE ON desk.tickets
  FOR EACH STATEMENT EXECUTE FUNCTION desk.emptied();

CREATE OR REPLACE TRIGGER tell_insert AFTER INSERT ON desk.projects
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.projects_changed();
CREATE OR REPLACE TRIGGER tell_update AFTER UPDATE ON desk.projects
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.projects_changed();
CREATE OR REPLACE TRIGGER tell_delete AFTER DELETE ON desk.projects
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.projects_changed();
CREATE OR REPLACE TRIGGER tell_truncate AFTER TRUNCATE ON desk.projects
  FOR EACH STATEMENT EXECUTE FUNCTION desk.emptied();

CREATE OR REPLACE TRIGGER tell_insert AFTER INSERT ON desk.users
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.users_changed();
CREATE OR REPLACE TRIGGER tell_update AFTER UPDATE ON desk.users
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.users_changed();
CREATE OR REPLACE TRIGGER tell_delete AFTER DELETE ON desk.users
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.users_changed();
CREATE OR REPLACE TRIGGER tell_truncate AFTER TRUNCATE ON desk.users
  FOR EACH STATEMENT EXECUTE FUNCTION desk.emptied();

CREATE OR REPLACE TRIGGER tell_insert AFTER INSERT ON desk.stale
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION desk.stale_added();
