//! A pod.yaml in the making: services as flat lists of keys, `restart.retries` and the like, until it is clear what is the
//! same for all of them and belongs under `defaults`.

use super::yaml::Yaml;

/// A service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its keys; those of maps with a dot.
    pub keys: Vec<(String, Yaml)>,
    /// It takes what the others have in common for all that it does not say itself.
    pub follows: bool,
}

impl Service {
    /// A service of this name.
    #[must_use]
    pub fn new(name: &str) -> Service {
        Service { name: name.to_owned(), keys: Vec::new(), follows: false }
    }

    /// Sets a key; what it was is forgotten.
    pub fn set(&mut self, key: &str, value: Yaml) {
        self.remove(key);
        self.keys.push((key.to_owned(), value));
    }

    /// What a key says.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.keys.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// What a key says, when it is text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Yaml::Text(text) | Yaml::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) -> Option<Yaml> {
        let at = self.keys.iter().position(|(name, _)| name == key)?;
        Some(self.keys.remove(at).1)
    }

    /// Whether its command is run by a shell.
    #[must_use]
    pub fn is_shell(&self) -> bool {
        matches!(self.get("command"), Some(Yaml::Map(_)))
    }
}

/// The order of keys in a service.
const ORDER: [&str; 32] = [
    "type",
    "schedule",
    "build",
    "command",
    "events",
    "buffer_size",
    "pre_start",
    "user",
    "working_dir",
    "replicas",
    "port",
    "socket",
    "protocol",
    "healthcheck",
    "ready_after",
    "priority",
    "depends_on",
    "autostart",
    "restart",
    "essential",
    "stop_signal",
    "stop_grace_period",
    "stop_group",
    "umask",
    "env_file",
    "environment",
    "logging",
    "route",
    "rate",
    "burst",
    "headers",
    "config",
];

/// Keys that belong under `defaults` when most services say the same.
const SHARED: [&str; 16] = [
    "build",
    "user",
    "working_dir",
    "ready_after",
    "restart.policy",
    "restart.retries",
    "restart.stable_after",
    "restart.exit_codes",
    "essential",
    "stop_signal",
    "stop_grace_period",
    "umask",
    "logging.file",
    "logging.max_size",
    "logging.max_file",
    "logging.stderr",
];

/// `stop_group`, where it is the same for all and not for all what a service has by itself: a shell's whole group is told.
fn stop_group(services: &mut [Service]) -> Option<(String, Yaml)> {
    let key = "stop_group";
    let own = |service: &Service| service.get(key).cloned().unwrap_or_else(|| Yaml::plain(service.is_shell()));
    let first = services.iter().find(|service| !service.follows).map(own)?;
    let said = services.iter().filter(|service| service.get(key).is_some()).count();
    if said < 2 || services.iter().any(|service| !service.follows && own(service) != first) {
        return None;
    }
    services.iter_mut().for_each(|service| drop(service.remove(key)));
    Some((key.to_owned(), first))
}

/// Variables that all services have with the same value; takes them out of the services.
pub fn shared_variables(services: &mut [Service]) -> Vec<(String, Yaml)> {
    let of = |service: &Service| match service.get("environment") {
        Some(Yaml::Map(entries)) => entries.clone(),
        _ => Vec::new(),
    };
    let own: Vec<Vec<(String, Yaml)>> = services.iter().filter(|service| !service.follows).map(of).collect();
    let Some((first, others)) = own.split_first().filter(|(_, others)| !others.is_empty()) else { return Vec::new() };
    let shared: Vec<(String, Yaml)> =
        first.iter().filter(|entry| others.iter().all(|other| other.contains(entry))).cloned().collect();
    for service in services.iter_mut().filter(|service| !shared.is_empty() && service.get("environment").is_some()) {
        let rest: Vec<(String, Yaml)> = of(service).into_iter().filter(|entry| !shared.contains(entry)).collect();
        service.remove("environment");
        if !rest.is_empty() {
            service.set("environment", Yaml::Map(rest));
        }
    }
    shared
}

/// Whether a gateway takes a key from `defaults`.
fn of_gateway(key: &str) -> bool {
    let outer = key.split('.').next().unwrap_or(key);
    matches!(outer, "user" | "logging" | "restart" | "ready_after" | "stop_grace_period" | "umask")
}

/// What a service has that does not say so.
fn default_of(key: &str) -> Option<Yaml> {
    Some(match key {
        "user" => Yaml::text("app"),
        "working_dir" => Yaml::text("/app"),
        "ready_after" => Yaml::text("1s"),
        "restart.policy" => Yaml::text("always"),
        "restart.retries" => Yaml::plain(5),
        "restart.stable_after" => Yaml::text("10s"),
        "restart.exit_codes" => Yaml::List(vec![Yaml::plain(0)]),
        "essential" => Yaml::plain(true),
        "stop_signal" => Yaml::text("SIGTERM"),
        "stop_grace_period" => Yaml::text("10s"),
        "logging.max_size" => Yaml::text("50MB"),
        "logging.max_file" => Yaml::plain(6),
        "logging.stderr" => Yaml::text("together"),
        _ => return None,
    })
}

