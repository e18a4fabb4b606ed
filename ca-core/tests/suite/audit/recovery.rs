//! I5 in the log: an account is given back only by officers whose own keys signed it, none of them its owner, after a wait.

use aws_lc_rs::signature::Ed25519KeyPair;
use ca_core::approval::Verdict;
use ca_core::audit::{Finding, Flaw, RecoveryFlaw};
use ca_core::log::event::{
    RecoveryClosed, RecoveryClosing, RecoveryDue, RecoveryFinished, RecoveryOpened, RecoveryVetoed,
    RecoveryVote, RequestDenied, SignedApproval, SigningKeyChange, What,
};
use ca_core::names::{ApprovalId, RecoveryId};
use ca_core::policy::{Approver, Facts, Session, User};
use ca_core::recovery::{NAMESPACE, Vote};
use ca_core::ssh::{HashedMessage, Signature};
use ca_core::time::{UnixMillis, UnixSeconds};

use super::audit;
use super::support::{
    PROFILES, RULES, TestLog, added, facts, logged_in, login, public_key, ruled, user_added,
};

pub(super) const WAIT_SECS: u64 = 86_400;

/// What a dishonest server does to the story of alice, who lost everything. Each is nothing by default.
#[derive(Clone, Copy)]
pub(super) struct Lies {
    chen: fn(&mut User),
    /// Before chen signs.
    vote: fn(&mut Vote),
    /// After chen has signed, with what key; none when chen says nothing.
    said: fn(RecoveryVote) -> Option<RecoveryVote>,
    signer: &'static str,
    due: fn(RecoveryDue) -> Option<RecoveryDue>,
    /// What the log says between the wait and its end.
    between: fn(&Story) -> Option<What>,
    finished: fn(&mut RecoveryFinished),
    /// What the log says afterwards.
    after: fn(&mut Story) -> Option<What>,
}

pub(super) const HONEST: Lies = Lies {
    chen: |_| (),
    vote: |_| (),
    said: Some,
    signer: "chen",
    due: Some,
    between: |_| None,
    finished: |_| (),
    after: |_| None,
};

pub(super) struct Story {
    pub(super) log: TestLog,
    pub(super) id: RecoveryId,
    finished: Option<RecoveryFinished>,
}

fn key_of(name: &str) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[name.as_bytes()[0]; 32]).unwrap()
}

fn officer(name: &str, change: fn(&mut User)) -> Facts {
    let Facts { session, source, .. } = facts();
    let mut user = User {
        name: name.parse().unwrap(),
        email: format!("{name}@example.com").parse().unwrap(),
        groups: ["officers".parse().unwrap()].into(),
        enabled: true,
        person: None,
        reduced_until: None,
    };
    change(&mut user);
    Facts::new(user, Session { id: format!("session-{name}"), ..session }, source)
}

impl Story {
    pub(super) fn begin(lies: Lies) -> Self {
        let mut log = TestLog::empty();
        let rules = RULES.replace("Action::\"revoke\"", "Action::\"revoke\", Action::\"administer\"");
        log.policy = ruled(PROFILES, &rules);
        log.round(&[log.created(), log.adopted()]);
        log.round(&[user_added(), login()]);
        for facts in [officer("bo", |_| ()), officer("chen", lies.chen)] {
            log.round(&[added(facts.user.clone()), logged_in(facts.clone())]);
            let key = public_key(&key_of(facts.user.name.as_str())).to_string();
            log.round(&[What::SigningKeyAdded(Box::new(SigningKeyChange {
                user: facts.user.name,
                key,
                label: "key".parse().unwrap(),
                session: facts.session.id,
                source: facts.source,
            }))]);
        }
        let id = RecoveryId::from_parts(log.time, 1);
        Self { log, id, finished: None }
    }

    /// Writes what there is to be said, if anything.
    fn enter(&mut self, what: Option<What>) {
        if let Some(what) = what {
            self.log.round(&[what]);
        }
    }

    pub(super) fn vote(&self, name: &str) -> Vote {
        Vote {
            authority: self.log.origin.clone(),
            id: ApprovalId::from_parts(self.log.time, 1),
            recovery: self.id,
            user: "alice".parse().unwrap(),
            officer: name.parse().unwrap(),
            verdict: Verdict::Approve,
            reason: "met in person".parse().unwrap(),
        }
    }

    pub(super) fn approver(&self, name: &str, change: fn(&mut User)) -> Approver {
        let Facts { user, session, source, .. } = officer(name, change);
        Approver { user, session, source, at: self.log.now() }
    }

    pub(super) fn sign(&self, vote: &Vote, signer: &str, officer: Approver) -> RecoveryVote {
        let (text, pair) = (vote.to_text(), key_of(signer));
        let message = HashedMessage::new(NAMESPACE, text.as_bytes());
        let signature = Signature::new("ssh-ed25519", pair.sign(&message.to_be_signed()).as_ref());
        let signature = message.armour(&public_key(&pair), &signature);
        RecoveryVote {
            recovery_id: self.id,
            user: "alice".parse().unwrap(),
            signed: SignedApproval { text, signature },
            officer,
            policy: self.log.policy.id(),
        }
    }

