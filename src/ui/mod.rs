//! What a user sees while podctl works: bars on a terminal, plain lines elsewhere, all of it on stderr.
//!
//! stdout is for results, so that they can be piped.

mod keys;
mod task;

pub use keys::{Keys, size};
pub use task::Task;

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::MultiProgress;
use podinit_plan::state::State;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Progress {
    /// Bars on a terminal that can show them, else lines.
    #[default]
    Auto,
    /// Bars, whatever TERM says; still lines when stderr is no terminal.
    Tty,
    /// Lines.
    Plain,
}

/// The user's screen. Clones share it.
#[derive(Clone)]
pub struct Ui {
    screen: Arc<Screen>,
    /// Whether colours may be shown; NO_COLOR and its like are respected.
    colour: bool,
}

enum Screen {
    /// Bars at the bottom, lines above them.
    Terminal(MultiProgress),
    /// Lines. indicatif prints nothing at all where it cannot draw, so it has no part in this one.
    Lines(Mutex<Box<dyn Write + Send>>),
}

impl Ui {
    /// Looks at stderr and makes what it can show.
    #[must_use]
    pub fn new(progress: Progress) -> Ui {
        let stderr = std::io::stderr();
        let bars = stderr.is_terminal()
            && match progress {
                Progress::Auto => std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
                Progress::Tty => true,
                Progress::Plain => false,
            };
        let screen =
            if bars { Screen::Terminal(MultiProgress::new()) } else { Screen::Lines(Mutex::new(Box::new(std::io::stderr()))) };
        Ui { screen: Arc::new(screen), colour: AutoStream::choice(&stderr) != ColorChoice::Never }
    }

    /// A screen whose lines go to a writer instead of stderr, without colours.
    #[must_use]
    pub fn to_writer(writer: impl Write + Send + 'static) -> Ui {
        Ui { screen: Arc::new(Screen::Lines(Mutex::new(Box::new(writer)))), colour: false }
    }

    /// Starts a task and shows it until it is done or has failed.
    #[must_use]
    pub fn task(&self, label: impl Into<String>) -> Task {
        let label = label.into();
        Task::start(self.clone(), label.clone(), label)
    }

    /// Starts one of many steps: a task whose label may be long, so that its lines start with a short name instead.
    #[must_use]
    pub fn step(&self, name: &str, label: &str) -> Task {
        Task::start(self.clone(), name.to_owned(), format!("{name} {label}"))
    }

    /// Prints a line, above the bars when there are any. It may have ANSI colours; they are removed where not wanted.
    pub fn say(&self, line: impl AsRef<str>) {
        let line = line.as_ref();
        let line = if self.colour { line.to_owned() } else { strip_str(line).to_string() };
        // A screen that cannot be written to is no reason to stop the work.
        match &*self.screen {
            Screen::Terminal(bars) => drop(bars.println(line)),
            Screen::Lines(writer) => {
                if let Ok(mut writer) = writer.lock() {
                    let _ = writeln!(writer, "{line}");
                }
            }
        }
    }

    /// Prints a warning: something is not as the user may think, and the work goes on.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.say(format!("{} {}", paint(AnsiColor::Yellow, "warning:"), text.as_ref()));
    }

    /// Takes the bars off the screen while something else writes to the terminal, stdout for instance.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        match &*self.screen {
            Screen::Terminal(bars) => bars.suspend(write),
            Screen::Lines(_) => write(),
        }
    }
}

/// A text in a colour; for what is not written through [`Ui`], `anstream` takes it out where it is not wanted.
#[must_use]
pub fn paint(colour: AnsiColor, text: &str) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{text}{style:#}")
}

/// A service's state in its colour: green is well, red is not, yellow is on its way.
#[must_use]
pub fn state(state: State) -> String {
    let colour = match state {
        State::Ready | State::Done => AnsiColor::Green,
        State::Waiting | State::Starting | State::Stopping => AnsiColor::Yellow,
        State::Unready | State::Backoff | State::Fatal => AnsiColor::Red,
        _ => return state.to_string(),
    };
    paint(colour, state.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(use_ui: impl FnOnce(&Ui)) -> String {
        let written = Shared::default();
        use_ui(&Ui::to_writer(written.clone()));
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn without_a_terminal_everything_is_a_line_and_nothing_is_lost() {
        let text = shown(|ui| {
            ui.say("hello");
            ui.warn("careful");
            let task = ui.task("install");
            task.line("fetching");
            task.message("this is for bars only");
            task.set_total(10);
            task.advance(10);
            task.done("CACHED");
            ui.task("test").failed("exit code 3");
        });
        assert_eq!(text, "hello\nwarning: careful\ninstall\ninstall | fetching\ninstall: CACHED\ntest\ntest: exit code 3\n");
    }

    #[test]
    fn the_lines_of_a_step_start_with_its_short_name() {
        let text = shown(|ui| {
            let step = ui.step("[web 2/3]", "RUN npm ci");
            step.line("added 1 package");
            step.done("done");
        });
        assert_eq!(text, "[web 2/3] RUN npm ci\n[web 2/3] | added 1 package\n[web 2/3]: done\n");
    }

    #[test]
    fn a_task_that_is_dropped_says_nothing_more() {
        assert_eq!(shown(|ui| drop(ui.task("pull"))), "pull\n");
    }
}
