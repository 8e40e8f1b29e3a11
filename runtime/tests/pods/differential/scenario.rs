//! Programs, what becomes of them, and what is asked of the daemon.

use podinit_plan::supervisord::{AutoRestart, Config, GroupKind, Process};
use std::fmt::Write;

/// Numbers that look random.
pub struct Dice(pub u64);

impl Dice {
    /// From 0 to below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// What is asked of the daemon when everything has come to rest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    Nothing,
    Kill,
    Stop,
    Start,
}

/// A program whose script does what the scenario says.
struct Program {
    group: String,
    name: String,
    options: String,
    /// What each of its incarnations does; the last one's is that of all that follow.
    steps: Vec<String>,
    request: Request,
}

pub struct Scenario {
    programs: Vec<Program>,
    groups: Vec<(String, i64)>,
}

/// The most requests for a start or a stop of one scenario: the original's client needs a second for each.
const REQUESTS: usize = 3;
/// Processes of one scenario.
const PROCESSES: usize = 12;

impl Scenario {
    /// Random programs with random options.
    pub fn random(dice: &mut Dice) -> Scenario {
        let mut programs = Vec::new();
        for number in 0..8 {
            let startsecs = dice.one_of(&[0, 2]);
            let retries = dice.below(3);
            let autorestart = dice.one_of(&["true", "false", "unexpected"]);
            let autostart = dice.below(6) > 0;
            let signal = dice.one_of(&["TERM", "INT", "QUIT", "HUP", "USR1"]);
            let as_group = dice.below(2) == 0;
            let options = format!(
                "startsecs={startsecs}\nstartretries={retries}\nautorestart={autorestart}\nautostart={autostart}\nexitcodes=0,2\n\
                 stopsignal={signal}\nstopwaitsecs=2\nstopasgroup={as_group}\npriority={}\n",
                dice.below(4)
            );
            let group = dice.one_of(&["", "g", "h"]).to_owned();
            let name = format!("p{number}");
            programs.push(Program::new(group, name, options, retries, dice));
        }
        Scenario::with(programs, vec![("g".to_owned(), 3), ("h".to_owned(), 1)])
    }

    /// The programs of a real configuration; none when it has none.
    pub fn of(config: &Config, dice: &mut Dice) -> Option<Scenario> {
        let mut programs = Vec::new();
        let mut groups = Vec::new();
        for group in config.groups.iter().filter(|group| group.kind == GroupKind::Programs) {
            let alone = group.processes.len() == 1 && group.processes[0].name == group.name;
            if !alone {
                groups.push((group.name.clone(), group.priority));
            }
            for process in &group.processes {
                let retries = process.startretries.min(2);
                let group = if alone { String::new() } else { group.name.clone() };
                programs.push(Program::new(group, process.name.clone(), options(process, retries), retries, dice));
            }
        }
        programs.truncate(PROCESSES);
        (!programs.is_empty()).then(|| Scenario::with(programs, groups))
    }

    fn with(mut programs: Vec<Program>, groups: Vec<(String, i64)>) -> Scenario {
        for kind in [Request::Stop, Request::Start] {
            programs
                .iter_mut()
                .filter(|program| program.request == kind)
                .skip(REQUESTS)
                .for_each(|p| p.request = Request::Nothing);
        }
        Scenario { programs, groups }
    }

    /// The programs' part of the configuration; their script is in that folder.
    pub fn configuration(&self, folder: &str) -> String {
        let mut text = String::new();
        for (index, program) in self.programs.iter().enumerate() {
            let Program { name, options, steps, .. } = program;
            let file = program.full_name().replace(':', "_");
            writeln!(
                text,
                "[program:x{index}]\nprocess_name={name}\ncommand=sh {folder}/script {file} {}\n\
                 stdout_logfile=NONE\nredirect_stderr=true\n{options}",
                steps.join(" ")
            )
            .unwrap();
        }
        for (group, priority) in self.all_groups() {
            let members = self.programs.iter().enumerate().filter(|(_, program)| program.of_group() == group);
            let members: Vec<String> = members.map(|(index, _)| format!("x{index}")).collect();
            if !members.is_empty() {
                writeln!(text, "[group:{group}]\nprograms={}\npriority={priority}", members.join(",")).unwrap();
            }
        }
        text
    }

