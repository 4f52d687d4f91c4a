-- Erasing a person leaves nothing of them in a dump: not in the log either, whose rows are never changed otherwise.

-- What the salt is put before to make the mark.
CREATE OR REPLACE FUNCTION desk.event_place(e desk.events) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT pg_catalog.concat(desk.event_field(e.origin), desk.event_field(e.db_link))
$$;

-- An event as one text, with the mark in the place of where it came from; nothing there where it has no mark.
CREATE OR REPLACE FUNCTION desk.event_text_marked(e desk.events) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT pg_catalog.concat(
    desk.event_field(e.id::text),
    desk.event_field((extract(epoch FROM e.at) * 1000000)::bigint::text),
    desk.event_field(e.actor_kind), desk.event_field(e.actor_id),
    desk.event_field(e.action), desk.event_field(e.entity), desk.event_field(e.entity_id),
    desk.event_field(e.before::text), desk.event_field(e.after::text),
    desk.event_field(e.undoes::text), desk.event_field(encode(e.place_mark, 'hex')), '-,')
$$;

CREATE OR REPLACE FUNCTION desk.is_erased(account text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM public.users u
                  WHERE u.id = account AND NOT u.active AND u.email LIKE 'erased-%@invalid')
$$;

-- Fires after `hashed` (by its name), and hashes anew. A desk that somebody who is erased has left open says nothing
-- of where it stands any more.
CREATE OR REPLACE FUNCTION desk.on_events_placed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NEW.actor_id IS NOT NULL AND desk.is_erased(NEW.actor_id) THEN
    NEW.origin := '';
    NEW.db_link := '';
  END IF;
  NEW.place_salt := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
  NEW.place_mark := sha256(NEW.place_salt || convert_to(desk.event_place(NEW), 'UTF8'));
  NEW.hash := sha256(convert_to(desk.event_text_marked(NEW), 'UTF8'));
  RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER placed BEFORE INSERT ON desk.events
  FOR EACH ROW EXECUTE FUNCTION desk.on_events_placed();

-- The one change that an event may undergo: where it came from goes, of somebody who is erased or of nobody.
CREATE OR REPLACE FUNCTION desk.append_only_but_places() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.origin = '' AND NEW.db_link = '' AND NEW.place_salt IS NULL
       AND (NEW.id, NEW.at, NEW.actor_kind, NEW.actor_id, NEW.action, NEW.entity, NEW.entity_id, NEW.before, NEW.after,
            NEW.undoes, NEW.hash, NEW.place_mark)
           IS NOT DISTINCT FROM
           (OLD.id, OLD.at, OLD.actor_kind, OLD.actor_id, OLD.action, OLD.entity, OLD.entity_id, OLD.before, OLD.after,
            OLD.undoes, OLD.hash, OLD.place_mark)
       AND (OLD.actor_id IS NULL OR desk.is_erased(OLD.actor_id)) THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION '%.% is append-only: nothing in it is changed or removed', TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON desk.events
  FOR EACH ROW EXECUTE FUNCTION desk.append_only_but_places();

-- Events from before, whose hashes hold where they came from: one record in the log of all the rest of them, chained
-- row by row with their hashes, so that it can still be verified when where they came from is gone. The trigger above
-- has waited for whoever was writing.
DO $$
DECLARE
  e desk.events;
  chain bytea := '';
  newest bigint;
BEGIN
  IF EXISTS (SELECT FROM desk.events r WHERE r.action = 'log.recount') THEN
    RETURN;
  END IF;
  FOR e IN SELECT * FROM desk.events o WHERE o.place_mark IS NULL ORDER BY o.id LOOP
    chain := sha256(chain || int8send(e.id) || e.hash || sha256(convert_to(desk.event_text_marked(e), 'UTF8')));
    newest := e.id;
  END LOOP;
  IF newest IS NOT NULL THEN
    INSERT INTO desk.events (actor_kind, action, entity, entity_id, after)
    VALUES ('system', 'log.recount', 'log', 'events',
            jsonb_build_object('upto', newest, 'digest', encode(chain, 'hex')));
  END IF;
END
$$;

