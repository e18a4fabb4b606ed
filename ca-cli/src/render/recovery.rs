//! What happened to a recovery, in one line.

use ca_core::log::event::{RecoveryVote, What};

/// Tells what an event says, if it is about a recovery.
pub(super) fn text(what: &What) -> Option<String> {
    Some(match what {
        What::RecoveryOpened(opened) => {
            format!("{}, takes {} people, then {}", vote(&opened.vote), opened.needed, opened.wait)
        }
        What::RecoverySigned(said) | What::RecoveryDenied(said) => vote(said),
        What::RecoveryVetoed(vetoed) => {
            format!("{}: {} from {}", vetoed.user, vetoed.recovery_id, vetoed.source.ip)
        }
        What::RecoveryClosed(closed) => {
            format!("{}: {} {}", closed.user, closed.recovery_id, closed.outcome.as_str())
        }
        What::RecoveryDue(due) => {
            let officers: Vec<_> = due.officers.iter().map(ToString::to_string).collect();
            format!("{}: {} by {} waits until {}", due.user, due.recovery_id, officers.join(","), due.until)
        }
        What::RecoveryFinished(finished) => {
            let (officer, ip) = (&finished.officer.user.name, finished.officer.source.ip);
            let (user, id, until) = (&finished.user, finished.recovery_id, finished.reduced_until);
            format!("{user}: {id} by {officer} from {ip}, can do less until {until}")
        }
        _ => return None,
    })
}

/// Tells what an officer said about a recovery.
fn vote(said: &RecoveryVote) -> String {
    let (user, ip) = (&said.officer.user.name, said.officer.source.ip);
    let reason = said.signed.text.lines().find_map(|line| line.strip_prefix("reason ")).unwrap_or_default();
    format!("{}: {} by {user} from {ip} {reason:?}", said.user, said.recovery_id)
}
