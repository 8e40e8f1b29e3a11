//! The pod's environment, and which of its values are secrets: those are never copied, only asked for.

use crate::import::secrets;
use crate::import::yaml::Yaml;
use std::collections::BTreeMap;

/// Variables of all services, in the order in which they were found.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    of_pod: Vec<(String, Yaml)>,
    /// Secrets by the name of the reference that stands for them; a digest would do, and no one prints this.
    hidden: BTreeMap<String, String>,
    /// Names of secrets that the container has to be given.
    asked: Vec<String>,
}

impl Variables {
    /// A variable of the pod; without a value it is passed through. The first that is said counts.
    pub fn of_pod(&mut self, name: &str, value: Option<&str>) {
        if self.of_pod.iter().any(|(known, _)| known == name) {
            return;
        }
        let value = value.map_or(Yaml::Null, |value| self.value(name, name, value));
        self.of_pod.push((name.to_owned(), value));
    }

    /// A variable that all services had.
    pub fn of_all(&mut self, name: String, value: Yaml) {
        self.of_pod.retain(|(known, _)| *known != name);
        self.of_pod.push((name, value));
    }

    /// As [`Self::of_pod`], over what was said before.
    pub fn over(&mut self, name: &str, value: Option<&str>) {
        self.of_pod.retain(|(known, _)| known != name);
        self.of_pod(name, value);
    }

    /// A variable of a service.
    pub fn of_service(&mut self, service: &str, name: &str, value: &str) -> Yaml {
        // Two services may have two secrets of the same name.
        let is_other = self.hidden.get(name).is_some_and(|known| known != value);
        let prefix = service.to_uppercase().replace(['-', '.'], "_");
        let reference = if is_other { format!("{prefix}_{name}") } else { name.to_owned() };
        self.value(name, &reference, value)
    }

    /// A secret that is in a shell's text: it is in the environment.
    pub fn require(&mut self, name: &str) {
        self.hide(name);
        if !self.of_pod.iter().any(|(known, _)| known == name) {
            self.of_pod.push((name.to_owned(), Yaml::text(format!("${{{name}:?}}"))));
        }
    }

    /// A secret that is referred to.
    pub fn hide(&mut self, name: &str) {
        if !self.asked.iter().any(|known| known == name) {
            self.asked.push(name.to_owned());
        }
    }

    /// What the container has to be given.
    #[must_use]
    pub fn asked(&self) -> &[String] {
        &self.asked
    }

    /// The pod's environment.
    #[must_use]
    pub fn entries(&self) -> &[(String, Yaml)] {
        &self.of_pod
    }

    /// The text of a variable of the pod.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.of_pod.iter().find(|(known, _)| known == name).and_then(|(_, value)| match value {
            Yaml::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    fn value(&mut self, name: &str, reference: &str, value: &str) -> Yaml {
        if secrets::is_hidden(name, value) {
            self.hidden.insert(reference.to_owned(), value.to_owned());
            self.hide(reference);
            return Yaml::text(format!("${{{reference}:?}}"));
        }
        if value == format!("${{{name}}}") || (value.is_empty() && secrets::is_secret(name)) {
            return Yaml::Null;
        }
        Yaml::text(value)
    }
}
