//! I6 of recoveries: what officers say counts when it was said, and only while they may still say it.

use ca_core::approval::Verdict;
use ca_core::audit::{Flaw, RecoveryFlaw};
use ca_core::log::event::{RecoveryFinished, RecoveryVote, What};
use ca_core::names::RecoveryId;
use ca_core::recovery::Vote;
use ca_core::time::UnixMillis;

use super::audit;
use super::recovery::{HONEST, Story, WAIT_SECS};
use super::support::{PROFILES, RULES, facts, ruled};

/// Longer than a decision waits for its entry.
const LATE_SECS: u64 = 601;

/// Longer than a node may not have heard of something.
const HEARD_SECS: u64 = 61;

type Change = fn(&Story) -> What;
type Enter = fn(&mut Story, RecoveryVote);

fn flaws(story: &Story) -> Vec<Flaw> {
    audit(&story.log).into_iter().map(|finding| finding.flaw).collect()
}

fn unsigned(story: &Story, have: usize) -> Flaw {
    Flaw::Recovery(RecoveryFlaw::Unsigned { id: story.id, have, needed: 2 })
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

const ONLY_BO: &str = r#"
@id("bo")
permit (principal == User::"bo", action == Action::"administer", resource);
"#;

/// What takes chen's word away.
const TAKEN_AWAY: [Change; 4] = [
    |_| switched(false),
    |_| What::AccountFrozen { user: "chen".parse().unwrap(), source: facts().source },
    |story| {
        // Of another recovery, which is nobody's business here.
        let (recovery_id, user) = (RecoveryId::from_parts(UnixMillis(1), 9), "chen".parse().unwrap());
        What::RecoveryFinished(Box::new(RecoveryFinished { recovery_id, user, ..story.finishing("bo") }))
    },
    |_| {
        let rules = RULES.to_owned() + ONLY_BO;
        let policy = ruled(PROFILES, &rules);
        What::PolicyAdopted { policy: policy.id(), text: policy.text().to_owned() }
    },
];

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

#[test]
fn i6_who_signed_and_may_not_any_more_when_the_wait_begins_is_found() {
    for (number, change) in TAKEN_AWAY.into_iter().enumerate() {
        let mut story = Story::signed();
        let what = change(&story);
        story.log.round(&[what]);
        let before = flaws(&story);
        // A node may not have heard yet.
        story.begin_wait();
        assert_eq!(flaws(&story), before, "{number}");
        story.later(HEARD_SECS);
        story.begin_wait();
        assert_eq!(flaws(&story)[before.len()..], [unsigned(&story, 1)], "{number}");
    }
}

#[test]
fn i6_who_signed_and_may_not_any_more_when_it_is_finished_is_found() {
    for (number, change) in TAKEN_AWAY.into_iter().enumerate() {
        for heard in [false, true] {
            let mut story = Story::waiting();
            story.later(WAIT_SECS);
            let what = change(&story);
            story.log.round(std::slice::from_ref(&what));
            let before = flaws(&story);
            if let What::PolicyAdopted { text, .. } = &what {
                story.log.policy = text.parse().unwrap();
            }
            story.later(if heard { HEARD_SECS } else { 0 });
            let finished = story.finishing("bo");
            story.finish(&finished);
            let expected = if heard { vec![unsigned(&story, 1)] } else { vec![] };
            assert_eq!(flaws(&story)[before.len()..], expected, "{number}");
        }
    }
    let mut story = Story::waiting();
    story.log.round(&[switched(false)]);
    story.later(WAIT_SECS);
    story.log.round(&[switched(true)]);
    let finished = story.finishing("bo");
    story.finish(&finished);
    assert_eq!(flaws(&story), [], "who is back counts again");
}
