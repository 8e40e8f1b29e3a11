//! What lock files say about how dependencies are installed.
//!
//! Dependencies have to end up below the working folder, since that is what the final image takes from a stage.

/// How dependencies are installed when a lock file is there.
pub struct Lockfile {
    /// Its name, in the top folder of a build's context.
    pub name: &'static str,
    /// Of the lock files of one language only the first one in [`LOCKFILES`] counts.
    pub language: &'static str,
    /// Files that the installation reads besides; those that are there are copied before the sources.
    pub manifests: &'static [&'static str],
    /// Shell lines run with these files alone.
    pub install: &'static [&'static str],
    /// Shell lines run with the sources, before the build's own.
    pub finish: &'static [&'static str],
    /// Added to the last line of either to leave out what only development needs.
    pub production: &'static str,
    /// Folders that the tool keeps its downloads in, kept from build to build.
    pub caches: &'static [&'static str],
    /// The folder, below the working folder, of the programs that were installed.
    pub programs: Option<&'static str>,
}

/// Every lock file that is known.
pub const LOCKFILES: &[Lockfile] = &[
    Lockfile {
        name: "uv.lock",
        language: "python",
        manifests: &["pyproject.toml", ".python-version"],
        install: &["UV_LINK_MODE=copy uv sync --frozen --no-install-project"],
        finish: &["UV_LINK_MODE=copy uv sync --frozen"],
        production: " --no-dev",
        caches: &["/root/.cache/uv"],
        programs: Some(".venv/bin"),
    },
    Lockfile {
        name: "requirements.txt",
        language: "python",
        manifests: &[],
        install: &["python3 -m venv .venv", ".venv/bin/pip install --requirement requirements.txt"],
        finish: &[],
        production: "",
        caches: &["/root/.cache/pip"],
        programs: Some(".venv/bin"),
    },
    Lockfile {
        name: "pnpm-lock.yaml",
        language: "node",
        manifests: &["package.json", "pnpm-workspace.yaml", ".npmrc"],
        install: &["pnpm install --frozen-lockfile"],
        finish: &[],
        production: " --prod",
        caches: &["/root/.local/share/pnpm/store"],
        programs: Some("node_modules/.bin"),
    },
    Lockfile {
        name: "yarn.lock",
        language: "node",
        manifests: &["package.json", ".yarnrc", ".npmrc"],
        install: &["yarn install --frozen-lockfile"],
        finish: &[],
        production: " --production",
        caches: &["/usr/local/share/.cache/yarn"],
        programs: Some("node_modules/.bin"),
    },
    Lockfile {
        name: "package-lock.json",
        language: "node",
        manifests: &["package.json", ".npmrc"],
        install: &["npm ci"],
        finish: &[],
        production: " --omit=dev",
        caches: &["/root/.npm"],
        programs: Some("node_modules/.bin"),
    },
    Lockfile {
        name: "composer.lock",
        language: "php",
        manifests: &["composer.json"],
        install: &["composer install --no-interaction --no-scripts --no-autoloader"],
        finish: &["composer dump-autoload --optimize"],
        production: " --no-dev",
        caches: &["/root/.composer/cache"],
        programs: None,
    },
    Lockfile {
        name: "go.mod",
        language: "go",
        manifests: &["go.sum"],
        install: &["go mod download"],
        finish: &[],
        production: "",
        caches: &["/go/pkg/mod", "/root/.cache/go-build"],
        programs: None,
    },
    Lockfile {
        name: "Gemfile.lock",
        language: "ruby",
        manifests: &["Gemfile", ".ruby-version"],
        install: &["bundle config set --local path vendor/bundle", "bundle install"],
        finish: &[],
        production: "",
        caches: &[],
        programs: None,
    },
];

/// What is known of the lock files among `files`, the names in the top folder of a context.
pub fn found_in(files: &[String]) -> Vec<&'static Lockfile> {
    let mut found: Vec<&Lockfile> = Vec::new();
    for lockfile in LOCKFILES {
        let is_there = files.iter().any(|file| file == lockfile.name);
        if is_there && found.iter().all(|other| other.language != lockfile.language) {
            found.push(lockfile);
        }
    }
    found
}

/// The manifest files among `files`, lock files included, each once, in the order of [`LOCKFILES`].
pub fn manifests_in(files: &[String]) -> Vec<&'static str> {
    let mut manifests: Vec<&str> = Vec::new();
    for lockfile in LOCKFILES {
        for name in lockfile.manifests.iter().chain([&lockfile.name]) {
            if files.iter().any(|file| file == name) && !manifests.contains(name) {
                manifests.push(name);
            }
        }
    }
    manifests
}
