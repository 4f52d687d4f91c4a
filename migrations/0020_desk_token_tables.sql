-- What stands behind the codes of password resets and verifications. The codes themselves, hashed, lie in the web
-- app's two tables. No role but the owner's has any right here: the functions of 0021 are the only way.

-- One row for each code that somebody asked for: the limits are counted here, and what must still be true when the
-- code is made and when it is used. Never the code, nor its hash.
CREATE TABLE desk.token_asks (
  id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{32}$'),
  kind text NOT NULL CHECK (kind IN ('password_reset', 'email_verification')),
  user_id text NOT NULL,
  -- NULL: an operator on the command line.
  staff_id text,
  -- Of the account, when it was asked for.
  role text NOT NULL,
  email_digest text NOT NULL,
  asked_at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc'),
  issues integer NOT NULL DEFAULT 0
);
CREATE INDEX token_asks_user ON desk.token_asks (user_id, asked_at);
CREATE INDEX token_asks_staff ON desk.token_asks (staff_id, asked_at);

-- Codes that were refused, by where they were typed.
CREATE TABLE desk.token_tries (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL,
  at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc')
);
CREATE INDEX token_tries_source ON desk.token_tries (source, at);
