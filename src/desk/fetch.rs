//! Reading: the answer and the reader's standing are asked together, and the standing decides.

use super::{Desk, failure};
use crate::auth::Actor;
use crate::domain::failure::Failure;
use crate::domain::query::{Answer, Loaded, Query};
use crate::domain::time::Timestamp;
use crate::policy::{self, Standing};
use crate::store::error::{Error, Meaning};
use crate::store::{facts, read};
use futures_util::future::join;

/// The reader's standing, the server's clock, the answer.
type Read = (Standing, Timestamp, Result<Answer, Error>);

impl Desk {
    /// Answers a query. A connection that was lost since its last use is not the reader's affair: once more then.
    pub(super) async fn read(&self, actor: &Actor, query: &Query) -> Result<Loaded, Failure> {
        let scope = policy::scope(actor);
        let mut read = self.read_once(actor, &scope, query).await;
        if was_lost(&read) {
            read = self.read_once(actor, &scope, query).await;
        }
        let (standing, server_now, answer) = read.map_err(|error| failure::of_store(&error))?;
        if let Err(denial) = policy::holds(actor, &standing) {
            return Err(self.denied(actor, &denial).await);
        }
        let answer = answer.map_err(|error| failure::of_store(&error))?;
        Ok(Loaded { answer, server_now })
    }

    async fn read_once(&self, actor: &Actor, scope: &policy::Scope, query: &Query) -> Result<Read, Error> {
        self.pool
            .read(async |client| {
                let (standing, answer) =
                    join(facts::standing(client, actor), read::answer(client, scope, query)).await;
                let (standing, server_now) = standing?;
                match answer {
                    Err(error) if error.spoils_connection() => Err(error),
                    answer => Ok((standing, server_now, answer)),
                }
            })
            .await
    }
}

fn was_lost(read: &Result<Read, Error>) -> bool {
    matches!(read, Err(error) if *error.meaning() == Meaning::Unavailable)
}
