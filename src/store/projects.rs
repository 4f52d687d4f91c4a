//! One project with its texts.

use super::board::{card, card_columns, card_joins};
use super::error::Result;
use super::moment::Moment;
use super::people::{person_columns, person_lookup};
use super::sql;
use crate::domain::ids::ProjectId;
use crate::domain::project::Project;
use crate::domain::safe_text::SafeText;
use crate::policy::Scope;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// A project opened; none when it is gone.
pub async fn by_id(client: &Client, scope: &Scope, project: &ProjectId) -> Result<Option<Project>> {
    let row = sql::maybe_row(
        client,
        concat!(
            "SELECT ",
            card_columns!(),
            ", s.description, s.requirements, s.created_at FROM desk.projects AS p",
            card_joins!("p.client_id"),
            " WHERE p.project_id = $1 AND $2"
        ),
        &[(&project.as_str(), Type::TEXT), (&scope.tickets(), Type::BOOL)],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Project {
        card: card(&row)?,
        description: sql::get::<Option<&str>>(&row, "description")?.map(SafeText::new),
        requirements: sql::get::<Option<&str>>(&row, "requirements")?.map(SafeText::new),
        created_at: sql::get::<Moment>(&row, "created_at")?.0,
    }))
}
