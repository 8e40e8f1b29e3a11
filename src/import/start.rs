//! A first pod.yaml for a folder that has none, from what the folder shows. Small enough to read at a glance.

use super::composer::names;
use super::project::Project;
use super::yaml::{self, Yaml};
use serde_json::Value;

/// What a folder shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// It runs under supervisord: all of it can be brought over. The file.
    Import(String),
    /// A pod.yaml, and what it was made from.
    Pod {
        /// The file.
        text: String,
        /// `Procfile`, `manage.py`; none when nothing was found.
        from: Option<String>,
    },
}

/// The keys of a pod.
struct Draft {
    from: Option<String>,
    keys: Vec<(String, Yaml)>,
    services: Vec<(String, Yaml)>,
}

/// Makes a first pod.yaml.
#[must_use]
pub fn start(project: &Project) -> Start {
    let has_programs = |text: &str| text.lines().any(|line| line.trim_start().starts_with("[program:"));
    let is_conf = |name: &str| name.ends_with(".conf") || name.ends_with(".ini");
    if let Some(source) = project.texts.iter().find(|source| is_conf(&source.name) && has_programs(&source.text)) {
        return Start::Import(source.name.clone());
    }
    let draft = procfile(project).or_else(|| by_language(project)).unwrap_or_else(nothing);
    let mut keys = Vec::new();
    if names::pod(&project.name) != project.name {
        keys.push(("name".to_owned(), Yaml::text(names::pod(&project.name))));
    }
    keys.extend(draft.keys);
    keys.push(("services".to_owned(), Yaml::Map(draft.services)));
    let head = match &draft.from {
        Some(from) => {
            format!("# Made by podctl from {from}; every key is in docs/pod-yaml.md. `podctl up` builds and runs it.\n")
        }
        None => "# Nothing here tells podctl what runs: write the command of each process.\n".to_owned(),
    };
    Start::Pod { text: format!("{head}{}", yaml::write(&keys, &["services"])), from: draft.from }
}

fn by_language(project: &Project) -> Option<Draft> {
    let makers = [django, python, php, node, go, ruby, dockerfile];
    makers.into_iter().find_map(|make| make(project))
}

/// `name: command`, a line each.
fn procfile(project: &Project) -> Option<Draft> {
    let text = &project.text("Procfile")?.text;
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#')).filter_map(|line| line.split_once(':'));
    let mut services: Vec<(String, Yaml)> = Vec::new();
    for (name, command) in lines {
        let name = names::unique(&names::service(name.trim()), &|name| services.iter().any(|(known, _)| known == name));
        let command = command.trim().replace("$PORT", "${PORT}");
        if command.is_empty() {
            continue;
        }
        let has_shell = ["&&", "||", "|", ";", ">", "<"].iter().any(|sign| command.split_whitespace().any(|word| word == *sign));
        let is_words = podinit_plan::words::split(&command).is_ok() && !command.contains('$') || command.contains("${PORT}");
        let value = if has_shell || !is_words { Yaml::map([("shell", Yaml::text(command))]) } else { Yaml::text(command) };
        let keys = match name.as_str() {
            "release" => vec![("type", Yaml::text("oneshot")), ("command", value), ("priority", Yaml::plain(1))],
            "web" => vec![("command", value), ("port", Yaml::plain(8000)), ("route", Yaml::text("/"))],
            _ => vec![("command", value)],
        };
        services.push((name, Yaml::map(keys)));
    }
    (!services.is_empty()).then(|| Draft { from: Some("Procfile".to_owned()), keys: base(image(project)), services })
}

fn django(project: &Project) -> Option<Draft> {
    project.files.iter().find(|file| *file == "manage.py")?;
    let wsgi = project.files.iter().find_map(|file| file.strip_suffix("/wsgi.py").filter(|folder| !folder.contains('/')));
    let web = match wsgi.filter(|_| requires(project, "gunicorn")) {
        Some(package) => format!("gunicorn {package}.wsgi -b 127.0.0.1:8000"),
        None => "python manage.py runserver --noreload 127.0.0.1:8000".to_owned(),
    };
    let mut services = vec![("migrate".to_owned(), oneshot("python manage.py migrate --noinput")), web_service(&web, 8000)];
    if let (true, Some(package)) = (requires(project, "celery"), wsgi) {
        services.push(worker(&format!("celery -A {package} worker")));
    }
    Some(Draft { from: Some("manage.py".to_owned()), keys: base(PYTHON), services })
}

