//! What a user calls a pod, or a service of one: `POD[/SERVICE]`.

use std::path::Path;

/// `POD[/SERVICE]`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A pod's name, its folder or its file.
    pub pod: String,
    /// The service; none is the whole pod.
    pub service: Option<String>,
}

impl Address {
    /// Takes an address apart. A text that is a path of this machine, or looks like one, is a pod as a whole.
    #[must_use]
    pub fn parse(text: &str) -> Address {
        Address::split(text, |path| Path::new(path).exists())
    }

    fn split(text: &str, exists: impl Fn(&str) -> bool) -> Address {
        let whole = Address { pod: text.to_owned(), service: None };
        if text.starts_with(['.', '/']) || exists(text) {
            return whole;
        }
        match text.rsplit_once('/') {
            Some((pod, service)) if !pod.is_empty() && !service.is_empty() => {
                Address { pod: pod.to_owned(), service: Some(service.to_owned()) }
            }
            _ => whole,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_comes_after_the_last_slash_unless_it_is_a_path() {
        let split = |text| {
            let address = Address::split(text, |path| path == "pods/shop");
            (address.pod, address.service)
        };
        let whole = |text: &str| (text.to_owned(), None);
        let part = |pod: &str, service: &str| (pod.to_owned(), Some(service.to_owned()));
        assert_eq!(split("shop"), whole("shop"));
        assert_eq!(split("shop/api"), part("shop", "api"));
        assert_eq!(split("pods/shop"), whole("pods/shop"));
        assert_eq!(split("pods/shop/api"), part("pods/shop", "api"));
        assert_eq!(split("./shop/api"), whole("./shop/api"));
        assert_eq!(split("/srv/shop"), whole("/srv/shop"));
        assert_eq!(split("shop/"), whole("shop/"));
    }
}
