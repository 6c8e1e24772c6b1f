use proptest::prelude::*;

use super::*;

#[derive(Debug, Default, PartialEq)]
struct Sample {
    blob: Bytes,
    count: i64,
    flag: bool,
    order: i32,
}

impl Message for Sample {
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match name {
            "blob" => self.blob = value.bytes()?,
            "count" => self.count = value.int64()?,
            "flag" => self.flag = value.boolean()?,
            "order" => self.order = value.enumeration(&["NONE", "UP", "DOWN"])?,
            _ => value.pass_over()?,
        }
        Ok(())
    }
}

fn sample(blob: &'static [u8], count: i64, flag: bool, order: i32) -> Sample {
    Sample {
        blob: Bytes::from_static(blob),
        count,
        flag,
        order,
    }
}

#[test]
fn what_the_gateway_takes_is_taken() {
    let rows = [
        ("", Sample::default()),
        (" \r\n\t", Sample::default()),
        ("null", Sample::default()),
        ("{}", Sample::default()),
        (
            r#"{"blob":"YQ==","count":1,"flag":true,"order":"DOWN"}"#,
            sample(b"a", 1, true, 2),
        ),
        (
            r#"{"blob":null,"count":null,"flag":null,"order":null}"#,
            Sample::default(),
        ),
        (
            r#"{"blob":"YQ==","blob":null,"count":1,"count":"2"}"#,
            sample(b"", 2, false, 0),
        ),
        (
            r#"{"count":"-9223372036854775808"}"#,
            sample(b"", i64::MIN, false, 0),
        ),
        (
            r#"{"count":9223372036854775807}"#,
            sample(b"", i64::MAX, false, 0),
        ),
        (r#"{"count":"-0"}"#, Sample::default()),
        (r#"{"count":"null"}"#, Sample::default()),
        (r#"{"count":" 7 "}"#, sample(b"", 7, false, 0)),
        (r#"{"blob":[]}"#, Sample::default()),
        (r#"{"blob":[97, 0,null,255]}"#, sample(b"a\0\0\xff", 0, false, 0)),
        (r#"{"order":-7}"#, sample(b"", 0, false, -7)),
        (r#"{"order":1}"#, sample(b"", 0, false, 1)),
        (
            r#"{"Count":"x","FLAG":1,"x":{"y":[1,"é",null]},"count":3}"#,
            sample(b"", 3, false, 0),
        ),
        (r#"{"count":3}{"count":4}"#, sample(b"", 3, false, 0)),
        (r#"{"count":3} nonsense"#, sample(b"", 3, false, 0)),
    ];
    for (body, message) in rows {
        assert_eq!(read::<Sample>(body.as_bytes()), Ok(message), "{body}");
    }
}

#[rustfmt::skip]
const REFUSED: &[(&str, &str)] = &[
    (r#"{"count":1.0}"#, "field count: invalid type: floating point `1.0`, expected a 64-bit integer"),
    (r#"{"count":1e2}"#, "field count: invalid type: floating point `100.0`, expected a 64-bit integer"),
    (r#"{"count":""}"#, "field count: invalid value: string \"\", expected a 64-bit integer"),
    (r#"{"count":"abc"}"#, "field count: invalid value: string \"abc\""),
    (r#"{"count":"+1"}"#, "field count: invalid value: string \"+1\""),
    (r#"{"count":"01"}"#, "field count: invalid value: string \"01\""),
    (r#"{"count":9223372036854775808}"#, "field count: invalid value: integer `9223372036854775808`"),
    (r#"{"count":true}"#, "field count: invalid type: boolean `true`"),
    (r#"{"flag":"true"}"#, "field flag: invalid type: string \"true\", expected a boolean"),
    (r#"{"flag":1}"#, "field flag: invalid type: integer `1`, expected a boolean"),
    (r#"{"order":"2"}"#, "field order: invalid value: string \"2\", expected one of NONE, UP, DOWN or"),
    (r#"{"order":"down"}"#, "field order: invalid value: string \"down\""),
    (r#"{"order":2147483648}"#, "field order: invalid value: integer `2147483648`"),
    (r#"{"order":1.5}"#, "field order: invalid type: floating point `1.5`"),
    (r#"{"blob":1}"#, "field blob: invalid type: integer `1`, expected a string in base64"),
    (r#"{"blob":["YQ=="]}"#, "field blob: invalid type: string \"YQ==\", expected u8"),
    (r#"{"blob":[256]}"#, "field blob: invalid value: integer `256`, expected u8"),
    (r#"{"blob":[-1]}"#, "field blob: invalid value: integer `-1`, expected u8"),
    (r#"{"blob":[1.0]}"#, "field blob: invalid type: floating point `1.0`, expected u8"),
    (r#"{"count":"7 7"}"#, "field count: invalid value: string \"7 7\""),
    (r#"{"count":"- 7"}"#, "field count: invalid value: string \"- 7\""),
    (r#"{"blob":"Y_=="}"#, "field blob: illegal base64 data at input byte 1"),
    (r#"{"blob":"YQ"}"#, "field blob: illegal base64 data at input byte 0"),
    (r#"{"blob":"YQ=="#, "field blob: EOF while parsing a string"),
    (r#"{"count":1"#, "EOF while parsing an object"),
    (r#"{"count":1,}"#, "trailing comma"),
    (r#"{count:1}"#, "key must be a string"),
    ("{", "EOF while parsing an object"),
    ("[]", "invalid type: sequence, expected a JSON object"),
    ("[{}]", "invalid type: sequence, expected a JSON object"),
    ("1", "invalid type: integer `1`, expected a JSON object"),
    ("\"{}\"", "invalid type: string \"{}\", expected a JSON object"),
    ("nul", "EOF while parsing a value"),
];

#[test]
fn what_the_gateway_refuses_is_refused_by_name() {
    for (body, message) in REFUSED {
        let refusal = read::<Sample>(body.as_bytes()).unwrap_err();
        let mut answer = crate::HttpAnswer::default();
        refusal.answer(&mut answer);
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let found = json["message"].as_str().unwrap();
        assert!(found.starts_with(message), "{body}: {found}");
        assert_eq!(
            (answer.status, json["code"].as_u64(), &json["error"]),
            (400, Some(3), &json["message"])
        );
    }
}

#[test]
fn deep_nesting_costs_no_stack() {
    let body = format!(
        r#"{{"x":{}{},"count":7}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(read::<Sample>(body.as_bytes()), Ok(sample(b"", 7, false, 0)));
}

proptest! {
    #[test]
    fn integers_are_read_from_both_forms(count in any::<i64>()) {
        for body in [format!(r#"{{"count":{count}}}"#), format!(r#"{{"count":"{count}"}}"#)] {
            prop_assert_eq!(read::<Sample>(body.as_bytes()).unwrap().count, count);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), near in "[{}\\[\\]\",:0-9a-z\\\\ ]{0,40}") {
        let _ = read::<Sample>(&bytes);
        let _ = read::<Sample>(near.as_bytes());
        let _ = read::<Sample>(format!("{{\"blob\":\"{near}").as_bytes());
    }
}
