//! The assets of the demo as they are written, before anything is checked or set on the clock.
//!
//! Unknown fields are errors, so that a misspelt one is found by a test.

use super::sample::Broken;
use crate::domain::ticket::Priority;
use serde::Deserialize;

/// Reads one asset.
pub(super) fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Broken> {
    toml::from_str(text).map_err(|error| Broken(error.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeopleFile {
    pub(super) staff: Vec<RawStaff>,
    pub(super) client: Vec<RawClient>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStaff {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: String,
    pub(super) joined: String,
    pub(super) seen: Option<String>,
    #[serde(default = "yes")]
    pub(super) active: bool,
    #[serde(default = "yes")]
    pub(super) verified: bool,
    pub(super) password_hash: String,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClient {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) company: String,
    pub(super) joined: String,
    pub(super) seen: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectFile {
    pub(super) project: Vec<RawProject>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProject {
    pub(super) title: String,
    pub(super) client: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) created: String,
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    pub(super) budget: Option<f32>,
    pub(super) description: String,
    pub(super) requirements: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketFile {
    pub(super) ticket: Vec<RawTicket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTicket {
    pub(super) client: String,
    pub(super) subject: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) priority: RawPriority,
    pub(super) assignee: Option<String>,
    pub(super) created: String,
    pub(super) settled: Option<String>,
    pub(super) text: String,
    pub(super) messages: Vec<RawMessage>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawPriority {
    Low,
    #[default]
    Normal,
    High,
    Urgent,
}

impl From<RawPriority> for Priority {
    fn from(raw: RawPriority) -> Self {
        match raw {
            RawPriority::Low => Self::Low,
            RawPriority::Normal => Self::Normal,
            RawPriority::High => Self::High,
            RawPriority::Urgent => Self::Urgent,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMessage {
    pub(super) by: String,
    pub(super) at: String,
    pub(super) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LiveFile {
    pub(super) new: Vec<RawNew>,
    pub(super) answer: Vec<RawAnswer>,
    pub(super) back: Vec<RawBack>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNew {
    pub(super) client: String,
    pub(super) subject: String,
    pub(super) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAnswer {
    pub(super) subject: String,
    pub(super) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBack {
    pub(super) text: String,
}
