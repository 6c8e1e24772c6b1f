//! JSON to messages, as the gateway reads it: unknown fields are passed over, of a field given twice the last value
//! holds, `null` is the default, and what follows the first value is not looked at. No tree of values is built.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use bytes::Bytes;
use serde::de::{
    DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::base64;
use super::error::Refusal;

mod inner;

use inner::{Enumerations, Inner, List};

/// A request message. `Default` is the message without fields.
pub(super) trait Message: Default {
    /// Takes the value of the field with this name, or passes it over if there is no such field.
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, value: Value<'_, A>) -> Result<(), A::Error>;
}

/// Reads a body. An empty one is a message without fields.
pub(super) fn read<M: Message>(body: &[u8]) -> Result<M, Refusal> {
    let mut messages = Messages::<M>::of(body);
    messages.next().unwrap_or_else(|| Ok(M::default()))
}

/// Reads a body of messages, one after the other.
pub(super) struct Messages<'a, M> {
    deserializer: serde_json::Deserializer<serde_json::de::SliceRead<'a>>,
    message: PhantomData<M>,
}

impl<'a, M: Message> Messages<'a, M> {
    pub(super) fn of(body: &'a [u8]) -> Messages<'a, M> {
        Messages {
            deserializer: serde_json::Deserializer::from_slice(body),
            message: PhantomData,
        }
    }
}

impl<M: Message> Iterator for Messages<'_, M> {
    type Item = Result<M, Refusal>;

    /// After an error nothing more can be read.
    fn next(&mut self) -> Option<Self::Item> {
        if self.deserializer.end().is_ok() {
            return None;
        }
        let mut message = M::default();
        let mut place = Place::default();
        let fields = Fields {
            message: &mut message,
            place: &mut place,
        };
        Some(match self.deserializer.deserialize_any(fields) {
            Ok(()) => Ok(message),
            Err(error) if place.field.is_empty() => Err(Refusal::invalid(error.to_string())),
            Err(error) => Err(Refusal::invalid(format!("field {}: {error}", place.field))),
        })
    }
}

/// How many messages there may be in one: they take much more memory than text.
const MESSAGES_MAX: usize = 10_000;

/// Where in a message the reader is.
#[derive(Default)]
struct Place {
    /// After an error: the field it is in, with those around it.
    field: String,
    /// How many messages in the message were read.
    messages: usize,
}

impl Place {
    /// One more message in the message.
    fn count<E: Error>(&mut self) -> Result<(), E> {
        self.messages += 1;
        match self.messages {
            ..=MESSAGES_MAX => Ok(()),
            _ => Err(E::custom(format_args!(
                "more than {MESSAGES_MAX} messages in one"
            ))),
        }
    }

    /// The field that an error is in is in a message in this field.
    fn go_out(&mut self, name: &str) {
        if !self.field.is_empty() {
            self.field.insert(0, '.');
        }
        self.field.insert_str(0, name);
    }
}

/// Reads an object into a message; after an error, `place` names the field it is in.
struct Fields<'a, M> {
    message: &'a mut M,
    place: &'a mut Place,
}

impl<'de, M: Message> Visitor<'de> for Fields<'_, M> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        take_fields(self.message, map, self.place)
    }
}

/// Takes all fields of an object; after an error, `place` names the field it is in, with those around it.
fn take_fields<'de, M: Message, A: MapAccess<'de>>(
    message: &mut M,
    mut map: A,
    place: &mut Place,
) -> Result<(), A::Error> {
    while let Some(name) = map.next_key_seed(Name)? {
        let map = &mut map;
        if let Err(error) = message.take(&name, Value { map, place }) {
            place.go_out(&name);
            return Err(error);
        }
    }
    Ok(())
}

/// A name, borrowed unless it has escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

/// The value of a field, yet to be read. Each reader gives the default for `null`.
pub(super) struct Value<'a, A> {
    map: &'a mut A,
    place: &'a mut Place,
}

