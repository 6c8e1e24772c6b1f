//! How the values of flags are written.

use thiserror::Error;

use crate::urls::{self, Url, UrlError};

/// How a flag's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything.
    Text,
    /// True or false; alone it means true, and a value needs `=`.
    Switch,
    /// Anything or nothing: flags of etcd 0.4 that nobody reads. A value needs `=`.
    Relic,
    /// A whole number from 0.
    Count,
    /// A whole number.
    Number,
    /// A length of time as Go writes it: `1h30m`, `300ms`.
    Interval,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One or more URLs with commas between.
    Urls,
}

/// A flag's value. Equal values mean the same, however they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// Of a `Text`, `Relic` or `Choice`.
    Text(String),
    /// Of a `Switch`.
    Switch(bool),
    /// Of a `Count` or `Number`.
    Number(i64),
    /// Of an `Interval`, in nanoseconds.
    Interval(i64),
    /// Of `Urls`: sorted, none twice, at least one.
    Urls(Vec<Url>),
}

/// Why a value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum BadValue {
    /// Of a switch.
    #[error("want true or false")]
    Switch,
    /// Of a count.
    #[error("want a whole number from 0")]
    Count,
    /// Of a number.
    #[error("want a whole number")]
    Number,
    /// Of an interval.
    #[error("want a length of time such as 1h30m or 300ms")]
    Interval,
    /// Of a choice.
    #[error("want one of {}", .0.join(", "))]
    Choice(&'static [&'static str]),
    /// Of URLs.
    #[error(transparent)]
    Url(#[from] UrlError),
}

impl Kind {
    /// Whether the flag may stand without a value, and never takes the next argument for one.
    pub(crate) fn stands_alone(self) -> bool {
        matches!(self, Kind::Switch | Kind::Relic)
    }

    /// Reads a value.
    pub(crate) fn parse(self, text: &str) -> Result<Value, BadValue> {
        match self {
            Kind::Text | Kind::Relic => Ok(Value::Text(text.to_owned())),
            Kind::Switch => switch(text).map(Value::Switch).ok_or(BadValue::Switch),
            Kind::Number => text.parse().map(Value::Number).map_err(|_| BadValue::Number),
            Kind::Count => match text.parse() {
                Ok(number) if number >= 0 => Ok(Value::Number(number)),
                _ => Err(BadValue::Count),
            },
            Kind::Interval => interval(text).map(Value::Interval).ok_or(BadValue::Interval),
            Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Choice(words) => Err(BadValue::Choice(words)),
            Kind::Urls => Ok(Value::Urls(urls::parse_list(text)?)),
        }
    }
}

/// The spellings that Go takes.
fn switch(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Nanoseconds of a length of time as Go writes it: signed, a sum of decimal numbers with units; a bare `0` is allowed.
fn interval(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits == "0" {
        return Some(0);
    }
    if digits.is_empty() {
        return None;
    }
    let mut rest = digits;
    let mut total = 0_i64;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_len);
        let unit_len = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        total = total.checked_add(nanoseconds(number, unit)?)?;
        rest = tail;
    }
    Some(if negative { -total } else { total })
}

/// `number` of `unit` in nanoseconds; what is smaller than one is cut off.
fn nanoseconds(number: &str, unit: &str) -> Option<i64> {
    let scale: i64 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut total = match whole {
        "" => 0,
        digits => digits.parse::<i64>().ok()?.checked_mul(scale)?,
    };
    let mut place = scale;
    for digit in fraction.chars() {
        place /= 10;
        total = total.checked_add(i64::from(digit.to_digit(10)?) * place)?;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_read_as_go_reads_them() {
        for text in ["1", "t", "T", "true", "TRUE", "True"] {
            assert_eq!(Kind::Switch.parse(text), Ok(Value::Switch(true)), "{text}");
        }
        for text in ["0", "f", "F", "false", "FALSE", "False"] {
            assert_eq!(Kind::Switch.parse(text), Ok(Value::Switch(false)), "{text}");
        }
        for text in ["", "yes", "tRUE", " true"] {
            assert_eq!(Kind::Switch.parse(text), Err(BadValue::Switch), "{text}");
        }
    }

    #[test]
    fn intervals_are_read_as_go_reads_them() {
        let cases = [
            ("0", Some(0)),
            ("0s", Some(0)),
            ("300ms", Some(300_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            (".5s", Some(500_000_000)),
            ("1.s", Some(1_000_000_000)),
            ("-10m", Some(-600_000_000_000)),
            ("+2us", Some(2_000)),
            ("2µs", Some(2_000)),
            ("1.0000000009ns", Some(1)),
            ("", None),
            ("-", None),
            ("5", None),
            ("s", None),
            (".s", None),
            ("1.2.3s", None),
            ("5d", None),
            ("5 s", None),
            ("9223372036854775807h", None),
            ("99999999999999999999s", None),
        ];
        for (text, nanoseconds) in cases {
            let expected = nanoseconds.map(Value::Interval).ok_or(BadValue::Interval);
            assert_eq!(Kind::Interval.parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_have_their_ranges() {
        assert_eq!(Kind::Count.parse("4294967295"), Ok(Value::Number(4_294_967_295)));
        assert_eq!(Kind::Count.parse("-1"), Err(BadValue::Count));
        assert_eq!(Kind::Count.parse(""), Err(BadValue::Count));
        assert_eq!(Kind::Count.parse("99999999999999999999"), Err(BadValue::Count));
        assert_eq!(Kind::Number.parse("-1"), Ok(Value::Number(-1)));
        assert_eq!(Kind::Number.parse("1.5"), Err(BadValue::Number));
    }

    #[test]
    fn choices_name_what_they_want() {
        const WORDS: &[&str] = &["new", "existing"];
        assert_eq!(Kind::Choice(WORDS).parse("new"), Ok(Value::Text("new".into())));
        let refusal = Kind::Choice(WORDS).parse("bogus").unwrap_err();
        assert_eq!(refusal.to_string(), "want one of new, existing");
    }
}