    /// Programs are called x0, x1, ...: what is alone has a group of its own name.
    fn all_groups(&self) -> Vec<(String, i64)> {
        let alone = self.programs.iter().filter(|program| program.group.is_empty());
        self.groups.iter().cloned().chain(alone.map(|program| (program.name.clone(), 999))).collect()
    }

    pub fn started_at_once(&self) -> impl Iterator<Item = String> {
        self.programs.iter().filter(|program| program.options.contains("autostart=true")).map(Program::full_name)
    }

    /// Those that die when they are told to.
    pub fn dying(&self) -> impl Iterator<Item = String> {
        let dies = |program: &&Program| program.steps[0].starts_with("die") && program.options.contains("autostart=true");
        self.programs.iter().filter(dies).map(Program::full_name)
    }

    pub fn killed(&self) -> impl Iterator<Item = String> {
        self.asked(Request::Kill)
    }

    pub fn stopped(&self) -> impl Iterator<Item = String> {
        self.asked(Request::Stop)
    }

    pub fn started(&self) -> impl Iterator<Item = String> {
        self.asked(Request::Start)
    }

    fn asked(&self, request: Request) -> impl Iterator<Item = String> {
        self.programs.iter().filter(move |program| program.request == request).map(Program::full_name)
    }
}

fn options(process: &Process, retries: u64) -> String {
    let autorestart = match process.autorestart {
        AutoRestart::True => "true",
        AutoRestart::False => "false",
        AutoRestart::Unexpected => "unexpected",
    };
    let codes: Vec<String> = process.exitcodes.iter().map(ToString::to_string).collect();
    format!(
        "startsecs={}\nstartretries={retries}\nautorestart={autorestart}\nautostart={}\nexitcodes={}\nstopsignal={}\nstopwaitsecs={}\n\
         stopasgroup={}\nkillasgroup={}\npriority={}\n",
        process.startsecs.min(1) * 2,
        process.autostart,
        codes.join(","),
        process.stopsignal,
        process.stopwaitsecs.clamp(1, 2),
        process.stopasgroup,
        process.killasgroup,
        process.priority
    )
}

impl Program {
    fn new(group: String, name: String, options: String, retries: u64, dice: &mut Dice) -> Program {
        let starts_at_once = options.contains("autostart=true");
        let dies_up = options.contains("startsecs=0\n");
        let (steps, request) = match dice.below(8) {
            // Dies at once, one time too often or just not; what had been up must not die for ever.
            0 | 1 => {
                let times = if dies_up { dice.below(2) + 1 } else { retries + dice.below(2) };
                let deaths = (0..times).map(|_| dice.one_of(&["exit0", "exit1", "exit2", "signal9", "signal15"]).to_owned());
                (deaths.chain(["run".to_owned()]).collect(), Request::Start)
            }
            // Dies when it had been up.
            2 | 3 => (vec![dice.one_of(&["die0", "die2", "die7"]).to_owned(), "run".to_owned()], Request::Nothing),
            4 => (vec!["deaf".to_owned()], Request::Stop),
            5 => (vec!["run".to_owned()], Request::Kill),
            6 => (vec!["run".to_owned()], Request::Stop),
            _ => (vec!["run".to_owned()], Request::Nothing),
        };
        // There is nothing to be stopped or killed of what has not begun.
        let request = if starts_at_once { request } else { Request::Start };
        Program { group, name, options, steps, request }
    }

    fn of_group(&self) -> String {
        if self.group.is_empty() { self.name.clone() } else { self.group.clone() }
    }

    fn full_name(&self) -> String {
        if self.of_group() == self.name { self.name.clone() } else { format!("{}:{}", self.group, self.name) }
    }
}
