//! What the log says of recoveries: who signed each with which keys, how long it waited, and how it ended.
//!
//! As with approvals nothing is taken from the server: each vote is verified by a key that the log had given to the
//! officer before, the people are counted here, again at each step, and the waiting period is measured by the entries.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{CLOCK_SECS, History};
use super::policies::Policies;
use super::waiting::Waiting;
use super::{Flaw, RecoveryFlaw};
use crate::approval::{ApprovalError, Verdict};
use crate::log::checkpoint::Origin;
use crate::log::event::{RecoveryDue, RecoveryFinished, RecoveryOpened, RecoveryVote};
use crate::names::{RecoveryId, UserName};
use crate::policy::{Action, Approver, Policy, User};
use crate::recovery::{MIN_OFFICERS, ProvenVote, Vote};
use crate::request::FRESHNESS_SECS;
use crate::time::UnixSeconds;

/// What the entries so far say.
#[derive(Debug, Default)]
pub(super) struct Recoveries(BTreeMap<RecoveryId, Recovery>);

#[derive(Debug)]
struct Recovery {
    user: UserName,
    needed: u8,
    wait_secs: u64,
    /// Who signed, as they were then.
    signers: Vec<Approver>,
    /// When the waiting period ends; the earliest that was said, if it was said more than once.
    due: Option<UnixSeconds>,
    ended: Option<u64>,
    /// What was entered when the account was taken.
    finished: Option<RecoveryFinished>,
}

/// What a vote is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) origin: &'a Origin,
    pub(super) history: &'a History,
    pub(super) waiting: &'a Waiting,
    pub(super) policies: &'a Policies,
    pub(super) entered: UnixSeconds,
}

impl Recoveries {
    /// Takes in that a recovery was opened, and verifies that an officer did.
    pub(super) fn opened(&mut self, opened: &RecoveryOpened, known: Known<'_>) -> Result<(), Flaw> {
        let (vote, id) = (&opened.vote, opened.vote.recovery_id);
        if self.0.contains_key(&id) {
            return Err(Flaw::Recovery(RecoveryFlaw::Twice { id }));
        }
        let recovery = Recovery {
            user: vote.user.clone(),
            needed: opened.needed.max(MIN_OFFICERS),
            wait_secs: opened.wait.secs(),
            signers: Vec::new(),
            due: None,
            ended: None,
            finished: None,
        };
        self.0.insert(id, recovery);
        self.signed(vote, known)
    }

    /// Takes in that an officer signed, and verifies that they did.
    pub(super) fn signed(&mut self, vote: &RecoveryVote, known: Known<'_>) -> Result<(), Flaw> {
        let recovery = find(&mut self.0, vote.recovery_id, &vote.user)?;
        prove(vote, known, Verdict::Approve)?;
        let officer = &vote.officer.user;
        if known.history.is_one_person(officer, &vote.user) {
            return Err(Flaw::Recovery(RecoveryFlaw::Own { user: officer.name.clone() }));
        }
        // What comes after the end may be said, and counts for nothing.
        if recovery.ended.is_none() {
            recovery.signers.push(vote.officer.clone());
        }
        Ok(())
    }

    /// Takes in that an officer ended it, and verifies that they did.
    pub(super) fn denied(&mut self, index: u64, vote: &RecoveryVote, known: Known<'_>) -> Result<(), Flaw> {
        find(&mut self.0, vote.recovery_id, &vote.user)?;
        prove(vote, known, Verdict::Deny)?;
        self.ended(index, vote.recovery_id);
        Ok(())
    }

    /// Takes in that it ended.
    pub(super) fn ended(&mut self, index: u64, id: RecoveryId) {
        if let Some(recovery) = self.0.get_mut(&id) {
            recovery.ended.get_or_insert(index);
        }
    }

    /// Takes in that the waiting period began.
    pub(super) fn due(&mut self, due: &RecoveryDue, known: Known<'_>) -> Vec<Flaw> {
        let recovery = match find(&mut self.0, due.recovery_id, &due.user) {
            Ok(recovery) => recovery,
            Err(flaw) => return vec![flaw],
        };
        let said: BTreeSet<_> = due.officers.iter().collect();
        let signed: BTreeSet<_> = recovery.signers.iter().map(|signer| &signer.user.name).collect();
        // The wait began when it was decided that they are enough, which is somewhat before the entry.
        let since = due.until.minus_secs(recovery.wait_secs).min(known.entered);
        let listed = recovery.count(since, known, |signer| said.contains(&signer.name));
        recovery.due = Some(recovery.due.map_or(due.until, |before| before.min(due.until)));
        let rules = [
            (said.is_subset(&signed), Flaw::Field("officers")),
            (listed >= usize::from(recovery.needed), unsigned(due.recovery_id, listed, recovery.needed)),
            (
                due.until.plus_secs(CLOCK_SECS) >= known.entered.plus_secs(recovery.wait_secs),
                Flaw::Field("until"),
            ),
        ];
        rules.into_iter().filter(|(holds, _)| !holds).map(|(_, flaw)| flaw).collect()
    }

    /// Tells whether this is another invitation, to an account that was taken before: not the same entry again, which a crash
    /// leaves behind.
    pub(super) fn is_handed_out_again(&self, finished: &RecoveryFinished) -> bool {
        self.0.get(&finished.recovery_id).is_some_and(|recovery| recovery.is_handed_out_again(finished))
    }