    /// Has bo open the recovery.
    pub(super) fn open(&mut self) {
        self.open_by(self.sign(&self.vote("bo"), "bo", self.approver("bo", |_| ())));
    }

    pub(super) fn open_by(&mut self, vote: RecoveryVote) {
        let wait = "24h".parse().unwrap();
        self.log.round(&[What::RecoveryOpened(Box::new(RecoveryOpened { vote, needed: 2, wait }))]);
    }

    /// Gives the beginning of the wait, at the next entry.
    pub(super) fn due(&self) -> RecoveryDue {
        RecoveryDue {
            recovery_id: self.id,
            user: "alice".parse().unwrap(),
            officers: vec!["bo".parse().unwrap(), "chen".parse().unwrap()],
            until: self.log.now().plus_secs(WAIT_SECS),
        }
    }

    /// Gives the end of the recovery by an officer, at the next entry.
    pub(super) fn finishing(&self, name: &str) -> RecoveryFinished {
        RecoveryFinished {
            recovery_id: self.id,
            user: "alice".parse().unwrap(),
            officer: self.approver(name, |_| ()),
            policy: self.log.policy.id(),
            reduced_until: self.log.now().plus_secs(7 * WAIT_SECS),
        }
    }

    /// Has alice log in again, and her request denied, which says of her account what the log does not.
    fn denial(&mut self, reduced_until: Option<UnixSeconds>, reason: &str) -> What {
        self.log.time = UnixMillis(self.log.time.0 + 120_000);
        let mut now = facts();
        "session-2".clone_into(&mut now.session.id);
        now.session.factors[0].at = self.log.now();
        now.user.reduced_until = reduced_until;
        self.log.round(&[logged_in(now.clone())]);
        let reason = reason.to_owned();
        self.log.denial(|denied: &mut RequestDenied| {
            denied.facts = now;
            denied.reasons.insert(0, reason);
            denied.reasons.retain(|reason| !reason.is_empty());
        })
    }
}

/// Tells the whole story with these lies in it.
fn told(lies: Lies) -> Vec<Finding> {
    let mut story = Story::begin(lies);
    story.open();
    let mut vote = story.vote("chen");
    (lies.vote)(&mut vote);
    let said = story.sign(&vote, lies.signer, story.approver("chen", lies.chen));
    story.enter((lies.said)(said).map(|said| What::RecoverySigned(Box::new(said))));
    let due = story.due();
    story.enter((lies.due)(due).map(|due| What::RecoveryDue(Box::new(due))));
    story.log.time = UnixMillis(story.log.time.0 + WAIT_SECS * 1000);
    let between = (lies.between)(&story);
    story.enter(between);
    let mut finished = story.finishing("bo");
    (lies.finished)(&mut finished);
    story.finished = Some(finished.clone());
    story.enter(Some(What::RecoveryFinished(Box::new(finished))));
    let after = (lies.after)(&mut story);
    story.enter(after);
    audit(&story.log)
}

fn flaws(lies: Lies) -> Vec<Flaw> {
    told(lies).into_iter().map(|finding| finding.flaw).collect()
}

#[test]
fn i5_an_honest_recovery_is_clean_also_when_an_invitation_is_handed_out_again() {
    assert_eq!(told(HONEST), []);
    let again = |story: &mut Story| Some(What::RecoveryFinished(Box::new(story.finished.clone().unwrap())));
    assert_eq!(told(Lies { after: again, ..HONEST }), []);
    let less = |story: &mut Story| {
        let until = story.finished.as_ref().unwrap().reduced_until;
        Some(story.denial(Some(until), &format!("alice was recovered, and cannot have dev until {until}")))
    };
    assert_eq!(told(Lies { after: less, ..HONEST }), []);
}

#[test]
fn i5_a_recovery_without_its_signatures_is_found() {
    type Case = (Lies, fn(&Flaw) -> bool);
    let cases: [Case; 8] = [
        (Lies { said: |_| None, ..HONEST }, |f| {
            matches!(f, Flaw::Recovery(RecoveryFlaw::Unsigned { have: 1, needed: 2, .. }))
        }),
        (Lies { signer: "bo", ..HONEST }, |f| matches!(f, Flaw::NoSigningKey { .. })),
        (Lies { vote: |vote| vote.user = "bo".parse().unwrap(), ..HONEST }, |f| {
            matches!(f, Flaw::Recovery(RecoveryFlaw::Vote(_)))
        }),
        (Lies { vote: |vote| vote.recovery = RecoveryId::from_parts(UnixMillis(1), 2), ..HONEST }, |f| {
            matches!(f, Flaw::Recovery(RecoveryFlaw::Vote(_)))
        }),
        (Lies { vote: |vote| vote.verdict = Verdict::Deny, ..HONEST }, |f| *f == Flaw::Field("text")),
        (Lies { chen: |user| user.person = Some("bo".parse().unwrap()), ..HONEST }, |f| {
            matches!(f, Flaw::Recovery(RecoveryFlaw::Unsigned { have: 1, .. }))
        }),
        (Lies { chen: |user| user.email = "alice+x@example.com".parse().unwrap(), ..HONEST }, |f| {
            matches!(f, Flaw::Recovery(RecoveryFlaw::Own { .. }))
        }),
        (Lies { chen: |user| user.groups = ["engineers".parse().unwrap()].into(), ..HONEST }, |f| {
            matches!(f, Flaw::AdministeredWithoutRight { .. })
        }),
    ];
    for (number, (lies, expected)) in cases.into_iter().enumerate() {
        let found = flaws(lies);
        assert!(found.iter().any(expected), "{number}: {found:?}");
    }
}

