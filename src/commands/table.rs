//! Tables of text.

use anstream::adapter::strip_str;

/// Lays rows out in columns, as wide as their widest cell, two spaces apart. The last column has no padding. Colours take no
/// room.
#[must_use]
pub fn layout<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width_of = |cell: &str| strip_str(cell).to_string().chars().count();
    let width = |column: usize| rows.iter().map(|row| width_of(&row[column])).chain([head[column].len()]).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: [&str; N]| {
        let padded = |(cell, width): (&str, usize)| format!("{cell}{:1$}  ", "", width - width_of(cell));
        let cells: String = row.into_iter().zip(widths).map(padded).collect();
        cells.trim_end().to_owned()
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(String::as_str)));
    std::iter::once(line(head)).chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [["core-pod".to_owned(), "1".to_owned()], ["é".to_owned(), String::new()]];
        assert_eq!(layout(["POD", "PID"], &rows), "POD       PID\ncore-pod  1\né");
        let rows = [["\x1b[32mok\x1b[0m".to_owned(), "1".to_owned()]];
        assert_eq!(layout(["STATE", "PID"], &rows), "STATE  PID\n\x1b[32mok\x1b[0m     1");
    }
}
