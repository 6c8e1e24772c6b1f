//! Three nodes whose leader is killed again and again, while clients write and read at all of them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cluster::{
    Cluster, Crew, Http, Shift, check_promises, get_v2, get_v3, put_v2, put_v3, write_keys,
};

/// A key that one client writes, with ever greater numbers, and everybody reads.
struct Register {
    key: String,
    /// No later linearizable read may give less: the greatest number acknowledged or read.
    floor: AtomicU64,
    /// No read may give more: the greatest number that anybody asked to be written.
    ceiling: AtomicU64,
}

/// The register that a writer uses now. It leaves one as soon as a write's outcome is unknown: such a write may
/// happen at any later time, and a smaller number after a greater would then be no lie.
type Current = Arc<Mutex<Arc<Register>>>;

fn current(register: &Current) -> Arc<Register> {
    Arc::clone(&register.lock().unwrap_or_else(PoisonError::into_inner))
}

fn fresh(writer: usize, generation: u64) -> Arc<Register> {
    let key = format!("register-{writer}-{generation}");
    Arc::new(Register {
        key,
        floor: AtomicU64::new(0),
        ceiling: AtomicU64::new(0),
    })
}

fn write_register(
    shift: &Shift,
    writer: usize,
    register: &Current,
    members: &[SocketAddr],
) -> Vec<Arc<Register>> {
    let mut https: Vec<Http> = members.iter().map(|&member| Http::new(member)).collect();
    let mut all = vec![current(register)];
    let mut number = 0;
    while shift.goes_on() {
        number += 1;
        let now = current(register);
        now.ceiling.store(number, Ordering::SeqCst);
        let http = &mut https[usize::try_from(number).expect("small") % members.len()];
        if put_v3(http, &now.key, &number.to_string()).is_ok() {
            now.floor.fetch_max(number, Ordering::SeqCst);
            shift.note_done();
        } else {
            let next = fresh(writer, number);
            all.push(Arc::clone(&next));
            *register.lock().unwrap_or_else(PoisonError::into_inner) = next;
            shift.note_failure();
        }
    }
    all
}

fn read_registers(shift: &Shift, registers: &[Current], member: SocketAddr) -> Vec<Arc<Register>> {
    let mut http = Http::new(member);
    for turn in 0.. {
        if !shift.goes_on() {
            break;
        }
        let register = current(&registers[turn % registers.len()]);
        let floor = register.floor.load(Ordering::SeqCst);
        match get_v3(&mut http, &register.key) {
            Ok((value, _)) => check_read(&register, floor, value.as_deref(), member),
            Err(_) => shift.note_failure(),
        }
    }
    Vec::new()
}

fn check_read(register: &Register, floor: u64, value: Option<&str>, member: SocketAddr) {
    let number = value.map_or(0, |value| value.parse().expect("a number was written"));
    let key = &register.key;
    assert!(
        number >= floor,
        "stale: {member} says {key} = {number} although {floor} was known before it was asked"
    );
    let ceiling = register.ceiling.load(Ordering::SeqCst);
    assert!(
        number <= ceiling,
        "{member} says {key} = {number}, which nobody has written yet ({ceiling})"
    );
    register.floor.fetch_max(number, Ordering::SeqCst);
}

/// PUT then GET at one member, without a quorum read: it must see its own write.
fn read_own_writes(shift: &Shift, reader: usize, member: SocketAddr) -> Vec<Arc<Register>> {
    let mut http = Http::new(member);
    for number in 0.. {
        if !shift.goes_on() {
            break;
        }
        let (key, value) = (format!("own-{reader}/{number}"), number.to_string());
        match put_v2(&mut http, &key, &value).and_then(|index| Ok((index, get_v2(&mut http, &key, false)?))) {
            Ok((index, (read, index_read))) => {
                assert_eq!(
                    read,
                    Some(value),
                    "{member} does not see its own write of {key} at {index}"
                );
                assert!(index_read >= index, "{member}: index {index_read} after {index}");
            }
            Err(_) => shift.note_failure(),
        }
    }
    Vec::new()
}

#[test]
fn no_write_is_lost_and_no_read_is_stale_while_leaders_die() {
    let mut cluster = Cluster::start(3, &[]);
    let members: Vec<_> = cluster.members.iter().map(|member| member.client).collect();
    let registers: Vec<Current> = (0..2)
        .map(|writer| Arc::new(Mutex::new(fresh(writer, 0))))
        .collect();

    let mut observers = Crew::new();
    for (writer, register) in registers.iter().enumerate() {
        let (register, members) = (Arc::clone(register), members.clone());
        observers.add(move |shift| write_register(shift, writer, &register, &members));
    }
    for (reader, &member) in members.iter().enumerate() {
        let registers = registers.clone();
        observers.add(move |shift| read_registers(shift, &registers, member));
        observers.add(move |shift| read_own_writes(shift, reader, member));
    }
    let mut writers = Crew::new();
    for writer in 0..2 {
        let members = members.clone();
        writers.add(move |shift| write_keys(shift, writer, &members));
    }

    for _ in 0..6 {
        writers.wait_done(30);
        observers.wait_done(30);
        let leader = cluster.wait_leader();
        cluster.members[leader].kill();
        // The two others go on without it.
        writers.wait_done(30);
        observers.wait_done(30);
        cluster.members[leader].restart();
    }

    let promises = writers.stop();
    let written: Vec<Arc<Register>> = observers.stop().into_iter().flatten().collect();
    for member in &cluster.members {
        check_promises(member, &promises);
        for register in &written {
            let floor = register.floor.load(Ordering::SeqCst);
            let (value, _) = get_v3(&mut member.http(), &register.key).expect("a read");
            check_read(register, floor, value.as_deref(), member.client);
        }
    }
}
