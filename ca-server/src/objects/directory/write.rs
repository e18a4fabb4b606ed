//! Creating an object that did not exist.

use rustix::fs::{AtFlags, Mode, OFlags, fsync, linkat, openat, renameat};
use rustix::io::Errno;

use super::fault::fault;
use super::folder::{Folder, Place};
use super::{temp, torn};
use crate::objects::{Class, Put, StoreError};

/// Creates an object, or finds what is there already.
pub(super) fn put_new(folder: &Folder, key: &str, bytes: &[u8], class: Class) -> Result<Put, StoreError> {
    let place = folder.place(key, class)?;
    let temp = folder.temps.write(key, bytes, class)?;
    match linkat(&folder.temps.folder, &temp.name, &place.folder, place.name, AtFlags::empty()) {
        Ok(()) => {}
        Err(Errno::EXIST) => return found(folder, key, &place, (bytes, class), &temp),
        Err(other) => return Err(fault(key, "name it")(other)),
    }
    if class == Class::Immutable {
        fsync(&place.folder).map_err(fault(key, "flush its folder"))?;
    }
    Ok(Put::Created)
}

/// Answers for an object that was there: `Created` when it is what the caller wanted to write.
fn found(
    folder: &Folder,
    key: &str,
    place: &Place<'_>,
    (bytes, class): (&[u8], Class),
    temp: &temp::Temp<'_>,
) -> Result<Put, StoreError> {
    let same = folder.read(key)?.is_some_and(|there| there == bytes);
    if class == Class::Immutable {
        // Its writer may have died, or not have come, before the flush. Whoever is told that it is there builds on
        // it, so it has to outlive a power cut from here on.
        flush(key, place)?;
    } else if !same && torn::was_torn(place, bytes).map_err(fault(key, "look at it"))? {
        renameat(&folder.temps.folder, &temp.name, &place.folder, place.name)
            .map_err(fault(key, "mend it"))?;
        return Ok(Put::Created);
    }
    Ok(if same { Put::Created } else { Put::Exists })
}

fn flush(key: &str, place: &Place<'_>) -> Result<(), StoreError> {
    let file = openat(&place.folder, place.name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(fault(key, "open it"))?;
    fsync(file).map_err(fault(key, "flush it"))?;
    fsync(&place.folder).map_err(fault(key, "flush its folder"))
}
