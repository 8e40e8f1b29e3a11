//! Flags of services that are not ready, the health file, disks that are nearly full.

use crate::support::plans::{checked, idle, pod, shell};
use crate::support::{Pod, Setting, is_root, wait_for};
use podinit_plan::plan::{DiskMonitor, Plan, StatusFile, UnreadyFlags};
use podinit_plan::protocol::EventKind;
use podinit_plan::state::State;
use serde_json::Value;
use std::path::Path;

fn with_flags(folder: &str, plan: Plan) -> Plan {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let flags = [("api".to_owned(), names(&["api"])), ("web".to_owned(), names(&["web-0", "web-1"]))].into();
    let mut plan = plan;
    plan.monitor.unready_flags = Some(UnreadyFlags { folder: folder.to_owned(), flags });
    plan
}

/// A service that is well while there is a file of its name.
fn well_with(name: &str, folder: &Path, service: podinit_plan::plan::Service) -> podinit_plan::plan::Service {
    checked(&format!("test -e {}", folder.join(name).display()), service)
}

#[test]
fn a_flag_is_there_from_before_the_first_start_until_the_service_is_ready_and_again_when_it_is_not() {
    let mut pod = Pod::start(|folder| {
        let flags = folder.join("unready").display().to_string();
        let looked = folder.join("looked").display().to_string();
        let looks = shell(&format!("ls {flags} | sort | tr '\\n' ' '; echo; touch {looked}; exec sleep 1000"));
        let web = |name| well_with(name, folder, idle());
        with_flags(&flags, pod([("api", well_with("api-well", folder, looks)), ("web-0", web("w0")), ("web-1", web("w1"))]))
    });
    let folder = pod.folder.path().to_owned();
    let flag = |name: &str| folder.join("unready").join(name);
    let is_there = |name: &str| flag(name).exists();
    let becomes = |name: &str, wanted: bool| wait_for("the flag", || (is_there(name) == wanted).then_some(()));
    wait_for("a look at the flags", || folder.join("looked").exists().then_some(()));
    assert!(is_there("api") && is_there("web"));
    std::fs::write(folder.join("api-well"), "").unwrap();
    pod.wait_state("api", State::Ready);
    becomes("api", false);
    assert!(is_there("web"));
    std::fs::write(folder.join("w1"), "").unwrap();
    pod.wait_state("web-1", State::Ready);
    becomes("web", false);
    std::fs::write(folder.join("w0"), "").unwrap();
    // The pod is ready when no flag is in the way any more.
    wait_for("a ready pod", || pod.status().ready.then_some(()));
    assert!(!is_there("api") && !is_there("web"));
    std::fs::remove_file(folder.join("w1")).unwrap();
    pod.wait_state("web-1", State::Unready);
    std::fs::remove_file(folder.join("api-well")).unwrap();
    pod.wait_state("api", State::Unready);
    becomes("api", true);
    assert!(!is_there("web"), "the other one is ready");
    let ended = pod.stop();
    assert_eq!(ended.of("api"), ["api web "], "{}", ended.errors);
}

#[test]
fn without_a_folder_for_flags_there_are_none_and_the_pod_runs() {
    if !is_root() {
        return;
    }
    let before = "mkdir /run/x && mount -t tmpfs -o ro tmpfs /run/x".to_owned();
    let setting = Setting { before, ..Setting::default() };
    let mut pod = Pod::start_in(setting, |_| with_flags("/run/x/unready", pod([("api", idle())])));
    pod.wait_state("api", State::Ready);
    assert!(pod.status().ready);
    let ended = pod.stop();
    assert_eq!(ended.code, Some(0));
    assert!(ended.output.contains("cannot make files in /run/x/unready"), "{}", ended.output);
}

#[test]
fn the_health_file_follows_the_pod() {
    let pod = Pod::start(|folder| {
        let mut plan = pod([("api", well_with("well", folder, idle())), ("db", idle())]);
        let path = folder.join("health.json").display().to_string();
        // Far away, so that what comes sooner comes for a change.
        plan.monitor.health_file = Some(StatusFile { path, interval_ms: 3_600_000 });
        plan.monitor.disk = Some(DiskMonitor { paths: vec!["/".to_owned()], interval_ms: 3_600_000, warn_percent: 100 });
        plan
    });
    let path = pod.folder.path().join("health.json");
    let read = || serde_json::from_str::<Value>(&std::fs::read_to_string(&path).ok()?).ok();
    let said = |what: &str, is_it: &dyn Fn(&Value) -> bool| wait_for(what, || read().filter(is_it));
    said("an unready pod", &|health| health["ready"] == false && health["services"][0]["state"] == "starting");
    std::fs::write(pod.folder.path().join("well"), "").unwrap();
    let well = said("a ready pod", &|health| health["ready"] == true);
    assert_eq!((&well["pod"], &well["services"][1]["state"]), (&"pod".into(), &"ready".into()));
    assert!(well["services"][0]["check"]["last_us"].as_u64().is_some_and(|us| us > 0), "{well}");
    assert!(well["disks"]["/"]["total_bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{well}");
    assert!(well["cpu_percent"].is_f64() && well["load"].as_array().is_some_and(|load| load.len() == 3), "{well}");
    std::fs::remove_file(pod.folder.path().join("well")).unwrap();
    let unwell = said("a pod that is not ready any more", &|health| health["ready"] == false);
    assert_eq!(unwell["services"][0]["state"], "unready");
    assert_eq!(unwell["services"][1]["pid"], well["services"][1]["pid"]);
    assert_eq!(pod.stop().code, Some(0));
}

#[test]
fn a_disk_that_is_nearly_full_is_said_and_that_it_is_not_any_more() {
    if !is_root() {
        return;
    }
    let before = "mkdir /run/data && mount -t tmpfs -o size=1m tmpfs /run/data".to_owned();
    let mut pod = Pod::start_in(Setting { before, ..Setting::default() }, |folder| {
        let go = folder.join("go").display().to_string();
        let fills = format!(
            "head -c 1000000 /dev/zero >/run/data/x; until test -e {go}; do sleep 0.02; done; rm /run/data/x; exec sleep 1000"
        );
        let mut plan = pod([("db", shell(&fills))]);
        let paths = vec!["/run/data".to_owned(), "/run/none".to_owned()];
        plan.monitor.disk = Some(DiskMonitor { paths, interval_ms: 50, warn_percent: 90 });
        plan
    });
    let full = pod.wait("a full disk", |event| event.event == EventKind::DiskFull);
    assert_eq!((full.path.as_deref(), full.limit_bytes), (Some("/run/data"), Some(1 << 20)));
    assert!(full.bytes.is_some_and(|bytes| bytes >= 1_000_000), "{full:?}");
    std::fs::write(pod.folder.path().join("go"), "").unwrap();
    let normal = pod.wait("a disk with room", |event| event.event == EventKind::DiskNormal);
    assert_eq!((normal.path.as_deref(), normal.bytes), (Some("/run/data"), Some(0)));
    let ended = pod.stop();
    assert!(ended.output.contains("the disk of /run/data is 96% full: "), "{}", ended.output);
    assert_eq!(ended.output.matches("cannot look how full /run/none is").count(), 1, "once: {}", ended.output);
}
