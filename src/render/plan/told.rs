//! What podctl itself tells a service by variables, as nobody else knows it: where to listen, and which replica it is.

use crate::spec::instances::Instance;
use crate::spec::model::{GATEWAY, Pod, Service};
use podinit_plan::plan::Value;
use podinit_plan::template::Template;
use std::collections::BTreeMap;

/// The variables of one instance: PORT and HOST tell most web frameworks to listen where the gateway looks, and nowhere
/// else; INSTANCE tells a replica from the others.
pub struct Told {
    variables: BTreeMap<&'static str, String>,
}

impl Told {
    /// What nobody is told who is no service.
    pub fn nothing() -> Told {
        Told { variables: BTreeMap::new() }
    }

    /// What an instance is told: nothing that pod.yaml tells it already, and the gateway nothing at all.
    pub fn of(pod: &Pod, service: &Service, instance: &Instance) -> Told {
        let mut variables = BTreeMap::new();
        if let Some(port) = instance.ports.first() {
            variables.insert("PORT", port.to_string());
            variables.insert("HOST", "127.0.0.1".to_owned());
        }
        if let Some(index) = instance.index {
            variables.insert("INSTANCE", index.to_string());
        }
        let is_told = |name: &str| pod.environment.contains_key(name) || service.environment.contains_key(name);
        variables.retain(|name, _| !is_told(name) && instance.name != GATEWAY);
        Told { variables }
    }

    /// The variables for its environment.
    pub fn environment(&self) -> impl Iterator<Item = (String, Option<Value>)> {
        self.variables.iter().map(|(name, value)| ((*name).to_owned(), Some(value.clone().into())))
    }

    /// A template with references to these variables filled in: they differ from replica to replica, and the container's
    /// environment does not have them.
    pub fn fill(&self, text: &str) -> String {
        match Template::parse(text) {
            Ok(template) if template.names().iter().any(|name| self.variables.contains_key(name.as_str())) => {
                template.fill(&|name| self.variables.get(name).cloned())
            }
            _ => text.to_owned(),
        }
    }
}
