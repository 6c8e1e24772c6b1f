//! A table whose keys are never given out twice.

/// A connection, unique within one boot: the number of its slot, and how many connections that slot has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    generation: u32,
    slot: u32,
}

/// Generations end here, so that a number always leaves its highest bit clear.
const GENERATION_MAX: u32 = u32::MAX >> 1;

impl ConnectionId {
    /// The id as one number, for whoever names connections without knowing them. The highest bit is clear.
    #[must_use]
    pub fn number(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    /// The id with this number. Any number is an id, if only of a connection that never was.
    #[must_use]
    pub fn from_number(number: u64) -> ConnectionId {
        ConnectionId {
            generation: (number >> 32) as u32,
            slot: number as u32,
        }
    }
}

/// Values by id. A slot is used again under its next generation, so a stale id finds nothing.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Slot<T> {
    /// Of the value here, or of the next one.
    generation: u32,
    value: Option<T>,
}

impl<T> Slots<T> {
    pub(crate) fn new() -> Slots<T> {
        Slots {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Puts in the value that `make` makes of its id, unless it fails.
    pub(crate) fn insert_with<E>(
        &mut self,
        make: impl FnOnce(ConnectionId) -> Result<T, E>,
    ) -> Result<ConnectionId, E> {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot {
                    generation: 1,
                    value: None,
                });
                u32::try_from(self.slots.len() - 1).expect("fewer connections than that")
            }
        };
        let id = ConnectionId {
            generation: self.slots[slot as usize].generation,
            slot,
        };
        match make(id) {
            Ok(value) => {
                self.slots[slot as usize].value = Some(value);
                Ok(id)
            }
            Err(error) => {
                self.free.push(slot);
                Err(error)
            }
        }
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&T> {
        let slot = self.slots.get(id.slot as usize)?;
        slot.value.as_ref().filter(|_| slot.generation == id.generation)
    }

    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        slot.value.as_mut().filter(|_| slot.generation == id.generation)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.value.as_ref())
    }

    /// Takes the value out; its id is stale from now on.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<T> {
        self.get(id)?;
        let slot = &mut self.slots[id.slot as usize];
        let value = slot.value.take();
        // A slot that has run out of generations, after two thousand million connections, is retired.
        if slot.generation < GENERATION_MAX {
            slot.generation += 1;
            self.free.push(id.slot);
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(slots: &mut Slots<&'static str>, value: &'static str) -> ConnectionId {
        slots.insert_with(|_| Ok::<_, ()>(value)).expect("made")
    }

    #[test]
    fn a_stale_id_finds_nothing() {
        let mut slots = Slots::new();
        let first = insert(&mut slots, "first");
        assert_eq!(slots.remove(first), Some("first"));
        let second = insert(&mut slots, "second");
        assert_eq!(second.slot, first.slot, "the slot is used again");
        assert_eq!(slots.get(first), None);
        assert_eq!(slots.get_mut(first), None);
        assert_eq!(slots.remove(first), None);
        assert_eq!(slots.get(second), Some(&"second"));
    }

    #[test]
    fn a_value_that_cannot_be_made_takes_no_slot() {
        let mut slots: Slots<&str> = Slots::new();
        assert_eq!(slots.insert_with(|_| Err("no")), Err("no"));
        let id = insert(&mut slots, "a");
        assert_eq!(id.slot, 0);
    }

    #[test]
    fn a_slot_without_further_generations_is_retired() {
        let mut slots = Slots::new();
        let id = insert(&mut slots, "a");
        slots.slots[0].generation = GENERATION_MAX;
        let last = ConnectionId {
            generation: GENERATION_MAX,
            ..id
        };
        assert_eq!(slots.remove(last), Some("a"));
        assert_eq!(insert(&mut slots, "b").slot, 1);
        assert_eq!(slots.get(last), None);
    }

    #[test]
    fn a_number_names_its_id() {
        let id = ConnectionId {
            generation: GENERATION_MAX,
            slot: 77,
        };
        assert_eq!(ConnectionId::from_number(id.number()), id);
        assert_eq!(id.number() >> 63, 0);
        assert_eq!(Slots::<()>::new().get(ConnectionId::from_number(u64::MAX)), None);
    }
}