/// Finds what most services have in common; takes it, and what pod.yaml says anyway, out of them.
///
/// A gateway and listeners have some of the defaults, too: they say what they have otherwise.
pub fn share(services: &mut [Service], others: Vec<&mut Service>) -> Vec<(String, Yaml)> {
    let mut defaults: Vec<(String, Yaml)> = Vec::new();
    for key in SHARED {
        let default = default_of(key);
        // Where somebody has none, nobody can be given one for all.
        let said = services
            .iter()
            .filter(|service| !service.follows)
            .map(|service| service.get(key).cloned().or_else(|| default.clone()));
        let Some(said) = said.collect::<Option<Vec<Yaml>>>() else { continue };
        if default.is_none() && others.iter().any(|other| of_gateway(key) && other.get(key).is_none()) {
            continue;
        }
        let count = |value: &Yaml| said.iter().filter(|other| *other == value).count();
        // Of two that are as common the first.
        let Some(common) = said.iter().rev().max_by_key(|value| count(value)).cloned() else { continue };
        let is_default = default.as_ref() == Some(&common);
        // How files are rotated is said where there is a file.
        let is_pointless =
            key.starts_with("logging.") && key != "logging.file" && !defaults.iter().any(|(key, _)| key == "logging.file");
        let shared = if count(&common) > 1 && !is_default && !is_pointless { Some(common) } else { None };
        for service in services.iter_mut() {
            let value = service.remove(key).or_else(|| default.clone().filter(|_| !service.follows));
            if let Some(value) = value.filter(|value| Some(value) != shared.as_ref().or(default.as_ref())) {
                service.set(key, value);
            }
        }
        defaults.extend(shared.map(|value| (key.to_owned(), value)));
    }
    defaults.extend(stop_group(services));
    for gateway in others {
        for key in SHARED.iter().filter(|key| of_gateway(key)) {
            let shared = defaults.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
            let expected = shared.or_else(|| default_of(key));
            match gateway.get(key).cloned() {
                Some(value) if Some(&value) == expected.as_ref() => drop(gateway.remove(key)),
                _ => {}
            }
        }
        if gateway.get("essential") == Some(&Yaml::plain(true)) {
            gateway.remove("essential");
        }
    }
    defaults
}

/// Dotted keys as maps, in the order in which people write them. A policy alone is a word.
#[must_use]
pub fn nested(keys: &[(String, Yaml)], is_over: &dyn Fn(&str) -> bool) -> Yaml {
    let mut entries: Vec<(String, Yaml)> = Vec::new();
    for (key, value) in keys {
        let Some((outer, inner)) = key.split_once('.') else {
            entries.push((key.clone(), value.clone()));
            continue;
        };
        match entries.iter_mut().find(|(name, _)| name == outer) {
            Some((_, Yaml::Map(map))) => map.push((inner.to_owned(), value.clone())),
            _ => entries.push((outer.to_owned(), Yaml::map([(inner, value.clone())]))),
        }
    }
    for (key, value) in &mut entries {
        if let Yaml::Map(map) = value
            && let [(inner, policy)] = map.as_slice()
            && key == "restart"
            && inner == "policy"
            && !is_over("restart")
        {
            *value = policy.clone();
        }
    }
    entries.sort_by_key(|(key, _)| ORDER.iter().position(|known| known == key).unwrap_or(ORDER.len()));
    Yaml::Map(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(keys: &[(&str, &str)]) -> Service {
        Service {
            name: "x".to_owned(),
            follows: false,
            keys: keys.iter().map(|(key, value)| ((*key).to_owned(), Yaml::text(*value))).collect(),
        }
    }

    #[test]
    fn what_most_have_is_a_default_and_others_say_what_they_have() {
        let mut services = [
            service(&[("user", "root"), ("restart.policy", "on-failure")]),
            service(&[("user", "root"), ("restart.policy", "always")]),
            service(&[("user", "www"), ("restart.policy", "on-failure"), ("logging.file", "/x/")]),
            service(&[("restart.policy", "on-failure")]),
        ];
        let defaults = share(&mut services, Vec::new());
        assert_eq!(
            defaults,
            [("user", "root"), ("restart.policy", "on-failure")].map(|(key, value)| (key.to_owned(), Yaml::text(value)))
        );
        assert_eq!(services[0].keys, []);
        assert_eq!(services[1].keys, [("restart.policy".to_owned(), Yaml::text("always"))]);
        assert_eq!(services[2].text("user"), Some("www"));
        assert_eq!(services[2].text("logging.file"), Some("/x/"));
        assert_eq!(services[3].text("user"), Some("app"));
    }

    #[test]
    fn a_policy_alone_is_a_word_unless_it_lies_over_a_map() {
        let keys = [("restart.policy".to_owned(), Yaml::text("no"))];
        assert_eq!(nested(&keys, &|_| false), Yaml::map([("restart", Yaml::text("no"))]));
        assert_eq!(nested(&keys, &|_| true), Yaml::map([("restart", Yaml::map([("policy", Yaml::text("no"))]))]));
    }
}
