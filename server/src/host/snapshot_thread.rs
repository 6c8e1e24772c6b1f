//! The thread that writes snapshots: the member's own from a view, and the one that comes from the leader piece by piece.
//! Neither waits for the other: between two pieces of the one, what came of the other is done.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::Bytes;
use net::waker::Waker;
use node::Input;
use raft_core::{Index, Position, SnapshotMark};
use storage::disk::FileDisk;
use storage::snapshot::{self, Encoder, Incoming, Making, WriteError};

/// The host's hold on the snapshot thread. Dropping it ends the thread; a snapshot that is not whole then is given up.
#[derive(Debug)]
pub(super) struct SnapshotThread {
    jobs: Option<Sender<Job>>,
    done: Arc<Mutex<VecDeque<Done>>>,
    bytes: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

/// The node bounds them: one snapshot of its own at a time, and pieces up to 8 MiB that are not written.
#[derive(Debug)]
enum Job {
    Save(Box<Encoder>),
    Keep { offset: u64, data: Bytes },
    Publish(Position),
    Drop,
    DropBefore(Index),
}

/// What the node is to be told; an error stops the member.
type Done = Result<Input, WriteError>;

impl SnapshotThread {
    /// # Errors
    /// If the system has no thread left.
    pub(super) fn start(disk: FileDisk, waker: Waker) -> io::Result<SnapshotThread> {
        let (jobs, its_jobs) = mpsc::channel();
        let done = Arc::new(Mutex::new(VecDeque::new()));
        let bytes = Arc::new(AtomicU64::new(0));
        let mut worker = Worker {
            disk,
            waker,
            done: Arc::clone(&done),
            bytes: Arc::clone(&bytes),
            making: None,
            incoming: None,
        };
        worker.measure();
        let thread = thread::Builder::new()
            .name("snapshot".to_owned())
            .spawn(move || worker.run(&its_jobs))?;
        Ok(SnapshotThread {
            jobs: Some(jobs),
            done,
            bytes,
            thread: Some(thread),
        })
    }

    /// Writes a whole snapshot of the member's own.
    pub(super) fn save(&self, encoder: Encoder) {
        self.send(Job::Save(Box::new(encoder)));
    }

    /// Appends a piece of the one that comes, or begins it anew.
    pub(super) fn keep(&self, offset: u64, data: Bytes) {
        self.send(Job::Keep { offset, data });
    }

    /// Puts the one that came in its place.
    pub(super) fn publish(&self, mark: &SnapshotMark) {
        self.send(Job::Publish(mark.position));
    }

    /// Gives up the one that comes.
    pub(super) fn drop_incoming(&self) {
        self.send(Job::Drop);
    }

    /// Removes those before an index.
    pub(super) fn drop_before(&self, index: Index) {
        self.send(Job::DropBefore(index));
    }

    /// The next thing that the node is to be told.
    pub(super) fn take_done(&self) -> Option<Done> {
        lock(&self.done).pop_front()
    }

    /// The bytes of all snapshots on disk, as of the last change but for pieces that come.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn send(&self, job: Job) {
        let jobs = self.jobs.as_ref().expect("it ends with this");
        // A thread that is gone has panicked, which ends the process, or has said that the disk failed.
        let _ = jobs.send(job);
    }
}

impl Drop for SnapshotThread {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook, which ends the process.
            let _ = thread.join();
        }
    }
}

fn lock(done: &Mutex<VecDeque<Done>>) -> MutexGuard<'_, VecDeque<Done>> {
    done.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    disk: FileDisk,
    waker: Waker,
    done: Arc<Mutex<VecDeque<Done>>>,
    /// Of all snapshots on disk.
    bytes: Arc<AtomicU64>,
    /// The member's own, since when.
    making: Option<(Making<FileDisk>, Position, Instant)>,
    incoming: Option<Incoming<FileDisk>>,
}

