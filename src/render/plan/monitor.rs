//! What podinit watches, and who may ask it for figures.

use crate::render::{NGINX_STATUS_PATH, UNREADY_DIR, nginx};
use crate::spec::model::Pod;
use podinit_plan::plan::{Monitor, NginxStatus, UnreadyFlags};
use std::collections::BTreeMap;

/// What a pod's `monitor` says, and nginx's own figures where there is a gateway.
pub fn planned(pod: &Pod) -> Monitor {
    Monitor {
        nginx: pod.gateway.as_ref().map(|gateway| NginxStatus { port: gateway.port, path: NGINX_STATUS_PATH.to_owned() }),
        unready_flags: unready_flags(pod),
        ..pod.monitor.clone()
    }
}

/// Files by which the gateway knows which services not to ask: one for each that it may ask, for all of its replicas.
fn unready_flags(pod: &Pod) -> Option<UnreadyFlags> {
    pod.gateway.as_ref()?;
    let instances = |name: &str| pod.services[name].instances(name).map(|instance| instance.name).collect();
    let flags: BTreeMap<_, _> = nginx::routed(pod).map(|name| (name.to_owned(), instances(name))).collect();
    (!flags.is_empty()).then(|| UnreadyFlags { folder: UNREADY_DIR.to_owned(), flags })
}
