//! From calls and answers to bytes.

use super::xml::is_allowed;
use super::{Call, Fault, Value, base64};

const DECLARATION: &str = "<?xml version='1.0'?>\n";

/// Writes a call.
#[must_use]
pub fn encode_call(call: &Call) -> Vec<u8> {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodCall>\n<methodName>");
    escape(&call.method, &mut out);
    out.push_str("</methodName>\n<params>\n");
    for param in &call.params {
        parameter(param, &mut out);
    }
    out.push_str("</params>\n</methodCall>\n");
    out.into_bytes()
}

/// Writes an answer.
#[must_use]
pub fn encode_response(answer: Result<&Value, &Fault>) -> Vec<u8> {
    let mut out = String::from(DECLARATION);
    out.push_str("<methodResponse>\n");
    match answer {
        Ok(answer) => {
            out.push_str("<params>\n");
            parameter(answer, &mut out);
            out.push_str("</params>\n");
        }
        Err(fault) => {
            out.push_str("<fault>\n");
            value(&Value::from([("faultCode", fault.code.into()), ("faultString", fault.text.as_str().into())]), &mut out);
            out.push_str("</fault>\n");
        }
    }
    out.push_str("</methodResponse>\n");
    out.into_bytes()
}

fn parameter(param: &Value, out: &mut String) {
    out.push_str("<param>\n");
    value(param, out);
    out.push_str("</param>\n");
}

fn value(of: &Value, out: &mut String) {
    out.push_str("<value>");
    match of {
        Value::Int(number) => element("int", &(*number).clamp(i32::MIN.into(), i32::MAX.into()).to_string(), out),
        Value::Bool(truth) => element("boolean", if *truth { "1" } else { "0" }, out),
        Value::Double(number) => element("double", &number.to_string(), out),
        Value::Text(text) => element("string", text, out),
        Value::Bytes(bytes) => element("base64", &base64::encode(bytes), out),
        Value::Date(date) => element("dateTime.iso8601", date, out),
        Value::Nil => out.push_str("<nil/>"),
        Value::Array(items) => {
            out.push_str("<array><data>\n");
            items.iter().for_each(|item| value(item, out));
            out.push_str("</data></array>");
        }
        Value::Struct(members) => {
            out.push_str("<struct>\n");
            for (name, member) in members {
                out.push_str("<member>\n");
                element("name", name, out);
                out.push('\n');
                value(member, out);
                out.push_str("</member>\n");
            }
            out.push_str("</struct>");
        }
    }
    out.push_str("</value>\n");
}

fn element(name: &str, text: &str, out: &mut String) {
    out.extend(["<", name, ">"]);
    escape(text, out);
    out.extend(["</", name, ">"]);
}

/// What a program wrote may be anything; what XML cannot hold, an escape sequence's first sign above all, would break the
/// whole message.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // As it is, it would be read as the end of a line.
            '\r' => out.push_str("&#13;"),
            c if is_allowed(c) => out.push(c),
            _ => out.push(char::REPLACEMENT_CHARACTER),
        }
    }
}
