//! What requests through the gateway are answered: in good times, beyond the rate, without a service, during a restart.

use crate::pod::{Answer, Pod};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

pub fn run() -> anyhow::Result<()> {
    // The requests in flight during a restart are many more than the rate lets through.
    let pod = Pod::up("core-pod-requests", &[("rate: 15r/s, burst: 30", "rate: 1000r/s, burst: 1000")]);
    let token = an_account_has_a_profile(&pod);
    a_restart_breaks_no_request(&pod, &token);
    a_burst_is_limited(&pod);
    without_a_service_its_route_is_unavailable(&pod, &token);
    Ok(())
}

fn an_account_has_a_profile(pod: &Pod) -> String {
    let ada = json!({"email": "ada@example.org", "password": "correct horse battery"}).to_string();
    assert_eq!(pod.get("/health").status, 200);
    let registered = answered(pod, "POST", "/api/v1/auth/register", None, Some(&ada));
    assert_eq!(registered.status, 201, "{registered:?}");
    let wrong = ada.replace("horse", "zebra");
    assert_eq!(answered(pod, "POST", "/api/v1/auth/login", None, Some(&wrong)).status, 401);
    let login = answered(pod, "POST", "/api/v1/auth/login", None, Some(&ada));
    let token = json(&login)["token"].as_str().expect("a token").to_owned();

    assert_eq!(answered(pod, "GET", "/api/v1/users/me", None, None).status, 401);
    assert_eq!(answered(pod, "GET", "/api/v1/users/me", Some("forged.token.x"), None).status, 401);
    let change = json!({"name": "Ada"}).to_string();
    let changed = answered(pod, "PATCH", "/api/v1/users/me", Some(&token), Some(&change));
    assert_eq!(changed.status, 200, "{changed:?}");
    let profile = answered(pod, "GET", "/api/v1/users/me", Some(&token), None);
    assert_eq!((profile.status, json(&profile)["name"].as_str()), (200, Some("Ada")), "{profile:?}");
    token
}

fn a_restart_breaks_no_request(pod: &Pod, token: &str) {
    let (restarted, answers, unavailable) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                // Each goes on until the service is back, so that a hundred are under way all the time.
                let mut last = false;
                while !last {
                    last = restarted.load(Ordering::Relaxed);
                    let answer = answered(pod, "GET", "/api/v1/users/me", Some(token), None);
                    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
                    if answer.status == 503 {
                        unavailable.fetch_add(1, Ordering::Relaxed);
                        assert!(answer.content_type.starts_with("application/json"), "{answer:?}");
                    }
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let said = pod.must(["restart", &format!("{}/user-service", pod.name)]);
        assert!(said.contains("user-service"), "{said}");
        restarted.store(true, Ordering::Relaxed);
    });
    let (answers, unavailable) = (answers.into_inner(), unavailable.into_inner());
    println!("during the restart: {answers} answers, {unavailable} of them 503, no 502, no reset");
    assert!(answers >= 100);
}

fn a_burst_is_limited(pod: &Pod) {
    let limited = AtomicUsize::new(0);
    let through = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..80 {
            scope.spawn(|| {
                let answer = answered(pod, "GET", "/api/v1/auth/verify", None, None);
                if answer.status == 429 {
                    assert!(answer.retry_after.is_some() && answer.content_type.starts_with("application/json"), "{answer:?}");
                    limited.fetch_add(1, Ordering::Relaxed);
                } else {
                    assert_eq!(answer.status, 401, "{answer:?}");
                    through.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (limited, through) = (limited.into_inner(), through.into_inner());
    println!("of 80 requests at once {through} went through and {limited} were answered 429");
    assert!(limited > 0, "nothing was limited");
    // The burst of 20, and at least the one that the rate itself allows.
    assert!(through >= 20, "{through} went through");
}

fn without_a_service_its_route_is_unavailable(pod: &Pod, token: &str) {
    let stopped = pod.docker(["exec", &pod.name, "sh", "-c", &ask_podinit("POST /v1/services/auth-service/stop")]);
    assert!(crate::pod::text(&stopped).contains("\"stopped\""), "{stopped:?}");
    let answer = pod.get("/api/v1/auth/verify");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.content_type.starts_with("application/json") && answer.retry_after.is_some(), "{answer:?}");
    assert_eq!(json(&answer)["error"], "unavailable");
    let profile = answered(pod, "GET", "/api/v1/users/me", Some(token), None);
    assert_eq!(profile.status, 200, "the other service works: {profile:?}");
    assert_eq!(pod.get("/health").status, 503);
    pod.must(["restart", &format!("{}/auth-service", pod.name)]);
    assert_eq!(pod.get("/health").status, 200);
}

/// A shell command that sends one request to podinit.
fn ask_podinit(request: &str) -> String {
    format!(r"printf '{request} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n' | podinit dial")
}

fn answered(pod: &Pod, method: &str, path: &str, token: Option<&str>, body: Option<&str>) -> Answer {
    pod.request(method, path, token, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}