    /// Takes in that the account was taken and given back; each invitation to it is an entry of its own.
    pub(super) fn finished(&mut self, finished: &RecoveryFinished, known: Known<'_>) -> Vec<Flaw> {
        let RecoveryFinished { recovery_id: id, user, officer, reduced_until, .. } = finished;
        let recovery = match find(&mut self.0, *id, user) {
            Ok(recovery) => recovery,
            Err(flaw) => return vec![flaw],
        };
        let mut flaws = Vec::new();
        if let Some(by) = recovery.ended {
            flaws.push(Flaw::Recovery(RecoveryFlaw::Over { id: *id, by }));
        }
        match recovery.due {
            None => flaws.push(Flaw::Recovery(RecoveryFlaw::NotDue { id: *id })),
            Some(until) if officer.at < until || known.entered.plus_secs(CLOCK_SECS) < until => {
                flaws.push(Flaw::Recovery(RecoveryFlaw::TooEarly { id: *id, until }));
            }
            Some(_) => {}
        }
        // When it is handed out again, the account is taken already, and the server asks for no signatures.
        if !recovery.is_handed_out_again(finished) {
            let have = recovery.count(officer.at, known, |_| true);
            if have < usize::from(recovery.needed) {
                flaws.push(unsigned(*id, have, recovery.needed));
            }
        }
        let first = recovery.finished.get_or_insert_with(|| finished.clone());
        let rules = [
            (
                !known.history.is_one_person(&officer.user, user),
                Flaw::Recovery(RecoveryFlaw::Own { user: officer.user.name.clone() }),
            ),
            (first.reduced_until == *reduced_until, Flaw::Field("reduced_until")),
        ];
        flaws.extend(rules.into_iter().filter(|(holds, _)| !holds).map(|(_, flaw)| flaw));
        flaws
    }
}

impl Recovery {
    fn is_handed_out_again(&self, finished: &RecoveryFinished) -> bool {
        self.finished.as_ref().is_some_and(|first| first != finished)
    }

    /// Counts the people who have signed and may still: as they are now, by a login as it was then (A4).
    ///
    /// No entry says which policy the server asked: of those that it may have, the one that permits most of them counts.
    fn count(&self, now: UnixSeconds, known: Known<'_>, listed: impl Fn(&User) -> bool) -> usize {
        let as_they_are =
            |signer: &Approver| Approver { user: known.history.later(&signer.user, now), ..signer.clone() };
        let signers = self.signers.iter().filter(|signer| listed(&signer.user)).map(as_they_are);
        let signers: Vec<Approver> = signers.filter(|signer| signer.user.reduced(now).is_none()).collect();
        let may = |policy: &Policy, signer: &Approver| {
            policy.permits(Action::Administer, None, &signer.facts(), signer.at)
        };
        let permitted = |policy: &Policy| {
            people(signers.iter().filter(|signer| may(policy, signer)).map(|signer| &signer.user))
        };
        known.policies.all_in_force(now).map(|policy| permitted(&policy)).max().unwrap_or_default()
    }
}

/// Counts people, not accounts, nor how often somebody signed.
fn people<'a>(signers: impl Iterator<Item = &'a User>) -> usize {
    let mut people: Vec<&User> = Vec::new();
    for signer in signers {
        if !people.iter().any(|person| person.is_same_person_as(signer)) {
            people.push(signer);
        }
    }
    people.len()
}

fn unsigned(id: RecoveryId, have: usize, needed: u8) -> Flaw {
    Flaw::Recovery(RecoveryFlaw::Unsigned { id, have, needed })
}

fn find<'a>(
    all: &'a mut BTreeMap<RecoveryId, Recovery>,
    id: RecoveryId,
    user: &UserName,
) -> Result<&'a mut Recovery, Flaw> {
    let recovery = all.get_mut(&id).ok_or(Flaw::Recovery(RecoveryFlaw::Unknown { id }))?;
    if recovery.user == *user { Ok(recovery) } else { Err(Flaw::Field("user")) }
}

fn prove(vote: &RecoveryVote, known: Known<'_>, verdict: Verdict) -> Result<(), Flaw> {
    let officer = &vote.officer.user.name;
    let wrap = |error: ApprovalError| match error {
        ApprovalError::NoSuchKey => Flaw::NoSigningKey { user: officer.clone() },
        other => Flaw::Recovery(RecoveryFlaw::Vote(other.to_string())),
    };
    let said = Vote::from_text(&vote.signed.text).map_err(wrap)?;
    said.check_about(known.origin, (vote.recovery_id, &vote.user), officer).map_err(wrap)?;
    if said.verdict != verdict {
        return Err(Flaw::Field("text"));
    }
    // It was taken when it was signed: none is kept for another day, and what a crash held up is dated by the officer too.
    if said.id.time().seconds().0.abs_diff(vote.officer.at.0) > FRESHNESS_SECS + CLOCK_SECS {
        return Err(wrap(ApprovalError::Stale));
    }
    let keys = known.waiting.keys_of(officer);
    ProvenVote::verify(said, vote.signed.signature.clone(), keys).map(drop).map_err(wrap)
}
