//! Readers: from the text of a source to what it says, each statement with its place and entered into the account.

pub mod compose;
pub mod dockerfile;
pub mod ini;
pub mod nginx;
pub mod script;
pub mod supervisord;
