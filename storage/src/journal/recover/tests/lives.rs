//! Many lives of one member: it boots, writes, seals, saves snapshots, drops segments, and loses power anywhere.

use proptest::prelude::*;
use raft_core::{Boot, LogChange, SnapshotMark};

use super::*;

#[derive(Clone, Debug)]
struct Life {
    shapes: Vec<Shape>,
    /// Changing operations until the power fails.
    power: u64,
    seed: u64,
    bytes_tear: bool,
}

fn lives() -> impl Strategy<Value = Vec<Life>> {
    let life = (shapes(0..16), 0u64..80, any::<u64>(), any::<bool>()).prop_map(
        |(shapes, power, seed, bytes_tear)| Life {
            shapes,
            power,
            seed,
            bytes_tear,
        },
    );
    proptest::collection::vec(life, 1..6)
}

/// What is true of the disk after any number of lives.
struct Witness {
    disk: ModelDisk,
    /// The Saves that may be there; the first is that of birth.
    history: History,
    /// How many of them must be.
    durable: usize,
    /// The kept snapshots, older first. They are on a disk that loses nothing.
    snapshots: Vec<SnapshotMark>,
    boot: Boot,
}

type Ended = Result<(), Box<dyn std::error::Error>>;

impl Witness {
    fn live(&mut self, life: &Life) -> Result<(), TestCaseError> {
        self.disk.fail_power_after(life.power, life.seed);
        if let Err(error) = self.boot_and_write(life)? {
            prop_assert!(self.disk.is_without_power(), "{error}");
        }
        let tear = if life.bytes_tear {
            Tear::Bytes
        } else {
            Tear::Sectors
        };
        self.disk = self.disk.crash(tear, life.seed);
        Ok(())
    }

    fn boot_and_write(&mut self, life: &Life) -> Result<Ended, TestCaseError> {
        let (data, recovered) = match self.try_open() {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error)),
        };
        self.check(&data, &recovered)?;
        let mut writer = recovered.writer;
        let mut chance = Chance(life.seed);
        for shape in &life.shapes {
            let save = self.history.next(shape);
            if let LogChange::Reset(mark) = &save.log {
                self.keep(mark.as_ref().clone());
            }
            let prepares = chance.below(3) == 0;
            let seals = chance.below(4) == 0;
            let mut put = || {
                if prepares {
                    writer.prepare_next()?;
                }
                writer.write(&save)?;
                writer.sync()
            };
            if let Err(error) = put() {
                return Ok(Err(error.into()));
            }
            self.durable = self.history.len();
            if seals && let Err(error) = writer.seal() {
                return Ok(Err(error.into()));
            }
            if chance.below(5) == 0 {
                self.keep(self.history.mark(chance.below(8)));
                writer.drop_before(self.snapshots[0].position.index);
            }
        }
        Ok(Ok(()))
    }

    fn try_open(&self) -> Result<Opened, Box<dyn std::error::Error>> {
        open_with(&self.disk, self.snapshots.last().cloned())
    }

    /// A snapshot is saved. The last two are kept.
    fn keep(&mut self, mark: SnapshotMark) {
        if self
            .snapshots
            .last()
            .is_none_or(|last| last.position.index < mark.position.index)
        {
            self.snapshots.push(mark);
            let old = self.snapshots.len().saturating_sub(2);
            self.snapshots.drain(..old);
        }
    }

    /// What was found is a prefix of what was written, at or beyond the last sync, after the newest snapshot.
    fn check(
        &mut self,
        data: &DataDir<ModelDisk>,
        recovered: &Recovered<ModelDisk>,
    ) -> Result<(), TestCaseError> {
        prop_assert!(data.boot() > self.boot);
        self.boot = data.boot();
        let newest = self.snapshots.last().cloned().unwrap_or_else(born);
        let written = self.history.len();
        let found = (self.durable..=written).rev().find(|&count| {
            let mut prefix = self.history.clone();
            prefix.truncate(count);
            prefix.image_after(&newest) == recovered.image
        });
        prop_assert!(
            found.is_some(),
            "{:?} is none of the states after {} to {} Saves, the latest {:?}",
            recovered.image,
            self.durable,
            written,
            self.history.image_after(&newest)
        );
        self.history.truncate(found.unwrap_or_default());
        self.history.go_on_from(&newest);
        self.durable = self.history.len();
        Ok(())
    }

    /// The older snapshot does as well, unless the log was reset since.
    fn check_older(&self) -> Result<(), TestCaseError> {
        let [older, _] = self.snapshots.as_slice() else {
            return Ok(());
        };
        let reset = self.history.image().snapshot.position;
        match open_with(&self.disk.copy(), Some(older.clone())) {
            Ok((_, recovered)) => {
                prop_assert!(reset.index <= older.position.index);
                prop_assert_eq!(recovered.image, self.history.image_after(older));
            }
            Err(error) => prop_assert!(reset.index > older.position.index, "{error}"),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn recovery_finds_a_prefix_at_or_beyond_the_last_sync(lives in lives()) {
        let mut witness = Witness {
            disk: ModelDisk::default(),
            history: History::born(),
            durable: 0,
            snapshots: Vec::new(),
            boot: Boot(0),
        };
        for life in &lives {
            witness.live(life)?;
        }
        let (data, recovered) = witness.try_open().map_err(|error| TestCaseError::fail(error.to_string()))?;
        witness.check(&data, &recovered)?;
        witness.check_older()?;
    }
}
