//! What every criterion gets to judge by.

use super::declared::{self, Declared};
use super::order;
use super::pod::TestPod;
use super::sandbox::Sandbox;
use crate::engine::Engine;
use crate::engine::secrets::SecretFile;
use crate::spec::model::Pod;
use anyhow::{Result, anyhow};
use podinit_plan::plan::{ALERTS_VARIABLE, Plan};
use podinit_plan::template::Template;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The pod under test: as pod.yaml says it, and the image that is to be it.
pub struct Subject<'s> {
    /// The pod.
    pub pod: &'s Pod,
    /// Its plan, compiled from pod.yaml; never the one in the image.
    pub plan: &'s Plan,
    /// The image's reference or id.
    pub image: &'s str,
    /// Those of the plan's variables that the shell and `.env` have.
    pub variables: &'s BTreeMap<String, String>,
    /// The secrets of pod.yaml, as this side has them.
    pub secrets: &'s [SecretFile],
}

/// What every criterion gets.
pub struct Context<'s> {
    /// The engine.
    pub engine: &'s Engine,
    /// The pod.
    pub pod: &'s Pod,
    /// Its plan by pod.yaml.
    pub plan: &'s Plan,
    /// The image under test.
    pub image: &'s str,
    /// The container's variables: those given, and a canary for each that is required and was not given.
    pub variables: BTreeMap<String, String>,
    /// The secrets that containers are given.
    pub secrets: &'s [SecretFile],
    /// What pod.yaml declares of each service.
    pub declared: BTreeMap<String, Declared>,
    /// What must be up before each service.
    pub predecessors: BTreeMap<String, BTreeSet<String>>,
    /// Where containers are made.
    pub sandbox: &'s Sandbox,
    shared: Result<TestPod>,
}

impl<'s> Context<'s> {
    /// Gathers what the criteria need, without the container that many of them share.
    ///
    /// # Errors
    /// The plan's services cannot be ordered or their commands not be filled in.
    pub fn new(engine: &'s Engine, subject: &Subject<'s>, sandbox: &'s Sandbox) -> Result<Context<'s>> {
        let variables = with_required(subject.plan, subject.variables);
        Ok(Context {
            engine,
            pod: subject.pod,
            plan: subject.plan,
            image: subject.image,
            declared: declared::declare(subject.plan, &variables)?,
            predecessors: order::predecessors(subject.plan)?,
            variables,
            secrets: subject.secrets,
            sandbox,
            shared: Err(anyhow!("no criterion that was chosen needs a container to share")),
        })
    }

    /// Makes a container known as the one that criteria share, or why there is none.
    pub fn share(&mut self, pod: Result<TestPod>) {
        self.shared = pod;
    }

    /// The container that criteria share.
    ///
    /// # Errors
    /// It could not be started.
    pub fn shared(&self) -> Result<&TestPod> {
        self.shared.as_ref().map_err(|error| anyhow!("{error:#}"))
    }
}

/// A value that nothing else has, to be found again wherever it goes.
#[must_use]
pub fn canary(variable: &str) -> String {
    format!("canary-{}-{}", super::unique(), variable.to_lowercase())
}

/// The variables, and a canary for each that the plan requires and that is missing. Services are killed on purpose: that is
/// nobody's alert.
fn with_required(plan: &Plan, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut variables = given.clone();
    variables.insert(ALERTS_VARIABLE.to_owned(), "off".to_owned());
    for text in plan.templates() {
        let Ok(template) = Template::parse(text) else { continue };
        // One text may require several.
        while let Err(missing) = template.expand(&|name| variables.get(name).map(|value| Cow::Owned(value.clone()))) {
            variables.insert(missing.name.clone(), canary(&missing.name));
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_and_missing_becomes_a_canary_and_nothing_else() {
        let mut plan = order::tests::plan(&[("a", 1, &[])]);
        let environment = [("X", "${NEEDED:?}-${GIVEN:?}"), ("Y", "${OPTIONAL:-}"), ("Z", "${NEEDED:?}")];
        plan.environment = environment.map(|(name, text)| (name.to_owned(), Some(text.to_owned().into()))).into();
        let variables = with_required(&plan, &BTreeMap::from([("GIVEN".to_owned(), "1".to_owned())]));
        assert_eq!(variables.keys().collect::<Vec<_>>(), ["GIVEN", "NEEDED", "PODINIT_ALERTS"]);
        assert_eq!(variables["PODINIT_ALERTS"], "off", "a test calls nobody out of bed");
        assert_eq!(variables["GIVEN"], "1");
        assert!(variables["NEEDED"].starts_with("canary-"));
    }
}
