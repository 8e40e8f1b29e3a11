//! Ports that the image or the compose file opens: the service whose command has one listens there.

use super::Pod;
use super::targets::has_number;
use crate::import::project::Sources;
use crate::import::yaml::Yaml;

/// Gives services the ports that are known to be opened and that their own commands name.
pub fn show(sources: &Sources, pod: &mut Pod) {
    let exposed = sources.dockerfile.as_ref().and_then(|dockerfile| dockerfile.find("EXPOSE"));
    let exposed = exposed.iter().flat_map(|expose| expose.text.split_whitespace()).map(str::to_owned);
    let published = pod.ports.iter().filter_map(|port| port.rsplit(':').next().map(str::to_owned));
    let ports: Vec<u16> = exposed.chain(published).filter_map(|port| port.split('/').next()?.parse().ok()).collect();
    let gateway = pod.gateway.as_ref().and_then(|gateway| gateway.text("port")).and_then(|port| port.parse::<u16>().ok());
    for port in ports.into_iter().filter(|port| Some(*port) != gateway) {
        let is_taken = pod.services.iter().any(|service| service.get("port") == Some(&Yaml::plain(port)));
        let names = |command: Option<&Yaml>| command.is_some_and(|command| has_number(&format!("{command:?}"), port));
        let found = pod
            .services
            .iter_mut()
            .find(|service| service.get("port").is_none() && service.get("replicas").is_none() && names(service.get("command")));
        if let Some(service) = found.filter(|_| !is_taken) {
            service.set("port", Yaml::plain(port));
        }
    }
}
