//! I6 of recoveries: what officers say is said when it is entered.

use ca_core::approval::Verdict;
use ca_core::audit::{Flaw, RecoveryFlaw};
use ca_core::log::event::{RecoveryFinished, RecoveryVote, What};
use ca_core::recovery::Vote;
use ca_core::time::UnixMillis;

use super::audit;
use super::recovery::{HONEST, Story, WAIT_SECS};

/// Longer than a decision waits for its entry.
const LATE_SECS: u64 = 601;

/// Longer than a node may not have heard of something.
const HEARD_SECS: u64 = 61;

type Enter = fn(&mut Story, RecoveryVote);

fn flaws(story: &Story) -> Vec<Flaw> {
    audit(&story.log).into_iter().map(|finding| finding.flaw).collect()
}

impl Story {
    fn later(&mut self, secs: u64) {
        self.log.time = UnixMillis(self.log.time.0 + secs * 1000);
    }

    fn opened() -> Self {
        let mut story = Self::begin(HONEST);
        story.open();
        story
    }

    /// Tells everything until both officers have signed.
    fn signed() -> Self {
        let mut story = Self::opened();
        let chen = story.said("chen", Verdict::Approve);
        story.log.round(&[What::RecoverySigned(Box::new(chen))]);
        story
    }

    /// Tells everything until the wait has begun.
    fn waiting() -> Self {
        let mut story = Self::signed();
        story.begin_wait();
        story
    }

    fn said(&self, name: &str, verdict: Verdict) -> RecoveryVote {
        self.sign(&Vote { verdict, ..self.vote(name) }, name, self.approver(name, |_| ()))
    }

    fn begin_wait(&mut self) {
        let due = What::RecoveryDue(Box::new(self.due()));
        self.log.round(&[due]);
    }

    fn finish(&mut self, finished: &RecoveryFinished) {
        self.log.round(&[What::RecoveryFinished(Box::new(finished.clone()))]);
    }
}

fn switched(enabled: bool) -> What {
    What::UserEnabled { user: "chen".parse().unwrap(), enabled, by: "console".to_owned() }
}

#[test]
fn i6_a_vote_that_is_dated_otherwise_than_it_was_entered_is_found() {
    let opened = |story: &mut Story, said| story.open_by(said);
    let signed = |story: &mut Story, said| story.log.round(&[What::RecoverySigned(Box::new(said))]);
    let denied = |story: &mut Story, said| story.log.round(&[What::RecoveryDenied(Box::new(said))]);
    let cases: [(Enter, Verdict, Story); 3] = [
        (opened, Verdict::Approve, Story::begin(HONEST)),
        (signed, Verdict::Approve, Story::opened()),
        (denied, Verdict::Deny, Story::opened()),
    ];
    for (number, (enter, verdict, mut story)) in cases.into_iter().enumerate() {
        let mut said = story.said("chen", verdict);
        said.officer.at = said.officer.at.plus_secs(HEARD_SECS);
        enter(&mut story, said);
        assert!(matches!(&flaws(&story)[..], [Flaw::Lag { .. }]), "{number}: {:?}", flaws(&story));
    }
    let cases: [(Enter, Story); 2] = [(opened, Story::begin(HONEST)), (signed, Story::opened())];
    for (number, (enter, mut story)) in cases.into_iter().enumerate() {
        let said = story.said("chen", Verdict::Approve);
        story.later(LATE_SECS);
        enter(&mut story, said);
        assert!(matches!(&flaws(&story)[..], [Flaw::Lag { .. }]), "{number}: {:?}", flaws(&story));
    }
}

#[test]
fn i6_a_denial_that_a_crash_held_up_is_clean() {
    let mut story = Story::waiting();
    let denied = story.said("chen", Verdict::Deny);
    story.later(3 * LATE_SECS);
    story.log.round(&[What::RecoveryDenied(Box::new(denied))]);
    assert_eq!(flaws(&story), []);
}

#[test]
fn i6_a_vote_that_was_signed_at_another_time_is_found() {
    let mut story = Story::opened();
    let before = story.said("chen", Verdict::Approve);
    let denied = story.said("chen", Verdict::Deny);
    story.later(LATE_SECS);
    let officer = story.approver("chen", |_| ());
    let kept = RecoveryVote { officer: officer.clone(), ..before };
    story.log.round(&[What::RecoverySigned(Box::new(kept))]);
    let kept = RecoveryVote { officer, ..denied };
    story.log.round(&[What::RecoveryDenied(Box::new(kept))]);
    let found = flaws(&story);
    let vote = |flaw: &Flaw| matches!(flaw, Flaw::Recovery(RecoveryFlaw::Vote(_)));
    assert!(found.len() == 2 && found.iter().all(vote), "{found:?}");
}

#[test]
fn i6_a_finish_that_a_crash_held_up_is_clean_and_another_invitation_is_not() {
    let mut story = Story::waiting();
    story.later(WAIT_SECS);
    let first = story.finishing("bo");
    // Who signed lost the right only after it was finished, which another crash has entered again.
    story.log.round(&[switched(false)]);
    story.later(LATE_SECS);
    story.finish(&first);
    story.later(LATE_SECS);
    story.finish(&first);
    // An invitation asks nobody who signed.
    let again = RecoveryFinished { reduced_until: first.reduced_until, ..story.finishing("bo") };
    story.finish(&again);
    assert_eq!(flaws(&story), []);

    story.later(LATE_SECS);
    story.finish(&again);
    assert!(matches!(&flaws(&story)[..], [Flaw::Lag { .. }]), "{:?}", flaws(&story));
}

#[test]
fn i6_a_finish_that_is_dated_ahead_is_found() {
    let mut story = Story::waiting();
    story.later(WAIT_SECS);
    let mut finished = story.finishing("bo");
    finished.officer.at = finished.officer.at.plus_secs(HEARD_SECS);
    story.finish(&finished);
    assert!(matches!(&flaws(&story)[..], [Flaw::Lag { .. }]), "{:?}", flaws(&story));
}
