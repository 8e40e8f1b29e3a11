//! What there is to be told: each family with its name, kind and help, and where its samples come from. docs/metrics.md
//! is the same list for people.

use super::text::{Series, number};
use super::{Figures, Service};
use crate::health::latency::BOUNDS_US;
use podinit_plan::protocol::{Exit, PodMemory, SinkStatus, Usage};
use podinit_plan::state::State;

/// A family of series.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What its samples are given in; they are told in the base unit.
    pub unit: Unit,
    /// What it means.
    pub help: &'static str,
    /// Its samples.
    pub samples: Samples,
}

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It rises and falls.
    Gauge,
    /// It rises.
    Counter,
    /// How many were how large.
    Histogram,
}

/// What a number is given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The base unit.
    One,
    /// A thousandth of it.
    Milli,
    /// A millionth.
    Micro,
}

/// Where samples come from.
#[derive(Debug, Clone, Copy)]
pub enum Samples {
    /// The pod.
    Pod(fn(&Figures, &mut Series<'_>)),
    /// Each of its services; they carry its name.
    Service(fn(&Service, &mut Series<'_>)),
}

use Kind::{Counter, Gauge, Histogram};
use Samples::{Pod, Service as Each};
use Unit::{Micro, Milli, One};

const fn family(name: &'static str, kind: Kind, unit: Unit, help: &'static str, samples: Samples) -> Family {
    Family { name, kind, unit, help, samples }
}

/// All families, in the order in which they are told.
pub const FAMILIES: &[Family] = &[
    // The pod
    family(
        "podinit_build_info",
        Gauge,
        One,
        "podinit's version.",
        Pod(|figures, out| out.put(&[("version", &figures.status.version)], 1)),
    ),
    family("podinit_pod_info", Gauge, One, "The pod's name.", Pod(|figures, out| out.put(&[("pod", &figures.status.pod)], 1))),
    family(
        "podinit_pod_ready",
        Gauge,
        One,
        "Whether every essential service is ready or done.",
        Pod(|figures, out| out.put(&[], figures.status.ready.into())),
    ),
    family(
        "podinit_pod_stopping",
        Gauge,
        One,
        "Whether the pod is on its way down.",
        Pod(|figures, out| out.put(&[], figures.status.stopping.into())),
    ),
    family(
        "podinit_start_time_seconds",
        Gauge,
        Milli,
        "When podinit started, since 1970.",
        Pod(|figures, out| out.put(&[], u64::try_from(figures.started.as_millis()).unwrap_or(u64::MAX))),
    ),
    // Services
    family(
        "podinit_service_state",
        Gauge,
        One,
        "The state that a service is in; other states have no series.",
        Each(|service, out| out.put(&[("state", &service.status.state.to_string())], 1)),
    ),
    family(
        "podinit_service_ready",
        Gauge,
        One,
        "Whether a service is ready.",
        Each(|service, out| out.put(&[], u64::from(service.status.state == State::Ready))),
    ),
    family(
        "podinit_service_essential",
        Gauge,
        One,
        "Whether the pod ends with a service.",
        Each(|service, out| out.put(&[], service.status.essential.into())),
    ),
    family(
        "podinit_service_starts_total",
        Counter,
        One,
        "How many times a service was started.",
        Each(|service, out| out.put(&[], service.status.incarnation)),
    ),
    family(
        "podinit_service_restarts_total",
        Counter,
        One,
        "How many of the starts came after an end or a failure that nobody asked for.",
        Each(|service, out| out.put(&[], service.status.restarts)),
    ),
    family(
        "podinit_service_last_exit_code",
        Gauge,
        One,
        "The exit code of a service's last process, where it ended by itself.",
        Each(|service, out| {
            if let Some(Exit::Code(code)) = service.status.last_exit {
                out.put(&[], u64::try_from(code).unwrap_or(0));
            }
        }),
    ),
    family(
        "podinit_service_last_exit_signal",
        Gauge,
        One,
        "The signal that killed a service's last process, where one did.",
        Each(|service, out| {
            if let Some(Exit::Signal(signal)) = service.status.last_exit {
                out.put(&[], u64::try_from(signal).unwrap_or(0));
            }
        }),
    ),
    family(
        "podinit_service_uptime_seconds",
        Gauge,
        Milli,
        "For how long a service's present process has run.",
        Each(|service, out| out.maybe(service.uptime_ms)),
    ),
    family(
        "podinit_service_startup_seconds",
        Gauge,
        Milli,
        "How long a service took from its last start until it was ready.",
        Each(|service, out| out.maybe(service.startup_ms)),
    ),
    family(
        "podinit_service_memory_bytes",
        Gauge,
        One,
        "The memory of all processes of a service.",
        Each(|service, out| out.maybe(usage(service, |usage| Some(usage.memory_bytes)))),
    ),
    family(
        "podinit_service_memory_peak_bytes",
        Gauge,
        One,
        "The most that was measured since a service's last start.",
        Each(|service, out| out.maybe(usage(service, |usage| Some(usage.peak_memory_bytes)))),
    ),
    family(
        "podinit_service_memory_limit_bytes",
        Gauge,
        One,
        "The memory that a service may use, where it has a limit of its own.",
        Each(|service, out| out.maybe(usage(service, |usage| usage.limit_bytes))),
    ),
    family(
        "podinit_service_cpu_seconds_total",
        Counter,
        Milli,
        "The processor time of all processes of a service since its last start, user and system.",
        Each(|service, out| out.maybe(usage(service, |usage| Some(usage.cpu_ms)))),
    ),
    family(
        "podinit_service_processes",
        Gauge,
        One,
        "How many processes a service has.",
        Each(|service, out| out.maybe(usage(service, |usage| Some(usage.processes.into())))),
    ),
    family(
        "podinit_service_threads",
        Gauge,
        One,
        "How many threads they have.",
        Each(|service, out| out.maybe(usage(service, |usage| Some(usage.threads.into())))),
    ),
    family("podinit_service_check_duration_seconds", Histogram, Micro, "How long the checks of a service took.", Each(latency)),
    family(
        "podinit_service_check_failures_total",
        Counter,
        One,
        "How many of them failed.",
        Each(|service, out| out.maybe(service.latency.map(|latency| latency.failed))),
    ),
    family(
        "podinit_service_log_bytes_total",
        Counter,
        One,
        "What a service wrote to its stdout and stderr.",
        Each(|service, out| out.put(&[], service.output.bytes)),
    ),
    family(
        "podinit_service_log_lines_total",
        Counter,
        One,
        "The lines of that.",
        Each(|service, out| out.put(&[], service.output.lines)),
    ),
    family(
        "podinit_service_log_dropped_lines_total",
        Counter,
        One,
        "The lines of that which were dropped, on their way to the container's output or to log files.",
        Each(|service, out| {
            out.put(&[("to", "container")], service.output.dropped_by_container);
            out.put(&[("to", "file")], service.output.dropped_by_files);
        }),
    ),
    // The container
    family(
        "podinit_container_memory_bytes",
        Gauge,
        One,
        "The container's memory in use, without what the kernel could drop at once.",
        Pod(|figures, out| out.maybe(memory(figures, |memory| Some(memory.bytes)))),
    ),
    family(
        "podinit_container_memory_peak_bytes",
        Gauge,
        One,
        "The most that was measured.",
        Pod(|figures, out| out.maybe(memory(figures, |memory| Some(memory.peak_bytes)))),
    ),
    family(
        "podinit_container_memory_limit_bytes",
        Gauge,
        One,
        "What the container may use, where it has a limit.",
        Pod(|figures, out| out.maybe(memory(figures, |memory| memory.limit_bytes))),
    ),
    family(
        "podinit_container_memory_available_bytes",
        Gauge,
        One,
        "What the container can use at most: its limit, or the host's memory.",
        Pod(|figures, out| out.maybe(memory(figures, |memory| Some(memory.of_bytes).filter(|bytes| *bytes > 0)))),
    ),
    family(
        "podinit_container_oom_kills_total",
        Counter,
        One,
        "How many processes the kernel has killed for lack of memory.",
        Pod(|figures, out| out.maybe(memory(figures, |memory| Some(memory.oom_kills)))),
    ),
    family(
        "podinit_container_memory_pressure_ratio",
        Gauge,
        Micro,
        "The share of the last 10 s that some process waited for memory.",
        // From percent to millionths.
        Pod(|figures, out| out.maybe(memory(figures, |memory| memory.pressure.map(|percent| (percent * 10_000.0) as u64)))),
    ),
    // Alerts
    family(
        "podinit_alerts_sent_total",
        Counter,
        One,
        "Alerts that a sink got.",
        Pod(|figures, out| sinks(figures, out, |sink| sink.sent)),
    ),
    family(
        "podinit_alerts_failed_total",
        Counter,
        One,
        "Alerts that a sink did not get, and will not.",
        Pod(|figures, out| sinks(figures, out, |sink| sink.failed)),
    ),
    family(
        "podinit_alerts_suppressed_total",
        Counter,
        One,
        "Alerts that were not sent to a sink, because of their like or their number.",
        Pod(|figures, out| sinks(figures, out, |sink| sink.suppressed)),
    ),
    family(
        "podinit_alerts_pending",
        Gauge,
        One,
        "Alerts that wait to be delivered to a sink.",
        Pod(|figures, out| sinks(figures, out, |sink| sink.pending)),
    ),
    // podinit itself
    family(
        "podinit_longest_turn_seconds",
        Gauge,
        Micro,
        "The longest turn of podinit's loop so far: while it lasts nobody is answered, reaped or started.",
        Pod(|figures, out| out.maybe(figures.status.longest_turn_us)),
    ),
    family(
        "podinit_long_turns_total",
        Counter,
        One,
        "How many turns of podinit's loop took longer than 5 ms.",
        Pod(|figures, out| out.maybe(figures.status.long_turns)),
    ),
    family(
        "podinit_resident_memory_bytes",
        Gauge,
        One,
        "podinit's own memory.",
        Pod(|figures, out| out.maybe(figures.own.map(|own| own.resident_bytes))),
    ),
    family(
        "podinit_cpu_seconds_total",
        Counter,
        Micro,
        "podinit's own processor time, user and system.",
        Pod(|figures, out| out.maybe(figures.own.map(|own| own.cpu_us))),
    ),
    // nginx
    family(
        "podinit_nginx_up",
        Gauge,
        One,
        "Whether nginx answered when it was asked for its figures.",
        Pod(|figures, out| out.maybe(figures.nginx.map(|counts| counts.is_some().into()))),
    ),
    family(
        "nginx_connections_accepted_total",
        Counter,
        One,
        "Connections that nginx took.",
        Pod(|figures, out| nginx(figures, out, 1)),
    ),
    family(
        "nginx_connections_handled_total",
        Counter,
        One,
        "Connections that nginx had room for.",
        Pod(|figures, out| nginx(figures, out, 2)),
    ),
    family("nginx_requests_total", Counter, One, "Requests that nginx got.", Pod(|figures, out| nginx(figures, out, 3))),
    family("nginx_connections_active", Gauge, One, "Connections of clients.", Pod(|figures, out| nginx(figures, out, 0))),
    family(
        "nginx_connections_reading",
        Gauge,
        One,
        "Connections of which nginx reads the head of a request.",
        Pod(|figures, out| nginx(figures, out, 4)),
    ),
    family(
        "nginx_connections_writing",
        Gauge,
        One,
        "Connections that nginx answers.",
        Pod(|figures, out| nginx(figures, out, 5)),
    ),
    family(
        "nginx_connections_waiting",
        Gauge,
        One,
        "Connections that are kept for their next request.",
        Pod(|figures, out| nginx(figures, out, 6)),
    ),
];

fn usage(service: &Service, figure: fn(&Usage) -> Option<u64>) -> Option<u64> {
    service.status.usage.as_ref().and_then(figure)
}

fn memory(figures: &Figures, figure: fn(&PodMemory) -> Option<u64>) -> Option<u64> {
    figures.status.memory.as_ref().and_then(figure)
}

fn sinks(figures: &Figures, out: &mut Series<'_>, figure: fn(&SinkStatus) -> u64) {
    for (name, sink) in &figures.status.alerts {
        out.put(&[("sink", name)], figure(sink));
    }
}

fn nginx(figures: &Figures, out: &mut Series<'_>, index: usize) {
    out.maybe(figures.nginx.flatten().map(|counts| counts[index]));
}

/// The checks of a service, in buckets of which each holds those of all before it.
fn latency(service: &Service, out: &mut Series<'_>) {
    let Some(latency) = &service.latency else { return };
    let mut so_far = 0;
    for (bound, count) in BOUNDS_US.iter().zip(latency.buckets) {
        so_far += count;
        let mut text = String::new();
        number(*bound, Micro, &mut text);
        out.sample("_bucket", &[("le", &text)], so_far, One);
    }
    out.sample("_bucket", &[("le", "+Inf")], latency.count, One);
    out.sample("_sum", &[], latency.sum_us, Micro);
    out.sample("_count", &[], latency.count, One);
}
