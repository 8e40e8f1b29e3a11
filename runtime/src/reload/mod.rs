//! A pod whose plan, or supervisord.conf, has changed: what of it is new, different, or gone, by group. What follows from
//! that is the reactor's to do.

mod marks;
mod update;

pub use marks::{Marks, marks};
pub use update::{Step, Update};

use crate::boot::{self, Failure};
use crate::load::{self, Source, Written};
use crate::rpc::{self, Changes, Configured};
use crate::sys::Sys;
use crate::users::{Accounts, Identity};
use podinit_plan::plan::Plan;
use podinit_plan::supervisord::Config;
use std::collections::BTreeMap;
use std::path::Path;

/// A plan that could be run in place of the one that is.
#[derive(Debug)]
pub struct Loaded {
    /// The plan, filled in.
    pub plan: Plan,
    /// Who each service runs as, in the plan's order.
    pub identities: BTreeMap<String, Option<Identity>>,
    /// uid and gid of the sockets that services have at their stdin, where they are not the services' own.
    pub socket_owners: BTreeMap<String, (u32, u32)>,
    /// The supervisord.conf that the plan was made of.
    pub config: Option<Config>,
    /// By which its groups are told from others of the same name.
    pub marks: Marks,
    /// What in it is not as it looks.
    pub warnings: Vec<String>,
}

/// Reads the source again. May wait for the disk.
///
/// # Errors
/// Everything that is wrong with it, a line each.
pub fn load<S: Sys>(sys: &S, source: &Source) -> Result<Loaded, String> {
    let in_words = |failure: Failure| failure.messages.join("\n");
    let Written { plan, path, mut warnings, config } = source.read().map_err(in_words)?;
    let marks = marks(&plan, config.as_ref());
    let lookup = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let (plan, _) = load::prepare(plan, 0, &lookup).map_err(|problems| {
        let lines = problems.into_iter().map(|problem| format!("{}: {}", path.display(), problem.text));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    let accounts = Accounts::read(Path::new("/")).map_err(|error| format!("cannot read users and groups: {error}"))?;
    let (own_uid, _) = sys.own_ids();
    let identities = load::identities(&plan, &accounts, own_uid, &mut warnings).map_err(|problems| problems.join("\n"))?;
    let identities = plan.services.keys().cloned().zip(identities).collect();
    let mut socket_owners = BTreeMap::new();
    for (name, service) in &plan.services {
        let owner = boot::socket_owner(&service.stdin, &accounts).map_err(|error| format!("{name}: {error}"))?;
        socket_owners.extend(owner.map(|owner| (name.clone(), owner)));
    }
    Ok(Loaded { plan, identities, socket_owners, config, marks, warnings })
}

impl Loaded {
    /// What clients are told of each process.
    #[must_use]
    pub fn configured(&self) -> Vec<Configured> {
        self.config.as_ref().map_or_else(|| rpc::of_plan(&self.plan), rpc::of_config)
    }
}

/// What is different between what runs and what could.
#[must_use]
pub fn changes(now: &Marks, next: &Marks) -> Changes {
    let names = |marks: &Marks, keep: &dyn Fn(&str, u64) -> bool| {
        marks.iter().filter(|(name, mark)| keep(name, **mark)).map(|(name, _)| name.clone()).collect()
    };
    Changes {
        added: names(next, &|name, _| !now.contains_key(name)),
        changed: names(next, &|name, mark| now.get(name).is_some_and(|own| *own != mark)),
        removed: names(now, &|name, _| !next.contains_key(name)),
    }
}
