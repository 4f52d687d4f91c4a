//! `desk`: sign in and work.

use super::{Exit, Failure, not_there_yet};
use crate::config::Config;

pub(super) fn run(_config: &Config) -> Result<Exit, Failure> {
    Err(not_there_yet("desk"))
}
