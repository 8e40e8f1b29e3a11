//! Putting trees together: a second file over the first as compose does it, `defaults` under every service.

use super::node::{Entry, Map, Node, Value};

/// What becomes of a list that both sides have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// The second is added to the first: files.
    Append,
    /// The second stands alone: a service over `defaults`.
    Replace,
}

/// Lists that are one value and never grow by merging: half of a command line is none.
const WHOLE_LISTS: [&str; 8] = ["command", "pre_start", "post_stop", "exec", "test", "shell", "port", "exit_codes"];
/// Maps whose keys are names the user gave: no rule that goes by a key's name applies below them.
const NAMED: [&str; 11] = [
    "services",
    "stages",
    "backing_services",
    "labels",
    "environment",
    "users",
    "files",
    "secrets",
    "headers",
    "error_pages",
    "sysctls",
];
/// The kinds of a health check and of readiness: there is one of them, so the second side's takes the place of the
/// first's.
const KINDS: [(&str, &[&str]); 2] =
    [("healthcheck", &["http", "tcp", "exec", "test"]), ("ready", &["log", "file", "notify", "watchdog"])];
/// What a gateway and event listeners take from `defaults`: the rest speaks of the services' own programs.
const GATEWAY_DEFAULTS: [&str; 9] = [
    "user",
    "environment",
    "logging",
    "restart",
    "ready_after",
    "start_timeout",
    "stop_grace_period",
    "umask",
    "no_new_privileges",
];

/// One file over another.
#[must_use]
pub fn files(base: Node, over: Node) -> Node {
    merged("", base, over, Lists::Append)
}

/// Puts the pod's `defaults` under its services and its gateway.
pub fn apply_defaults(pod: &mut Node) {
    let Value::Map(pod) = &mut pod.value else { return };
    let Some(Node { value: Value::Map(defaults), span }) = pod.get("defaults").cloned() else { return };
    for entry in &mut pod.entries {
        match (entry.key.as_str(), &mut entry.value) {
            ("services", Node { value: Value::Map(services), .. }) => {
                for service in services.entries.iter_mut().filter(|service| service.value.map().is_some()) {
                    let below = Node { span, value: Value::Map(defaults.clone()) };
                    service.value = over_defaults(below, &service.value);
                }
            }
            ("event_listeners", Node { value: Value::Map(listeners), .. }) => {
                for listener in listeners.entries.iter_mut().filter(|listener| listener.value.map().is_some()) {
                    listener.value = over_defaults(for_gateway(&defaults, span), &listener.value);
                }
            }
            ("gateway", gateway) if gateway.map().is_some() || gateway.is_null() => {
                *gateway = over_defaults(for_gateway(&defaults, span), gateway);
            }
            _ => {}
        }
    }
}

/// Adds the gateway that a service's route brings when pod.yaml does not mention one.
pub fn imply_gateway(pod: &mut Node) {
    let services = pod.at(&["services"]).and_then(Node::map);
    let route = services.and_then(|services| services.entries.iter().find_map(|service| service.value.key_span(&["route"])));
    if let (Value::Map(pod), Some(key_span)) = (&mut pod.value, route)
        && pod.entry("gateway").is_none()
    {
        pod.entries.push(Entry { key: "gateway".to_owned(), key_span, value: Node::plain(key_span, "") });
    }
}

fn for_gateway(defaults: &Map, span: super::source::Span) -> Node {
    let entries = defaults.entries.iter().filter(|entry| GATEWAY_DEFAULTS.contains(&entry.key.as_str())).cloned();
    Node { span, value: Value::Map(Map { entries: entries.collect() }) }
}

fn over_defaults(defaults: Node, service: &Node) -> Node {
    Node { span: service.span, ..merged("", defaults, service.clone(), Lists::Replace) }
}

