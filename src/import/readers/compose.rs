//! The compose file beside a project.
use crate::import::account::Account;
use crate::import::problem::Problem;
use crate::spec::source::Source;

/// stub
#[derive(Debug, Clone, Default)]
pub struct Compose {
    /// stub
    pub dockerfile: Option<String>,
}

/// stub
pub fn read(_source: &Source, _account: &mut Account) -> Result<Compose, Vec<Problem>> {
    Ok(Compose::default())
}
