//! Running the contestants of a race side by side.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Runs futures at once and gives their results in order.
pub(super) async fn together<F: Future>(contestants: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    enum Lane<F: Future> {
        Running(Pin<Box<F>>),
        Finished(F::Output),
    }
    let mut lanes: Vec<Lane<F>> = contestants.into_iter().map(|f| Lane::Running(Box::pin(f))).collect();
    // A lane's result never moves while pinned code runs: only the boxed futures are pinned.
    let mut results = Vec::with_capacity(lanes.len());
    poll_fn(|context| {
        let mut waiting = false;
        for lane in &mut lanes {
            if let Lane::Running(contestant) = lane {
                match contestant.as_mut().poll(context) {
                    Poll::Ready(result) => *lane = Lane::Finished(result),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    for lane in lanes {
        if let Lane::Finished(result) = lane {
            results.push(result);
        }
    }
    results
}
