//! One line of the log as JSON.

use std::fmt::{self, Display, Write as _};
use std::time::SystemTime;

use log::kv::{self, Key, Source, Value, VisitSource, VisitValue};

use super::civil;

/// A line in the making: an object whose first keys are `level` and `ts`.
pub(super) struct Line {
    json: String,
}

impl Line {
    /// Begins a line about what happened at `time`.
    pub(super) fn begin(time: SystemTime, level: &str) -> Line {
        let mut line = Line {
            json: String::with_capacity(256),
        };
        line.json.push_str("{\"level\":\"");
        line.json.push_str(level);
        line.json.push('"');
        line.text("ts", &civil::rfc3339(time));
        line
    }

    /// Adds a text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_quoted(&mut self.json, value);
    }

    /// Adds the fields of a record, each as JSON of its own type.
    pub(super) fn fields(&mut self, fields: &dyn Source) {
        fields.visit(self).expect("writing into a string does not fail");
    }

    /// The whole line with its newline.
    pub(super) fn end(mut self) -> Vec<u8> {
        self.json.push_str("}\n");
        self.json.into_bytes()
    }

    fn key(&mut self, key: &str) {
        self.json.push(',');
        push_quoted(&mut self.json, key);
        self.json.push(':');
    }

    /// What JSON writes as Rust does.
    fn bare(&mut self, value: impl Display) {
        write!(self.json, "{value}").expect("writing into a string does not fail");
    }
}

impl<'kvs> VisitSource<'kvs> for Line {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        self.key(key.as_str());
        value.visit(&mut *self)
    }
}

impl<'v> VisitValue<'v> for &mut Line {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), kv::Error> {
        let text = value.to_string();
        self.visit_str(&text)
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        self.json.push_str("null");
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.bare(value);
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.bare(value);
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.bare(value);
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        match value.is_finite() {
            true => self.bare(value),
            // JSON has no word for infinity.
            false => push_quoted(&mut self.json, &value.to_string()),
        }
        Ok(())
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        push_quoted(&mut self.json, value);
        Ok(())
    }
}

/// Appends a JSON string. Control characters are escaped, so that a line stays one line.
fn push_quoted(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                push_escaped(json, c).expect("writing into a string does not fail");
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

fn push_escaped(json: &mut String, c: char) -> fmt::Result {
    write!(json, "\\u{:04x}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    #[test]
    fn every_text_survives_as_json() {
        let all: String = (0..0x3000).filter_map(char::from_u32).chain(['🦀']).collect();
        let mut line = Line::begin(UNIX_EPOCH, "info");
        line.text("msg", &all);
        line.text("odd \"key\"", "");
        let line = String::from_utf8(line.end()).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        let json: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(json["msg"], all);
        assert_eq!(json["odd \"key\""], "");
    }

    #[test]
    fn fields_keep_their_types() {
        let fields: &[(&str, Value<'_>)] = &[
            ("count", 7_u64.into()),
            ("change", (-7_i64).into()),
            ("share", 0.5.into()),
            ("none", f64::NAN.into()),
            ("on", true.into()),
            ("name", "n1".into()),
            ("shown", Value::from_display(&'"')),
            ("void", Value::null()),
        ];
        let mut line = Line::begin(UNIX_EPOCH, "info");
        line.fields(&fields);
        let json: serde_json::Value = serde_json::from_slice(&line.end()).unwrap();
        let expected = serde_json::json!({
            "level": "info", "ts": "1970-01-01T00:00:00.000Z", "count": 7, "change": -7, "share": 0.5,
            "none": "NaN", "on": true, "name": "n1", "shown": "\"", "void": null,
        });
        assert_eq!(json, expected);
    }
}
