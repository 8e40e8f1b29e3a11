//! XML-RPC, as supervisord's clients speak it: calls, answers and faults, from bytes and to bytes. Pure.
//!
//! The reader is a small one of its own and not a library's: it takes the few shapes of XML that an XML-RPC message has,
//! knows no DTD and therefore no entity but the five of XML itself, and is bounded in depth. What podinit's programs make
//! is the text that Python's `xmlrpc.client` makes, line for line; there are scripts that look at it with grep.

pub mod base64;
mod decode;
mod encode;
mod value;
mod xml;

#[cfg(test)]
mod tests;

pub use decode::{decode_call, decode_response};
pub use encode::{encode_call, encode_response};
pub use value::Value;

use std::fmt;

/// How deep values may be nested in each other.
pub const MAX_DEPTH: usize = 32;

/// A method, and what it is called with.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// `supervisor.getState`
    pub method: String,
    /// In their order.
    pub params: Vec<Value>,
}

/// An answer that says why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// supervisord's number of it.
    pub code: i32,
    /// `BAD_NAME: web`
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (fault {})", self.text, self.code)
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
