//! The status page: one file for browsers, with podinit's JSON behind it.
//!
//! Nothing in it comes from elsewhere, and the policy that goes with it lets nothing else in: its only style and its only
//! script are known by their digests, and it talks to nobody but the server that it came from.

/// The page.
pub const BODY: &[u8] = include_bytes!("index.html");

/// What it is.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// The headers that go with it: above all what the page may do. A test says which digests belong here after a change.
pub const HEAD: &str = "\
Content-Security-Policy: default-src 'none'; \
style-src 'sha256-bbZXKHnyvxB0/LsmQpfeWpkJhzWhMSscUgRTGxrgzeA='; \
script-src 'sha256-CoEMWC8zbyhOFr8N8DyWbEDaQO5lbMQK3oBcIiFzcbQ='; \
connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
X-Content-Type-Options: nosniff\r\n\
X-Frame-Options: DENY\r\n\
Referrer-Policy: no-referrer\r\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xmlrpc::base64;
    use sha2::{Digest, Sha256};

    fn text() -> &'static str {
        std::str::from_utf8(BODY).unwrap()
    }

    /// What is between a tag and its end.
    fn inside(tag: &str) -> Vec<&'static str> {
        let begin = format!("<{tag}>");
        let parts = text().split(&begin).skip(1);
        parts.map(|part| part.split_once(&format!("</{tag}>")).unwrap().0).collect()
    }

    #[test]
    fn the_policy_lets_in_the_style_and_the_script_of_the_page_and_nothing_else() {
        for tag in ["style", "script"] {
            let [only] = inside(tag)[..] else { panic!("there is not one {tag}") };
            let allowed = format!("{tag}-src 'sha256-{}';", base64::encode(&Sha256::digest(only)));
            assert!(HEAD.contains(&allowed), "the policy lacks {allowed}");
        }
        assert!(!HEAD.contains("unsafe"));
    }

    #[test]
    fn the_page_is_one_small_file_without_handlers_in_its_tags() {
        assert!(BODY.len() < 25 * 1024, "{} bytes", BODY.len());
        let [script, style] = ["script", "style"].map(|tag| inside(tag)[0]);
        let tags = text().replace(script, "").replace(style, "");
        for taboo in ["http://", "https://", "src=", " style=", " onclick=", " onload=", "javascript:"] {
            assert!(!tags.contains(taboo), "{taboo}");
        }
        assert!(!script.contains("innerHTML") && !script.contains("http") && !style.contains("url("));
    }
}
