//! Tables of text.

/// Lays rows out in columns, as wide as their widest cell, two spaces apart. The last column has no padding.
#[must_use]
pub fn layout<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).chain([head[column].len()]).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: [&str; N]| {
        let cells: String = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  ")).collect();
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
    }
}
