//! Trying again, when that can help: the same bytes, a few times, not for long.

use std::time::Duration;

use crate::failure::{Failure, Result};
use crate::output;

/// How often something is tried.
const TRIES: u32 = 5;

/// The longest pause between two tries, in seconds, whatever the server asks for.
const MAX_PAUSE_SECS: u64 = 15;

/// Calls until it works, fails in a way that trying again does not mend, or was tried often enough.
///
/// Only for calls that may be made twice: the server must give the same answer to the same request.
pub(crate) fn patiently<T>(call: impl FnMut() -> Result<T>) -> Result<T> {
    attempt(call, |pause, failure| {
        output::note(&format!("ca: {}; trying again in {:.1} s", failure.what(), pause.as_secs_f64()));
        std::thread::sleep(pause);
    })
}

fn attempt<T>(mut call: impl FnMut() -> Result<T>, mut wait: impl FnMut(Duration, &Failure)) -> Result<T> {
    let mut tried = 1;
    loop {
        match call() {
            Err(failure) if tried < TRIES && may_pass(&failure) => wait(pause(&failure, tried), &failure),
            done => return done,
        }
        tried += 1;
    }
}

/// Tells whether the next try may find it mended: nobody answered, or somebody who is busy.
fn may_pass(failure: &Failure) -> bool {
    matches!(failure.status(), 429 | 502 | 503 | 504) || failure.is("unreachable")
}

fn pause(failure: &Failure, tried: u32) -> Duration {
    match failure.retry_after_secs() {
        Some(secs) => Duration::from_secs(secs.clamp(1, MAX_PAUSE_SECS)),
        None => Duration::from_millis(250 << tried.min(5)),
    }
}

#[cfg(test)]
mod tests {
    use ca_api::Problem;

    use super::*;

    fn busy(status: u16, retry_after_secs: Option<u64>) -> Failure {
        let kind = format!("{}busy", Problem::PREFIX);
        let title = "busy".to_owned();
        Failure::from(Problem {
            kind,
            title,
            status,
            detail: None,
            hint: None,
            retry_after_secs,
            instance: None,
        })
    }

    fn pauses(answers: Vec<Result<u8>>) -> (Result<u8>, Vec<u128>) {
        let (mut answers, mut pauses) = (answers.into_iter(), Vec::new());
        let result = attempt(|| answers.next().unwrap(), |pause, _| pauses.push(pause.as_millis()));
        (result, pauses)
    }

    #[test]
    fn a_busy_server_is_asked_again_when_it_says() {
        let (result, waited) = pauses(vec![Err(busy(503, Some(2))), Err(busy(503, Some(3600))), Ok(7)]);
        assert_eq!((result.unwrap(), waited), (7, vec![2_000, 15_000]));
    }

    #[test]
    fn an_unreachable_server_is_tried_five_times() {
        let gone = || Err(Failure::new("unreachable", "x"));
        let (result, waited) = pauses(vec![gone(), gone(), gone(), gone(), gone()]);
        assert!(result.is_err());
        assert_eq!(waited, [500, 1_000, 2_000, 4_000]);
    }

    #[test]
    fn a_no_is_a_no() {
        for status in [400, 401, 403, 404, 409, 422, 500] {
            let (result, waited) = pauses(vec![Err(busy(status, None))]);
            assert!(result.is_err() && waited.is_empty());
        }
    }
}
