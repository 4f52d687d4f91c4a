-- Fills desk.users from the web app's rows, in batches: run again with the last answer until it answers null.
SELECT upto, filled, busy FROM desk.backfill('user', $1, $2)
