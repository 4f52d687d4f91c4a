-- What the desk keeps beside the web app's rows, keyed by their ids. No foreign key leads to `public`: it would
-- refuse the web app's TRUNCATE. The schema itself and desk.migrations are made by the migrator before this step.

-- One row a ticket, kept by triggers on support_tickets and ticket_comments. Assignee and priority are ours alone.
CREATE TABLE desk.tickets (
  ticket_id text PRIMARY KEY,
  status text NOT NULL,
  client_id text NOT NULL,
  number text NOT NULL,
  -- The number taken apart: "TKT-", 1042, 4. Values beyond 18 digits are text only.
  number_prefix text NOT NULL GENERATED ALWAYS AS (left(regexp_replace(number, '[0-9]+$', ''), 200)) STORED,
  number_value bigint GENERATED ALWAYS AS (
    CASE WHEN length(substring(number FROM '[0-9]+$')) <= 18 THEN substring(number FROM '[0-9]+$')::bigint END) STORED,
  number_width integer NOT NULL GENERATED ALWAYS AS (coalesce(length(substring(number FROM '[0-9]+$')), 0)) STORED,
  created_at timestamp NOT NULL,
  last_activity_at timestamp NOT NULL,
  last_comment_id text,
  last_side text NOT NULL,
  last_author_id text NOT NULL,
  waiting_since timestamp,
  answered_at timestamp,
  comment_count integer NOT NULL DEFAULT 0,
  assignee_id text,
  priority smallint NOT NULL DEFAULT 1 CHECK (priority BETWEEN 0 AND 3),
  version bigint NOT NULL DEFAULT 1,
  active boolean NOT NULL GENERATED ALWAYS AS (status IN ('OPEN', 'PENDING') OR waiting_since IS NOT NULL) STORED,
  -- Ascending = who has waited longest first, then those that do not wait, the newest first (mirrored at year 4000).
  queue_key timestamp NOT NULL GENERATED ALWAYS AS (
    CASE WHEN waiting_since IS NOT NULL THEN waiting_since
         WHEN last_activity_at > timestamp '4000-01-01' THEN timestamp '4000-01-01'
         WHEN last_activity_at < timestamp '0001-01-01' THEN timestamp '8000-01-01'
         ELSE timestamp '4000-01-01' + (timestamp '4000-01-01' - last_activity_at) END) STORED
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX tickets_active_queue ON desk.tickets (queue_key, ticket_id) WHERE active;
CREATE INDEX tickets_active_assignee_queue ON desk.tickets (assignee_id, queue_key, ticket_id) WHERE active;
CREATE INDEX tickets_active_activity ON desk.tickets (last_activity_at, ticket_id) WHERE active;
CREATE INDEX tickets_active_assignee_activity ON desk.tickets (assignee_id, last_activity_at, ticket_id) WHERE active;
-- The client card, the boards and the list of clients count active tickets for many clients at once.
CREATE INDEX tickets_active_client ON desk.tickets (client_id, last_activity_at, ticket_id) WHERE active;
CREATE INDEX tickets_status_queue ON desk.tickets (status, queue_key, ticket_id);
CREATE INDEX tickets_status_activity ON desk.tickets (status, last_activity_at, ticket_id);
CREATE INDEX tickets_activity ON desk.tickets (last_activity_at, ticket_id);
CREATE INDEX tickets_client_activity ON desk.tickets (client_id, last_activity_at);
CREATE INDEX tickets_number ON desk.tickets (number text_pattern_ops);
CREATE INDEX tickets_number_value ON desk.tickets (number_value);
CREATE INDEX tickets_number_prefix ON desk.tickets (number_prefix, number_value);
CREATE INDEX tickets_created ON desk.tickets (created_at, ticket_id);

CREATE TABLE desk.projects (
  project_id text PRIMARY KEY,
  status text NOT NULL,
  client_id text NOT NULL,
  end_date timestamp,
  title_key text NOT NULL,
  version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 85);
CREATE INDEX projects_board ON desk.projects (status, end_date, title_key, project_id);
CREATE INDEX projects_client ON desk.projects (client_id);

CREATE TABLE desk.users (
  user_id text PRIMARY KEY,
  search text NOT NULL,
  name_key text NOT NULL,
  role text NOT NULL,
  active boolean NOT NULL,
  version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 85);
CREATE INDEX users_name ON desk.users (name_key text_pattern_ops);
CREATE INDEX users_role_name ON desk.users (role, name_key);

-- Who saw which ticket when.
CREATE TABLE desk.reads (
  user_id text NOT NULL,
  ticket_id text NOT NULL,
  seen_at timestamp NOT NULL,
  PRIMARY KEY (user_id, ticket_id)
);
CREATE INDEX reads_ticket ON desk.reads (ticket_id);

-- Half-written texts. The comment's id is made when composing starts, so that sending twice is sending once.
CREATE TABLE desk.drafts (
  user_id text NOT NULL,
  ticket_id text NOT NULL,
  kind text NOT NULL DEFAULT 'reply',
  comment_id text NOT NULL,
  content text NOT NULL,
  last_comment_id text,
  status_after text,
  older_content text,
  origin text NOT NULL DEFAULT '',
  version bigint NOT NULL DEFAULT 1,
  updated_at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc'),
  PRIMARY KEY (user_id, ticket_id, kind)
);
CREATE INDEX drafts_ticket ON desk.drafts (ticket_id);

-- Append-only: every change that the desk makes. Ids and values, never message texts.
CREATE TABLE desk.events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc'),
  actor_kind text NOT NULL CHECK (actor_kind IN ('staff', 'operator', 'system')),
  actor_id text,
  action text NOT NULL,
  entity text NOT NULL,
  entity_id text NOT NULL,
  before jsonb,
  after jsonb,
  undoes bigint,
  origin text NOT NULL DEFAULT ''
);
CREATE INDEX events_entity ON desk.events (entity, entity_id, id);

CREATE TABLE desk.sessions (
  id text PRIMARY KEY,
  user_id text NOT NULL,
  token_hash text NOT NULL UNIQUE,
  created_at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc'),
  last_seen_at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc'),
  expires_at timestamp NOT NULL,
  origin text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON desk.sessions (user_id);

-- Rows that a trigger could not bring up to date without waiting. row_id NULL = all of that kind, up to
-- `folded_to` so far. `answered`: the ticket was set to RESOLVED or CLOSED at that moment.
CREATE TABLE desk.stale (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('ticket', 'project', 'user')),
  row_id text,
  at timestamp NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc'),
  answered boolean NOT NULL DEFAULT false,
  folded_to text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
