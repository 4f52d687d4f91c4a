-- When an account gets another address, whoever had it before must hear of it at the old one, which is nowhere else by
-- then. It lies here only until that mail is sent or given up.
ALTER TABLE desk.mails ADD COLUMN to_address text;
ALTER TABLE desk.mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE desk.mails ADD CONSTRAINT mails_kind_check
  CHECK (kind IN ('password_reset', 'email_verification', 'password_changed', 'email_changed', 'email_replaced',
                  'role_changed', 'sessions_ended', 'ticket_answered'));
ALTER TABLE desk.mails ADD CONSTRAINT mails_to_address_check
  CHECK (to_address IS NULL OR (kind = 'email_replaced' AND state IN ('queued', 'sending')));