impl Worker {
    fn run(mut self, jobs: &Receiver<Job>) {
        let ended = loop {
            let job = match &self.making {
                Some(_) => jobs.try_recv(),
                None => jobs.recv().map_err(|_| TryRecvError::Disconnected),
            };
            let worked = match job {
                Ok(job) => self.perform(job),
                Err(TryRecvError::Empty) => Ok(()),
                Err(TryRecvError::Disconnected) => break Ok(()),
            };
            if let Err(error) = worked.and_then(|()| self.go_on()) {
                break Err(error);
            }
        };
        if let Err(error) = ended {
            return self.tell(Err(error));
        }
        self.incoming.into_iter().for_each(Incoming::abandon);
        self.making.into_iter().for_each(|(making, ..)| making.abandon());
    }

    /// Only an error after which the disk is not to be trusted ends the thread.
    fn perform(&mut self, job: Job) -> Result<(), WriteError> {
        match job {
            Job::Save(encoder) => {
                let mark = encoder.mark().position;
                match Making::begin(self.disk.clone(), *encoder) {
                    Ok(making) => self.making = Some((making, mark, Instant::now())),
                    Err(error) => self.give_up(mark, error)?,
                }
            }
            Job::Keep { offset, data } => {
                if let Err(error) = self.keep(offset, &data) {
                    unless_fatal(error, "cannot keep a piece of the leader's snapshot")?;
                    self.incoming = None;
                }
                self.tell(Ok(Input::PiecesWritten(data.len() as u64)));
                return Ok(());
            }
            Job::Publish(mark) => match self.incoming.take() {
                Some(incoming) => match incoming.publish(mark.index) {
                    Ok(()) => {
                        log::info!("mark":% = mark; "took over the leader's snapshot");
                        self.tell(Ok(Input::SnapshotSaved(mark)));
                    }
                    Err(error) => self.give_up(mark, error)?,
                },
                // A piece of it could not be written.
                None => self.tell(Ok(Input::SnapshotGivenUp(mark))),
            },
            Job::Drop => self.incoming.take().into_iter().for_each(Incoming::abandon),
            Job::DropBefore(index) => {
                if let Err(error) = snapshot::drop_before(&self.disk, index) {
                    unless_fatal(error, "an old snapshot stays")?;
                }
            }
        }
        self.measure();
        Ok(())
    }

    /// How much space it all takes. If the disk will not say, it is what it was.
    fn measure(&mut self) {
        if let Ok(bytes) = snapshot::bytes(&self.disk) {
            self.bytes.store(bytes, Ordering::Relaxed);
        }
    }

    fn keep(&mut self, offset: u64, data: &[u8]) -> Result<(), WriteError> {
        if offset == 0 {
            self.incoming.take().into_iter().for_each(Incoming::abandon);
            self.incoming = Some(Incoming::begin(self.disk.clone())?);
        }
        match &mut self.incoming {
            Some(incoming) => incoming.append(data),
            // One before it could not be written.
            None => Ok(()),
        }
    }

    /// Writes some more of the member's own.
    fn go_on(&mut self) -> Result<(), WriteError> {
        let Some((making, position, begun)) = &mut self.making else {
            return Ok(());
        };
        let (mark, begun) = (*position, *begun);
        match making.step() {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => {
                log::info!("mark":% = mark, "ms" = begun.elapsed().as_millis(); "saved a snapshot");
                self.tell(Ok(Input::SnapshotSaved(mark)));
            }
            Err(error) => self.give_up(mark, error)?,
        }
        self.making = None;
        self.measure();
        Ok(())
    }

    fn give_up(&self, mark: Position, error: WriteError) -> Result<(), WriteError> {
        unless_fatal(error, "a snapshot is given up; what was there before stands")?;
        self.tell(Ok(Input::SnapshotGivenUp(mark)));
        Ok(())
    }

    fn tell(&self, done: Done) {
        lock(&self.done).push_back(done);
        self.waker.wake();
    }
}

/// Logs what does no harm.
fn unless_fatal(error: WriteError, what: &str) -> Result<(), WriteError> {
    if error.is_fatal() {
        return Err(error);
    }
    log::warn!(error:% = error; "{what}");
    Ok(())
}
