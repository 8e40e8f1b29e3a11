//! Dockerfile
use crate::import::account::Account;
use crate::import::problem::Problem;
use crate::spec::source::Source;

/// stub
#[derive(Debug, Clone, Default)]
pub struct Dockerfile {}

impl Dockerfile {
    /// stub
    pub fn target_of(&self, _path: &str) -> Option<String> {
        None
    }
    /// stub
    pub fn script(&self) -> Option<String> {
        None
    }
}

/// stub
pub fn read(_source: &Source, _account: &mut Account) -> Result<Dockerfile, Vec<Problem>> {
    Ok(Dockerfile::default())
}
