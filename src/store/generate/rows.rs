//! The statements that make generated rows: accounts, projects, tickets with their conversations.
//!
//! Each function makes the rows numbered `first` to `last`. `base` is the start of the day that everything
//! lies before, as microseconds since 1970.

use crate::store::error::Result;
use crate::store::transaction::Transaction;
use crate::store::{seed, sql};

/// Numbered rows of one kind, out of how many there will be in all.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The first row's number; they count from 1.
    pub first: i64,
    /// The last row's number.
    pub last: i64,
    /// How many tickets the finished database has.
    pub tickets: i64,
    /// How many accounts.
    pub users: i64,
    /// The day's start.
    pub base: i64,
}

/// Accounts: two SUPER_ADMIN, ten ADMIN, then clients. None has a password.
pub async fn insert_users(tx: &Transaction<'_>, range: Range) -> Result<()> {
    sql::execute(
        tx,
        "INSERT INTO public.users (id, email, name, company, created_at, updated_at, last_logged_in, role,
                                   email_verified, active)
         SELECT pg_temp.id('user', person.i),
                given.word || '.' || family.word || person.i || '@' || company.word || '.example',
                pg_catalog.initcap(given.word || ' ' || family.word),
                pg_catalog.initcap(company.word) || ' Ltd',
                person.made, person.made, day.start - pg_temp.u(person.i, 5) * interval '347 days',
                CASE WHEN person.i <= 2 THEN 'SUPER_ADMIN' WHEN person.i <= 12 THEN 'ADMIN'
                     ELSE 'CLIENT' END::public.role,
                true, person.i <= 12 OR pg_temp.u(person.i, 6) > 0.05
         FROM (SELECT timestamp 'epoch' + $3 * interval '1 microsecond' AS start) AS day,
              LATERAL (SELECT i, day.start - interval '3 years' + pg_temp.u(i, 4) * interval '1040 days' AS made,
                              300 + pg_catalog.floor(pg_temp.u(i, 1) * 600)::integer AS given,
                              900 + pg_catalog.floor(pg_temp.u(i, 2) * 3000)::integer AS family,
                              300 + pg_catalog.floor(pg_temp.u(i, 3) * 3600)::integer AS company
                       FROM pg_catalog.generate_series($1, $2) AS i) AS person
         JOIN pg_temp.words AS given ON given.rank = person.given
         JOIN pg_temp.words AS family ON family.rank = person.family
         JOIN pg_temp.words AS company ON company.rank = person.company
         ORDER BY person.i",
        &[sql::int8(&range.first), sql::int8(&range.last), sql::int8(&range.base)],
    )
    .await?;
    Ok(())
}

/// Projects: most of them done; of the others some are late and some have no end.
pub async fn insert_projects(tx: &Transaction<'_>, range: Range) -> Result<()> {
    sql::execute(
        tx,
        "INSERT INTO public.projects (id, title, description, status, client_id, created_at, updated_at,
                                      start_date, end_date, type, budget, requirements)
         SELECT pg_temp.id('project', project.i), pg_catalog.initcap(f1.words), f2.words || ' ' || f3.words,
                (pg_catalog.enum_range(NULL::public.project_status))[
                  CASE WHEN project.dice < .04 THEN 1 WHEN project.dice < .07 THEN 2
                       WHEN project.dice < .15 THEN 3 WHEN project.dice < .19 THEN 4
                       WHEN project.dice < .9 THEN 5 ELSE 6 END],
                pg_temp.id('user', 13 + pg_catalog.floor(($4 - 12) * pg_temp.u(project.i, 23) ^ 2)::bigint),
                project.made, project.made, pg_catalog.date_trunc('day', project.made),
                CASE WHEN pg_temp.u(project.i, 27) < .8 THEN pg_catalog.date_trunc('day',
                  CASE WHEN project.dice < .19 THEN project.start - interval '90 days' ELSE project.made END)
                  + pg_catalog.floor(20 + pg_temp.u(project.i, 24) * 180) * interval '1 day' END,
                (pg_catalog.enum_range(NULL::public.project_type))[
                  1 + pg_catalog.floor(pg_temp.u(project.i, 25) * 7)::integer],
                pg_catalog.round((500 + pg_temp.u(project.i, 26) * 20000)::numeric), f3.words
         FROM (SELECT i, pg_temp.u(i, 21) AS dice, day.start,
                      day.start - interval '3 years' + pg_temp.u(i, 22) * interval '1090 days' AS made
               FROM pg_catalog.generate_series($1, $2) AS i,
                    (SELECT timestamp 'epoch' + $3 * interval '1 microsecond' AS start) AS day) AS project
         JOIN pg_temp.fragments AS f1 ON f1.id = pg_temp.pick(project.i, 31) % 16384
         JOIN pg_temp.fragments AS f2 ON f2.id = pg_temp.pick(project.i, 32) % 16384
         JOIN pg_temp.fragments AS f3 ON f3.id = pg_temp.pick(project.i, 33) % 16384
         ORDER BY project.i",
        &[sql::int8(&range.first), sql::int8(&range.last), sql::int8(&range.base), sql::int8(&range.users)],
    )
    .await?;
    Ok(())
}

