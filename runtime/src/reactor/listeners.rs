//! Event listeners, and the stdin of services.

use super::Reactor;
use crate::inputs::Unsent;
use crate::listeners::happening::Happening;
use crate::logs::Heard;
use crate::machine::{Event, Role, ServiceId, SpawnFailure};
use crate::rpc::Refusal;
use crate::sys::Sys;
use podinit_plan::protocol::Event as Record;
use std::os::fd::OwnedFd;

impl<S: Sys> Reactor<S> {
    /// The stdin of a process that is about to be started; without it, it is /dev/null.
    pub(super) fn input(
        &mut self,
        service: ServiceId,
        role: Role,
        owner: Option<(u32, u32)>,
    ) -> Result<Option<OwnedFd>, SpawnFailure> {
        match role {
            Role::Command => self.parts.inputs.open(service, owner).map_err(|message| SpawnFailure { message, code: 111 }),
            Role::PreStart | Role::PostStop => Ok(None),
        }
    }

    /// The machine has said something: listeners may want to know of it.
    pub(super) fn publish_to_listeners(&mut self, record: &Record) {
        let name = record.service.as_ref();
        let service = name.and_then(|name| self.roster.find(name));
        self.parts.listeners.published(record, service);
        self.send_events();
    }

    /// Tells listeners what was written for them, and takes in what they have said.
    pub(super) fn tell_listeners(&mut self) {
        for Heard { service, incarnation, written, data } in self.parts.logs.take_heard() {
            let (leader, name) = (self.leaders[service], self.roster.name(service));
            self.parts.listeners.wrote(service, incarnation, leader, name, &written, &data);
        }
        self.send_events();
    }

    /// A client writes to the stdin of a service.
    pub(super) fn input_for_client(&mut self, service: ServiceId, bytes: &[u8]) -> Result<(), Refusal> {
        self.parts.inputs.send(service, bytes).map_err(|unsent| match unsent {
            Unsent::Closed => Refusal::Missing,
            Unsent::Full => Refusal::Failed("it has not read what it was sent before".to_owned()),
        })
    }

    /// Something has happened that the machine knows nothing of.
    pub(super) fn tell_all(&mut self, happening: Happening) {
        self.parts.listeners.happened(happening);
        self.send_events();
    }

    fn send_events(&mut self) {
        let inputs = &mut self.parts.inputs;
        self.parts.listeners.dispatch(&mut |service, bytes| inputs.send(service, &bytes).is_ok());
        for message in self.parts.listeners.take_notices() {
            self.events.push_back(Event::Warning { message });
        }
    }
}
