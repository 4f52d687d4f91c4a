//! Whether the desk can start on a database, and which database it is; asked in one round trip.

use super::error::{Error, Meaning, Result};
use super::migrate::state::OLDEST_SERVER;
use super::migrate::{self, Readiness};
use super::sql;
use crate::store::sql::Db;
use futures_util::future::join3;

/// What was found at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The desk can start. The text tells this database from others, however it is reached, and holds no secret.
    Ready(String),
    /// The server is of this major version, and a newer one is needed.
    ServerTooOld(i32),
    /// No desk was here yet.
    NotMigrated,
    /// Steps are missing.
    Older,
    /// A newer desk was here.
    Newer,
}

/// Looks at the server's version, the schema and the database's identity.
pub async fn look<C: Db>(db: &C) -> Result<Found> {
    let server = sql::row(
        db,
        "SELECT pg_catalog.current_setting('server_version_num')::integer AS version, \
                pg_catalog.current_database()::text AS name",
        &[],
    );
    // When it was prepared tells databases of one name apart.
    let prepared = sql::row(db, "SELECT min(m.applied_at)::text AS at FROM desk.migrations AS m", &[]);
    let (server, readiness, prepared) = join3(server, migrate::readiness(db), prepared).await;
    let server = server?;
    let version: i32 = sql::get(&server, "version")?;
    if version < OLDEST_SERVER {
        return Ok(Found::ServerTooOld(version / 10_000));
    }
    match readiness.map_err(of_rights)? {
        Readiness::Ready => {
            let prepared = prepared?;
            let (name, at): (&str, Option<&str>) = (sql::get(&server, "name")?, sql::get(&prepared, "at")?);
            Ok(Found::Ready(format!("{name} {}", at.unwrap_or_default())))
        }
        Readiness::NotMigrated => Ok(Found::NotMigrated),
        Readiness::Older => Ok(Found::Older),
        Readiness::Newer => Ok(Found::Newer),
    }
}

fn of_rights(error: Error) -> Error {
    match error.meaning() {
        Meaning::Denied => Error::new(
            Meaning::Denied,
            "this role may not use the desk's tables; connect as the role that ran `desk migrate`, or have it granted",
        ),
        _ => error,
    }
}
