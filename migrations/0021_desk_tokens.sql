-- Codes for password resets and verifications: asked for, issued, redeemed, swept. The only way to the web app's
-- tables password_resets and email_verifications: they run with their owner's rights, so that the desk's role needs
-- none there.
--
-- Enforced here, whoever calls:
-- * whoever asks has a session that holds and the role for it: ADMIN for active clients, SUPER_ADMIN for active staff
--   too; without a session only members of the owning role ask, or anybody while no SUPER_ADMIN could sign in;
-- * at most 3 codes an hour for an account, and 20 by one member of staff, also by many at once;
-- * a code lives 60 minutes, or 24 hours for a verification, at most, by this server's clock; a newer one cancels
--   older ones; it is used once; it is void once the account was switched off or got another role or address;
-- * no function answers with a token or its hash, and none takes a hash in the place of a code.
-- Not enforced here: what a role with the desk's own rights makes up. It may write sessions, so it can ask in the
-- name of staff; and whoever asks learns the code, unless it is mailed. The limits and the log of asks hold for it too.

-- What an address was when a code was asked for; tells of a change and shows nothing.
CREATE OR REPLACE FUNCTION desk.token_email_digest(user_id text, email text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT encode(sha256(convert_to(coalesce($1, '') || E'\n' || coalesce($2, ''), 'UTF8')), 'hex')
$$;

-- Asks for a code. NULL: it may be issued now. Else why not: `malformed`, `gone`, `forbidden`, `account_limit`,
-- `staff_limit`. The same id may be asked for again and counts once.
CREATE OR REPLACE FUNCTION desk.token_ask(ask_id text, token_kind text, for_user text, by_session text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  now_utc timestamp;
  named record;
  staff record;
  asked record;
  staff_key text;
BEGIN
  -- An older snapshot would not show what others asked for meanwhile.
  IF ask_id IS NULL OR ask_id !~ '^[0-9a-f]{32}$' OR token_kind IS NULL
     OR token_kind NOT IN ('password_reset', 'email_verification')
     OR current_setting('transaction_isolation') <> 'read committed' THEN
    RETURN 'malformed';
  END IF;
  SELECT u.role::text AS role, u.email::text AS email, u.active INTO named
    FROM public.users u WHERE u.id::text = for_user;
  IF NOT FOUND OR NOT named.active THEN
    RETURN 'gone';
  END IF;
  IF by_session IS NULL THEN
    IF NOT pg_has_role(session_user, current_user, 'MEMBER') AND EXISTS (
         SELECT FROM public.users u
          WHERE u.role::text = 'SUPER_ADMIN' AND u.active AND u.email_verified AND u.password_hash IS NOT NULL) THEN
      RETURN 'forbidden';
    END IF;
    staff_key := NULL;
  ELSE
    SELECT s.user_id, u.role::text AS role INTO staff
      FROM desk.sessions s JOIN public.users u ON u.id::text = s.user_id
     WHERE s.id = by_session AND s.expires_at > (clock_timestamp() AT TIME ZONE 'utc')
       AND u.active AND u.email_verified AND s.role = u.role::text
       AND s.password_mark = encode(sha256(convert_to(coalesce(u.password_hash, ''), 'UTF8')), 'hex');
    IF NOT FOUND OR NOT (staff.role = 'SUPER_ADMIN' OR staff.role = 'ADMIN' AND named.role = 'CLIENT') THEN
      RETURN 'forbidden';
    END IF;
    staff_key := staff.user_id;
  END IF;
  -- The account first, then whoever asks: never the other way round.
  PERFORM pg_advisory_xact_lock(7031201, hashtext(for_user));
  PERFORM pg_advisory_xact_lock(7031202, hashtext(coalesce(staff_key, '')));
  now_utc := clock_timestamp() AT TIME ZONE 'utc';
  SELECT a.user_id, a.kind INTO asked FROM desk.token_asks a WHERE a.id = ask_id;
  IF FOUND THEN
    RETURN CASE WHEN asked.user_id = for_user AND asked.kind = token_kind THEN NULL ELSE 'malformed' END;
  END IF;
  IF (SELECT count(*) FROM desk.token_asks a
       WHERE a.user_id = for_user AND a.asked_at > now_utc - interval '1 hour') >= 3 THEN
    RETURN 'account_limit';
  END IF;
  IF (SELECT count(*) FROM desk.token_asks a
       WHERE a.staff_id IS NOT DISTINCT FROM staff_key AND a.asked_at > now_utc - interval '1 hour') >= 20 THEN
    RETURN 'staff_limit';
  END IF;
  INSERT INTO desk.token_asks (id, kind, user_id, staff_id, role, email_digest, asked_at)
  VALUES (ask_id, token_kind, for_user, staff_key, named.role,
          desk.token_email_digest(for_user, named.email), now_utc);
  RETURN NULL;
END
$$;

-- Issues the code that was asked for: `stored` is what is to lie in the web app's table, SHA-256 in hexadecimal or the
-- code itself. Answers until when it is good; NULL when it may not be issued any more: asked for more than a day ago,
-- overtaken by a newer one, the account another one since. A code that was mailed in doubt is issued anew with a new
-- text; the codes of one ask are good beside each other, and using one uses all.
CREATE OR REPLACE FUNCTION desk.token_issue(ask_id text, stored text, lifetime_minutes integer) RETURNS timestamp
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  now_utc timestamp := clock_timestamp() AT TIME ZONE 'utc';
  ask record;
  until timestamp;
BEGIN
  IF stored IS NULL OR stored !~ '^([0-9a-f]{64}|[A-Za-z0-9_-]{43})$' THEN
    RETURN NULL;
  END IF;
  SELECT a.kind, a.user_id, a.role, a.email_digest, a.asked_at, a.issues INTO ask
    FROM desk.token_asks a WHERE a.id = ask_id FOR UPDATE;
  IF NOT FOUND OR ask.issues >= 20 OR ask.asked_at < now_utc - interval '1 day'
     OR NOT EXISTS (
       SELECT FROM public.users u
        WHERE u.id::text = ask.user_id AND u.active AND u.role::text = ask.role
          AND desk.token_email_digest(ask.user_id, u.email::text) = ask.email_digest)
     OR EXISTS (
       SELECT FROM desk.token_asks n
        WHERE n.user_id = ask.user_id AND n.kind = ask.kind AND n.issues > 0 AND n.id <> ask_id
          AND n.asked_at > ask.asked_at) THEN
    RETURN NULL;
  END IF;
  IF ask.kind = 'password_reset' THEN
    SELECT r.expires_at INTO until FROM public.password_resets r
     WHERE r.token = stored AND NOT r.used AND split_part(r.id::text, '-', 1) = ask_id;
  ELSE
    SELECT v.expires_at INTO until FROM public.email_verifications v
     WHERE v.token = stored AND NOT v.used AND split_part(v.id::text, '-', 1) = ask_id;
  END IF;
  IF FOUND THEN
    RETURN until;
  END IF;
  UPDATE desk.token_asks a SET issues = a.issues + 1 WHERE a.id = ask_id;
  until := now_utc + make_interval(mins => least(greatest(coalesce(lifetime_minutes, 60), 1),
                                                 CASE ask.kind WHEN 'password_reset' THEN 60 ELSE 1440 END));
  IF ask.kind = 'password_reset' THEN
    UPDATE public.password_resets r SET used = true
     WHERE r.user_id = ask.user_id AND NOT r.used AND split_part(r.id::text, '-', 1) <> ask_id;
    INSERT INTO public.password_resets (id, token, user_id, expires_at, used, created_at)
    VALUES (ask_id || '-' || ask.issues + 1, stored, ask.user_id, until, false, now_utc);
  ELSE
    UPDATE public.email_verifications v SET used = true
     WHERE v.user_id = ask.user_id AND NOT v.used AND split_part(v.id::text, '-', 1) <> ask_id;
    INSERT INTO public.email_verifications (id, token, user_id, expires_at, used, created_at)
    VALUES (ask_id || '-' || ask.issues + 1, stored, ask.user_id, until, false, now_utc);
  END IF;
  RETURN until;
END
$$;

-- Whether what a code was asked for still is: the account's role and address. Codes of the web app have no ask.
CREATE OR REPLACE FUNCTION desk.token_fits(token_id text, user_id text, role text, email text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce((SELECT a.role = $3 AND a.email_digest = desk.token_email_digest($2, $4)
                     FROM desk.token_asks a WHERE a.id = split_part($1, '-', 1)), true)
$$;

-- Redeems a code. One row: whose it was, its kind, and whether the password is `new_hash` now. No row: refused,
-- whatever the reason. A reset needs the new password's hash, and ends all sessions of the account. A verification
-- takes none, but for an account that has no password yet. Ten refusals from one source within a quarter of an hour
-- close it for codes until that has passed.
CREATE OR REPLACE FUNCTION desk.token_redeem(code text, token_format text, new_hash text, from_source text)
RETURNS TABLE (user_id text, kind text, password_set boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  now_utc timestamp := clock_timestamp() AT TIME ZONE 'utc';
  source_key text := left(coalesce(from_source, ''), 200);
  closed boolean;
  stored text;
  reset_user text;
  verified_user text;
  hash_set boolean := false;
BEGIN
  closed := (SELECT count(*) FROM desk.token_tries t
              WHERE t.source = source_key AND t.at > now_utc - interval '15 minutes') >= 10;
  stored := CASE WHEN token_format = 'plain' THEN code
                 ELSE encode(sha256(convert_to(coalesce(code, ''), 'UTF8')), 'hex') END;
  IF closed OR code IS NULL OR code !~ '^[A-Za-z0-9_-]{43}$'
     OR new_hash !~ '^[$]2[aby][$]1[0-4][$][./A-Za-z0-9]{53}$' THEN
    -- Looked for all the same, so that it takes as long.
    stored := repeat('-', 44);
  END IF;
  UPDATE public.password_resets r SET used = true
    FROM public.users u
   WHERE r.token = stored AND new_hash IS NOT NULL AND NOT r.used AND r.expires_at > now_utc
     AND u.id = r.user_id AND u.active AND desk.token_fits(r.id::text, u.id::text, u.role::text, u.email::text)
  RETURNING r.user_id::text INTO reset_user;
  UPDATE public.email_verifications v SET used = true
    FROM public.users u
   WHERE v.token = stored AND reset_user IS NULL AND NOT v.used AND v.expires_at > now_utc
     AND u.id = v.user_id AND u.active AND desk.token_fits(v.id::text, u.id::text, u.role::text, u.email::text)
  RETURNING v.user_id::text INTO verified_user;
  IF reset_user IS NULL AND verified_user IS NULL THEN
    INSERT INTO desk.token_tries (source, at) VALUES (source_key, now_utc);
    RETURN;
  END IF;
  IF reset_user IS NOT NULL THEN
    UPDATE public.password_resets r SET used = true WHERE r.user_id = reset_user AND NOT r.used;
    UPDATE public.users u SET password_hash = new_hash, updated_at = now_utc WHERE u.id = reset_user;
    hash_set := true;
  ELSE
    UPDATE public.email_verifications v SET used = true WHERE v.user_id = verified_user AND NOT v.used;
    hash_set := new_hash IS NOT NULL
                AND EXISTS (SELECT FROM public.users u WHERE u.id = verified_user AND u.password_hash IS NULL);
    UPDATE public.users u
       SET email_verified = true, updated_at = now_utc,
           password_hash = CASE WHEN hash_set THEN new_hash ELSE u.password_hash END
     WHERE u.id = verified_user;
  END IF;
  IF hash_set THEN
    DELETE FROM desk.sessions s WHERE s.user_id = coalesce(reset_user, verified_user);
  END IF;
  RETURN QUERY SELECT coalesce(reset_user, verified_user),
                      CASE WHEN reset_user IS NULL THEN 'email_verification' ELSE 'password_reset' END, hash_set;
END
$$;

-- Removes codes that are used or expired, and what was kept for the limits; with `dry` it only counts.
CREATE OR REPLACE FUNCTION desk.token_sweep(dry boolean)
RETURNS TABLE (resets bigint, verifications bigint, asks bigint, tries bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  now_utc timestamp := clock_timestamp() AT TIME ZONE 'utc';
BEGIN
  IF dry IS DISTINCT FROM false THEN
    RETURN QUERY SELECT
      (SELECT count(*) FROM public.password_resets r WHERE r.used OR r.expires_at < now_utc),
      (SELECT count(*) FROM public.email_verifications v WHERE v.used OR v.expires_at < now_utc),
      (SELECT count(*) FROM desk.token_asks a WHERE a.asked_at < now_utc - interval '7 days'),
      (SELECT count(*) FROM desk.token_tries t WHERE t.at < now_utc - interval '1 hour');
    RETURN;
  END IF;
  DELETE FROM public.password_resets r WHERE r.used OR r.expires_at < now_utc;
  GET DIAGNOSTICS resets = ROW_COUNT;
  DELETE FROM public.email_verifications v WHERE v.used OR v.expires_at < now_utc;
  GET DIAGNOSTICS verifications = ROW_COUNT;
  DELETE FROM desk.token_asks a WHERE a.asked_at < now_utc - interval '7 days';
  GET DIAGNOSTICS asks = ROW_COUNT;
  DELETE FROM desk.token_tries t WHERE t.at < now_utc - interval '1 hour';
  GET DIAGNOSTICS tries = ROW_COUNT;
  RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION desk.token_email_digest(text, text), desk.token_ask(text, text, text, text),
  desk.token_issue(text, text, integer), desk.token_fits(text, text, text, text),
  desk.token_redeem(text, text, text, text), desk.token_sweep(boolean) FROM PUBLIC;
