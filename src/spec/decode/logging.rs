//! `logging`: where a service's output goes, and how it looks there.

use super::keys::{Section, mentions};
use super::{Decoder, value};
use crate::spec::model::Logging;
use crate::spec::node::Node;
use podinit_plan::plan::Format;

const SECTION: Section = Section {
    expected: "a map with file, max_size, max_file, stderr and format",
    name: "logging",
    keys: &["file", "max_size", "max_file", "stderr", "format"],
    later: &[],
};

/// Where a service's output goes.
pub fn logging(cx: &mut Decoder<'_>, node: &Node) -> Option<Logging> {
    let map = cx.section(node, &SECTION)?;
    let default = Logging::default();
    if let Some(entry) = map.entries.iter().find(|entry| matches!(entry.key.as_str(), "max_size" | "max_file"))
        && !mentions(map, "file")
    {
        let help = "add `file: /var/log/pod/`";
        cx.refuse::<()>(entry.key_span, "`file` is missing: without it nothing is written", help);
    }
    let formats = [("prefix", Format::Prefix), ("json", Format::Json), ("raw", Format::Raw)];
    let streams = [("separate", true), ("together", false)];
    Some(Logging {
        file: value(cx, map, "file", Decoder::absolute_path),
        max_size_bytes: value(cx, map, "max_size", Decoder::size).unwrap_or(default.max_size_bytes),
        max_files: value(cx, map, "max_file", |cx, node| cx.integer(node, 1..=1_000)).unwrap_or(default.max_files),
        separate_stderr: value(cx, map, "stderr", |cx, node| cx.one_of(node, &streams)).unwrap_or(default.separate_stderr),
        format: value(cx, map, "format", |cx, node| cx.one_of(node, &formats)).unwrap_or(default.format),
    })
}
