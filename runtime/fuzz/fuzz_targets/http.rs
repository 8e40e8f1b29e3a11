//! Whatever comes through a socket: it is a request, the beginning of one, or refused; and it is the same however the
//! bytes arrive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podinit::control::http::{Parsed, parse};

fuzz_target!(|bytes: &[u8]| {
    match parse(bytes) {
        Parsed::Whole(request, length) => {
            assert!(length > 0 && length <= bytes.len(), "it took more than there was");
            assert_eq!(parse(&bytes[..length]), Parsed::Whole(request, length), "what follows changes a request");
            for end in [1, length / 2, length - 1] {
                assert!(!matches!(parse(&bytes[..end]), Parsed::Whole(..)), "a part of a request is one");
            }
        }
        Parsed::Bad(status, _) => assert!((400..500).contains(&status)),
        Parsed::Partial => {}
    }
});