#[test]
fn i5_a_recovery_that_did_not_wait_or_had_ended_is_found() {
    type Case = (Lies, fn(&Flaw) -> bool);
    fn ended(story: &Story, what: fn(RecoveryId) -> What) -> What {
        what(story.id)
    }
    let cases: [Case; 8] = [
        (Lies { due: |_| None, ..HONEST }, |f| matches!(f, Flaw::Recovery(RecoveryFlaw::NotDue { .. }))),
        (Lies { due: |due| Some(RecoveryDue { until: due.until.minus_secs(3600), ..due }), ..HONEST }, |f| {
            *f == Flaw::Field("until")
        }),
        (Lies { due: |due| Some(RecoveryDue { until: due.until.plus_secs(60), ..due }), ..HONEST }, |f| {
            matches!(f, Flaw::Recovery(RecoveryFlaw::TooEarly { .. }))
        }),
        (
            Lies {
                between: |story| {
                    Some(ended(story, |recovery_id| {
                        What::RecoveryVetoed(Box::new(RecoveryVetoed {
                            recovery_id,
                            user: "alice".parse().unwrap(),
                            session: "session-1".to_owned(),
                            source: facts().source,
                        }))
                    }))
                },
                ..HONEST
            },
            |f| matches!(f, Flaw::Recovery(RecoveryFlaw::Over { .. })),
        ),
        (
            Lies {
                between: |story| {
                    let no = Vote { verdict: Verdict::Deny, ..story.vote("chen") };
                    let no = story.sign(&no, "chen", story.approver("chen", |_| ()));
                    Some(What::RecoveryDenied(Box::new(no)))
                },
                ..HONEST
            },
            |f| matches!(f, Flaw::Recovery(RecoveryFlaw::Over { .. })),
        ),
        (
            Lies {
                between: |story| {
                    Some(ended(story, |recovery_id| {
                        let (user, outcome) = ("alice".parse().unwrap(), RecoveryClosing::Expired);
                        What::RecoveryClosed(Box::new(RecoveryClosed { recovery_id, user, outcome }))
                    }))
                },
                ..HONEST
            },
            |f| matches!(f, Flaw::Recovery(RecoveryFlaw::Over { .. })),
        ),
        (Lies { finished: |done| done.user = "bo".parse().unwrap(), ..HONEST }, |f| {
            *f == Flaw::Field("user")
        }),
        (
            Lies {
                after: |story| {
                    let done = story.finished.clone().unwrap();
                    let reduced_until = done.reduced_until.minus_secs(1);
                    Some(What::RecoveryFinished(Box::new(RecoveryFinished { reduced_until, ..done })))
                },
                ..HONEST
            },
            |f| *f == Flaw::Field("reduced_until"),
        ),
    ];
    for (number, (lies, expected)) in cases.into_iter().enumerate() {
        let found = flaws(lies);
        assert!(found.iter().any(expected), "{number}: {found:?}");
    }
}

#[test]
fn i6_facts_that_leave_out_a_recovery_or_invent_one_are_found() {
    let left_out = |story: &mut Story| Some(story.denial(None, ""));
    assert_eq!(
        flaws(Lies { after: left_out, ..HONEST }),
        [Flaw::Recovery(RecoveryFlaw::ReducedRights { user: "alice".parse().unwrap() })]
    );
    let cut_short = |story: &mut Story| {
        let until = story.log.now();
        Some(story.denial(Some(until), ""))
    };
    assert_eq!(
        flaws(Lies { after: cut_short, ..HONEST }),
        [Flaw::Recovery(RecoveryFlaw::ReducedRights { user: "alice".parse().unwrap() })]
    );
    let mut story = Story::begin(HONEST);
    let invented = story.denial(Some(UnixSeconds(1)), "");
    story.log.round(&[invented]);
    let found: Vec<_> = audit(&story.log).into_iter().map(|finding| finding.flaw).collect();
    assert_eq!(found, [Flaw::Recovery(RecoveryFlaw::ReducedRights { user: "alice".parse().unwrap() })]);
}
