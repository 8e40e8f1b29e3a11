//! entrypoint
use crate::import::account::Account;
use crate::spec::source::Source;

/// stub
#[derive(Debug, Clone, Default)]
pub struct Script {}

/// stub
pub fn read(_source: &Source, _account: &mut Account) -> Script {
    Script::default()
}
