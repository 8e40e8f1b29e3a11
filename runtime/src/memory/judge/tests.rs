use super::*;
use proptest::prelude::*;

const MB: u64 = 1 << 20;

fn limit(megabytes: u64, on_exceed: OnExceed, cool_down_ms: u64) -> MemoryLimit {
    MemoryLimit { limit_bytes: megabytes * MB, on_exceed, cool_down_ms }
}

fn measured(service: ServiceId, incarnation: Incarnation, megabytes: u64, limit: &MemoryLimit) -> Measured<'_> {
    Measured { service, incarnation, bytes: megabytes * MB, limit, may_go: megabytes > 0 }
}

/// Who has to go.
fn gone(verdicts: &[Verdict]) -> Vec<ServiceId> {
    let restarts = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Restart(service, ..) => Some(*service),
        Verdict::Tell(..) => None,
    });
    restarts.collect()
}

fn told(verdicts: &[Verdict]) -> Vec<EventKind> {
    let told = verdicts.iter().filter_map(|verdict| match verdict {
        Verdict::Tell(_, record) => Some(record.event),
        Verdict::Restart(..) => None,
    });
    told.collect()
}

#[test]
fn each_crossing_is_told_once() {
    let mut judge = Judge::default();
    let mut look = |percent: u64| {
        let told = judge.container(percent * MB, 100 * MB, Some(100 * MB), (80, 95));
        told.map(|verdict| match verdict {
            Verdict::Tell(None, record) => (record.event, record.reason.unwrap()),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(look(79), None);
    let (kind, reason) = look(80).unwrap();
    assert_eq!(kind, EventKind::MemoryWarning);
    assert_eq!(reason, "memory is at 80 % of the container's limit: 80MB of 100MB, warned of from 80 % on");
    assert_eq!(look(78), None, "around the threshold is above it");
    assert_eq!(look(96).unwrap().0, EventKind::MemoryCritical);
    assert_eq!(look(94), None);
    assert_eq!(look(85).unwrap().0, EventKind::MemoryWarning);
    assert_eq!(look(99).unwrap().0, EventKind::MemoryCritical);
    assert_eq!(look(10).unwrap().0, EventKind::MemoryNormal);
    assert_eq!(look(100).unwrap().0, EventKind::MemoryCritical, "nobody is warned of what is critical already");
}

#[test]
fn a_service_above_its_limit_is_told_and_goes_when_it_is_to() {
    let (mut judge, rule, patient) = (Judge::default(), limit(10, OnExceed::Restart, 60_000), limit(10, OnExceed::Alert, 60_000));
    let verdicts = judge.services(0, &[measured(0, 1, 11, &rule), measured(1, 1, 11, &patient), measured(2, 1, 9, &rule)]);
    assert_eq!((told(&verdicts), gone(&verdicts)), (vec![EventKind::OverLimit; 2], vec![0]));
    let verdicts = judge.services(30_000, &[measured(0, 2, 11, &rule), measured(1, 1, 12, &patient)]);
    assert_eq!(told(&verdicts), [EventKind::OverLimit], "the new incarnation crosses it anew");
    assert_eq!(gone(&verdicts), [0usize; 0], "not again for so long");
    assert_eq!(gone(&judge.services(60_000, &[measured(0, 2, 11, &rule)])), [0]);
    let verdicts = judge.services(60_001, &[measured(0, 3, 10, &rule), measured(1, 1, 0, &patient)]);
    assert_eq!(told(&verdicts), [EventKind::UnderLimit], "10 of 10 is not well below");
    assert_eq!(told(&judge.services(60_002, &[measured(0, 3, 9, &rule)])), [EventKind::UnderLimit]);
}

#[test]
fn at_critical_the_largest_offender_goes_and_the_next_when_that_did_not_help() {
    let (mut judge, rule) = (Judge::default(), limit(10, OnExceed::Alert, 60_000));
    judge.container(96, 100, Some(100), (80, 95));
    let all = |first: u64, incarnation: u64| {
        [measured(0, incarnation, first, &rule), measured(1, 1, 20, &rule), measured(2, 1, 9, &rule), measured(3, 1, 15, &rule)]
    };
    assert_eq!(gone(&judge.services(0, &all(30, 1))), [0]);
    assert_eq!(gone(&judge.services(1, &all(29, 1))), [0usize; 0], "it is on its way");
    assert_eq!(gone(&judge.services(2, &all(1, 2))), [1]);
    assert_eq!(gone(&judge.services(3, &[measured(2, 1, 9, &rule)])), [0usize; 0], "who is below its limit stays");
    judge.container(50, 100, Some(100), (80, 95));
    assert_eq!(gone(&judge.services(4, &all(1, 2))), [0usize; 0], "nothing is critical any more");
}

proptest! {
    #[test]
    fn whatever_happens_nobody_goes_who_is_below_its_limit_or_was_restarted_lately(
        passes in prop::collection::vec((0u64..20_000, 50u64..110, prop::array::uniform4((0u64..40, any::<bool>()))), 1..60),
        limits in prop::array::uniform4((1u64..30, any::<bool>(), 0u64..90_000)),
    ) {
        let rules = limits.map(|(megabytes, restarts, cool)| {
            limit(megabytes, if restarts { OnExceed::Restart } else { OnExceed::Alert }, cool)
        });
        let (mut judge, mut now) = (Judge::default(), 0);
        let (mut incarnations, mut last) = ([1u64; 4], [None::<Millis>; 4]);
        let mut over = [None::<Incarnation>; 4];
        let mut level = EventKind::MemoryNormal;
        for (after, percent, services) in passes {
            now += after;
            if let Some(Verdict::Tell(_, record)) = judge.container(percent, 100, None, (80, 95)) {
                prop_assert_ne!(record.event, level, "a crossing is told once");
                level = record.event;
            }
            let all: Vec<_> = services
                .iter()
                .enumerate()
                .map(|(id, (bytes, may_go))| Measured { may_go: *may_go, ..measured(id, incarnations[id], *bytes, &rules[id]) })
                .collect();
            let verdicts = judge.services(now, &all);
            if level == EventKind::MemoryCritical {
                prop_assert!(gone(&verdicts).len() <= 1, "one at a time");
            }
            for verdict in verdicts {
                match verdict {
                    Verdict::Restart(id, incarnation, _) => {
                        prop_assert_eq!(incarnation, incarnations[id]);
                        prop_assert!(all[id].may_go && all[id].bytes > rules[id].limit_bytes);
                        prop_assert!(level == EventKind::MemoryCritical || rules[id].on_exceed == OnExceed::Restart);
                        prop_assert!(last[id].is_none_or(|at| now >= at + rules[id].cool_down_ms));
                        last[id] = Some(now);
                        incarnations[id] += 1;
                    }
                    Verdict::Tell(Some(id), record) if record.event == EventKind::OverLimit => {
                        prop_assert!(over[id] != Some(incarnations[id]) && all[id].bytes > rules[id].limit_bytes);
                        over[id] = Some(incarnations[id]);
                    }
                    Verdict::Tell(Some(id), record) => {
                        prop_assert_eq!(record.event, EventKind::UnderLimit);
                        prop_assert!(over[id].take().is_some() && all[id].bytes <= rules[id].limit_bytes);
                    }
                    Verdict::Tell(None, record) => prop_assert!(false, "{:?}", record),
                }
            }
        }
    }

    #[test]
    fn what_moves_by_little_crosses_a_threshold_once(start in 60u64..100, steps in prop::collection::vec(0u64..4, 1..50)) {
        let mut level = Level::Normal.next(start, 100, 80, 95);
        let mut crossings = 0;
        for step in steps {
            let next = level.next(start + step, 100, 80, 95);
            crossings += usize::from(next != level);
            level = next;
        }
        prop_assert!(crossings <= 1, "{}", crossings);
    }
}
