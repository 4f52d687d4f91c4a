//! The steps of the migration, in order, embedded in the program.
//!
//! A step that was released is never edited, only followed by another: databases keep its checksum.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// How a step is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In one transaction.
    Tx,
    /// Index by index; CONCURRENTLY where rows are.
    Index,
    /// In batches, each its own transaction, with the progress kept beside.
    Batches,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tx => "tx",
            Self::Index => "index",
            Self::Batches => "batches",
        }
    }
}

/// One numbered file.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// The file's name without `.sql`.
    pub name: &'static str,
    /// How it is applied.
    pub kind: Kind,
    /// The file's text.
    pub sql: &'static str,
    /// Part of the web app's own history: an adopted database has it already.
    pub documented: bool,
    /// May be applied again at any time to put functions and triggers back.
    pub repairs: bool,
    /// The table of ours that a backfill fills, and the web app's that it reads.
    pub fills: Option<(&'static str, &'static str)>,
}

macro_rules! step {
    ($name:literal, $kind:ident $(, $field:ident: $value:expr)*) => {
        Step {
            $($field: $value,)*
            ..Step {
                name: $name,
                kind: Kind::$kind,
                sql: include_str!(concat!("../../../migrations/", $name, ".sql")),
                documented: false,
                repairs: false,
                fills: None,
            }
        }
    };
}

/// All steps.
pub const STEPS: &[Step] = &[
    step!("0000_clumsy_frank_castle", Tx, documented: true),
    step!("0001_happy_hairball", Tx, documented: true),
    step!("0002_wooden_falcon", Tx, documented: true),
    step!("0003_tiny_tony_stark", Tx, documented: true),
    step!("0004_left_the_anarchist", Tx, documented: true),
    step!("0005_documented_indexes", Index),
    step!("0006_desk_tables", Tx),
    step!("0007_desk_compute", Tx, repairs: true),
    step!("0008_desk_fold", Tx, repairs: true),
    step!("0009_desk_notify", Tx, repairs: true),
    step!("0010_desk_users_triggers", Tx, repairs: true),
    step!("0011_desk_projects_triggers", Tx, repairs: true),
    step!("0012_desk_tickets_triggers", Tx, repairs: true),
    step!("0013_desk_comments_triggers", Tx, repairs: true),
    step!("0014_desk_backfill_users", Batches, fills: Some(("desk.users", "public.users"))),
    step!("0015_desk_search", Tx, repairs: true),
    step!("0016_desk_backfill_projects", Batches, fills: Some(("desk.projects", "public.projects"))),
    step!("0017_desk_backfill_tickets", Batches, fills: Some(("desk.tickets", "public.support_tickets"))),
    step!("0018_desk_functions_closed", Tx, repairs: true),
    step!("0020_desk_token_tables", Tx),
    step!("0021_desk_tokens", Tx, repairs: true),
    step!("0022_desk_mails", Tx),
    step!("0023_desk_sessions_end", Tx, repairs: true),
    step!("0024_desk_sign_ins", Tx, repairs: true),
    step!("0025_desk_event_seals", Tx),
    step!("0026_desk_event_log", Tx, repairs: true),
    step!("0027_desk_accounts", Tx, repairs: true),
    step!("0028_desk_addresses", Tx, repairs: true),
    step!("0029_desk_event_places", Tx),
    step!("0030_desk_erasure", Tx, repairs: true),
    step!("0031_desk_mails_former", Tx),
    step!("0032_desk_event_indexes", Tx, repairs: true),
    step!("0033_desk_token_issue", Tx, repairs: true),
];

impl Step {
    /// SHA-256 of the text, in hex.
    pub fn checksum(&self) -> String {
        Sha256::digest(self.sql.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
            // Writing into a string does not fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// One documented index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name in `public`.
    pub name: &'static str,
    /// The table's name in `public`.
    pub table: &'static str,
    /// What follows the name in CREATE INDEX.
    target: &'static str,
}

impl Index {
    /// The statement that makes it while nobody uses the table.
    pub fn create(&self) -> String {
        format!("CREATE INDEX IF NOT EXISTS {} {}", self.name, self.target)
    }

    /// The statement that makes it beside everybody's work.
    pub fn create_concurrently(&self) -> String {
        format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {} {}", self.name, self.target)
    }
}

/// The documented indexes that a step of kind `Index` lists, one statement a line.
pub fn indexes(step: &Step) -> Vec<Index> {
    step.sql
        .lines()
        .filter_map(|line| {
            let rest = line.strip_prefix("CREATE INDEX IF NOT EXISTS ")?.strip_suffix(';')?;
            let (name, target) = rest.split_once(' ')?;
            let table = target.strip_prefix("ON public.")?.split(' ').next()?;
            Some(Index { name, table, target })
        })
        .collect()
}

/// The twenty indexes that the schema document asks for.
pub fn documented_indexes() -> Vec<Index> {
    STEPS.iter().filter(|step| step.kind == Kind::Index).flat_map(indexes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_numbered_in_their_order() {
        let numbers: Vec<Option<u16>> = STEPS
            .iter()
            .map(|step| step.name.split('_').next().and_then(|number| number.parse().ok()))
            .collect();
        assert!(numbers.is_sorted_by(|one, next| one.is_some() && one < next), "{numbers:?}");
    }

    #[test]
    fn the_schema_document_asks_for_twenty_indexes() {
        let indexes = documented_indexes();
        assert_eq!(indexes.len(), 20);
        assert_eq!(
            indexes[6].create(),
            "CREATE INDEX IF NOT EXISTS idx_projects_client_status ON public.projects (client_id, status)"
        );
        assert_eq!(indexes[6].table, "projects");
    }

    #[test]
    fn every_object_of_the_migrations_is_named_with_its_schema() {
        let verbs = [
            "CREATE TABLE ",
            "ALTER TABLE ",
            "CREATE TYPE ",
            "ALTER TYPE ",
            "REFERENCES ",
            "CREATE OR REPLACE FUNCTION ",
            "EXECUTE FUNCTION ",
        ];
        for step in STEPS {
            for line in step.sql.lines().filter(|line| !line.trim_start().starts_with("--")) {
                for verb in verbs {
                    if let Some((_, rest)) = line.split_once(verb) {
                        let rest = rest.strip_prefix("IF NOT EXISTS ").unwrap_or(rest);
                        assert!(
                            rest.starts_with("public.") || rest.starts_with("desk."),
                            "{}: {line}",
                            step.name
                        );
                    }
                }
            }
        }
    }
}
