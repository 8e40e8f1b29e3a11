//! `memory` of services, and `monitor.memory`.

use super::{mistakes, pod};
use podinit_plan::plan::{MemoryLimit, MemoryMonitor, OnExceed};

const MB: u64 = 1 << 20;

#[test]
fn services_have_limits_and_the_gateway_too() {
    let pod = pod("services:\n\
         \x20 a: { command: x, port: 80, route: /, replicas: 2, memory: { limit: 200MB, on_exceed: restart, cool_down: 10m } }\n\
         \x20 b: { command: x, memory: { limit: 1GB } }\n\
         gateway: { memory: { limit: 50MB } }\n");
    let limit =
        |megabytes: u64, on_exceed, cool_down_ms| Some(MemoryLimit { limit_bytes: megabytes * MB, on_exceed, cool_down_ms });
    assert_eq!(pod.services["a"].memory, limit(200, OnExceed::Restart, 600_000));
    assert_eq!(pod.services["b"].memory, limit(1024, OnExceed::Alert, 300_000));
    assert_eq!(pod.gateway.expect("a gateway").service.memory, limit(50, OnExceed::Alert, 300_000));
}

#[test]
fn memory_is_watched_unless_that_is_not_wanted() {
    let monitor = |text: &str| pod(&format!("services: {{ a: {{ command: x }} }}\n{text}")).monitor.memory;
    let default = MemoryMonitor { interval_ms: 10_000, warn_percent: 80, critical_percent: 95, file: None };
    assert_eq!(monitor(""), Some(default.clone()));
    assert_eq!(monitor("monitor: { memory: true }"), Some(default));
    assert_eq!(monitor("monitor: { memory: false }"), None);
    let all = MemoryMonitor { interval_ms: 5_000, warn_percent: 70, critical_percent: 90, file: Some("/tmp/m.json".to_owned()) };
    assert_eq!(monitor("monitor: { memory: { interval: 5s, warn: 70%, critical: 90%, file: /tmp/m.json } }"), Some(all));
}

#[test]
fn what_cannot_be_is_refused() {
    for (text, expected) in [
        ("services: { a: { command: x, memory: 200MB } }", "1: expected a map with limit, found text"),
        ("services: { a: { command: x, memory: {} } }", "1: `limit` is missing; add `limit: 200MB`"),
        ("services: { a: { command: x, memory: { limit: 200 } } }", "1: the size `200` has no unit; write 50MB or 512KB"),
        ("services: { a: { command: x, memory: { limit: 0 } } }", "1: every process needs memory; write a limit such as `200MB`"),
        (
            "services: { a: { command: x, memory: { limit: 1MB, on_exceed: restrat } } }",
            "1: expected one of alert, restart, found `restrat`; did you mean `restart`?",
        ),
        (
            "services: { a: { command: x } }\nmonitor: { memory: { warn: 96% } }",
            "2: memory would be critical from 95% on, and warned of from 96% on; make `warn` the lesser of the two",
        ),
        ("services: { a: { command: x } }\nmonitor: { memory: { interval: 10ms } }", "2: this is too often; write `1s` or more"),
        (
            "services: { a: { command: x, memory: { limit: 1MB } } }\nmonitor: { memory: false }",
            "1: nobody would see whether `a` keeps its limit; remove `monitor.memory: false`, or the limit",
        ),
    ] {
        assert_eq!(mistakes(text), [expected], "{text}");
    }
}
