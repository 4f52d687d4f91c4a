-- An account that gets another address or password, or that is switched off or erased: what was sent to it before
-- proves nothing any more. The desk's role reads no token; it may only make all those of one account worthless.

CREATE OR REPLACE FUNCTION desk.token_cancel(account text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE public.password_resets r SET used = true WHERE r.user_id = account AND NOT r.used;
  UPDATE public.email_verifications v SET used = true WHERE v.user_id = account AND NOT v.used;
  -- What was asked for and is not made yet; nothing of the address stays behind either.
  UPDATE desk.token_asks a SET email_digest = '' WHERE a.user_id = account;
END
$$;

REVOKE ALL ON FUNCTION desk.token_cancel(text) FROM PUBLIC;

-- What an erased client wrote, in portions small enough for the triggers to follow at once; says whether some is left.
-- The desk's role may change no text; this changes those of erased accounts alone, and only into the mark.
CREATE OR REPLACE FUNCTION desk.erase_texts(account text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  mark constant text := '[erased]';
  portion constant integer := 50;
  touched integer;
  more boolean := false;
BEGIN
  PERFORM FROM public.users u
    WHERE u.id = account AND u.role::text NOT IN ('ADMIN', 'SUPER_ADMIN') AND NOT u.active
      AND u.email LIKE 'erased-%@invalid';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'this account is not erased' USING ERRCODE = 'insufficient_privilege';
  END IF;
  DELETE FROM desk.drafts d USING desk.tickets t WHERE t.client_id = account AND d.ticket_id = t.ticket_id;
  FOR i IN 1..10 LOOP
    UPDATE public.support_tickets t
       SET subject = mark, description = mark, updated_at = clock_timestamp() AT TIME ZONE 'utc'
     WHERE t.id IN (SELECT s.id FROM public.support_tickets s
                     WHERE s.client_id = account AND (s.subject <> mark OR s.description <> mark)
                     ORDER BY s.id LIMIT portion);
    GET DIAGNOSTICS touched = ROW_COUNT;
    EXIT WHEN touched < portion;
  END LOOP;
  more := more OR touched = portion;
  FOR i IN 1..10 LOOP
    UPDATE public.ticket_comments c SET content = mark, updated_at = clock_timestamp() AT TIME ZONE 'utc'
     WHERE c.id IN (SELECT s.id FROM public.ticket_comments s
                     WHERE s.user_id = account AND s.content <> mark ORDER BY s.id LIMIT portion);
    GET DIAGNOSTICS touched = ROW_COUNT;
    EXIT WHEN touched < portion;
  END LOOP;
  more := more OR touched = portion;
  FOR i IN 1..10 LOOP
    UPDATE public.projects p
       SET title = mark, description = mark, requirements = mark, updated_at = clock_timestamp() AT TIME ZONE 'utc'
     WHERE p.id IN (SELECT s.id FROM public.projects s
                     WHERE s.client_id = account
                       AND (s.title <> mark OR s.description IS DISTINCT FROM mark OR s.requirements IS DISTINCT FROM mark)
                     ORDER BY s.id LIMIT portion);
    GET DIAGNOSTICS touched = ROW_COUNT;
    EXIT WHEN touched < portion;
  END LOOP;
  RETURN more OR touched = portion;
END
$$;

REVOKE ALL ON FUNCTION desk.erase_texts(text) FROM PUBLIC;
