//! From bytes to calls and answers.

use super::xml::{Event, Reader, malformed, short};
use super::{Call, Fault, MAX_DEPTH, Malformed, Value, base64};
use std::borrow::Cow;

/// Reads a call.
///
/// # Errors
/// It is none.
pub fn decode_call(bytes: &[u8]) -> Result<Call, Malformed> {
    let text = text_of(bytes)?;
    let mut message = Message { xml: Reader::new(&text) };
    message.opens("methodCall")?;
    message.opens("methodName")?;
    let method = message.text_until("methodName")?.trim().to_owned();
    if method.is_empty() {
        return Err(malformed("the method has no name"));
    }
    let mut params = Vec::new();
    if message.child("methodCall")?.is_some_and(|name| name == "params") {
        params = message.params()?;
        message.closes("methodCall")?;
    }
    message.ends()?;
    Ok(Call { method, params })
}

/// Reads an answer, which may be a fault.
///
/// # Errors
/// It is none.
pub fn decode_response(bytes: &[u8]) -> Result<Result<Value, Fault>, Malformed> {
    let text = text_of(bytes)?;
    let mut message = Message { xml: Reader::new(&text) };
    message.opens("methodResponse")?;
    let answer = match message.child("methodResponse")? {
        Some("params") => {
            let [value] = <[Value; 1]>::try_from(message.params()?).map_err(|_| malformed("an answer has one value"))?;
            Ok(value)
        }
        Some("fault") => {
            message.opens("value")?;
            let fault = message.value(1)?;
            message.closes("fault")?;
            let code = fault.get("faultCode").and_then(Value::as_int).and_then(|code| i32::try_from(code).ok());
            let text = fault.get("faultString").and_then(Value::as_str);
            let (code, text) = code.zip(text).ok_or_else(|| malformed("a fault lacks its code or its text"))?;
            Err(Fault { code, text: text.to_owned() })
        }
        _ => return Err(malformed("an answer is neither params nor fault")),
    };
    message.closes("methodResponse")?;
    message.ends()?;
    Ok(answer)
}

/// UTF-8; and Latin-1 where the document says so, as old PHP does.
fn text_of(bytes: &[u8]) -> Result<Cow<'_, str>, Malformed> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) => {
            let head = bytes[..bytes.len().min(100)].to_ascii_lowercase();
            let says_latin = head.windows(10).any(|ten| ten == b"iso-8859-1");
            if says_latin { Ok(bytes.iter().copied().map(char::from).collect()) } else { Err(malformed("it is no UTF-8 text")) }
        }
    }
}

struct Message<'t> {
    xml: Reader<'t>,
}

impl<'t> Message<'t> {
    /// The next element that opens; `None` when `parent` closes instead. Text between elements can only be blank.
    fn child(&mut self, parent: &str) -> Result<Option<&'t str>, Malformed> {
        loop {
            match self.xml.next()? {
                Event::Open(name) => return Ok(Some(name)),
                Event::Close(name) if name == parent => return Ok(None),
                Event::Text(text) if text.trim().is_empty() => {}
                Event::Text(text) => return Err(Malformed(format!("in {parent} there is text: {}", short(text.trim())))),
                Event::Close(name) => return Err(Malformed(format!("</{}> closes {parent}", short(name)))),
                Event::End => return Err(Malformed(format!("{parent} has no end"))),
            }
        }
    }

    fn opens(&mut self, wanted: &str) -> Result<(), Malformed> {
        match self.child("")? {
            Some(name) if name == wanted => Ok(()),
            _ => Err(Malformed(format!("<{wanted}> is missing"))),
        }
    }

    fn closes(&mut self, name: &str) -> Result<(), Malformed> {
        match self.child(name)? {
            None => Ok(()),
            Some(other) => Err(Malformed(format!("<{}> is one too many in {name}", short(other)))),
        }
    }

    fn ends(&mut self) -> Result<(), Malformed> {
        loop {
            match self.xml.next()? {
                Event::End => return Ok(()),
                Event::Text(text) if text.trim().is_empty() => {}
                _ => return Err(malformed("something follows the message")),
            }
        }
    }

    /// All text until an element closes.
    fn text_until(&mut self, name: &str) -> Result<String, Malformed> {
        let mut text = String::new();
        loop {
            match self.xml.next()? {
                Event::Text(part) => text.push_str(&part),
                Event::Close(own) if own == name => return Ok(text),
                _ => return Err(Malformed(format!("{} has no end", short(name)))),
            }
        }
    }

    /// What is in `<params>`.
    fn params(&mut self) -> Result<Vec<Value>, Malformed> {
        let mut params = Vec::new();
        while let Some(name) = self.child("params")? {
            if name != "param" {
                return Err(Malformed(format!("<{}> is no parameter", short(name))));
            }
            self.opens("value")?;
            params.push(self.value(1)?);
            self.closes("param")?;
        }
        Ok(params)
    }

    /// What is in a `<value>`, and its end.
    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        if depth > MAX_DEPTH {
            return Err(malformed("values are nested too deep"));
        }
        let mut bare = String::new();
        loop {
            match self.xml.next()? {
                Event::Text(text) => bare.push_str(&text),
                Event::Close("value") => return Ok(Value::Text(bare)),
                Event::Open(kind) if bare.trim().is_empty() => {
                    let value = self.typed(kind, depth)?;
                    self.closes("value")?;
                    return Ok(value);
                }
                _ => return Err(malformed("a value has no end")),
            }
        }
    }

    fn typed(&mut self, kind: &'t str, depth: usize) -> Result<Value, Malformed> {
        match kind {
            "array" => return self.array(depth),
            "struct" => return self.members(depth),
            _ => {}
        }
        let text = self.text_until(kind)?;
        let plain = text.trim();
        let value = match kind {
            "string" => return Ok(Value::Text(text)),
            "int" | "i1" | "i2" | "i4" | "i8" => plain.parse().ok().map(Value::Int),
            "boolean" => match plain {
                "1" | "true" => Some(Value::Bool(true)),
                "0" | "false" => Some(Value::Bool(false)),
                _ => None,
            },
            "double" | "float" => plain.parse().ok().map(Value::Double),
            "dateTime.iso8601" => Some(Value::Date(plain.to_owned())),
            "base64" => base64::decode(plain).map(Value::Bytes),
            "nil" | "ex:nil" => Some(Value::Nil),
            _ => return Err(Malformed(format!("there is no type {}", short(kind)))),
        };
        value.ok_or_else(|| Malformed(format!("{} is no {kind}", short(plain))))
    }

    fn array(&mut self, depth: usize) -> Result<Value, Malformed> {
        let mut items = Vec::new();
        self.opens("data")?;
        while let Some(name) = self.child("data")? {
            if name != "value" {
                return Err(Malformed(format!("<{}> is no value of an array", short(name))));
            }
            items.push(self.value(depth + 1)?);
        }
        self.closes("array")?;
        Ok(Value::Array(items))
    }

    fn members(&mut self, depth: usize) -> Result<Value, Malformed> {
        let mut members = Vec::new();
        while let Some(element) = self.child("struct")? {
            if element != "member" {
                return Err(Malformed(format!("<{}> is no member of a struct", short(element))));
            }
            self.opens("name")?;
            let name = self.text_until("name")?;
            self.opens("value")?;
            members.push((name, self.value(depth + 1)?));
            self.closes("member")?;
        }
        Ok(Value::Struct(members))
    }
}
