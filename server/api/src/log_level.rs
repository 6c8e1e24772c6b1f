//! `/config/local/log`: what is logged from now on.

use serde::Deserialize;

use crate::Parsed;
use crate::answer::HttpAnswer;
use crate::route::Call;
use crate::v2::message_error;

/// The lightest that is to be logged, in the words of etcd's first logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// The process ends.
    Critical,
    /// Something failed.
    Error,
    /// Somebody should look at it some day.
    Warning,
    /// What is worth a notice.
    Notice,
    /// What a healthy server does.
    Info,
    /// For engineers.
    Debug,
    /// All there is.
    Trace,
}

#[derive(Deserialize, Default)]
struct Wanted {
    // Go's decoder takes names in any case. These are the ones in use.
    #[serde(default, alias = "level", alias = "LEVEL")]
    #[serde(rename = "Level")]
    level: Option<String>,
}

/// `PUT /config/local/log`. The answer is there at once; the host does what it says.
pub(crate) fn parse(call: &Call<'_>, answer: &mut HttpAnswer) -> Parsed {
    // A struct is read from a list, too; Go takes none for it.
    let is_list = call.request.body.trim_ascii_start().starts_with(b"[");
    // What follows the first value is not looked at, as in etcd.
    let mut values = serde_json::Deserializer::from_slice(call.request.body).into_iter::<Option<Wanted>>();
    let Some(Ok(wanted)) = values.next().filter(|_| !is_list) else {
        message_error(answer, 400, "Invalid json body");
        return Parsed::Answered;
    };
    let word = wanted.and_then(|wanted| wanted.level).unwrap_or_default();
    let Some(level) = level(&word.to_uppercase()) else {
        message_error(answer, 400, &format!("Invalid log level {word}"));
        return Parsed::Answered;
    };
    answer.begin(204);
    Parsed::LogFrom(level)
}

/// A word, its first letter, or a digit.
fn level(word: &str) -> Option<LogLevel> {
    match word {
        "CRITICAL" | "C" => Some(LogLevel::Critical),
        "ERROR" | "E" | "0" => Some(LogLevel::Error),
        "WARNING" | "W" | "1" => Some(LogLevel::Warning),
        "NOTICE" | "N" | "2" => Some(LogLevel::Notice),
        "INFO" | "I" | "3" => Some(LogLevel::Info),
        "DEBUG" | "D" | "4" => Some(LogLevel::Debug),
        "TRACE" | "T" | "5" => Some(LogLevel::Trace),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{head, parse_plain, text};

    fn put(body: &str) -> (Parsed, HttpAnswer) {
        parse_plain("PUT", "/config/local/log", body)
    }

    #[test]
    fn a_level_is_named_in_any_case_by_word_letter_or_digit() {
        let rows = [
            (r#"{"Level":"DEBUG"}"#, LogLevel::Debug),
            (r#"{"level":"d"}x"#, LogLevel::Debug),
            (r#"{"other":1,"Level":"Critical"}"#, LogLevel::Critical),
            (r#" {"Level":"W"} {"Level":"x"}"#, LogLevel::Warning),
            (r#"{"Level":"notice"}"#, LogLevel::Notice),
            (r#"{"Level":"0"}"#, LogLevel::Error),
            (r#"{"Level":"Trace"}"#, LogLevel::Trace),
            (r#"{"Level":"info"}"#, LogLevel::Info),
        ];
        for (body, level) in rows {
            let (parsed, answer) = put(body);
            assert_eq!(parsed, Parsed::LogFrom(level), "{body}");
            assert_eq!((answer.status, head(&answer).as_str()), (204, ""));
            assert!(answer.body.is_empty());
        }
    }

    #[test]
    fn what_names_no_level_is_refused() {
        let rows = [
            ("", "Invalid json body"),
            ("{", "Invalid json body"),
            ("[]", "Invalid json body"),
            (r#"{"Level":5}"#, "Invalid json body"),
            ("{}", "Invalid log level "),
            ("null", "Invalid log level "),
            (r#"{"Level":"zzz"}"#, "Invalid log level zzz"),
            (r#"{"Level":"warn"}"#, "Invalid log level warn"),
        ];
        for (body, message) in rows {
            let (parsed, answer) = put(body);
            assert_eq!((parsed, answer.status), (Parsed::Answered, 400), "{body}");
            assert_eq!(text(&answer.body), format!(r#"{{"message":"{message}"}}"#));
        }
    }
}
