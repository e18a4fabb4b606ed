//! The same work on many things at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many things a thread takes at a time.
const STRIDE: usize = 8;

/// Does `work` on every item, on up to `threads` threads, and gives the results in the items' order.
pub(super) fn map<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads <= 1 || items.len() <= 1 {
        return items.iter().map(work).collect();
    }
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(items.len() / STRIDE + 1)));
    let stride = STRIDE.min(items.len().div_ceil(threads));
    std::thread::scope(|scope| {
        for _ in 0..threads.min(items.len().div_ceil(stride)) {
            scope.spawn(|| {
                loop {
                    let start = next.fetch_add(stride, Ordering::Relaxed);
                    let Some(items) = items.get(start..).filter(|rest| !rest.is_empty()) else { return };
                    let results: Vec<R> = items.iter().take(stride).map(&work).collect();
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((start, results));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(start, _)| *start);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order() {
        for count in [0, 1, 7, 8, 9, 1000] {
            let items: Vec<usize> = (0..count).collect();
            for threads in [1, 2, 5] {
                assert_eq!(
                    map(threads, &items, |item| item * 2),
                    items.iter().map(|item| item * 2).collect::<Vec<_>>()
                );
            }
        }
    }
}
