use super::*;
use crate::buffer::Buffer;
use proptest::collection::vec;
use proptest::prelude::*;

const OWN: Identity = Identity {
    cluster_id: 0xc1,
    member_id: 1,
    data_id: 0xd1,
    boot: 4,
    recovery_epoch: 1,
    petitions: false,
};

/// What member 2 says to member 1.
fn hello() -> Hello {
    Identity {
        member_id: 2,
        data_id: 0xd2,
        boot: 7,
        ..OWN
    }
    .hello_to(1)
}

fn roster() -> Roster {
    let mut roster = Roster::default();
    roster.set_members([(1, Some(0xd1)), (2, Some(0xd2)), (3, None)]);
    roster
}

fn payload(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut input = Buffer::new();
    let mut out = Vec::new();
    encode(&mut out);
    input.append(&out);
    frame::next_within(&mut input, HELLO_BYTES_MAX)
        .expect("sound")
        .expect("whole")
        .to_vec()
}

#[test]
fn a_known_member_with_its_own_directory_is_welcome() {
    assert_eq!(check(&hello(), &OWN, &roster()), Ok(()));
    let of_unpublished = Hello {
        member_id: 3,
        data_id: 0xabc,
        ..hello()
    };
    assert_eq!(check(&of_unpublished, &OWN, &roster()), Ok(()));
}

/// What member 1 says to a hello of member 2 that differs in one thing.
fn refusal(differ: impl FnOnce(&mut Hello)) -> Refusal {
    let mut hello = hello();
    differ(&mut hello);
    check(&hello, &OWN, &roster()).expect_err("refused")
}

#[test]
fn another_protocol_version_is_refused() {
    let sender = Versions { min: 2, max: 3 };
    let receiver = VERSIONS;
    let refusal = refusal(|hello| hello.versions = sender);
    assert_eq!(refusal, Refusal::Version { sender, receiver });
}

#[test]
fn another_cluster_or_receiver_is_refused() {
    let (sender, receiver) = (9, 0xc1);
    let other = refusal(|hello| hello.cluster_id = 9);
    assert_eq!(other, Refusal::OtherCluster { sender, receiver });
    let (wanted, receiver) = (3, 1);
    let other = refusal(|hello| hello.receiver_id = 3);
    assert_eq!(other, Refusal::OtherReceiver { wanted, receiver });
}

#[test]
fn a_stranger_and_a_double_are_refused() {
    let unknown = refusal(|hello| hello.member_id = 9);
    assert_eq!(unknown, Refusal::UnknownMember { member: 9 });
    let double = refusal(|hello| hello.member_id = 1);
    assert_eq!(double, Refusal::OwnId { member: 1 });
}

#[test]
fn whoever_asks_to_be_taken_in_may_be_a_stranger_and_nothing_else() {
    let petitioner = Hello {
        member_id: 9,
        petitions: true,
        ..hello()
    };
    assert_eq!(check(&petitioner, &OWN, &roster()), Ok(()));
    let elsewhere = Hello {
        cluster_id: 2,
        ..petitioner
    };
    assert!(check(&elsewhere, &OWN, &roster()).is_err());
    let mut after = roster();
    after.set_removed([9]);
    assert_eq!(
        check(&petitioner, &OWN, &after),
        Err(Refusal::Removed { member: 9 })
    );
    // A member with another directory stays one, whatever it asks for.
    let other = Hello {
        petitions: true,
        data_id: 5,
        ..hello()
    };
    assert!(matches!(
        check(&other, &OWN, &roster()),
        Err(Refusal::OtherDirectory { .. })
    ));
}

#[test]
fn who_knows_only_what_was_once_listens_to_strangers() {
    let mut roster = roster();
    let stranger = Hello {
        member_id: 9,
        ..hello()
    };
    roster.set_open(true);
    assert_eq!(check(&stranger, &OWN, &roster), Ok(()));
    roster.set_open(false);
    assert!(check(&stranger, &OWN, &roster).is_err());
}

#[test]
fn a_hello_without_the_last_field_is_read() {
    let bytes = payload(|out| encode_hello(out, &hello()));
    let (last, before) = bytes.split_last().expect("bytes");
    assert_eq!(*last, 0);
    assert_eq!(decode_hello(before), Ok(hello()));
}

#[test]
fn a_removed_member_is_told_so() {
    let mut roster = roster();
    roster.set_members([]);
    roster.set_removed([2]);
    let removed = Refusal::Removed { member: 2 };
    assert_eq!(check(&hello(), &OWN, &roster), Err(removed));
}

#[test]
fn a_wiped_or_swapped_directory_is_refused() {
    let (member, shown, known) = (2, 5, 0xd2);
    let wiped = refusal(|hello| hello.data_id = 5);
    assert_eq!(wiped, Refusal::OtherDirectory { member, shown, known });
}

#[test]
fn another_recovery_epoch_is_refused() {
    let receiver = 1;
    let old = refusal(|hello| hello.recovery_epoch = 0);
    assert_eq!(old, Refusal::OldEpoch { sender: 0, receiver });
    let new = refusal(|hello| hello.recovery_epoch = 2);
    assert_eq!(new, Refusal::NewEpoch { sender: 2, receiver });
}

