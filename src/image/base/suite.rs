//! Which of Debian's releases an image reference means.

/// The names under which Debian releases are known; a mirror's line for one of them is a line of Debian's.
pub(super) const CODENAMES: [&str; 10] =
    ["bullseye", "bookworm", "trixie", "forky", "duke", "sid", "oldstable", "stable", "testing", "unstable"];
/// The releases that Docker's tags also name by number.
const NUMBERS: [(&str, &str); 4] = [("11", "bullseye"), ("12", "bookworm"), ("13", "trixie"), ("14", "forky")];

/// A release, with documentation and translations or, slim, without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suite {
    /// `bookworm`
    pub name: String,
    pub slim: bool,
}

impl Suite {
    /// The suite that a reference of the official image means: `debian:bookworm-slim`, `debian:12`, `debian`.
    ///
    /// `None` for every other image, and for what names one build of it: a digest, a date, a point release.
    pub(super) fn of(reference: &str) -> Option<Suite> {
        let path = reference.strip_prefix("docker.io/").unwrap_or(reference);
        let path = path.strip_prefix("library/").unwrap_or(path);
        let tag = match path.strip_prefix("debian")? {
            "" => "latest",
            tag => tag.strip_prefix(':')?,
        };
        let (name, slim) = match tag.strip_suffix("-slim") {
            Some(name) => (name, true),
            None => (tag, false),
        };
        let name = match NUMBERS.iter().find(|(number, _)| *number == name) {
            Some((_, name)) => name,
            None if name == "latest" && !slim => "stable",
            None => CODENAMES.into_iter().find(|codename| *codename == name)?,
        };
        Some(Suite { name: name.to_owned(), slim })
    }

    /// podctl's own tag for it; the official name is left to the official image.
    pub(super) fn tag(&self) -> String {
        format!("podctl/debian:{}{}", self.name, if self.slim { "-slim" } else { "" })
    }

    /// Whether it has updates and security fixes beside it; what is still being made has not.
    pub(super) fn has_updates(&self) -> bool {
        !matches!(self.name.as_str(), "sid" | "unstable")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_of_the_official_image_name_a_suite() {
        for (reference, tag) in [
            ("debian:bookworm-slim", "podctl/debian:bookworm-slim"),
            ("docker.io/library/debian:12", "podctl/debian:bookworm"),
            ("debian:13-slim", "podctl/debian:trixie-slim"),
            ("debian", "podctl/debian:stable"),
        ] {
            assert_eq!(Suite::of(reference).unwrap().tag(), tag, "{reference}");
        }
    }

    #[test]
    fn other_images_and_single_builds_name_none() {
        for reference in [
            "debian:bookworm-20260101-slim",
            "debian:12.5",
            "debian@sha256:00",
            "debian:bookworm-backports",
            "ghcr.io/a/debian:12",
            "me/debian:12",
            "debianish",
            "python:3.12-slim",
        ] {
            assert_eq!(Suite::of(reference), None, "{reference}");
        }
    }
}
