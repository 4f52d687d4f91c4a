-- Mail to be sent, and what became of it. Ids only: the address is read from the account when the mail is sent, a code
-- is made then too, so that neither lies here.
CREATE TABLE desk.mails (
  -- Also the left half of the Message-ID, and of a code's mail the number of its ask.
  id text PRIMARY KEY DEFAULT replace(gen_random_uuid()::text, '-', ''),
  kind text NOT NULL CHECK (kind IN ('password_reset', 'email_verification', 'password_changed', 'email_changed',
                                     'role_changed', 'sessions_ended', 'ticket_answered')),
  to_user text NOT NULL,
  ticket_id text,
  -- sending: somebody holds it, until next_attempt_at. doubtful: the connection was lost when the mail was out or
  -- nearly so, twice; it is not sent again.
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'sent', 'doubtful', 'failed')),
  attempts integer NOT NULL DEFAULT 0,
  -- How often the connection was lost after the text had gone out: 1 = it may have arrived twice.
  doubts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc'),
  last_error text NOT NULL DEFAULT '',
  created_at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc'),
  sent_at timestamp
);
CREATE INDEX mails_due ON desk.mails (next_attempt_at) WHERE state IN ('queued', 'sending');
CREATE INDEX mails_created ON desk.mails (created_at);

-- What one desk does for all, once in a while: when it was done.
CREATE TABLE desk.chores (
  name text PRIMARY KEY,
  done_at timestamp NOT NULL
);
INSERT INTO desk.chores (name, done_at) VALUES ('clean_up', '1970-01-01');
