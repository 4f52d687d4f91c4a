-- A client's active tickets: the client card, the boards and the list of clients count them for many clients at once.
-- Clients of many years have hundreds of tickets, of which a few are active.
CREATE INDEX IF NOT EXISTS tickets_active_client ON desk.tickets (client_id, last_activity_at, ticket_id) WHERE active;
