//! `monitor.metrics`.

use super::{mistakes, pod};

#[test]
fn figures_have_a_port_of_their_own_which_nobody_publishes_unasked() {
    for written in ["9113", "{ port: 9113 }", "\"${METRICS_PORT:-9113}\""] {
        let pod = pod(&format!("monitor: {{ metrics: {written} }}\nservices: {{ a: {{ command: x }} }}"));
        assert_eq!((pod.monitor.metrics.map(|metrics| metrics.port), pod.ports.len()), (Some(9113), 0), "{written}");
    }
    let published = "monitor: { metrics: 9113 }\nports: ['9113:9113']\nservices: { a: { command: x } }";
    assert_eq!(pod(published).ports[0].container, 9113);
}

#[test]
fn a_port_of_somebody_elses_is_refused() {
    let with = |monitor: &str| {
        mistakes(&format!("services: {{ a: {{ command: x, port: 3000 }} }}\ncontrol: {{ port: 9001 }}\nmonitor: {monitor}\n"))
    };
    for (metrics, port) in [("3000", 3000), ("{ port: 3000 }", 3000), ("9001", 9001)] {
        assert_eq!(
            with(&format!("{{ metrics: {metrics} }}")),
            [format!("3: port {port} is used twice; give podinit's own surface a port of its own")]
        );
    }
    assert_eq!(with("{ metrics: {} }"), ["3: nobody could read them; add `port: 9113`"]);
    assert_eq!(with("{ metrics: 0 }").len(), 1);
}
