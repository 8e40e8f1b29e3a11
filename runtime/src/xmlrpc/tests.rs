//! Messages that are read, refused, and written.

use super::*;
use proptest::prelude::*;

fn param(value: &str) -> Result<Value, Malformed> {
    let text = format!("<methodCall><methodName>m</methodName><params><param>{value}</param></params></methodCall>");
    decode_call(text.as_bytes()).map(|mut call| call.params.remove(0))
}

#[test]
fn a_call_is_read_as_clients_write_it() {
    let call = decode_call(
        b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- hello -->\n<methodCall>\n  <methodName> supervisor.startProcess </methodName>\n
          <params>\n <param a='1>2'><value><string>grp:*</string></value></param>\n <param><value>\n<boolean>1</boolean>\n</value></param>
          </params></methodCall>\n",
    );
    let params = vec!["grp:*".into(), true.into()];
    assert_eq!(call, Ok(Call { method: "supervisor.startProcess".to_owned(), params }));
    for bare in ["", "<params/>", "<params></params>", "<params> </params>"] {
        let text = format!("<methodCall><methodName>m</methodName>{bare}</methodCall>");
        assert_eq!(decode_call(text.as_bytes()), Ok(Call { method: "m".to_owned(), params: vec![] }), "{bare}");
    }
}

#[test]
fn every_type_has_its_value() {
    for (text, want) in [
        ("<value>bare &amp; &#65;&#x42;</value>", "bare & AB".into()),
        ("<value/>", "".into()),
        ("<value> <string/> </value>", "".into()),
        ("<value><string> a<![CDATA[<&]]><!-- no -->b\r\n</string></value>", " a<&b\n".into()),
        ("<value><int> -7 </int></value>", (-7).into()),
        ("<value><i4>7</i4></value>", 7.into()),
        ("<value><i8>5000000000</i8></value>", 5_000_000_000_i64.into()),
        ("<value><double>1.5</double></value>", 1.5.into()),
        ("<value><boolean>0</boolean></value>", false.into()),
        ("<value><dateTime.iso8601>20261121T14:00:00</dateTime.iso8601></value>", Value::Date("20261121T14:00:00".to_owned())),
        ("<value><base64>\nZm9v\n</base64></value>", Value::Bytes(b"foo".to_vec())),
        ("<value><nil/></value>", Value::Nil),
        ("<value><array><data/></array></value>", Value::Array(vec![])),
        (
            "<value><array><data><value><i4>1</i4></value> <value>x</value></data></array></value>",
            vec![Value::from(1), "x".into()].into(),
        ),
        (
            "<value><struct><member><name>a</name><value>1</value></member> <member><name>b</name><value><struct/></value></member></struct></value>",
            [("a", "1".into()), ("b", Value::Struct(vec![]))].into(),
        ),
    ] {
        assert_eq!(param(text), Ok(want), "{text}");
    }
}

#[test]
fn what_is_no_message_is_refused_in_words() {
    for (value, named) in [
        ("<value><int>x</int></value>", "x is no int"),
        ("<value><boolean>2</boolean></value>", "2 is no boolean"),
        ("<value><base64>!</base64></value>", "no base64"),
        ("<value><list/></value>", "no type list"),
        ("<value>&nope;</value>", "&nope;"),
        ("<value>&#0;</value>", "&#0;"),
        ("<value>a & b</value>", "&amp;"),
        ("<value><int>1</string></value>", "int has no end"),
        ("<value>a<int>1</int></value>", "value"),
        ("<value><int>1</int>b</value>", "b"),
        ("<value><array><value/></array></value>", "data"),
        ("<value><int>1</int></value><value/>", "too many"),
        ("text", "text"),
    ] {
        let Malformed(text) = param(value).unwrap_err();
        assert!(text.contains(named), "{value}: {text}");
    }
    for text in [
        "",
        "hello",
        "<methodCall>",
        "<methodCall/>",
        "<methodCall><methodName/></methodCall>",
        "<methodCall><methodName>m</methodName></methodCall><more/>",
        "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><methodCall><methodName>&a;</methodName></methodCall>",
        "<methodCall><!-- <methodName>m</methodName></methodCall>",
    ] {
        assert!(decode_call(text.as_bytes()).is_err(), "{text}");
    }
    assert!(decode_call(b"<methodCall><methodName>\xff</methodName></methodCall>").is_err());
}

