-- Where an event came from (origin, db_link) may name a person: a login, a host, an address. The event's hash holds
-- only the mark of it, SHA-256 of a random salt and both texts. Without the salt the mark says nothing, so both texts
-- can go when their author is erased, and all the rest of the event still has its hash.
ALTER TABLE desk.events ADD COLUMN place_salt bytea;
-- NULL: an event from before, whose hash holds both texts themselves.
ALTER TABLE desk.events ADD COLUMN place_mark bytea;
