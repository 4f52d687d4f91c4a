-- The event log: hashed as it is written, sealed in batches, append-only even for its owner, quick to look through.

-- A field with its length, so that no two rows read the same.
CREATE OR REPLACE FUNCTION desk.event_field(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT coalesce(pg_catalog.length(value) || ':' || value || ',', '-,')
$$;

-- All of an event as one text, which anybody can make again from the row: the same on every server and in every zone.
CREATE OR REPLACE FUNCTION desk.event_text(e desk.events) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT pg_catalog.concat(
    desk.event_field(e.id::text),
    desk.event_field((extract(epoch FROM e.at) * 1000000)::bigint::text),
    desk.event_field(e.actor_kind), desk.event_field(e.actor_id),
    desk.event_field(e.action), desk.event_field(e.entity), desk.event_field(e.entity_id),
    desk.event_field(e.before::text), desk.event_field(e.after::text),
    desk.event_field(e.undoes::text), desk.event_field(e.origin), desk.event_field(e.db_link))
$$;

-- The moment is the server's, whatever its author says.
CREATE OR REPLACE FUNCTION desk.on_events_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  NEW.at := clock_timestamp() AT TIME ZONE 'utc';
  NEW.db_link := session_user || '@' || coalesce(host(inet_client_addr()), 'local');
  NEW.hash := sha256(convert_to(desk.event_text(NEW), 'UTF8'));
  RETURN NEW;
END
$$;

-- The desk's role has no right to change or remove. This stops its owner's mistakes; somebody with that role who
-- switches the trigger off leaves what `desk audit verify` finds.
CREATE OR REPLACE FUNCTION desk.append_only() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '%.% is append-only: nothing in it is changed or removed', TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END
$$;

UPDATE desk.events SET hash = sha256(convert_to(desk.event_text(events), 'UTF8')) WHERE hash IS NULL;
ALTER TABLE desk.events ALTER COLUMN hash SET NOT NULL;

CREATE OR REPLACE TRIGGER hashed BEFORE INSERT ON desk.events
  FOR EACH ROW EXECUTE FUNCTION desk.on_events_insert();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON desk.events
  FOR EACH ROW EXECUTE FUNCTION desk.append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON desk.events
  FOR EACH STATEMENT EXECUTE FUNCTION desk.append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON desk.seals
  FOR EACH ROW EXECUTE FUNCTION desk.append_only();
CREATE OR REPLACE TRIGGER append_only_truncate BEFORE TRUNCATE ON desk.seals
  FOR EACH STATEMENT EXECUTE FUNCTION desk.append_only();

-- Seals the events whose transactions have ended; answers how many. Whoever comes while somebody seals, does nothing.
--
-- Numbers are given before rows can be seen: while a transaction is open, an event with a lower number may still come.
-- Such a transaction holds a lock on the table until its rows can be seen. So: look at the newest event first, then at
-- who holds that lock; once those are gone, everything up to that event is there to stay. Every statement must see
-- what was committed before it, hence READ COMMITTED.
CREATE OR REPLACE FUNCTION desk.seal_events() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  batch CONSTANT integer := 1000;
  previous record;
  newest bigint;
  writing text[];
  settled bigint;
  found_ids bigint[];
  found_hashes bytea;
  items bytea;
  upto bigint;
  moment timestamp;
  sealed integer := 0;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed'
     OR NOT pg_try_advisory_xact_lock(hashtextextended('desk.seal_events', 0)) THEN
    RETURN 0;
  END IF;
  SELECT s.number, s.last_id, s.digest INTO previous FROM desk.seals s ORDER BY s.number DESC LIMIT 1;
  IF NOT FOUND THEN
    SELECT 0::bigint AS number, 0::bigint AS last_id, ''::bytea AS digest INTO previous;
  END IF;
  SELECT max(e.id) INTO newest FROM desk.events e;
  IF newest IS NULL OR newest <= previous.last_id THEN
    RETURN 0;
  END IF;
  SELECT array_agg(DISTINCT l.virtualtransaction) INTO writing
    FROM pg_locks l
   WHERE l.locktype = 'relation' AND l.relation = 'desk.events'::regclass AND l.granted
     AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
     AND l.mode = 'RowExclusiveLock' AND l.pid IS DISTINCT FROM pg_backend_pid();
  IF writing IS NULL THEN
    settled := newest;
    DELETE FROM desk.seal_mark;
  ELSE
    SELECT m.last_id INTO settled FROM desk.seal_mark m WHERE NOT m.writers && writing;
    INSERT INTO desk.seal_mark AS m (last_id, writers) VALUES (newest, writing)
      ON CONFLICT (lone) DO UPDATE SET last_id = excluded.last_id, writers = excluded.writers
      WHERE NOT m.writers && writing;
  END IF;
  moment := clock_timestamp() AT TIME ZONE 'utc';
  WHILE settled > previous.last_id AND sealed < 20 * batch LOOP
    SELECT array_agg(e.id ORDER BY e.id), string_agg(e.hash, '' ORDER BY e.id),
           string_agg(int8send(e.id) || e.hash, '' ORDER BY e.id)
      INTO found_ids, found_hashes, items
      FROM (SELECT a.id, a.hash FROM desk.events a
             WHERE a.id > previous.last_id AND a.id <= settled ORDER BY a.id LIMIT batch) e;
    EXIT WHEN found_ids IS NULL;
    upto := CASE WHEN cardinality(found_ids) < batch THEN settled ELSE found_ids[batch] END;
    INSERT INTO desk.seals AS s (number, first_id, last_id, ids, hashes, at, digest)
    VALUES (previous.number + 1, previous.last_id + 1, upto, found_ids, found_hashes, moment,
            sha256(previous.digest || int8send(previous.number + 1) || int8send(previous.last_id + 1)
                   || int8send(upto) || int8send((extract(epoch FROM moment) * 1000000)::bigint) || items))
    RETURNING s.number, s.last_id, s.digest INTO previous;
    sealed := sealed + cardinality(found_ids);
  END LOOP;
  RETURN sealed;
END
$$;

-- Called by the desk's role through `desk grant`; all else is called by triggers and by other functions.
REVOKE ALL ON FUNCTION desk.event_field(text), desk.event_text(desk.events), desk.on_events_insert(), desk.append_only(),
  desk.seal_events() FROM PUBLIC;

-- By person, by what was done, by time; and which events were taken back.
CREATE INDEX IF NOT EXISTS events_actor ON desk.events (actor_id, id);
CREATE INDEX IF NOT EXISTS events_action ON desk.events (action text_pattern_ops, id);
CREATE INDEX IF NOT EXISTS events_at ON desk.events (at);
CREATE INDEX IF NOT EXISTS events_undoes ON desk.events (undoes) WHERE undoes IS NOT NULL;