fn python(project: &Project) -> Option<Draft> {
    let from = has_any(project, &["requirements.txt", "uv.lock", "pyproject.toml"])?;
    let module = ["app", "main", "server", "wsgi", "asgi"]
        .into_iter()
        .find(|module| project.files.iter().any(|file| *file == format!("{module}.py")));
    let module = module.unwrap_or("app");
    let web = if requires(project, "uvicorn") || requires(project, "fastapi") {
        format!("uvicorn {module}:app --port 8000")
    } else if requires(project, "gunicorn") {
        format!("gunicorn {module}:app -b 127.0.0.1:8000")
    } else {
        format!("python {module}.py")
    };
    let mut services = vec![web_service(&web, 8000)];
    if requires(project, "celery") {
        services.push(worker("celery -A tasks worker"));
    }
    Some(Draft { from: Some(from), keys: base(PYTHON), services })
}

fn php(project: &Project) -> Option<Draft> {
    let from = has_any(project, &["public/index.php", "artisan", "composer.json", "index.php"])?;
    let root = if project.files.iter().any(|file| file == "public/index.php") { "public" } else { "." };
    let php = [
        ("command", Yaml::text("php-fpm")),
        ("port", Yaml::plain(9000)),
        ("protocol", Yaml::text("fastcgi")),
        ("route", Yaml::map([("static", Yaml::text(root))])),
    ];
    let mut services = vec![("php".to_owned(), Yaml::map(php))];
    if project.files.iter().any(|file| file == "artisan") {
        services.push(("queue".to_owned(), Yaml::map([("command", Yaml::text("php artisan queue:work"))])));
        let scheduler = [("schedule", Yaml::text("every 60s")), ("command", Yaml::text("php artisan schedule:run"))];
        services.push(("scheduler".to_owned(), Yaml::map(scheduler)));
    }
    Some(Draft { from: Some(from), keys: base(PHP), services })
}

fn node(project: &Project) -> Option<Draft> {
    let package: Value = serde_json::from_str(&project.text("package.json")?.text).unwrap_or_default();
    let script = |name: &str| package["scripts"][name].as_str();
    let command = |name: &str| match script(name) {
        // What npm would start is started without npm, which hands no signals on.
        Some(text) if text.starts_with("node ") && !text.contains(['&', '|', ';', '$', '>', '"', '\'']) => Some(text.to_owned()),
        Some(_) => Some(format!("npm run {name}")),
        None => None,
    };
    let main = package["main"].as_str().filter(|main| project.files.iter().any(|file| file == main));
    let found = ["server.js", "index.js", "app.js"].into_iter().find(|name| project.files.iter().any(|file| file == name));
    let web = command("start").or_else(|| main.or(found).map(|file| format!("node {file}")));
    let mut services = vec![web_service(&web.unwrap_or_else(|| "node server.js".to_owned()), 3000)];
    if let Some((name, Yaml::Map(keys))) = services.first_mut()
        && script("build").is_some()
    {
        keys.insert(0, ("build".to_owned(), Yaml::map([("run", Yaml::texts(["npm run build"]))])));
        "web".clone_into(name);
    }
    services.extend(command("worker").map(|command| worker(&command)));
    Some(Draft { from: Some("package.json".to_owned()), keys: base(NODE), services })
}

fn go(project: &Project) -> Option<Draft> {
    project.files.iter().find(|file| *file == "go.mod")?;
    let build = [
        ("image", Yaml::text("golang:1.24")),
        ("install", Yaml::texts(["go mod download"])),
        ("run", Yaml::texts(["CGO_ENABLED=0 go build -o server ."])),
        ("copy", Yaml::texts(["server"])),
    ];
    let (name, service) = web_service("/app/server", 8000);
    let Yaml::Map(mut keys) = service else { return None };
    keys.insert(0, ("build".to_owned(), Yaml::map(build)));
    Some(Draft { from: Some("go.mod".to_owned()), keys: base("debian:bookworm-slim"), services: vec![(name, Yaml::Map(keys))] })
}

