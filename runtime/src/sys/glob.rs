//! Paths that match a pattern.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

/// The paths that a pattern of `*`, `?` and `[...]` matches; none also when folders cannot be read.
#[must_use]
pub fn matching(pattern: &str) -> Vec<String> {
    let Ok(pattern) = CString::new(pattern) else { return Vec::new() };
    let mut found = MaybeUninit::<libc::glob_t>::zeroed();
    // SAFETY: the pattern ends in a NUL, and glob fills in the struct whatever it returns.
    let (result, mut found) = unsafe {
        let result = libc::glob(pattern.as_ptr(), libc::GLOB_NOESCAPE, None, found.as_mut_ptr());
        (result, found.assume_init())
    };
    let mut paths = Vec::new();
    if result == 0 {
        for index in 0..found.gl_pathc {
            // SAFETY: there are that many texts, each of which ends in a NUL.
            let path = unsafe { CStr::from_ptr(*found.gl_pathv.add(index)) };
            paths.push(path.to_string_lossy().into_owned());
        }
    }
    // SAFETY: it was made by glob, and nothing refers to it any more.
    unsafe { libc::globfree(&raw mut found) };
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_matches_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.conf", "b.conf", "c.ini"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let pattern = |end: &str| format!("{}/{end}", folder.path().display());
        assert_eq!(matching(&pattern("*.conf")), [pattern("a.conf"), pattern("b.conf")]);
        assert_eq!(matching(&pattern("[bc].*")), [pattern("b.conf"), pattern("c.ini")]);
        assert!(matching(&pattern("*.never")).is_empty() && matching("a\0b").is_empty());
    }
}