-- Overwrites an account, and removes what only its owner's address or place leads to: codes, counters of attempts,
-- mails. The counters go with the account alone, so that nobody gets around them.
CREATE OR REPLACE FUNCTION desk.erase_account(account text, stand_in text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  address text;
  who text;
  staff boolean;
BEGIN
  IF stand_in IS NULL OR stand_in !~ '^erased-[0-9a-f-]{36}@invalid$' THEN
    RAISE EXCEPTION 'this is no address that stands in for another' USING ERRCODE = 'check_violation';
  END IF;
  SELECT u.email, u.role::text IN ('ADMIN', 'SUPER_ADMIN') INTO address, staff
    FROM public.users u WHERE u.id = account FOR NO KEY UPDATE;
  IF NOT FOUND OR desk.is_erased(account) THEN
    RETURN;
  END IF;
  who := (desk.sign_in_key(address, '')).who;
  DELETE FROM desk.sign_ins s WHERE s.key = 'account ' || who OR starts_with(s.key, 'known ' || who || ' ');
  -- Refused codes are of nobody; they count for a quarter of an hour, by where they were typed.
  DELETE FROM desk.token_tries t
   WHERE t.at < (clock_timestamp() AT TIME ZONE 'utc') - interval '15 minutes'
      OR t.source IN (SELECT left(s.source, 200) FROM desk.sessions s WHERE s.user_id = account);
  DELETE FROM public.password_resets r WHERE r.user_id = account;
  DELETE FROM public.email_verifications v WHERE v.user_id = account;
  UPDATE desk.token_asks a SET email_digest = '' WHERE a.user_id = account;
  DELETE FROM desk.mails m WHERE m.to_user = account;
  UPDATE public.users u
     SET name = CASE WHEN staff THEN 'former staff' ELSE 'erased client' END, email = stand_in, company = NULL,
         password_hash = NULL, email_verified = false, active = false,
         updated_at = clock_timestamp() AT TIME ZONE 'utc'
   WHERE u.id = account;
END
$$;

-- Where events of an erased account came from, in portions; says whether some is left. Events of nobody (operators on
-- the command line, refused sign-ins) go along where they came from a login that nobody but this person used.
CREATE OR REPLACE FUNCTION desk.erase_places(account text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  portion constant integer := 5000;
  recounted bigint;
  logins text[];
  touched integer;
BEGIN
  IF NOT desk.is_erased(account) THEN
    RAISE EXCEPTION 'this account is not erased' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT coalesce((r.after ->> 'upto')::bigint, 0) INTO recounted
    FROM desk.events r WHERE r.action = 'log.recount' ORDER BY r.id LIMIT 1;
  SELECT array_agg(DISTINCT split_part(e.origin, ' ', 1)) INTO logins
    FROM desk.events e WHERE e.actor_id = account AND split_part(e.origin, ' ', 1) LIKE '_%@_%';
  IF logins IS NOT NULL THEN
    SELECT array_agg(l.login) INTO logins
      FROM unnest(logins) AS l (login)
     WHERE NOT EXISTS (SELECT FROM desk.events o
                        WHERE o.actor_id <> account AND split_part(o.origin, ' ', 1) = l.login);
  END IF;
  UPDATE desk.events e SET origin = '', db_link = '', place_salt = NULL
   WHERE e.id IN (
     SELECT o.id FROM desk.events o
      WHERE o.actor_id IS NULL AND (o.origin <> '' OR o.db_link <> '')
        AND (o.entity = 'user' AND o.entity_id = account AND o.actor_kind = 'system'
             OR split_part(o.origin, ' ', 1) = ANY (logins))
        AND (o.place_mark IS NOT NULL OR o.id <= recounted)
      ORDER BY o.id LIMIT portion);
  GET DIAGNOSTICS touched = ROW_COUNT;
  IF touched = portion THEN
    RETURN true;
  END IF;
  UPDATE desk.events e SET origin = '', db_link = '', place_salt = NULL
   WHERE e.id IN (
     SELECT o.id FROM desk.events o
      WHERE o.actor_id = account AND (o.origin <> '' OR o.db_link <> '')
        AND (o.place_mark IS NOT NULL OR o.id <= recounted)
      ORDER BY o.id LIMIT portion);
  GET DIAGNOSTICS touched = ROW_COUNT;
  RETURN touched = portion;
END
$$;

REVOKE ALL ON FUNCTION desk.event_place(desk.events), desk.event_text_marked(desk.events), desk.is_erased(text),
  desk.on_events_placed(), desk.append_only_but_places(), desk.erase_account(text, text), desk.erase_places(text)
  FROM PUBLIC;
