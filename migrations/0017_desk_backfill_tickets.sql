-- Fills desk.tickets from the web app's rows, in batches: run again with the last answer until it answers null.
SELECT upto, filled, busy FROM desk.backfill('ticket', $1, $2)
