//! What Alertmanager makes of the alerts that it gets.

use crate::alertmanager::Alertmanager;
use crate::deliveries::{PATIENCE, deliver, disk, ended, http, template};
use podinit_plan::alert::{Alert, AlertStatus};
use podinit_plan::plan::Target;
use std::process::Command;

fn tell(alertmanager: &Alertmanager, alert: &Alert) {
    let target = http(&format!("{}/api/v2/alerts", alertmanager.url()), &template("alertmanager.json.j2"), None);
    deliver(Target::Http(target), alert, PATIENCE).expect_delivered();
}

/// A time as podinit writes it.
fn time(offset: &str) -> String {
    let output = Command::new("date").args(["-u", "-d", offset, "+%FT%T.000Z"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub fn it_shows_an_alert_until_it_is_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let alertmanager = Alertmanager::start(folder.path(), "127.0.0.1");
    // Longer ago than Alertmanager keeps what nobody repeats.
    let firing = Alert { time: time("-20 minutes"), ..disk(AlertStatus::Firing) };
    let exit = Alert { time: time("-2 seconds"), ..ended() };
    // The same again is not another.
    for alert in [&firing, &exit, &firing] {
        tell(&alertmanager, alert);
    }
    let alerts = alertmanager.alerts();
    let mut names: Vec<_> = alerts.iter().map(|alert| alert["labels"]["alertname"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["disk", "exit"], "{alerts:?}");
    let disk = alerts.iter().find(|alert| alert["labels"]["alertname"] == "disk").unwrap();
    assert_eq!(disk["labels"]["pod"], "shop");
    assert_eq!(disk["labels"]["severity"], "critical");
    assert_eq!(disk["annotations"]["summary"], "/data is 97% full");

    tell(&alertmanager, &Alert { status: AlertStatus::Resolved, time: time("-1 second"), ..firing });
    let alerts = alertmanager.alerts();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0]["labels"]["alertname"], "exit");
}
