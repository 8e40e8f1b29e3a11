//! What a process is given besides its command: limits, rights, its place among others. The keys are compose's, for a
//! service and for the whole container.

use super::keys::{Section, nearest};
use super::{Decoder, value};
use crate::spec::node::{Map, Node};
use podinit_plan::plan::{Attributes, Ulimit};
use podinit_plan::{capability, ulimit};
use std::collections::BTreeMap;

const ULIMIT: Section =
    Section { expected: "a number, or a map with soft and hard", name: "a limit", keys: &["soft", "hard"], later: &[] };

/// The attributes of a service.
pub fn attributes(cx: &mut Decoder<'_>, map: &Map) -> Attributes {
    Attributes {
        umask: value(cx, map, "umask", umask),
        nice: value(cx, map, "nice", |cx, node| cx.integer(node, -20..=19)),
        oom_score_adj: value(cx, map, "oom_score_adj", |cx, node| cx.integer(node, -1_000..=1_000)),
        ulimits: value(cx, map, "ulimits", ulimits).unwrap_or_default(),
        no_new_privileges: value(cx, map, "no_new_privileges", Decoder::boolean).unwrap_or(false),
        cap_add: value(cx, map, "cap_add", |cx, node| capabilities(cx, node, false)).unwrap_or_default(),
        cap_drop: value(cx, map, "cap_drop", |cx, node| capabilities(cx, node, true)).unwrap_or_default(),
    }
}

/// Groups by name or number; templates.
pub fn groups(cx: &mut Decoder<'_>, node: &Node) -> Option<Vec<String>> {
    cx.list(node, "a list of groups", |cx, node| {
        let group = cx.template(node, "a group: a name or a gid")?;
        if group.is_empty() || (!group.contains("${") && group.contains(|c: char| c.is_whitespace() || ":/".contains(c))) {
            return cx.refuse(node.span, "this is no group", "write a name or a gid");
        }
        Some(group)
    })
}

/// Octal, in quotes: YAML's versions do not agree on what 022 is.
fn umask(cx: &mut Decoder<'_>, node: &Node) -> Option<u32> {
    const WHAT: &str = "an octal number in quotes, such as \"0027\"";
    let text = cx.literal(node, WHAT)?;
    if node.scalar().is_some_and(|scalar| scalar.plain) {
        return cx.refuse(node.span, "this may be taken for a decimal number", format!("put it in quotes: `umask: \"{text}\"`"));
    }
    match u32::from_str_radix(&text, 8) {
        Ok(umask @ 0..=0o777) if !text.starts_with('+') => Some(umask),
        _ => cx.refuse(node.span, format!("`{text}` is no umask"), "write an octal number from \"0000\" to \"0777\""),
    }
}

/// Limits by name.
pub fn ulimits(cx: &mut Decoder<'_>, node: &Node) -> Option<BTreeMap<String, Ulimit>> {
    if node.is_null() {
        return Some(BTreeMap::new());
    }
    let Some(map) = node.map() else { return cx.expected("a map of limits, such as `{ nofile: 65536 }`", node) };
    let mut found = BTreeMap::new();
    for entry in map.entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
        if ulimit::number(&entry.key).is_none() {
            let help = nearest(&entry.key, ulimit::names()).map_or_else(
                || format!("there are {}", ulimit::names().collect::<Vec<_>>().join(", ")),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            cx.refuse::<()>(entry.key_span, format!("`{}` is no limit", entry.key), help);
        } else if !entry.value.is_broken()
            && let Some(limit) = limit(cx, &entry.value)
        {
            found.insert(entry.key.clone(), limit);
        }
    }
    Some(found)
}

fn limit(cx: &mut Decoder<'_>, node: &Node) -> Option<Ulimit> {
    if node.map().is_none() {
        let both = number(cx, node)?;
        return Some(Ulimit { soft: both, hard: both });
    }
    let map = cx.section(node, &ULIMIT)?;
    let [Some(soft), Some(hard)] = ["soft", "hard"].map(|key| map.entry(key)) else {
        return cx.refuse(node.span, "a limit has both soft and hard", "add the other one, or write a number for both");
    };
    let limit = Ulimit { soft: number(cx, &soft.value)?, hard: number(cx, &hard.value)? };
    if limit.hard.is_some_and(|hard| limit.soft.is_none_or(|soft| soft > hard)) {
        return cx.refuse(soft.value.span, "the soft limit is above the hard one", "lower it, or raise the other");
    }
    Some(limit)
}

/// A limit; -1 is none.
fn number(cx: &mut Decoder<'_>, node: &Node) -> Option<Option<u64>> {
    cx.integer(node, -1..=i64::MAX).map(|number| u64::try_from(number).ok())
}

/// Capabilities, upper-case and without `CAP_`.
pub fn capabilities(cx: &mut Decoder<'_>, node: &Node, may_be_all: bool) -> Option<Vec<String>> {
    cx.list(node, "a list of capabilities", |cx, node| {
        let text = cx.literal(node, "a capability such as NET_RAW")?;
        let name = capability::plain(&text);
        if capability::number(&name).is_some() || (may_be_all && name == capability::ALL) {
            return Some(name);
        }
        if name == capability::ALL {
            let help = "name those that it needs, such as NET_RAW";
            return cx.refuse(node.span, "a service does not get every capability there is", help);
        }
        let help = match nearest(&name, capability::names().iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "write a name of capabilities(7), such as NET_RAW".to_owned(),
        };
        cx.refuse(node.span, format!("`{text}` is no capability"), help)
    })
}
