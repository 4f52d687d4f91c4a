-- Issues the code that was asked for: `stored` is what is to lie in the web app's table, SHA-256 in hexadecimal or the
-- code itself. Answers until when it is good; NULL when it may not be issued any more: asked for more than a day ago,
-- overtaken by a newer one, the account another one since. A code that was mailed in doubt is issued anew with a new
-- text; the codes of one ask are good beside each other, and using one uses all.
--
-- Codes of one account are made one after the other, under the same lock as in desk.token_ask, and never in an older
-- snapshot: or neither would see that the other takes its place, and both would be good.
CREATE OR REPLACE FUNCTION desk.token_issue(ask_id text, stored text, lifetime_minutes integer) RETURNS timestamp
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  now_utc timestamp;
  ask record;
  until timestamp;
BEGIN
  IF stored IS NULL OR stored !~ '^([0-9a-f]{64}|[A-Za-z0-9_-]{43})$'
     OR current_setting('transaction_isolation') <> 'read committed' THEN
    RETURN NULL;
  END IF;
  PERFORM pg_advisory_xact_lock(7031201, hashtext(a.user_id)) FROM desk.token_asks a WHERE a.id = ask_id;
  now_utc := clock_timestamp() AT TIME ZONE 'utc';
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

REVOKE ALL ON FUNCTION desk.token_issue(text, text, integer) FROM PUBLIC;
