//! What a connection keeps prepared, so that a write that comes often is not parsed and planned each time.
//!
//! Only on a direct link: behind a pooler in transaction mode a name means nothing. Only for writes: their statements
//! find rows by key, and one plan fits all; those of reads are planned for their values. The first use of a statement
//! is unnamed, and what was used is prepared once the work is done: statements that are sent together reach the
//! server in one order, prepared or not.

use deadpool_postgres::{Object, StatementCache};
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement};

/// A connection keeps no more than this.
const KEPT: usize = 128;

tokio::task_local! {
    /// Of the connection that the task has borrowed; none where nothing is prepared.
    static HERE: Option<Arc<Prepared>>;
}

/// The statements of one connection.
#[derive(Debug, Default)]
pub(super) struct Prepared(Mutex<Statements>);

#[derive(Debug, Default)]
struct Statements {
    ready: HashMap<String, Statement>,
    wanted: HashMap<String, Vec<Type>>,
    /// The link is slow: asking the server to keep something costs more than it saves.
    off: bool,
}

/// Those of each connection in the pool.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf(Arc<Mutex<Vec<Kept>>>);

/// A connection is known by its own cache, of which nothing else is used.
type Kept = (Weak<StatementCache>, Arc<Prepared>);

impl Shelf {
    /// The statements of this connection.
    pub(super) fn of(&self, connection: &Object) -> Arc<Prepared> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.retain(|(cache, _)| cache.strong_count() > 0);
        let known =
            shelf.iter().find(|(cache, _)| cache.as_ptr() == Arc::as_ptr(&connection.statement_cache));
        if let Some((_, prepared)) = known {
            return Arc::clone(prepared);
        }
        let prepared = Arc::<Prepared>::default();
        shelf.push((Arc::downgrade(&connection.statement_cache), Arc::clone(&prepared)));
        prepared
    }
}

impl Prepared {
    fn look(&self, text: &str, types: impl Iterator<Item = Type>) -> Option<Statement> {
        let mut statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = statements.ready.get(text) {
            return types.eq(statement.params().iter().cloned()).then(|| statement.clone());
        }
        if !statements.off && statements.ready.len() + statements.wanted.len() < KEPT {
            statements.wanted.insert(text.to_owned(), types.collect());
        }
        None
    }

    /// Prepares what was used and was not prepared yet. Answers whether the connection is sound.
    pub(super) async fn keep(&self, client: &Client) -> bool {
        let wanted = {
            let mut statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut statements.wanted)
        };
        let preparing = wanted.iter().map(|(text, types)| client.prepare_typed(text, types));
        let prepared = join_all(preparing).await;
        let mut statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (text, statement) in wanted.into_keys().zip(prepared) {
            // One that the server refuses stays unnamed, and is tried again when it is used again.
            if let Ok(statement) = statement {
                statements.ready.insert(text, statement);
            }
        }
        !client.is_closed()
    }

    /// Keeps nothing more.
    pub(super) fn stop(&self) {
        let mut statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        statements.off = true;
        statements.wanted.clear();
    }

    /// Forgets everything: a table is not what it was.
    pub(super) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Statements::default();
    }

    /// Whether something was used that is not prepared.
    pub(super) fn wants(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).wanted.is_empty()
    }
}

/// Does work with the statements of the connection that it has.
pub(super) async fn with<T>(here: Option<Arc<Prepared>>, work: impl Future<Output = T>) -> T {
    HERE.scope(here, work).await
}

/// The prepared form of a statement, if the connection has one.
pub(in crate::store) fn statement(text: &str, types: impl Iterator<Item = Type>) -> Option<Statement> {
    HERE.try_with(|here| here.as_ref()?.look(text, types)).ok().flatten()
}