/// Tickets `first` to `last`, their comments, our rows beside them, and some read marks.
pub async fn insert_tickets(tx: &Transaction<'_>, range: Range) -> Result<()> {
    tx.batch_execute("TRUNCATE pg_temp.given").await?;
    let mark = seed::stale_mark(tx).await?;
    sql::execute(
        tx,
        FILL_GIVEN,
        &[
            sql::int8(&range.first),
            sql::int8(&range.last),
            sql::int8(&range.tickets),
            sql::int8(&range.users),
            sql::int8(&range.base),
        ],
    )
    .await?;
    tx.batch_execute("ANALYZE pg_temp.given").await?;
    sql::execute(tx, INSERT_TICKETS, &[]).await?;
    sql::execute(tx, INSERT_COMMENTS, &[]).await?;
    seed::replace_desk_tickets(tx, mark).await?;
    sql::execute(tx, INSERT_READS, &[]).await?;
    Ok(())
}

/// 6 % OPEN, 4 % PENDING (mostly recent), 30 % RESOLVED, 60 % CLOSED, over three years. Ticket tickets/2 has
/// 1000 comments, tickets/2+1 has 20, the rest an exponential number with a mean of 5; in PENDING ones staff
/// wrote last. Comments keep a distance of their ticket's own, 20 minutes to 40 hours, less where there is no room
/// before the day's start. A settled ticket was settled after its last message, but for one in a hundred.
const FILL_GIVEN: &str = "
    WITH day AS (
      SELECT timestamp 'epoch' + $5 * interval '1 microsecond' AS start
    ), number AS (
      SELECT coalesce(pg_catalog.max(number_value), 1000) AS newest
      FROM desk.tickets WHERE number_prefix = 'TKT-'
    ), drawn AS (
      SELECT i, (number.newest + i - $1 + 1)::text AS number, day.start AS day,
             day.start - interval '3 years' + (i::double precision / $3) * interval '1095.5 days' AS made,
             CASE WHEN i = $3 / 2 THEN 1000 WHEN i = $3 / 2 + 1 THEN 20
                  ELSE least(200, pg_catalog.floor(
                    -pg_catalog.ln(greatest(pg_temp.u(i, 41), 1e-12)) * 5.4))::integer END AS comments,
             CASE WHEN i > $3 * 0.93 THEN
                    CASE WHEN pg_temp.u(i, 43) < .75 THEN 'OPEN' ELSE 'PENDING' END
                  WHEN pg_temp.u(i, 43) < .0085 THEN 'OPEN' WHEN pg_temp.u(i, 43) < .033 THEN 'PENDING'
                  WHEN pg_temp.u(i, 43) < .36 THEN 'RESOLVED' ELSE 'CLOSED' END AS status,
             pg_temp.u(i, 42) AS client, pg_temp.u(i, 44) AS pace, pg_temp.u(i, 45) AS weight,
             pg_temp.u(i, 46) AS settled, pg_temp.u(i, 47) AS late, pg_temp.u(i, 49) AS taken,
             pg_temp.pick(i, 48) % (SELECT pg_catalog.count(*) FROM pg_temp.assignees) AS place
      FROM pg_catalog.generate_series($1, $2) AS i, day, number
    ), sized AS (
      SELECT drawn.*,
             CASE WHEN status = 'PENDING' AND comments % 2 = 0 THEN comments + 1 ELSE comments END AS n
      FROM drawn
    ), spaced AS (
      SELECT sized.*, least(1200 + pace ^ 2 * 144000,
                            extract(epoch FROM day - made)::double precision / (n + 2)) AS gap
      FROM sized
    )
    INSERT INTO pg_temp.given (i, id, number, comments, client_id, created_at, gap, status, settled_at,
                               assignee_id, priority)
    SELECT spaced.i, pg_temp.id('ticket', spaced.i),
           'TKT-' || pg_catalog.lpad(number, greatest(4, pg_catalog.length(number)), '0'), n,
           pg_temp.id('user', 13 + pg_catalog.floor(($4 - 12) * client ^ 2)::bigint), made, gap, status,
           CASE WHEN status IN ('RESOLVED', 'CLOSED') OR settled < 0.05 THEN
             made + (gap * CASE WHEN n % 2 = 0 AND n > 0 AND late < 0.02 THEN n - 0.2
                                ELSE n + 0.9 END) * interval '1 second' END,
           assignee.id,
           CASE WHEN weight < .10 THEN 0 WHEN weight < .82 THEN 1 WHEN weight < .96 THEN 2 ELSE 3 END
    FROM spaced
    LEFT JOIN pg_temp.assignees AS assignee
           ON assignee.place = spaced.place
          AND spaced.taken > CASE WHEN spaced.status IN ('OPEN', 'PENDING') THEN .35 ELSE .1 END";

