//! One file per command; each reads like its help text. Beside them is what they share: [`interrupt`], and what goes to
//! stdout: [`output`], [`lines`] of pods, [`table`].

pub mod build;
pub mod check;
pub mod down;
pub mod events;
pub mod import;
pub mod init;
pub mod interrupt;
pub mod lines;
pub mod logs;
pub mod output;
pub mod podinit;
pub mod ps;
pub mod render;
pub mod restart;
pub mod table;
pub mod test;
pub mod top;
pub mod up;

use crate::ui::Ui;
use std::path::PathBuf;

/// What all commands are given.
pub struct Context {
    /// The pod.yaml files that the user named; none is those that are found.
    pub files: Vec<PathBuf>,
    /// The user's screen.
    pub ui: Ui,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    #[value(alias = "table")]
    Text,
    /// One JSON document.
    Json,
}

/// Reads a duration argument such as `10s`; the result is in milliseconds.
fn duration_ms(text: &str) -> Result<u64, podinit_plan::units::UnitError> {
    podinit_plan::units::parse_duration_ms(text)
}