#[test]
fn an_earlier_life_is_refused_once_a_later_one_was_met() {
    let mut roster = roster();
    roster.met(&hello());
    assert_eq!(
        check(&hello(), &OWN, &roster),
        Ok(()),
        "the same life may call again"
    );
    let earlier = Hello { boot: 6, ..hello() };
    let refusal = Refusal::OldBoot {
        member: 2,
        shown: 6,
        seen: 7,
    };
    assert_eq!(check(&earlier, &OWN, &roster), Err(refusal));
}

#[test]
fn a_refusal_reads_as_a_sentence() {
    let refusal = Refusal::OtherDirectory {
        member: 0x2a,
        shown: 0x5,
        known: 0xd2,
    };
    assert_eq!(
        refusal.to_string(),
        "member 2a shows data id 5, but its data directory is known as d2: the directory was wiped or swapped, and \
         can only come back as a new member"
    );
    let versions = Refusal::Version {
        sender: Versions { min: 2, max: 3 },
        receiver: VERSIONS,
    };
    assert_eq!(
        versions.to_string(),
        "the sender speaks protocol versions 2 to 3, the receiver 1 to 1"
    );
}

#[test]
fn the_newest_common_version_is_spoken() {
    let versions = |min, max| Versions { min, max };
    assert_eq!(versions(1, 3).common(versions(2, 5)), Some(3));
    assert_eq!(versions(2, 5).common(versions(1, 3)), Some(3));
    assert_eq!(versions(1, 1).common(versions(1, 1)), Some(1));
    assert_eq!(versions(1, 1).common(versions(2, 3)), None);
    assert_eq!(versions(4, 5).common(versions(2, 3)), None);
}

#[test]
fn a_stranger_and_another_version_are_told_apart() {
    assert_eq!(decode_hello(b"GET / HTTP/1.1"), Err(HelloError::Stranger));
    assert_eq!(decode_answer(b""), Err(HelloError::Stranger));
    assert_eq!(decode_hello(&MAGIC), Err(HelloError::Malformed));

    // Another version's hello may go on as it likes after the versions.
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[7, 9, 0xff]);
    let refusal = Refusal::Version {
        sender: Versions { min: 7, max: 9 },
        receiver: VERSIONS,
    };
    assert_eq!(decode_hello(&bytes), Err(HelloError::Version(refusal)));
}

#[test]
fn what_a_younger_member_adds_is_passed_over() {
    let mut bytes = payload(|out| encode_hello(out, &hello()));
    bytes.extend_from_slice(b"more");
    assert_eq!(decode_hello(&bytes), Ok(hello()));
}

#[test]
fn bytes_are_as_drawn() {
    let hello = Hello {
        cluster_id: 300,
        ..hello()
    };
    let bytes = payload(|out| encode_hello(out, &hello));
    // Versions 1 and 1, then varints: 300, 2, 1, 0xd2, 7, 1; then no.
    assert_eq!(bytes, b"BalsaLnk\x01\x01\xac\x02\x02\x01\xd2\x01\x07\x01\x00");
}

prop_compose! {
    fn any_hello()(
        min in any::<u16>(), max in any::<u16>(), ids in any::<[u64; 5]>(), recovery_epoch in any::<u32>(),
        petitions in any::<bool>(),
    ) -> Hello {
        let [cluster_id, member_id, receiver_id, data_id, boot] = ids;
        let versions = Versions { min, max };
        Hello { versions, cluster_id, member_id, receiver_id, data_id, boot, recovery_epoch, petitions }
    }
}

proptest! {
    #[test]
    fn any_hello_comes_through(hello in any_hello()) {
        let answer = Answer::Welcome(hello);
        prop_assert_eq!(decode_answer(&payload(|out| encode_answer(out, &answer))), Ok(answer));
        let hello = Hello { versions: VERSIONS, ..hello };
        prop_assert_eq!(decode_hello(&payload(|out| encode_hello(out, &hello))), Ok(hello));
    }

    #[test]
    fn any_refusal_comes_through(a in any::<u64>(), b in any::<u64>(), c in any::<u64>()) {
        for refusal in [
            Refusal::OtherCluster { sender: a, receiver: b },
            Refusal::OtherDirectory { member: a, shown: b, known: c },
            Refusal::OldBoot { member: a, shown: b, seen: c },
            Refusal::NewEpoch { sender: a as u32, receiver: b as u32 },
            Refusal::Removed { member: a },
        ] {
            let answer = Answer::Refused(refusal);
            prop_assert_eq!(decode_answer(&payload(|out| encode_answer(out, &answer))), Ok(answer));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(mut bytes in vec(any::<u8>(), 0..60), with_magic in any::<bool>()) {
        if with_magic {
            bytes.splice(..0, MAGIC);
        }
        let _ = decode_hello(&bytes);
        let _ = decode_answer(&bytes);
    }
}
