//! Mail and codes: what is stuck, and whether the functions can do their work.

use super::{Finding, Severity};
use crate::domain::count::counted;
use crate::store::error::Result;
use crate::store::sql;
use tokio_postgres::Client;

/// Looks at the queue of mail, and at the rights of whoever owns the functions for codes.
pub(super) async fn examine(db: &Client) -> Result<Vec<Finding>> {
    Ok(vec![queue(db).await?, codes(db).await?])
}

async fn queue(db: &Client) -> Result<Finding> {
    let row = sql::row(
        db,
        "SELECT count(*) FILTER (WHERE m.state IN ('queued', 'sending') AND m.created_at < n.at - interval '1 hour') AS stuck, \
                count(*) FILTER (WHERE m.state = 'failed' AND m.created_at > n.at - interval '7 days') AS failed, \
                count(*) FILTER (WHERE m.doubts > 0 AND m.created_at > n.at - interval '7 days') AS doubtful, \
                coalesce((SELECT l.last_error FROM desk.mails AS l WHERE l.state IN ('queued', 'failed') AND l.last_error <> '' \
                           ORDER BY l.created_at DESC LIMIT 1), '') AS last_error \
           FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS n LEFT JOIN desk.mails AS m ON true",
        &[],
    )
    .await?;
    let (stuck, failed, doubtful): (i64, i64, i64) =
        (sql::get(&row, "stuck")?, sql::get(&row, "failed")?, sql::get(&row, "doubtful")?);
    let why: &str = sql::get(&row, "last_error")?;
    let why = if why.is_empty() { String::new() } else { format!("; the last one: {why}") };
    let doubts = if doubtful == 0 { String::new() } else { format!("; {doubtful} may have arrived twice") };
    Ok(if stuck > 0 {
        let advice = "look at `[mail]` in the config file, and let a desk or `desk worker` run";
        Finding::new(
            Severity::Warning,
            "mail",
            format!("waiting for more than an hour: {}{why}", counted(stuck, "mail")),
            advice,
        )
    } else if failed > 0 {
        Finding::new(
            Severity::Note,
            "mail",
            format!("given up this week: {}{doubts}{why}", counted(failed, "mail")),
            "",
        )
    } else {
        Finding::fine("mail", format!("none is stuck{doubts}"))
    })
}

async fn codes(db: &Client) -> Result<Finding> {
    let row = sql::row(
        db,
        "SELECT pg_catalog.bool_and(pg_catalog.has_table_privilege(p.proowner, t.name::pg_catalog.regclass, 'SELECT') \
                  AND pg_catalog.has_table_privilege(p.proowner, t.name::pg_catalog.regclass, 'INSERT') \
                  AND pg_catalog.has_table_privilege(p.proowner, t.name::pg_catalog.regclass, 'UPDATE') \
                  AND pg_catalog.has_table_privilege(p.proowner, t.name::pg_catalog.regclass, 'DELETE')) AS able, \
                max(pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(p.proowner))) AS owner \
           FROM pg_catalog.pg_proc p, (VALUES ('public.password_resets'), ('public.email_verifications')) AS t (name) \
          WHERE p.oid = pg_catalog.to_regprocedure('desk.token_issue(text, text, integer)')",
        &[],
    )
    .await?;
    let able: Option<bool> = sql::get(&row, "able")?;
    let owner: Option<String> = sql::get(&row, "owner")?;
    Ok(match (able, owner) {
        (Some(true), _) => Finding::fine("codes", "the functions that issue and redeem them are there"),
        (_, None) => Finding::new(
            Severity::Error,
            "codes",
            "the functions that issue and redeem them are missing",
            "run `desk doctor --repair`",
        ),
        (_, Some(owner)) => Finding::new(
            Severity::Error,
            "codes",
            "the owner of the desk's functions may not write the web app's tables of codes",
            format!(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON public.password_resets, public.email_verifications TO {owner};"
            ),
        ),
    })
}
