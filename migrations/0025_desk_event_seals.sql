-- What tells that the event log was tampered with: each event has a hash of its own, and seals, made later and by one
-- desk at a time, chain the hashes. Whoever writes an event waits for nobody.

-- Who was connected, as the server saw it: a desk's own words about where it is stand in `origin`.
ALTER TABLE desk.events ADD COLUMN db_link text NOT NULL DEFAULT '';
-- SHA-256 of desk.event_text, made by a trigger.
ALTER TABLE desk.events ADD COLUMN hash bytea;

-- One row a batch: all events of first_id .. last_id, whose transactions had ended by then. A number in that range that
-- is not among `ids` was never given to an event that stayed. Events and seals are never changed or removed.
CREATE TABLE desk.seals (
  number bigint PRIMARY KEY,
  first_id bigint NOT NULL,
  last_id bigint NOT NULL,
  ids bigint[] NOT NULL,
  -- The hashes of those, 32 bytes each.
  hashes bytea NOT NULL,
  -- SHA-256 of the digest before, number, first_id, last_id, at, and each id with its hash; numbers in 8 bytes.
  digest bytea NOT NULL,
  at timestamp NOT NULL
);

-- The newest event at a moment when transactions that had written events were still open, and those.
CREATE TABLE desk.seal_mark (
  lone boolean PRIMARY KEY DEFAULT true CHECK (lone),
  last_id bigint NOT NULL,
  writers text[] NOT NULL
);
