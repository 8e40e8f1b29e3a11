//! nginx.conf
use super::supervisord::Included;
use crate::import::account::Account;
use crate::import::problem::Problem;
use crate::spec::source::Source;

/// stub
#[derive(Debug, Clone, Default)]
pub struct Nginx {}

/// stub
pub fn read(_source: &Source, _included: &dyn Included, _account: &mut Account) -> Result<Nginx, Vec<Problem>> {
    Ok(Nginx::default())
}