impl<'de, A: MapAccess<'de>> Value<'_, A> {
    /// Bytes, in base64.
    pub(super) fn bytes(self) -> Result<Bytes, A::Error> {
        self.map.next_value_seed(OrDefault(Base64))
    }

    /// A 64-bit integer, as a number or a decimal string.
    pub(super) fn int64(self) -> Result<i64, A::Error> {
        self.map.next_value_seed(OrDefault(Integer(PhantomData)))
    }

    /// A 64-bit integer that is not negative.
    pub(super) fn uint64(self) -> Result<u64, A::Error> {
        self.map.next_value_seed(OrDefault(Integer(PhantomData)))
    }

    /// A boolean.
    pub(super) fn boolean(self) -> Result<bool, A::Error> {
        Ok(self.map.next_value::<Option<bool>>()?.unwrap_or_default())
    }

    /// An enumeration, as one of these names, which stands for its place, or as any number.
    pub(super) fn enumeration(self, names: &'static [&'static str]) -> Result<i32, A::Error> {
        self.map.next_value_seed(OrDefault(Enumeration(names)))
    }

    /// Text.
    pub(super) fn string(self) -> Result<String, A::Error> {
        Ok(self.map.next_value::<Option<String>>()?.unwrap_or_default())
    }

    /// A list of enumerations, each as [`Value::enumeration`].
    pub(super) fn enumerations(self, names: &'static [&'static str]) -> Result<Vec<i32>, A::Error> {
        self.map.next_value_seed(OrDefault(Enumerations(names)))
    }

    /// A message; None for `null`.
    pub(super) fn message<M: Message>(self) -> Result<Option<M>, A::Error> {
        self.map.next_value_seed(OrDefault(Inner::of(self.place)))
    }

    /// A list of messages.
    pub(super) fn messages<M: Message>(self) -> Result<Vec<M>, A::Error> {
        self.map.next_value_seed(OrDefault(List(Inner::of(self.place))))
    }

    /// Anything at all.
    pub(super) fn pass_over(self) -> Result<(), A::Error> {
        self.map.next_value::<IgnoredAny>().map(drop)
    }
}

/// What a value that is not `null` must be.
trait Reader<'de>: Sized {
    type Value: Default;
    fn read<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

/// That, or `null` for the default.
struct OrDefault<R>(R);

impl<'de, R: Reader<'de>> DeserializeSeed<'de> for OrDefault<R> {
    type Value = R::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<R::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, R: Reader<'de>> Visitor<'de> for OrDefault<R> {
    type Value = R::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_none<E>(self) -> Result<R::Value, E> {
        Ok(R::Value::default())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<R::Value, D::Error> {
        self.0.read(deserializer)
    }
}

struct Base64;

impl<'de> Reader<'de> for Base64 {
    type Value = Bytes;

    fn read<D: Deserializer<'de>>(self, deserializer: D) -> Result<Bytes, D::Error> {
        // As bytes: base64 is checked more closely than UTF-8 would be.
        deserializer.deserialize_bytes(self)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string in base64")
    }
}

impl<'de> Visitor<'de> for Base64 {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reader::expecting(self, f)
    }

    fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Bytes, E> {
        base64::decode(text).map_err(|at| E::custom(format_args!("illegal base64 data at input byte {at}")))
    }

    /// Go also reads a list of numbers as bytes, of which `null` is 0.
    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(number) = numbers.next_element::<Option<u8>>()? {
            bytes.push(number.unwrap_or_default());
        }
        Ok(Bytes::from(bytes.into_boxed_slice()))
    }
}

/// Of 64 bits, with or without a sign.
struct Integer<T>(PhantomData<T>);

/// What an integer can be read as.
trait Number: Default + FromStr + TryFrom<i64> + TryFrom<u64> {}

impl Number for i64 {}
impl Number for u64 {}

impl<'de, T: Number> Reader<'de> for Integer<T> {
    type Value = T;

    fn read<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a 64-bit integer as a number or a decimal string")
    }
}

impl<T: Number> Visitor<'_> for Integer<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reader::expecting(self, f)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        integer(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// The text of a JSON integer, which has no plus sign and no leading zeros, or of `null`. What the quotes hold is read
/// as JSON of its own, so that spaces may stand around it.
fn integer<T: Number>(text: &str) -> Option<T> {
    let text = text.trim_matches(' ');
    if text == "null" {
        return Some(T::default());
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.starts_with('+') || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

struct Enumeration(&'static [&'static str]);

impl<'de> Reader<'de> for Enumeration {
    type Value = i32;

    fn read<D: Deserializer<'de>>(self, deserializer: D) -> Result<i32, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of {} or a 32-bit integer", self.0.join(", "))
    }
}

impl Visitor<'_> for Enumeration {
    type Value = i32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reader::expecting(self, f)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i32, E> {
        i32::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<i32, E> {
        let place = self.0.iter().position(|&name| name == text);
        place
            .and_then(|place| i32::try_from(place).ok())
            .ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests;
