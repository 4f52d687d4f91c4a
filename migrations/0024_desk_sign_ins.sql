-- Attempts to sign in, counted so that guessing gets slow and nobody is shut out for good. Three kinds of rows:
--
--   account HASH        attempts at an address from places it has not signed in from; known addresses or not alike
--   known HASH HASH     attempts at an address from a place that it has signed in from within 30 days
--   source HASH         attempts from a place, at any address
--
-- An attempt from a known place counts in that row alone: strangers who guess at an address, and colleagues of the
-- same place who mistype theirs, do not hold it up. Addresses are hashed as the look-up compares them, so that
-- whatever is typed for one account counts together. Rows are reached through these functions only.

CREATE TABLE IF NOT EXISTS desk.sign_ins (
  key text PRIMARY KEY,
  -- Goes up by one with each attempt, and down with time: one an hour, at a source one a minute.
  attempts double precision NOT NULL DEFAULT 0,
  last_at timestamp NOT NULL,
  next_at timestamp NOT NULL,
  known_until timestamp
);

-- How long a session may lie unused before it wants the password again; NULL = as long as it lasts.
ALTER TABLE desk.sessions ADD COLUMN IF NOT EXISTS idle_limit interval;
-- Where the sign-in came from.
ALTER TABLE desk.sessions ADD COLUMN IF NOT EXISTS source text NOT NULL DEFAULT '';

CREATE OR REPLACE FUNCTION desk.sign_in_key(address text, source text, OUT who text, OUT place text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  who := encode(sha256(convert_to(lower(btrim(address)), 'UTF8')), 'hex');
  place := encode(sha256(convert_to(source, 'UTF8')), 'hex');
END
$$;

-- Counts an attempt before its password is looked at, as if it will fail. Answers the seconds to wait instead, when
-- it comes too soon; then nothing is counted. After the nth attempt an address waits 3^(n-1) seconds, at most 15
-- minutes: ten an hour. A place has 20 free, then 2^(n-21) seconds, at most 5 minutes.
CREATE OR REPLACE FUNCTION desk.sign_in_claim(address text, source text, OUT wait double precision, OUT known boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  k record;
  at timestamp := clock_timestamp() AT TIME ZONE 'utc';
  row_of_account text;
  row_of_source text;
  due timestamp;
BEGIN
  k := desk.sign_in_key(address, source);
  known := EXISTS (
    SELECT FROM desk.sign_ins s WHERE s.key = 'known ' || k.who || ' ' || k.place AND s.known_until > at);
  row_of_account := CASE WHEN known THEN 'known ' || k.who || ' ' || k.place ELSE 'account ' || k.who END;
  row_of_source := CASE WHEN NOT known THEN 'source ' || k.place END;
  -- Locked in this order everywhere: the account's, then the source's.
  INSERT INTO desk.sign_ins (key, last_at, next_at) VALUES (row_of_account, at, at) ON CONFLICT (key) DO NOTHING;
  PERFORM FROM desk.sign_ins s WHERE s.key = row_of_account FOR UPDATE;
  IF row_of_source IS NOT NULL THEN
    INSERT INTO desk.sign_ins (key, last_at, next_at) VALUES (row_of_source, at, at) ON CONFLICT (key) DO NOTHING;
    PERFORM FROM desk.sign_ins s WHERE s.key = row_of_source FOR UPDATE;
  END IF;
  at := clock_timestamp() AT TIME ZONE 'utc';
  SELECT max(s.next_at) INTO due FROM desk.sign_ins s WHERE s.key IN (row_of_account, row_of_source);
  IF due > at THEN
    wait := extract(epoch FROM due - at);
    RETURN;
  END IF;
  UPDATE desk.sign_ins s
     SET attempts = 1 + greatest(0, s.attempts - extract(epoch FROM greatest(at - s.last_at, interval '0')) / 3600),
         last_at = at
   WHERE s.key = row_of_account;
  UPDATE desk.sign_ins s
     SET attempts = 1 + greatest(0, s.attempts - extract(epoch FROM greatest(at - s.last_at, interval '0')) / 60),
         last_at = at
   WHERE s.key = row_of_source;
  UPDATE desk.sign_ins s
     SET next_at = at + make_interval(secs => CASE
           WHEN s.key = row_of_account THEN least(900, 3 ^ least(20, ceil(s.attempts) - 1))
           WHEN s.attempts <= 20 THEN 0
           ELSE least(300, 2 ^ least(20, ceil(s.attempts) - 21)) END)
   WHERE s.key IN (row_of_account, row_of_source);
  wait := 0;
END
$$;

-- The attempt was right: it is not counted, and the place is known from now on.
CREATE OR REPLACE FUNCTION desk.sign_in_succeeded(address text, source text, known boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  k record;
  at timestamp := clock_timestamp() AT TIME ZONE 'utc';
BEGIN
  k := desk.sign_in_key(address, source);
  IF NOT known THEN
    UPDATE desk.sign_ins s
       SET attempts = greatest(0, s.attempts - 1), next_at = CASE WHEN s.attempts <= 1 THEN at ELSE s.next_at END
     WHERE s.key = 'account ' || k.who;
    UPDATE desk.sign_ins s
       SET attempts = greatest(0, s.attempts - 1), next_at = CASE WHEN s.attempts <= 20 THEN at ELSE s.next_at END
     WHERE s.key = 'source ' || k.place;
  END IF;
  INSERT INTO desk.sign_ins (key, last_at, next_at, known_until)
  VALUES ('known ' || k.who || ' ' || k.place, at, at, at + interval '30 days')
  ON CONFLICT (key) DO UPDATE
     SET attempts = 0, last_at = EXCLUDED.last_at, next_at = EXCLUDED.next_at, known_until = EXCLUDED.known_until;
END
$$;

-- How many rows say nothing any more; removes them unless asked only to count.
CREATE OR REPLACE FUNCTION desk.sign_in_sweep(only_count boolean) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  at timestamp := clock_timestamp() AT TIME ZONE 'utc';
  n bigint;
BEGIN
  SELECT count(*) INTO n FROM desk.sign_ins s
   WHERE s.last_at < at - interval '2 days' AND coalesce(s.known_until < at, true);
  IF NOT only_count THEN
    DELETE FROM desk.sign_ins s WHERE s.key IN (
      SELECT l.key FROM desk.sign_ins l
       WHERE l.last_at < at - interval '2 days' AND coalesce(l.known_until < at, true) FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS n = ROW_COUNT;
  END IF;
  RETURN n;
END
$$;

REVOKE ALL ON desk.sign_ins FROM PUBLIC;
REVOKE ALL ON FUNCTION desk.sessions_ended(), desk.sign_in_key(text, text), desk.sign_in_claim(text, text),
  desk.sign_in_succeeded(text, text, boolean), desk.sign_in_sweep(boolean) FROM PUBLIC;