const INSERT_TICKETS: &str = "
    INSERT INTO public.support_tickets (id, ticket_number, subject, description, status, client_id,
                                        created_at, updated_at, last_replied_at)
    SELECT given.id, given.number,
           pg_catalog.upper(pg_catalog.left(f1.words, 1)) || pg_catalog.substr(f1.words, 2),
           f2.words || '. ' || f3.words || ' ' || f4.words || '.', given.status::public.ticket_status,
           given.client_id, given.created_at, given.created_at,
           CASE WHEN given.comments > 0 THEN given.created_at + (given.gap * (given.comments
             + 0.7 * pg_temp.u(given.i * 1024 + given.comments, 51))) * interval '1 second' END
    FROM pg_temp.given
    JOIN pg_temp.fragments AS f1 ON f1.id = pg_temp.pick(given.i, 61) % 16384
    JOIN pg_temp.fragments AS f2 ON f2.id = pg_temp.pick(given.i, 62) % 16384
    JOIN pg_temp.fragments AS f3 ON f3.id = 13616 + pg_temp.pick(given.i, 63) % 16384
    JOIN pg_temp.fragments AS f4 ON f4.id = 13616 + pg_temp.pick(given.i, 64) % 16384
    ORDER BY given.i";

const INSERT_COMMENTS: &str = "
    INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at, updated_at)
    SELECT pg_temp.id('comment', said.h),
           CASE said.h % 4
             WHEN 0 THEN f1.words || ' ' || f2.words || '.'
             WHEN 1 THEN f1.words || ' ' || f2.words || ', ' || f3.words || '.'
             ELSE f1.words || ' ' || f2.words || '. ' || f3.words || ' ' || f4.words || ' ' || f1.words || '.'
           END || CASE WHEN said.h % 50 = 0 THEN
             ' ERR' || (100000 + pg_catalog.floor(pg_temp.u(said.h, 56) * 200000)::integer)::text ELSE '' END,
           said.ticket_id,
           CASE WHEN said.k % 2 = 1 THEN pg_temp.id('user', 1 + said.h % 12) ELSE said.client_id END,
           CASE WHEN said.k % 2 = 1 THEN 'ADMIN' ELSE 'CLIENT' END::public.comment_sender, said.at, said.at
    FROM (SELECT spoken.*, spoken.created_at
                   + (spoken.gap * (k + 0.7 * pg_temp.u(spoken.h, 51))) * interval '1 second' AS at
          FROM (SELECT given.i * 1024 + k AS h, k, given.id AS ticket_id, given.client_id, given.created_at,
                       given.gap
                FROM pg_temp.given, pg_catalog.generate_series(1, given.comments) AS k) AS spoken) AS said
    JOIN pg_temp.fragments AS f1 ON f1.id = pg_temp.pick(said.h, 52) % 16384
    JOIN pg_temp.fragments AS f2 ON f2.id = pg_temp.pick(said.h, 53) % 16384
    JOIN pg_temp.fragments AS f3 ON f3.id = 13616 + pg_temp.pick(said.h, 54) % 16384
    JOIN pg_temp.fragments AS f4 ON f4.id = 13616 + pg_temp.pick(said.h, 55) % 16384";

/// The assignee has read seven in ten of theirs, some of these only up to an earlier message.
const INSERT_READS: &str = "
    INSERT INTO desk.reads (user_id, ticket_id, seen_at)
    SELECT given.assignee_id, given.id,
           CASE WHEN pg_temp.u(given.i, 71) < .5 THEN ticket.last_activity_at ELSE given.created_at END
    FROM pg_temp.given JOIN desk.tickets AS ticket ON ticket.ticket_id = given.id
    WHERE given.assignee_id IS NOT NULL AND pg_temp.u(given.i, 71) < .7
    ON CONFLICT (user_id, ticket_id) DO NOTHING";
