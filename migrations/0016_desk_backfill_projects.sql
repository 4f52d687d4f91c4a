-- Fills desk.projects from the web app's rows, in batches: run again with the last answer until it answers null.
SELECT upto, filled, busy FROM desk.backfill('project', $1, $2)