fn merged(key: &str, base: Node, over: Node, lists: Lists) -> Node {
    let (base, over) = (long_form(key, base), long_form(key, over));
    let span = over.span;
    match (base.value, over.value) {
        (base @ (Value::Map(_) | Value::List(_)), Value::Scalar(scalar)) if scalar.is_null() => Node { span, value: base },
        (Value::Map(mut base), Value::Map(over)) => {
            if let Some((_, kinds)) = KINDS.iter().find(|(one_of, _)| *one_of == key)
                && kinds.iter().any(|kind| over.entry(kind).is_some())
            {
                base.entries.retain(|entry| !kinds.contains(&entry.key.as_str()));
            }
            for entry in over.entries {
                merge_entry(key, &mut base, entry, lists);
            }
            Node { span, value: Value::Map(base) }
        }
        (base @ (Value::List(_) | Value::Map(_)), over @ (Value::List(_) | Value::Map(_))) if key == "route" => match lists {
            Lists::Append => Node { span, value: Value::List(routes(items(base, span), items(over, span))) },
            Lists::Replace => Node { span, value: over },
        },
        (Value::List(mut base), Value::List(over)) if lists == Lists::Append && !WHOLE_LISTS.contains(&key) => {
            for item in over {
                if !base.iter().any(|known| known.same(&item)) {
                    base.push(item);
                }
            }
            Node { span, value: Value::List(base) }
        }
        (_, over) => Node { span, value: over },
    }
}

fn merge_entry(parent: &str, base: &mut Map, entry: Entry, lists: Lists) {
    let Some(index) = base.entries.iter().position(|known| known.key == entry.key) else {
        return base.entries.push(entry);
    };
    let known = base.entries.remove(index);
    let value = match parent {
        "services" | "stages" | "backing_services" => merged("", known.value, entry.value, lists),
        _ if NAMED.contains(&parent) => entry.value,
        _ => merged(&entry.key, known.value, entry.value, lists),
    };
    base.entries.insert(index, Entry { value, ..entry });
}

fn items(value: Value, span: super::source::Span) -> Vec<Node> {
    match value {
        Value::List(items) => items,
        other => vec![Node { span, value: other }],
    }
}

/// Routes with the same path are one.
fn routes(base: Vec<Node>, over: Vec<Node>) -> Vec<Node> {
    let mut routes: Vec<Node> = base.into_iter().map(|route| long_form("route", route)).collect();
    for route in over.into_iter().map(|route| long_form("route", route)) {
        let same_path = |known: &Node| match (known.at(&["path"]), route.at(&["path"])) {
            (Some(known), Some(path)) => known.same(path),
            _ => false,
        };
        match routes.iter().position(same_path) {
            Some(index) => routes[index] = merged("route", routes[index].clone(), route, Lists::Append),
            None => routes.push(route),
        }
    }
    routes
}

