//! Whose turn it is.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use super::Job;
use super::sources::Sources;
use crate::login::TokenHash;

/// Of so many jobs at least one is of a source in no good standing, if any waits.
const AHEAD: u32 = 4;

/// Those that are served in turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Lane {
    /// A known device.
    Device(TokenHash),
    /// A source in good standing: an IPv4 address, or the /64 network of an IPv6 address.
    Good(IpAddr),
    /// Any other source.
    Source(IpAddr),
}

/// What waits, and what is known of those that ask.
#[derive(Debug)]
pub(super) struct State {
    devices: Queue,
    good: Queue,
    others: Queue,
    /// How many jobs of the first two queues were taken since one of the others was.
    ahead: u32,
    pub(super) sources: Sources,
    pub(super) closed: bool,
}

/// Lanes that are served in turns.
#[derive(Debug, Default)]
struct Queue {
    /// Places given, by lane.
    places: HashMap<Lane, usize>,
    given: usize,
    /// What waits, by lane, and whose turn it is.
    waiting: HashMap<Lane, VecDeque<Job>>,
    turns: VecDeque<Lane>,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            devices: Queue::default(),
            good: Queue::default(),
            others: Queue::default(),
            ahead: 0,
            sources: Sources::new(Instant::now()),
            closed: false,
        }
    }

    /// Gives a place if fewer than `capacity` of its queue and fewer than `share` of its lane are taken.
    pub(super) fn place(&mut self, lane: Lane, capacity: usize, share: usize) -> bool {
        let queue = self.queue(lane);
        let of_lane = queue.places.get(&lane).copied().unwrap_or(0);
        if queue.given >= capacity || of_lane >= share {
            return false;
        }
        queue.given += 1;
        queue.places.insert(lane, of_lane + 1);
        true
    }

    /// Takes a place back.
    pub(super) fn leave(&mut self, lane: Lane) {
        let queue = self.queue(lane);
        queue.given = queue.given.saturating_sub(1);
        if let Some(places) = queue.places.get_mut(&lane) {
            *places = places.saturating_sub(1);
            if *places == 0 {
                queue.places.remove(&lane);
            }
        }
    }

    /// Has a job wait for its lane's turn.
    pub(super) fn push(&mut self, job: Job) {
        let lane = job.place.lane;
        let queue = self.queue(lane);
        let jobs = queue.waiting.entry(lane).or_default();
        jobs.push_back(job);
        if jobs.len() == 1 {
            queue.turns.push_back(lane);
        }
    }

    /// Takes the next job: of a known device, then of a source in good standing, then of the others; but at least one in
    /// [`AHEAD`] of the others, so that nobody keeps them out for ever.
    pub(super) fn take_turn(&mut self) -> Option<Job> {
        if self.ahead + 1 >= AHEAD
            && let Some(job) = self.others.take_turn()
        {
            self.ahead = 0;
            return Some(job);
        }
        let job = self.queues().into_iter().find_map(Queue::take_turn)?;
        self.ahead = if matches!(job.place.lane, Lane::Source(_)) { 0 } else { self.ahead.saturating_add(1) };
        Some(job)
    }

    /// Takes everything that waits.
    pub(super) fn take_all(&mut self) -> Vec<Job> {
        let mut all = Vec::new();
        for queue in self.queues() {
            queue.turns.clear();
            all.extend(std::mem::take(&mut queue.waiting).into_values().flatten());
        }
        all
    }

    /// Tells how many places are given.
    pub(super) fn given(&self) -> usize {
        self.devices.given + self.good.given + self.others.given
    }

    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Device(_) => &mut self.devices,
            Lane::Good(_) => &mut self.good,
            Lane::Source(_) => &mut self.others,
        }
    }

    fn queues(&mut self) -> [&mut Queue; 3] {
        [&mut self.devices, &mut self.good, &mut self.others]
    }
}

impl Queue {
    /// Takes one job of the lane whose turn it is, and sends that lane to the end of the queue.
    fn take_turn(&mut self) -> Option<Job> {
        let lane = self.turns.pop_front()?;
        let queue = self.waiting.get_mut(&lane)?;
        let job = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&lane);
        } else {
            self.turns.push_back(lane);
        }
        job
    }
}
