//! Whether our rows say what they must: none missing, none left over, none wrong.

use super::{Finding, REPAIR, Severity, count};
use crate::store::error::Result;
use crate::store::{fold, sql};
use tokio_postgres::Client;

/// Each with what it counts.
const MISSING: [(&str, &str); 3] = [
    (
        "tickets",
        "SELECT count(*) AS n FROM public.support_tickets p
          WHERE NOT EXISTS (SELECT FROM desk.tickets d WHERE d.ticket_id = p.id)
            AND NOT EXISTS (SELECT FROM desk.stale s WHERE s.kind = 'ticket' AND (s.row_id = p.id OR s.row_id IS NULL))",
    ),
    (
        "projects",
        "SELECT count(*) AS n FROM public.projects p
          WHERE NOT EXISTS (SELECT FROM desk.projects d WHERE d.project_id = p.id)
            AND NOT EXISTS (SELECT FROM desk.stale s WHERE s.kind = 'project' AND (s.row_id = p.id OR s.row_id IS NULL))",
    ),
    (
        "users",
        "SELECT count(*) AS n FROM public.users p
          WHERE NOT EXISTS (SELECT FROM desk.users d WHERE d.user_id = p.id)
            AND NOT EXISTS (SELECT FROM desk.stale s WHERE s.kind = 'user' AND (s.row_id = p.id OR s.row_id IS NULL))",
    ),
];

const ORPHANS: [(&str, &str); 6] = [
    (
        "tickets",
        "SELECT count(*) AS n FROM desk.tickets d WHERE NOT EXISTS (SELECT FROM public.support_tickets p WHERE p.id = d.ticket_id)",
    ),
    (
        "projects",
        "SELECT count(*) AS n FROM desk.projects d WHERE NOT EXISTS (SELECT FROM public.projects p WHERE p.id = d.project_id)",
    ),
    (
        "users",
        "SELECT count(*) AS n FROM desk.users d WHERE NOT EXISTS (SELECT FROM public.users p WHERE p.id = d.user_id)",
    ),
    (
        "read marks",
        "SELECT count(*) AS n FROM desk.reads d
          WHERE NOT EXISTS (SELECT FROM public.support_tickets p WHERE p.id = d.ticket_id)
             OR NOT EXISTS (SELECT FROM public.users p WHERE p.id = d.user_id)",
    ),
    (
        "sessions",
        "SELECT count(*) AS n FROM desk.sessions d WHERE NOT EXISTS (SELECT FROM public.users p WHERE p.id = d.user_id)",
    ),
    (
        "drafts older than a month",
        "SELECT count(*) AS n FROM desk.drafts d
          WHERE d.updated_at < (pg_catalog.clock_timestamp() AT TIME ZONE 'utc') - interval '30 days'
            AND NOT EXISTS (SELECT FROM public.support_tickets p WHERE p.id = d.ticket_id)",
    ),
];

/// Among the thousand tickets with the newest activity.
const WRONG: &str = "
    WITH newest AS MATERIALIZED (
      SELECT t.ticket_id FROM desk.tickets t ORDER BY t.last_activity_at DESC, t.ticket_id DESC LIMIT 1000
    ), ids AS (
      SELECT coalesce(array_agg(n.ticket_id), '{}') AS ids, coalesce(array_agg(NULL::timestamp), '{}') AS answers FROM newest n
    )
    SELECT count(*) AS n
      FROM ids, desk.compute_tickets(ids.ids, ids.answers) c JOIN desk.tickets t USING (ticket_id)
     WHERE (t.status, t.client_id, t.number, t.created_at, t.last_activity_at, t.last_comment_id, t.last_side,
            t.waiting_since, t.comment_count)
       IS DISTINCT FROM
           (c.status, c.client_id, c.number, c.created_at, c.last_activity_at, c.last_comment_id, c.last_side,
            c.waiting_since, c.comment_count)
       AND NOT EXISTS (SELECT FROM desk.stale s WHERE s.kind = 'ticket' AND (s.row_id = t.ticket_id OR s.row_id IS NULL))";

pub(super) async fn examine(db: &Client) -> Result<Vec<Finding>> {
    let subject = "rows";
    let mut findings = Vec::new();
    let mut look = |severity, n: i64, what: String| {
        if n > 0 {
            findings.push(Finding::new(severity, subject, format!("{n} {what}"), REPAIR));
        }
    };
    for (what, statement) in MISSING {
        look(Severity::Error, count(db, statement).await?, format!("{what} are missing in the desk"));
    }
    look(
        Severity::Error,
        count(db, WRONG).await?,
        "of the 1000 newest tickets say what is not so".to_owned(),
    );
    for (what, statement) in ORPHANS {
        look(
            Severity::Note,
            count(db, statement).await?,
            format!("{what} are left over from what was deleted"),
        );
    }
    let waiting = "SELECT count(*) AS n FROM desk.stale
                    WHERE at < (pg_catalog.clock_timestamp() AT TIME ZONE 'utc') - interval '5 minutes'";
    look(
        Severity::Warning,
        count(db, waiting).await?,
        "changes have not been worked in for five minutes".to_owned(),
    );
    let twins = "SELECT count(*) AS n FROM (SELECT FROM public.users u GROUP BY lower(btrim(u.email)) HAVING count(*) > 1) t";
    let n = count(db, twins).await?;
    if n > 0 {
        let what = format!("{n} e-mail addresses belong to several accounts but for upper and lower case");
        let advice = "their owners must type them exactly; change or switch off all but one (`desk user list` marks them)";
        findings.push(Finding::new(Severity::Warning, "accounts", what, advice));
    }
    if findings.is_empty() {
        findings.push(Finding::fine(subject, "none missing, none left over, none wrong"));
    }
    Ok(findings)
}

/// Works everything out anew and removes what is left over.
pub(super) async fn repair(db: &Client) -> Result<Vec<String>> {
    sql::execute(db, "INSERT INTO desk.stale (kind) VALUES ('user'), ('project'), ('ticket')", &[]).await?;
    let folded = fold::all(db).await?;
    let mut done = vec![format!("{} rows were compared and put right", folded.rows)];
    if folded.busy > 0 {
        done.push(format!("{} rows are held by somebody and follow later", folded.busy));
    }
    for (what, statement) in [
        (
            "read marks",
            "DELETE FROM desk.reads d
              WHERE NOT EXISTS (SELECT FROM public.support_tickets p WHERE p.id = d.ticket_id)
                 OR NOT EXISTS (SELECT FROM public.users p WHERE p.id = d.user_id)",
        ),
        (
            "sessions",
            "DELETE FROM desk.sessions d WHERE NOT EXISTS (SELECT FROM public.users p WHERE p.id = d.user_id)",
        ),
        (
            "old drafts",
            "DELETE FROM desk.drafts d
              WHERE d.updated_at < (pg_catalog.clock_timestamp() AT TIME ZONE 'utc') - interval '30 days'
                AND NOT EXISTS (SELECT FROM public.support_tickets p WHERE p.id = d.ticket_id)",
        ),
    ] {
        let removed = sql::execute(db, statement, &[]).await?;
        if removed > 0 {
            done.push(format!("{removed} {what} without their rows were removed"));
        }
    }
    Ok(done)
}