/// The long form of a value that has a short one, so that both sides of a merge are of one kind.
fn long_form(key: &str, node: Node) -> Node {
    let is_text = node.scalar().is_some_and(|scalar| !scalar.is_null());
    match (key, &node.value) {
        ("base", _) if is_text => Node::map_of("image", node),
        ("healthcheck", _) if is_text => Node::map_of("http", node),
        ("restart", _) if is_text => Node::map_of("policy", node),
        ("route", _) if is_text => Node::map_of("path", node),
        ("env_file", _) if is_text => Node { span: node.span, value: Value::List(vec![node]) },
        ("environment" | "labels", Value::List(items)) => {
            let mut map = Map::default();
            for item in items {
                let Some(scalar) = item.scalar() else { return node };
                let (name, value) = match scalar.text.split_once('=') {
                    Some((name, value)) => (name, super::node::Scalar { text: value.to_owned(), plain: false }),
                    None => (scalar.text.as_str(), super::node::Scalar { text: String::new(), plain: true }),
                };
                map.remove(name);
                let value = Node { span: item.span, value: Value::Scalar(value) };
                map.entries.push(Entry { key: name.to_owned(), key_span: item.span, value });
            }
            Node { span: node.span, value: Value::Map(map) }
        }
        _ => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        let mut diagnostics = Vec::new();
        let node = super::super::yaml::parse(0, text, &mut diagnostics);
        assert_eq!(diagnostics, [], "{text}");
        node
    }

    fn assert_files(base: &str, over: &str, want: &str) {
        let merged = files(tree(base), tree(over));
        assert!(merged.same(&tree(want)), "{base} under {over} is {merged:#?}, not {want}");
    }

    #[test]
    fn stages_merge_and_files_take_each_others_place() {
        assert_files(
            "stages: {a: {run: [x], image: i}}\nfiles: {/a: {source: x, user: u}}\nheaders: {A: '1', B: '1'}",
            "stages: {a: {image: j}, b: {}}\nfiles: {/a: y}\nheaders: {B: '2'}",
            "stages: {a: {run: [x], image: j}, b: {}}\nfiles: {/a: y}\nheaders: {A: '1', B: '2'}",
        );
    }

    #[test]
    fn files_merge_as_in_compose() {
        assert_files("a: {b: 1, c: 2}", "a: {c: 3, d: 4}", "a: {b: 1, c: 3, d: 4}");
        assert_files("ports: [a, b]", "ports: [b, c]", "ports: [a, b, c]");
        assert_files("services: {a: {command: [x, y]}}", "services: {a: {command: [z]}}", "services: {a: {command: [z]}}");
        assert_files("environment: [A=1, B=2]", "environment: {B: \"3\", C: }", "environment: {A: \"1\", B: \"3\", C: }");
        assert_files("environment: {A: 1}", "environment: [A]", "environment: {A: }");
        assert_files("base: x", "base: {packages: [p]}", "base: {image: x, packages: [p]}");
        assert_files("labels: {restart: a}", "labels: {restart: b}", "labels: {restart: b}");
        assert_files("services: {base: {port: 1}}", "services: {base: {port: 2}}", "services: {base: {port: 2}}");
        assert_files("services: {a: {}}", "services: ", "services: {a: {}}");
    }

    #[test]
    fn a_check_has_one_kind_and_routes_meet_by_path() {
        assert_files(
            "healthcheck: {http: /x, interval: 5s}",
            "healthcheck: {tcp: true}",
            "healthcheck: {interval: 5s, tcp: true}",
        );
        assert_files("healthcheck: /x", "healthcheck: {interval: 5s}", "healthcheck: {http: /x, interval: 5s}");
        assert_files(
            "route: [{path: /a, rate: 1r/s}, /b]",
            "route: [{path: /a, rate: 9r/s}, /c]",
            "route: [{path: /a, rate: 9r/s}, {path: /b}, {path: /c}]",
        );
    }

    #[test]
    fn defaults_lie_under_services_and_gateway() {
        let mut pod = tree(
            "defaults: {user: u, restart: always, depends_on: [a], stop_signal: INT}\n\
             services: {a: {restart: {retries: 1}, depends_on: [b]}, b: {user: v}}\n\
             gateway: {port: 80}",
        );
        imply_gateway(&mut pod);
        apply_defaults(&mut pod);
        let want = tree(
            "a: {user: u, restart: {policy: always, retries: 1}, depends_on: [b], stop_signal: INT}\n\
             b: {user: v, restart: always, depends_on: [a], stop_signal: INT}",
        );
        assert!(pod.at(&["services"]).expect("services").same(&want), "{pod:#?}");
        assert!(pod.at(&["gateway"]).expect("gateway").same(&tree("{user: u, restart: always, port: 80}")), "{pod:#?}");
    }

    #[test]
    fn a_route_brings_a_gateway_with_the_defaults() {
        let mut pod = tree("defaults: {user: u}\nservices: {a: {route: /}}");
        imply_gateway(&mut pod);
        apply_defaults(&mut pod);
        assert!(pod.at(&["gateway"]).expect("gateway").same(&tree("{user: u}")), "{pod:#?}");
    }
}
