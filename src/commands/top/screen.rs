//! A table that is drawn again in its own place; the last one stays.

use crate::commands::output;
use crate::ui;
use anstream::adapter::strip_str;
use anyhow::Result;

/// The place of the table.
#[derive(Debug, Default)]
pub struct Screen {
    /// Lines of the table that is there.
    lines: usize,
}

impl Screen {
    /// Draws a table over the one before.
    ///
    /// # Errors
    /// Those of [`output::print`].
    pub fn draw(&mut self, table: &str) -> Result<()> {
        let text = fitting(table, ui::size());
        let up = if self.lines > 0 { format!("\x1b[{}A", self.lines) } else { String::new() };
        self.lines = text.lines().count();
        // To the beginning, and nothing is left below.
        output::control(&format!("{up}\r\x1b[J"))?;
        output::print(text.as_bytes())
    }
}

/// What of a table a terminal of so many columns and lines has room for: a line that wraps could not be drawn over.
fn fitting(table: &str, size: Option<(usize, usize)>) -> String {
    let Some((columns, lines)) = size else { return table.to_owned() };
    let cut = |line: &str| {
        let plain = strip_str(line).to_string();
        if plain.chars().count() < columns { line.to_owned() } else { plain.chars().take(columns - 1).collect() }
    };
    let all = table.lines().count();
    let most = lines.saturating_sub(1).max(1);
    let mut kept: Vec<String> = table.lines().take(most).map(cut).collect();
    if all > most
        && let Some(last) = kept.last_mut()
    {
        *last = cut(&format!("{} more", all - most + 1));
    }
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_fits_the_terminal() {
        let table = "POD  STATE\nshop  \x1b[32mready\x1b[0m\na\nb\nc";
        assert_eq!(fitting(table, None), table);
        assert_eq!(fitting(table, Some((80, 40))), table);
        assert_eq!(fitting(table, Some((80, 4))), "POD  STATE\nshop  \x1b[32mready\x1b[0m\n3 more");
        assert_eq!(fitting(table, Some((8, 4))), "POD  ST\nshop  r\n3 more");
    }
}
