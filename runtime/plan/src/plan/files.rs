//! Files that are made when the container starts.

use serde::{Deserialize, Serialize};

/// A file or folder that is made at start.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Absolute.
    pub path: String,
    /// What it holds.
    pub content: Content,
    /// `user`, `user:group`, or numbers; the owner. Without it the owner is podinit's own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its mode; without it 0644, of a folder 0755. A copy has that of what it is a copy of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// This text, a template; written anew at each start.
    Text(String),
    /// What this file or folder of the image holds; it is there already when the file is, or the folder is not empty.
    CopyOf(String),
    /// Nothing: a folder. One that is there and empty is given to the user.
    Folder,
}
