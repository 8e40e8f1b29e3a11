//! Random pods, and random weather for them.

use super::schedule::{Happening, Hook, Pod, Proof, Spec, Steps};
use super::world::World;
use podinit_plan::plan::{Kind, OnFailure, RestartPolicy};

/// What may follow from checks that fail.
const STEPS: [Steps; 8] = [
    Steps(&[OnFailure::Restart]),
    Steps(&[OnFailure::Unready]),
    Steps(&[OnFailure::Unready]),
    Steps(&[OnFailure::StopPod]),
    Steps(&[OnFailure::None]),
    Steps(&[OnFailure::Restart, OnFailure::Restart, OnFailure::StopPod]),
    Steps(&[OnFailure::Unready, OnFailure::Restart]),
    Steps(&[OnFailure::None, OnFailure::Unready, OnFailure::StopPod]),
];

/// splitmix64; the schedule of a seed never changes.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

pub fn random_pod(dice: &mut Dice) -> (Pod, Vec<Spec>) {
    let pod = Pod {
        stop_grace_period: dice.pick(&[11_000, 11_000, 3_000, 30_000, 0]),
        exit_when_done: !dice.one_in(4),
        strays: dice.pick(&[0, 0, 1]),
        strays_obey: !dice.one_in(2),
    };
    let most = if dice.one_in(2) { 4 } else { 10 };
    let count = 1 + dice.below(most) as usize;
    let mut services: Vec<Spec> = Vec::with_capacity(count);
    for _ in 0..count {
        let mut spec = random_service(dice);
        for (on, earlier) in services.iter().enumerate() {
            if dice.one_in(4) && !earlier.scheduled {
                spec.depends_on |= 1 << on;
            }
        }
        services.push(spec);
    }
    (pod, services)
}

fn random_service(dice: &mut Dice) -> Spec {
    let mut spec = Spec::PLAIN;
    match dice.below(5) {
        0 => spec.kind = Kind::Oneshot,
        1 => spec.ready = Proof::Check,
        2 => spec.ready = Proof::Word(dice.pick(&[0, 2_000])),
        3 => spec.ready = Proof::Alive(dice.pick(&[0, 1_000, 5_000])),
        _ => {}
    }
    spec.scheduled = spec.kind == Kind::Oneshot && dice.one_in(4);
    spec.autostart = !dice.one_in(8);
    spec.waits = !dice.one_in(10);
    spec.address = dice.one_in(6);
    spec.priority = dice.pick(&[10, 20, 100]);
    spec.check = dice.one_in(2);
    spec.on_failure = dice.pick(&STEPS);
    spec.check_retries = dice.below(4) as u32;
    spec.check_passes = dice.pick(&[1, 1, 3]);
    spec.start_period = dice.pick(&[0, 0, 5_000]);
    spec.start_timeout = dice.pick(&[0, 3_000, 60_000]);
    spec.policy = dice.pick(&[RestartPolicy::Always, RestartPolicy::OnFailure, RestartPolicy::Never]);
    spec.retries = dice.below(4) as u32;
    spec.stable_after = dice.pick(&[0, 2_000, 10_000]);
    spec.immediate = !dice.one_in(4);
    spec.linear = dice.one_in(4);
    spec.essential = dice.one_in(3);
    spec.grace = dice.pick(&[0, 1_000, 10_000]);
    spec.group = dice.one_in(4);
    spec.kill_leftovers = !dice.one_in(4);
    spec.stop_order = if dice.one_in(10) { Some(dice.below(3) as i64 - 1) } else { None };
    spec.signals = dice.one_in(4);
    if dice.one_in(5) {
        spec.pre_start = dice.pick(&[Hook::Passes(0), Hook::Passes(700), Hook::Fails(100), Hook::Hangs]);
    }
    if dice.one_in(5) {
        spec.post_stop = dice.pick(&[Hook::Passes(0), Hook::Passes(700), Hook::Fails(100), Hook::Hangs]);
    }
    spec.obeys = dice.pick(&[Some(0), Some(0), Some(300), None]);
    spec.leaves = dice.pick(&[0, 0, 2]);
    spec.dies = dice.pick(&[0, 0, 20, 300]);
    spec
}

/// What may happen next; most of it to services that something can happen to.
pub fn random_happening(dice: &mut Dice, world: &World) -> Happening {
    let count = world.actors.len() as u64;
    let any = dice.below(count) as usize;
    // The first from there on that something is under way for.
    let find = |is: &dyn Fn(usize) -> bool| (any..any + world.actors.len()).map(|id| id % world.actors.len()).find(|id| is(*id));
    let running = find(&|id| world.actors[id].leader.is_some());
    let probing = find(&|id| world.actors[id].probing.is_some());
    let reaching = find(&|id| world.actors[id].reaching);
    match dice.below(32) {
        0..=4 if running.is_some() => {
            let id = running.unwrap_or(any);
            match dice.below(8) {
                0 => Happening::Dies(id, dice.pick(&[9, 11])),
                1 => Happening::CannotExecute(id),
                2..=4 => Happening::Exits(id, dice.pick(&[1, 42])),
                _ => Happening::Exits(id, 0),
            }
        }
        5..=9 if probing.is_some() => {
            let id = probing.unwrap_or(any);
            if dice.one_in(3) { Happening::Fails(id) } else { Happening::Passes(id) }
        }
        10..=12 if reaching.is_some() => {
            let id = reaching.unwrap_or(any);
            if dice.one_in(3) { Happening::CannotReach(id) } else { Happening::Reaches(id) }
        }
        13..=15 => {
            let says = [Happening::SaysReady, Happening::SaysReady, Happening::SaysAlive, Happening::SaysStopping];
            dice.pick(&says)(running.unwrap_or(any))
        }
        16 => Happening::AskStart(any),
        17 => Happening::AskStop(any),
        18 => Happening::AskRestart(any),
        19 => Happening::Due(any),
        20 => dice.pick(&[Happening::CannotFork, Happening::Hangs, Happening::Stale, Happening::Stale])(any),
        21 if dice.one_in(4) => Happening::StopPod,
        22 if dice.one_in(2) => Happening::Late(dice.pick(&[1_500, 29_000])),
        23 => dice.pick(&[Happening::LateAtSpawn(1_500), Happening::Signalled]),
        24 => Happening::OverLimit(running.unwrap_or(any)),
        _ => Happening::After(dice.pick(&[1, 300, 1_000, 1_000, 4_000, 11_000])),
    }
}
