//! `podinit-deliver`: reads one delivery as JSON from stdin, makes one attempt and ends with how it went; see
//! [`podinit_plan::alert::Delivery`].

use nix::sys::resource::{Resource, setrlimit};
use podinit_deliver::{Failure, deliver, parse};
use std::io::{self, Read};
use std::process::ExitCode;

/// The longest delivery, in bytes.
const LONGEST: u64 = 1024 * 1024;
/// The address space, in bytes, so that no server's answer takes more of a container's memory than this.
const MEMORY: u64 = 256 * 1024 * 1024;

fn main() -> ExitCode {
    // Where it cannot be limited, it is not.
    let _ = setrlimit(Resource::RLIMIT_AS, MEMORY, MEMORY);
    match read().and_then(|text| deliver(parse(&text)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, problem }) => {
            eprintln!("{problem}");
            ExitCode::from(code)
        }
    }
}

fn read() -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    match io::stdin().lock().take(LONGEST + 1).read_to_end(&mut text) {
        Err(error) => Err(Failure::refused(format!("cannot read stdin: {error}"))),
        Ok(_) if text.len() as u64 > LONGEST => Err(Failure::refused("the delivery is larger than 1 MB")),
        Ok(_) => Ok(text),
    }
}