fn ruby(project: &Project) -> Option<Draft> {
    let from = has_any(project, &["Gemfile.lock", "Gemfile"])?;
    let mut services = vec![web_service("bundle exec puma -b tcp://127.0.0.1:3000", 3000)];
    if requires(project, "sidekiq") {
        services.push(worker("bundle exec sidekiq"));
    }
    Some(Draft { from: Some(from), keys: base(RUBY), services })
}

/// A Dockerfile of one's own is a base; its command is the first process.
fn dockerfile(project: &Project) -> Option<Draft> {
    let source = project.text("Dockerfile")?;
    let dockerfile = super::readers::dockerfile::read(source, &mut super::account::Account::default()).ok()?;
    let words = ["ENTRYPOINT", "CMD"]
        .iter()
        .filter_map(|name| dockerfile.find(name))
        .flat_map(super::readers::dockerfile::Instruction::words);
    let words: Vec<String> = words.map(|word| super::readers::supervisord::escape(&word)).collect();
    let port = dockerfile.find("EXPOSE").and_then(|expose| expose.text.split(['/', ' ']).next()?.parse::<u16>().ok());
    let command = if words.is_empty() { Yaml::text("sleep infinity") } else { Yaml::texts(words) };
    let mut keys = vec![("command", command)];
    if let Some(folder) = dockerfile.working_dir() {
        keys.push(("working_dir", Yaml::text(folder)));
    }
    // A port that a gateway would take is left to it.
    if let Some(port) = port.filter(|port| *port != 8080) {
        keys.extend([("port", Yaml::plain(port)), ("route", Yaml::text("/"))]);
    }
    let base = ("base".to_owned(), Yaml::map([("build", Yaml::text("."))]));
    Some(Draft { from: Some("Dockerfile".to_owned()), keys: vec![base], services: vec![("app".to_owned(), Yaml::map(keys))] })
}

fn nothing() -> Draft {
    let service = Yaml::map([("command", Yaml::text("sleep infinity"))]);
    Draft { from: None, keys: base("debian:bookworm-slim"), services: vec![("app".to_owned(), service)] }
}

const PYTHON: &str = "python:3.12-slim";
const PHP: &str = "php:8.3-fpm";
const NODE: &str = "node:22-slim";
const RUBY: &str = "ruby:3.3-slim";

/// The image for the language that lock files show.
fn image(project: &Project) -> &'static str {
    let has = |names: &[&str]| has_any(project, names).is_some();
    if has(&["requirements.txt", "uv.lock", "pyproject.toml", "manage.py"]) {
        PYTHON
    } else if has(&["Gemfile"]) {
        RUBY
    } else if has(&["package.json"]) {
        NODE
    } else if has(&["composer.json"]) {
        PHP
    } else {
        "debian:bookworm-slim"
    }
}

fn base(image: &str) -> Vec<(String, Yaml)> {
    vec![("base".to_owned(), Yaml::text(image))]
}

fn has_any(project: &Project, names: &[&str]) -> Option<String> {
    names.iter().find(|name| project.files.iter().any(|file| file == *name)).map(|name| (*name).to_owned())
}

/// Whether a manifest names a package.
fn requires(project: &Project, package: &str) -> bool {
    let manifests = ["requirements.txt", "pyproject.toml", "Gemfile", "uv.lock"];
    manifests.iter().filter_map(|name| project.text(name)).any(|source| source.text.to_lowercase().contains(package))
}

fn web_service(command: &str, port: u16) -> (String, Yaml) {
    let keys = [("command", Yaml::text(command)), ("port", Yaml::plain(port)), ("route", Yaml::text("/"))];
    ("web".to_owned(), Yaml::map(keys))
}

fn worker(command: &str) -> (String, Yaml) {
    ("worker".to_owned(), Yaml::map([("command", Yaml::text(command))]))
}

fn oneshot(command: &str) -> Yaml {
    Yaml::map([("type", Yaml::text("oneshot")), ("command", Yaml::text(command)), ("priority", Yaml::plain(1))])
}
