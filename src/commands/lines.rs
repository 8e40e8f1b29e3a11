//! Lines of pods on stdout, with a colour for each service.

use super::output;
use crate::engine::logs::attributed;
use crate::ui::Ui;
use anstyle::AnsiColor;
use anyhow::Result;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::Mutex;

/// One after the other; red is for errors.
const COLOURS: [AnsiColor; 5] = [AnsiColor::Cyan, AnsiColor::Yellow, AnsiColor::Green, AnsiColor::Magenta, AnsiColor::Blue];

/// Prints lines that begin with a service's name.
pub struct Printer {
    ui: Ui,
    /// The colours of the names seen so far; none where lines have no colours.
    colours: Option<Mutex<HashMap<Vec<u8>, AnsiColor>>>,
}

impl Printer {
    /// A printer to stdout.
    #[must_use]
    pub fn new(ui: Ui) -> Printer {
        Printer { ui, colours: std::io::stdout().is_terminal().then(Mutex::default) }
    }

    /// Prints a line; bars make room for it.
    ///
    /// # Errors
    /// Those of [`output::print`].
    pub fn print(&self, line: &[u8]) -> Result<()> {
        let line = self.coloured(line);
        self.ui.suspend(|| output::print(&line))
    }

    fn coloured(&self, line: &[u8]) -> Vec<u8> {
        let (Some(colours), Some((name, rest))) = (&self.colours, attributed(line)) else { return line.to_vec() };
        let Ok(mut colours) = colours.lock() else { return line.to_vec() };
        let next = COLOURS[colours.len() % COLOURS.len()];
        let style = colours.entry(name.to_vec()).or_insert(next).on_default();
        let mut text = format!("{style}{} |{style:#} ", String::from_utf8_lossy(name)).into_bytes();
        text.extend_from_slice(rest);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_keeps_its_colour_and_no_byte_is_lost() {
        let printer = Printer { ui: Ui::to_writer(std::io::sink()), colours: Some(Mutex::default()) };
        let [first, _, again] = [&b"api | \xff\0"[..], b"web | x", b"api | y"].map(|line| printer.coloured(line));
        assert_eq!(first, b"\x1b[36mapi |\x1b[0m \xff\0");
        assert_eq!(again, b"\x1b[36mapi |\x1b[0m y");
        let plain = Printer { ui: Ui::to_writer(std::io::sink()), colours: None };
        assert_eq!(plain.coloured(b"api | \xff"), b"api | \xff");
    }
}
