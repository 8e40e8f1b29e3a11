//! What an acceptance test found, for people and for machines.

use crate::failure::{ExitCode, Failure};
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// How a criterion came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The pod does it; what was seen.
    Passed(String),
    /// It does not; what was seen instead.
    Failed(String),
    /// The criterion does not apply to this pod; why.
    Skipped(String),
}

impl Outcome {
    /// Failed when something was found, else passed.
    #[must_use]
    pub fn of(problems: &[String], passed: impl Into<String>) -> Outcome {
        if problems.is_empty() { Outcome::Passed(passed.into()) } else { Outcome::Failed(problems.join("; ")) }
    }
}

/// A pod and how each criterion came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The pod's name.
    pub pod: String,
    /// How many passed.
    pub passed: usize,
    /// How many failed.
    pub failed: usize,
    /// How many did not apply.
    pub skipped: usize,
    /// All of them, in their order.
    pub criteria: Vec<Verdict>,
}

/// How one criterion came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Its id.
    pub id: &'static str,
    /// `passed`, `failed` or `skipped`.
    pub status: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// What was seen, or why it was skipped.
    pub detail: String,
}

impl Verdict {
    /// Of an outcome and how long it took to find.
    #[must_use]
    pub fn new(id: &'static str, outcome: Outcome, seconds: f64) -> Verdict {
        let (status, detail) = match outcome {
            Outcome::Passed(detail) => ("passed", detail),
            Outcome::Failed(detail) => ("failed", detail),
            Outcome::Skipped(detail) => ("skipped", detail),
        };
        Verdict { id, status, seconds: (seconds * 1_000.0).round() / 1_000.0, detail }
    }
}

impl Report {
    /// Of all verdicts on a pod.
    #[must_use]
    pub fn new(pod: &str, criteria: Vec<Verdict>) -> Report {
        let count = |status| criteria.iter().filter(|verdict| verdict.status == status).count();
        Report { pod: pod.to_owned(), passed: count("passed"), failed: count("failed"), skipped: count("skipped"), criteria }
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_json(&self, file: &Path) -> Result<()> {
        let context = || format!("cannot write the report to {}", file.display());
        let mut text = serde_json::to_string_pretty(self).with_context(context)?;
        text.push('\n');
        std::fs::write(file, text).with_context(context)
    }

    /// An error when a criterion failed.
    ///
    /// # Errors
    /// [`Failure`] with [`ExitCode::AcceptanceFailed`].
    pub fn verdict(&self) -> Result<()> {
        let failed: Vec<&str> =
            self.criteria.iter().filter(|verdict| verdict.status == "failed").map(|verdict| verdict.id).collect();
        if failed.is_empty() {
            return Ok(());
        }
        let text = format!(
            "cannot accept the pod {}: {} of {} criteria failed ({}); what each saw is above",
            self.pod,
            failed.len(),
            self.criteria.len(),
            failed.join(", ")
        );
        Err(Failure::new(ExitCode::AcceptanceFailed, text).into())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A failure is to be found at a glance.
        let word = match self.status {
            "passed" => "ok",
            "failed" => "FAILED",
            other => other,
        };
        write!(f, "{word:<8}{:<22}{:>6.1} s  {}", self.id, self.seconds, self.detail)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for verdict in &self.criteria {
            writeln!(f, "{verdict}")?;
        }
        write!(f, "{}: {} passed, {} failed, {} skipped", self.pod, self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::exit_code;

    fn report() -> Report {
        Report::new(
            "core-pod",
            vec![
                Verdict::new("restart-on-crash", Outcome::Passed("3 services".to_owned()), 1.234_56),
                Verdict::new("routes", Outcome::Skipped("the pod has no gateway".to_owned()), 0.0),
                Verdict::new("image-size", Outcome::Failed("600MB".to_owned()), 0.01),
            ],
        )
    }

    #[test]
    fn the_json_has_the_agreed_form() {
        let want = serde_json::json!({
            "pod": "core-pod", "passed": 1, "failed": 1, "skipped": 1,
            "criteria": [
                {"id": "restart-on-crash", "status": "passed", "seconds": 1.235, "detail": "3 services"},
                {"id": "routes", "status": "skipped", "seconds": 0.0, "detail": "the pod has no gateway"},
                {"id": "image-size", "status": "failed", "seconds": 0.01, "detail": "600MB"},
            ],
        });
        assert_eq!(serde_json::to_value(report()).unwrap(), want);
    }

    #[test]
    fn a_failure_is_an_error_with_its_own_exit_code() {
        let error = report().verdict().unwrap_err();
        assert_eq!(exit_code(&error), ExitCode::AcceptanceFailed);
        assert!(error.to_string().contains("image-size") && !error.to_string().contains("routes"), "{error}");
        assert!(Report::new("x", vec![]).verdict().is_ok());
    }

    #[test]
    fn people_get_a_line_for_each_criterion() {
        let text = report().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "ok      restart-on-crash         1.2 s  3 services");
        assert!(lines[2].starts_with("FAILED  image-size"), "{text}");
        assert_eq!(lines[3], "core-pod: 1 passed, 1 failed, 1 skipped");
    }
}
