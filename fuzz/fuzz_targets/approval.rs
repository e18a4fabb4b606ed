//! What an officer signs is accepted only in its one form.
#![no_main]

use ca_core::approval::{Approval, SigningKey};
use ca_core::voucher::{Voucher, VoucherSecret};
use ca_core::recovery::Vote;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(approval) = Approval::from_text(text) {
        assert_eq!(approval.to_text(), text);
    }
    if let Ok(vote) = Vote::from_text(text) {
        assert_eq!(vote.to_text(), text);
    }
    if let Ok(key) = SigningKey::from_text(text) {
        assert_eq!(key.to_text(), text);
    }
    if let Ok(voucher) = Voucher::from_text(text) {
        assert_eq!(voucher.to_text(), text);
    }
    if let Ok(secret) = VoucherSecret::parse(text) {
        assert_eq!(VoucherSecret::parse(&secret.to_text()), Ok(secret));
    }
});
