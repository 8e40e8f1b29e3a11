//! One thing that takes time.

use super::{Screen, Ui, paint};
use anstyle::AnsiColor;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};

/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(100);
/// A shorter task is not worth a figure.
const WORTH_A_FIGURE: Duration = Duration::from_millis(100);

/// One thing that takes time: a spinner, or a bar once its size is known. It leaves the screen when it is dropped.
pub struct Task {
    ui: Ui,
    label: String,
    /// What its lines start with where there are no bars.
    prefix: String,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Task {
    pub(super) fn start(ui: Ui, prefix: String, label: String) -> Task {
        let bar = match &*ui.screen {
            Screen::Terminal(bars) => {
                let bar = bars.add(ProgressBar::new_spinner().with_style(style("{spinner} {prefix} {wide_msg} {elapsed}")));
                bar.set_prefix(label.clone());
                bar.enable_steady_tick(TICK);
                Some(bar)
            }
            Screen::Lines(_) => {
                ui.say(&label);
                None
            }
        };
        Task { ui, label, prefix, started: Instant::now(), bar }
    }

    /// Says how many bytes there are, which makes a bar of the spinner.
    pub fn set_total(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(bytes);
            bar.set_style(style("{spinner} {prefix} {wide_bar} {bytes}/{total_bytes} {eta}"));
        }
    }

    /// So many more bytes are done.
    pub fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// So many more bytes are done or, negative, have to be done again.
    pub fn move_by(&self, bytes: i64) {
        match (&self.bar, u64::try_from(bytes)) {
            (Some(bar), Ok(forward)) => bar.inc(forward),
            (Some(bar), Err(_)) => bar.dec(bytes.unsigned_abs()),
            (None, _) => {}
        }
    }

    /// What it does at this moment; only bars show it.
    pub fn message(&self, text: impl Into<String>) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.into());
        }
    }

    /// A line of its output: the newest one beside a bar, each of them elsewhere.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(anstream::adapter::strip_str(text.trim_end()).to_string()),
            None => self.ui.say(format!("{} | {text}", self.prefix)),
        }
    }

    /// It is done; `text` says how.
    pub fn done(self, text: &str) {
        self.end(AnsiColor::Green, "✓", text);
    }

    /// It has failed; `text` says how.
    pub fn failed(self, text: &str) {
        self.end(AnsiColor::Red, "✗", text);
    }

    fn end(self, colour: AnsiColor, mark: &str, text: &str) {
        let took = self.started.elapsed();
        let took = if took < WORTH_A_FIGURE { String::new() } else { format!(" ({:.1} s)", took.as_secs_f64()) };
        match &self.bar {
            Some(bar) => {
                bar.finish_and_clear();
                self.ui.say(format!("{} {}: {text}{took}", paint(colour, mark), self.label));
            }
            None => self.ui.say(format!("{}: {text}{took}", self.prefix)),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants of this file; were one wrong, the user would still get a spinner.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