#[test]
fn latin_1_is_read_where_the_document_says_so() {
    let call = decode_call(b"<?xml version='1.0' encoding='ISO-8859-1'?><methodCall><methodName>\xe9</methodName></methodCall>");
    assert_eq!(call.map(|call| call.method), Ok("\u{e9}".to_owned()));
}

#[test]
fn nesting_ends_somewhere() {
    let nested = |depth: usize| {
        param(&format!("{}<value/>{}", "<value><array><data>".repeat(depth), "</data></array></value>".repeat(depth)))
    };
    assert!(nested(MAX_DEPTH - 1).is_ok());
    assert_eq!(nested(MAX_DEPTH), Err(Malformed("values are nested too deep".to_owned())));
    assert!(nested(200_000).is_err());
}

#[test]
fn answers_are_written_as_python_writes_them() {
    let answer = Value::from([("name", "a<b".into()), ("pid", 5_000_000_000_i64.into()), ("tags", vec![true, false].into())]);
    let want = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><struct>\n<member>\n<name>name</name>\n\
        <value><string>a&lt;b</string></value>\n</member>\n<member>\n<name>pid</name>\n<value><int>2147483647</int></value>\n\
        </member>\n<member>\n<name>tags</name>\n<value><array><data>\n<value><boolean>1</boolean></value>\n\
        <value><boolean>0</boolean></value>\n</data></array></value>\n</member>\n</struct></value>\n</param>\n</params>\n\
        </methodResponse>\n";
    assert_eq!(String::from_utf8(encode_response(Ok(&answer))).unwrap(), want);
    let fault = Fault { code: 10, text: "BAD_NAME: x".to_owned() };
    assert_eq!(decode_response(&encode_response(Err(&fault))), Ok(Err(fault)));
}

#[test]
fn what_xml_cannot_hold_breaks_no_message() {
    let answer = Value::from("\u{1b}[31mred\u{0}\r\n\u{fffe}");
    let want = Value::from("\u{fffd}[31mred\u{fffd}\r\n\u{fffd}");
    assert_eq!(decode_response(&encode_response(Ok(&answer))), Ok(Ok(want)));
}

/// A text of all that XML can hold.
fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.chars().filter(|c| xml::is_allowed(*c)).collect())
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::Double),
        text().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        "[0-9]{8}T[0-9:]{8}".prop_map(Value::Date),
        Just(Value::Nil),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..5).prop_map(Value::Struct),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(method in "[a-zA-Z.]{1,20}", params in prop::collection::vec(value(), 0..4)) {
        let call = Call { method, params };
        prop_assert_eq!(decode_call(&encode_call(&call)), Ok(call.clone()));
        let answer = Value::Array(call.params);
        prop_assert_eq!(decode_response(&encode_response(Ok(&answer))), Ok(Ok(answer)));
    }

    #[test]
    fn bytes_of_any_kind_are_answered(bytes in any::<Vec<u8>>()) {
        let _ = (decode_call(&bytes), decode_response(&bytes));
    }

    #[test]
    fn pieces_of_messages_in_any_order_are_answered(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..30)) {
        let bytes = pieces.concat().into_bytes();
        let _ = (decode_call(&bytes), decode_response(&bytes));
    }
}

const PIECES: [&str; 22] = [
    "<methodCall>",
    "<methodName>",
    "m",
    "</methodName>",
    "<params>",
    "<param>",
    "<value>",
    "<int>",
    "1",
    "</int>",
    "</value>",
    "<array>",
    "<data>",
    "<struct/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&amp;",
    "&#",
    "<a b='>'",
    "é",
];
