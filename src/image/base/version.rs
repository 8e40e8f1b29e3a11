//! The order of Debian's version numbers (Debian Policy, section 5.6.12).

use std::cmp::Ordering;

/// Compares two versions: `[epoch:]upstream[-revision]`.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a_epoch, a_upstream, a_revision) = parts(a);
    let (b_epoch, b_upstream, b_revision) = parts(b);
    a_epoch.cmp(&b_epoch).then_with(|| compare_part(a_upstream, b_upstream)).then_with(|| compare_part(a_revision, b_revision))
}

fn parts(version: &str) -> (u32, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.parse().unwrap_or_default(), upstream, revision)
}

/// Text and numbers in turn; in text `~` comes before the end, letters come before all other characters.
fn compare_part(mut a: &str, mut b: &str) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let (a_text, b_text) = (text(&mut a), text(&mut b));
        let longest = a_text.len().max(b_text.len());
        let weights = |part: &str| (0..longest).map(|at| weight(part.as_bytes().get(at))).collect::<Vec<_>>();
        let order = weights(a_text).cmp(&weights(b_text)).then_with(|| number(&mut a).cmp(&number(&mut b)));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

fn weight(character: Option<&u8>) -> u32 {
    match character {
        Some(b'~') => 0,
        None => 1,
        Some(letter) if letter.is_ascii_alphabetic() => 2 + u32::from(*letter),
        Some(other) => 1000 + u32::from(*other),
    }
}

fn text<'a>(rest: &mut &'a str) -> &'a str {
    let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (text, after) = rest.split_at(end);
    *rest = after;
    text
}

/// A number without its leading zeros: a longer one is greater, then the digits decide.
fn number<'a>(rest: &mut &'a str) -> (usize, &'a str) {
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, after) = rest.split_at(end);
    *rest = after;
    let digits = digits.trim_start_matches('0');
    (digits.len(), digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_by_dpkg() {
        for (less, greater) in [
            ("1.0~rc1", "1.0"),
            ("1.0~~", "1.0~"),
            ("1.9", "1.10"),
            ("9", "1:0"),
            ("1.0-1", "1.0-1+deb12u1"),
            ("1.0-1+deb12u2", "1.0-1+deb12u10"),
            ("2.36-9", "2.36-9+b1"),
            ("1.0a", "1.0+"),
            ("1.0", "1.0a"),
            ("1.2-3-4", "1.2-3-5"),
            ("1", "1-1"),
        ] {
            assert_eq!(compare(less, greater), Ordering::Less, "{less} < {greater}");
            assert_eq!(compare(greater, less), Ordering::Greater, "{greater} > {less}");
        }
        for (a, b) in [("1.0", "1.0"), ("1.01", "1.1"), ("0:1", "1"), ("1-0", "1")] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} = {b}");
        }
    }
}
