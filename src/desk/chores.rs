//! What a desk does by itself, and what `desk cleanup` does at once: removing what nobody needs any more.

use super::{Desk, failure};
use crate::domain::failure::Failure;
use crate::store::chores;
pub use crate::store::chores::Cleaned;
use crate::store::tokens::Run;
use crate::store::transaction::Transaction;

/// Whether something is done, or only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Counted.
    Dry,
    /// Done.
    Real,
}

impl Desk {
    /// Removes what is due, now.
    pub async fn clean_up(&self, how: How) -> Result<Cleaned, Failure> {
        let run = match how {
            How::Dry => Run::Dry,
            How::Real => Run::Real,
        };
        self.pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                let cleaned = chores::clean_up(&tx, run).await?;
                tx.commit().await?;
                Ok(cleaned)
            })
            .await
            .map_err(|error| failure::of_store(&error))
    }

    /// Removes what is due if no desk did so within a day. Answers with what was removed; none when it was not this
    /// desk's turn.
    pub async fn clean_up_daily(&self) -> Result<Option<Cleaned>, Failure> {
        self.pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                let cleaned = if chores::turn(&tx).await? {
                    Some(chores::clean_up(&tx, Run::Real).await?)
                } else {
                    None
                };
                tx.commit().await?;
                Ok(cleaned)
            })
            .await
            .map_err(|error| failure::of_store(&error))
    }
}
