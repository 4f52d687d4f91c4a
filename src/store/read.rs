//! Every query and the statement that answers it.

use super::error::Result;
use super::{accounts, board, comments, events, projects, queue, sessions, threads, tickets, users};
use crate::domain::query::{Answer, Query};
use crate::policy::Scope;
use tokio_postgres::Client;

/// Answers a query, within what may be read.
pub async fn answer(client: &Client, scope: &Scope, query: &Query) -> Result<Answer> {
    Ok(match query {
        Query::Queue(page) => queue::page(client, scope, page).await?,
        Query::Counts(filters) => Answer::Counts(queue::counts(client, scope, filters).await?),
        Query::Thread(ticket) => Answer::Thread(threads::open(client, scope, ticket).await?.map(Box::new)),
        Query::OlderComments { ticket, before } => {
            let (comments, has_older) = comments::older(client, scope, ticket, before).await?;
            Answer::OlderComments { comments, has_older }
        }
        Query::TicketByNumber(number) => {
            Answer::TicketByNumber(tickets::by_number(client, scope, number).await?)
        }
        Query::Board(filter) => Answer::Board(board::columns(client, scope, filter).await?),
        Query::BoardColumn { filter, status, after } => Answer::BoardColumn {
            status: status.clone(),
            cards: board::column(client, scope, filter, status, after).await?,
        },
        Query::Project(project) => {
            Answer::Project(projects::by_id(client, scope, project).await?.map(Box::new))
        }
        Query::Clients(text) => Answer::Clients(users::clients(client, scope, text).await?),
        Query::Client(user) => Answer::Client(users::profile(client, scope, user).await?.map(Box::new)),
        Query::Session => Answer::Session(sessions::ends(client, scope).await?),
        Query::Events(page) => events::log::page(client, scope, page).await?,
        Query::Sessions => Answer::Sessions(sessions::list(client, scope).await?),
        Query::Staff => Answer::Staff(users::staff(client, scope).await?),
        Query::StaffAccounts => Answer::StaffAccounts(accounts::staff(client, scope).await?),
        Query::Account(who) => Answer::Account(accounts::find(client, scope, who).await?),
        Query::Erasure(user) => Answer::Erasure(accounts::erasure(client, scope, user).await?.map(Box::new)),
    })
}
