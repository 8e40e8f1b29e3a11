//! Prometheus' text format, version 0.0.4, written piece by piece: a pod of a thousand services has a megabyte of it.

use super::families::{FAMILIES, Family, Kind, Samples, Unit};
use super::{Figures, Service};
use std::fmt::Write;

/// The media type.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The text of figures, and how much of it was written.
#[derive(Debug)]
pub struct Text {
    figures: Figures,
    family: usize,
    /// The next service of that family.
    service: usize,
    /// What the family is was said.
    has_head: bool,
}

impl Text {
    /// Nothing is written yet.
    #[must_use]
    pub fn new(figures: Figures) -> Text {
        Text { figures, family: 0, service: 0, has_head: false }
    }

    /// Appends the next samples to `out`, until it has `most` bytes, give or take those of one service; says whether there
    /// are more.
    pub fn write(&mut self, out: &mut String, most: usize) -> bool {
        while let Some(family) = FAMILIES.get(self.family) {
            if out.len() >= most {
                return true;
            }
            let mut series = Series { out, family, service: None, has_head: &mut self.has_head };
            let is_over = match family.samples {
                Samples::Pod(samples) => {
                    samples(&self.figures, &mut series);
                    true
                }
                Samples::Service(samples) => match self.figures.services.get(self.service) {
                    Some(service) => {
                        series.service = Some(service);
                        samples(service, &mut series);
                        self.service += 1;
                        false
                    }
                    None => true,
                },
            };
            if is_over {
                (self.family, self.service, self.has_head) = (self.family + 1, 0, false);
            }
        }
        false
    }
}

/// The samples of a family.
pub struct Series<'a> {
    out: &'a mut String,
    family: &'a Family,
    service: Option<&'a Service>,
    has_head: &'a mut bool,
}

impl Series<'_> {
    /// A sample, in the unit of the family.
    pub fn put(&mut self, labels: &[(&str, &str)], value: u64) {
        self.sample("", labels, value, self.family.unit);
    }

    /// The same where there is a value.
    pub fn maybe(&mut self, value: Option<u64>) {
        if let Some(value) = value {
            self.put(&[], value);
        }
    }

    /// A sample of a family that consists of several, by what their names end with.
    pub fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: u64, unit: Unit) {
        let Family { name, kind, help, .. } = self.family;
        if !std::mem::replace(self.has_head, true) {
            let kind = match kind {
                Kind::Gauge => "gauge",
                Kind::Counter => "counter",
                Kind::Histogram => "histogram",
            };
            for text in ["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"] {
                self.out.push_str(text);
            }
        }
        self.out.push_str(name);
        self.out.push_str(suffix);
        let service = self.service.map(|service| ("service", service.status.name.as_str()));
        let mut before = '{';
        for (label, text) in service.iter().chain(labels) {
            self.out.push(before);
            self.out.push_str(label);
            self.out.push_str("=\"");
            escape(text, self.out);
            self.out.push('"');
            before = ',';
        }
        self.out.push_str(if before == ',' { "} " } else { " " });
        number(value, unit, self.out);
        self.out.push('\n');
    }
}

/// A number in the base unit.
pub fn number(value: u64, unit: Unit, out: &mut String) {
    let (of, digits) = match unit {
        Unit::One => (1, 0),
        Unit::Milli => (1_000, 3),
        Unit::Micro => (1_000_000, 6),
    };
    // A text takes whatever is written to it.
    let _ = write!(out, "{}", value / of);
    let rest = value % of;
    if rest > 0 {
        let _ = write!(out, ".{rest:0digits$}");
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// What may stand in a label's quotes.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_base_units() {
        for (value, unit, want) in [
            (7, Unit::One, "7"),
            (0, Unit::Milli, "0"),
            (1_500, Unit::Milli, "1.5"),
            (10_001, Unit::Milli, "10.001"),
            (42, Unit::Micro, "0.000042"),
            (2_000_000, Unit::Micro, "2"),
        ] {
            let mut out = String::new();
            number(value, unit, &mut out);
            assert_eq!(out, want);
        }
    }

    #[test]
    fn labels_cannot_be_left_by_what_is_in_them() {
        let mut out = String::new();
        escape("a\"} 1\n\\é", &mut out);
        assert_eq!(out, "a\\\"} 1\\n\\\\é");
    }
}
