//! What is posted to `/RPC2`, and what a server answers supervisorctl: it is a message or refused, and what is a message
//! stays the same when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podinit::xmlrpc::{Value, decode_call, decode_response, encode_call, encode_response};

/// Whether what is written of it says the same: a number of more than 32 bits, or one that is none, does not.
fn is_kept(value: &Value) -> bool {
    match value {
        Value::Int(number) => i32::try_from(*number).is_ok(),
        Value::Double(number) => number.is_finite(),
        Value::Array(items) => items.iter().all(is_kept),
        Value::Struct(members) => members.iter().all(|(_, value)| is_kept(value)),
        // Characters that XML cannot hold are replaced.
        _ => true,
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(call) = decode_call(bytes) {
        let again = decode_call(&encode_call(&call)).expect("what is written can be read");
        if call.params.iter().all(is_kept) {
            assert_eq!(decode_call(&encode_call(&again)).as_ref(), Ok(&again), "it changes every time");
        }
    }
    if let Ok(answer) = decode_response(bytes) {
        decode_response(&encode_response(answer.as_ref())).expect("what is written can be read").ok();
    }
});
