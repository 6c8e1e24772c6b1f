//! Messages in messages.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Enumeration, Message, OrDefault, Place, Reader, take_fields};

/// A message in a field.
pub(super) struct Inner<'a, M> {
    place: &'a mut Place,
    message: PhantomData<M>,
}

impl<'a, M> Inner<'a, M> {
    /// After an error, `place` names the field of the message it is in.
    pub(super) fn of(place: &'a mut Place) -> Inner<'a, M> {
        Inner {
            place,
            message: PhantomData,
        }
    }
}

impl<'de, M: Message> Reader<'de> for Inner<'_, M> {
    type Value = Option<M>;

    fn read<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<M>, D::Error> {
        deserializer.deserialize_map(self)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }
}

impl<'de, M: Message> Visitor<'de> for Inner<'_, M> {
    type Value = Option<M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reader::expecting(self, f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<M>, A::Error> {
        let mut message = M::default();
        take_fields(&mut message, map, self.place)?;
        Ok(Some(message))
    }
}

/// A list of messages in a field.
pub(super) struct List<'a, M>(pub(super) Inner<'a, M>);

impl<'de, M: Message> Reader<'de> for List<'_, M> {
    type Value = Vec<M>;

    fn read<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<M>, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of JSON objects")
    }
}

impl<'de, M: Message> Visitor<'de> for List<'_, M> {
    type Value = Vec<M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reader::expecting(self, f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<M>, A::Error> {
        let mut messages = Vec::new();
        let place = self.0.place;
        while let Some(message) = elements.next_element_seed(OrDefault(Inner::of(place)))? {
            messages.push(message.unwrap_or_default());
            place.count()?;
        }
        Ok(messages)
    }
}

/// A list of enumerations in a field; `null` is 0.
pub(super) struct Enumerations(pub(super) &'static [&'static str]);

impl<'de> Reader<'de> for Enumerations {
    type Value = Vec<i32>;

    fn read<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<i32>, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {}", self.0.join(", "))
    }
}

impl<'de> Visitor<'de> for Enumerations {
    type Value = Vec<i32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Reader::expecting(self, f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<i32>, A::Error> {
        let mut numbers = Vec::new();
        while let Some(number) = elements.next_element_seed(OrDefault(Enumeration(self.0)))? {
            numbers.push(number);
        }
        Ok(numbers)
    }
}
