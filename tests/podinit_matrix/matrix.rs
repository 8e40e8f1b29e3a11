//! Users, rights and limits of containers in every combination: a pod works there, or says why not.

use crate::container::{Container, Image, USER, wait_for};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Containers at a time.
const AT_ONCE: usize = 4;
/// Set to anything, every combination of limits is tried with each of the rest.
const LONG: &str = "PODINIT_ENDURANCE";

const USERS: [&str; 3] = ["0", "12345:12345", "54321:54321"];
const RIGHTS: [&[&str]; 4] = [&[], &["--cap-drop", "KILL"], &["--cap-drop", "SETUID"], &["--cap-drop", "ALL"]];
const DISKS: [&[&str]; 2] = [&[], &["--read-only"]];
const LIMITS: [&[&str]; 4] =
    [&[], &["--pids-limit", "32"], &["--ulimit", "nofile=64"], &["--pids-limit", "32", "--ulimit", "nofile=64"]];

/// A container's circumstances.
struct Cell {
    user: &'static str,
    rights: &'static [&'static str],
    disk: &'static [&'static str],
    limits: &'static [&'static str],
}

/// What a pod comes to there.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Three services are ready, one that is killed is started again, and a stop ends with 0.
    Works,
    /// It starts nothing and ends with a code, and these words for each service.
    Refuses(i32, &'static str),
}

impl Cell {
    fn all() -> Vec<Cell> {
        let is_long = std::env::var_os(LONG).is_some();
        let settings = || DISKS.into_iter().flat_map(|disk| LIMITS.into_iter().map(move |limits| (disk, limits)));
        let mut cells = Vec::new();
        for (column, user) in USERS.into_iter().enumerate() {
            for (row, rights) in RIGHTS.into_iter().enumerate() {
                // In the short run the settings take turns; each of them occurs.
                let turn = (column + 5 * row) % settings().count();
                let settings = settings().enumerate().filter(|(number, _)| is_long || *number == turn);
                cells.extend(settings.map(|(_, (disk, limits))| Cell { user, rights, disk, limits }));
            }
        }
        cells
    }

    /// Only root has to become the user of the services, and to signal somebody else.
    fn expected(&self) -> Outcome {
        match self.rights {
            [.., "KILL" | "ALL"] if self.user == "0" => Outcome::Refuses(110, "CAP_KILL"),
            [.., "SETUID"] if self.user == "0" => Outcome::Refuses(111, "CAP_SETUID"),
            _ => Outcome::Works,
        }
    }

    /// Runs it; the error says what was different.
    fn run(&self, image: &Image) -> Result<(), String> {
        let options = [&["--user", self.user], self.rights, self.disk, self.limits].concat();
        let container = Container::run(image, &options, &[]);
        match self.expected() {
            Outcome::Works => works(&container, self.user),
            Outcome::Refuses(code, lacks) => refuses(&container, code, lacks),
        }
        .map_err(|error| format!("{error}\n{}", container.logs()))
    }
}

/// Three services are ready, one that is killed is started again, and a stop ends with 0.
pub fn works(container: &Container, user: &str) -> Result<(), String> {
    // Whoever may not become root nor signal others is the services' user all the same.
    let owner = if user == "0" { USER } else { user };
    let is_ready = |service: &serde_json::Value| service["state"] == "ready";
    let are_ready = || {
        let services = container.services(user);
        services.len() == 3 && services.iter().all(is_ready)
    };
    wait_for(|| are_ready() || !container.is_running()).map_err(|error| format!("{error} for services to be ready"))?;
    let services = container.services(user);
    let victim = services.iter().find(|service| service["name"] == "one").ok_or("there is no service `one`")?;
    container.exec(owner, &["sh", "-c", &format!("kill -KILL {}", victim["pid"])]);
    let is_again = |service: &serde_json::Value| service["name"] == "one" && service["restarts"] == 1 && is_ready(service);
    wait_for(|| container.services(user).iter().any(is_again)).map_err(|error| format!("{error} for a restart"))?;
    container.stop();
    let (code, said) = (container.code(), container.logs());
    if code == 0 && said.contains("three | bye") { Ok(()) } else { Err(format!("its stop ended with {code}")) }
}

fn refuses(container: &Container, code: i32, lacks: &str) -> Result<(), String> {
    let (ended, said) = (container.code(), container.logs());
    let is_named = |service: &&str| {
        said.lines().any(|line| line.contains(lacks) && line.contains("user app") && line.contains(&format!(" {service}")))
    };
    match ["one", "two", "three"].iter().find(|service| !is_named(service)) {
        Some(service) => Err(format!("it does not say that {service} lacks {lacks}")),
        None if ended != code => Err(format!("it ended with {ended}, not {code}")),
        None => Ok(()),
    }
}

/// Runs all cells and prints them as a table.
pub fn run(image: &Image) {
    image.name();
    let (cells, next) = (Cell::all(), AtomicUsize::new(0));
    let rows = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((number, cell)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, cells.get(at)?)))
                {
                    let result = cell.run(image);
                    rows.lock().expect("no other thread panics").push((number, result));
                }
            });
        }
    });
    let mut rows = rows.into_inner().expect("no thread panicked");
    rows.sort_by_key(|(number, _)| *number);
    println!("{:<13}{:<19}{:<13}{:<39}outcome", "user", "rights", "disk", "limits");
    for (number, result) in &rows {
        let Cell { user, rights, disk, limits } = &cells[*number];
        let outcome = match (cells[*number].expected(), result) {
            (_, Err(error)) => format!("FAILED: {error}"),
            (Outcome::Works, _) => "works".to_owned(),
            (Outcome::Refuses(code, lacks), _) => format!("ends with {code}: lacks {lacks}"),
        };
        println!("{user:<13}{:<19}{:<13}{:<39}{outcome}", rights.join(" "), disk.join(" "), limits.join(" "));
    }
    assert!(rows.iter().all(|(_, result)| result.is_ok()), "not every pod did what is documented; see the table");
}
