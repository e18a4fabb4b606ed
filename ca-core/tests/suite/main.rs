//! The tests of the core, all in one program: linking one takes a fraction of the time and of the room of many.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod audit;
mod support;
mod certificate {
    mod crooked;
    mod hosts;
    mod issuance;
    mod keys;
    mod read;
}
mod krl {
    mod refused;
    mod written;
}
mod log {
    mod event;
    mod journal;
    mod merkle;
    mod note;
    mod proof;
    mod tile;
}
mod policy {
    mod cases;
    mod decide;
    mod diff;
    mod explain;
    mod profiles;
    mod quorum;
    mod rules;
    mod within;
}
mod signed {
    mod approval;
    mod recovery;
    mod request;
    mod request_proof;
    mod voucher;
}
