-- The log by what was done, by who did what, and by what nobody with an account did: each is walked down from any
-- place in it, so the number comes last.
CREATE INDEX IF NOT EXISTS events_action_id ON desk.events (action, id);
CREATE INDEX IF NOT EXISTS events_actor_action ON desk.events (actor_id, action, id);
CREATE INDEX IF NOT EXISTS events_nobody ON desk.events (actor_kind, action, id) WHERE actor_id IS NULL;
DROP INDEX IF EXISTS desk.events_action;
