//! What an operating system error means to the log, in words an operator can act on.

use std::io;

use rustix::io::Errno;

use crate::objects::StoreError;

/// Makes the error of one file operation on one object: `.map_err(fault(key, "create"))`.
pub(super) fn fault<E: Into<io::Error>>(key: &str, doing: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| {
        let error = error.into();
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        let advice = errno.and_then(advice);
        let cause = match advice {
            Some((_, words)) => format!("cannot {doing}: {words} ({error})"),
            None => format!("cannot {doing}: {error}"),
        };
        let key = key.to_owned();
        match advice {
            Some((Again::Never, _)) => StoreError::Refused { key, cause },
            _ => StoreError::Unavailable { key, cause },
        }
    }
}

#[derive(Clone, Copy)]
enum Again {
    /// Works once the disk has room or rest.
    Later,
    /// Works only after somebody changed something; it is still asked anew each time, nothing here remembers.
    Never,
}

fn advice(errno: Errno) -> Option<(Again, &'static str)> {
    let known = match errno {
        Errno::NOSPC | Errno::DQUOT => (Again::Later, "the disk is full; free some space"),
        Errno::NFILE | Errno::MFILE => (Again::Later, "too many open files; raise the limit"),
        Errno::ROFS => (Again::Never, "the file system is read-only; remount it writable"),
        Errno::ACCESS | Errno::PERM => {
            (Again::Never, "permission denied; the folder must belong to the server's user")
        }
        Errno::NOTDIR | Errno::ISDIR | Errno::LOOP => {
            (Again::Never, "a file stands where a folder should be, or the reverse")
        }
        Errno::XDEV | Errno::MLINK | Errno::OPNOTSUPP => {
            (Again::Never, "this file system cannot link files; use a local one such as ext4 or xfs")
        }
        _ => return None,
    };
    Some(known)
}
