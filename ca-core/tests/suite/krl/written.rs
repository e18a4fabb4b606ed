//! KRLs: what is written is what is read, in few bytes.

use std::collections::BTreeSet;

use ca_core::krl::{Krl, KrlVersion, Revocations, RevokedKeyId, Why, write};
use ca_core::names::Serial;
use ca_core::ssh::{KeyKind, PublicKey};
use ca_core::time::UnixSeconds;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::support::KINDS;
use crate::support::keys::key;

const VERSION: KrlVersion = KrlVersion(7);
const GENERATED: UnixSeconds = UnixSeconds(1_790_000_000);

fn public(kind: KeyKind) -> &'static PublicKey {
    key(kind).public()
}

fn ca() -> &'static PublicKey {
    public(KeyKind::Ed25519)
}

fn written(revocations: &Revocations) -> Vec<u8> {
    write(revocations, VERSION, GENERATED, "a comment")
}

fn key_id(text: &str) -> RevokedKeyId {
    text.to_owned().try_into().unwrap()
}

fn of_serials(serials: impl IntoIterator<Item = u64>) -> Revocations {
    let mut revocations = Revocations::default();
    for serial in serials {
        revocations.revoke_serial(ca(), Serial::at_index(serial).unwrap(), None);
    }
    revocations
}

fn revokes_serial(krl: &Krl, serial: u64) -> bool {
    krl.revokes_certificate(ca(), serial, "ann", public(KeyKind::EcdsaP256)).is_some()
}

/// What the serials cost in the KRL, in bytes, without the head of their CA.
fn cost(serials: impl IntoIterator<Item = u64>) -> usize {
    let head = 1 + 4 + 4 + ca().blob().len() + 4;
    written(&of_serials(serials)).len() - written(&Revocations::default()).len() - head
}

/// A sequence that looks random and is always the same.
fn coin(index: u64) -> bool {
    index.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 63 == 1
}

/// Serials as they come: dense, with gaps, far apart, and at both ends of what there is.
fn serials() -> impl Strategy<Value = BTreeSet<u64>> {
    let base = prop_oneof![Just(1), 1..100_000_u64, any::<u64>(), Just(u64::MAX - 20_000), Just(u64::MAX)];
    let step = prop_oneof![8 => Just(1), 4 => 1..12_u64, 1 => 100..400_u64, 1 => 16_000..17_000_u64];
    let cluster = (base, vec(step, 0..300)).prop_map(|(base, steps)| {
        let next = |at: &mut u64, step: u64| {
            *at = at.checked_add(step)?;
            Some(*at)
        };
        let rest: Vec<u64> = steps.into_iter().scan(base, next).collect();
        std::iter::once(base.max(1)).chain(rest).collect::<Vec<_>>()
    });
    vec(cluster, 0..6).prop_map(|clusters| clusters.into_iter().flatten().collect())
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_nothing_else(serials in serials(), others in vec(any::<u64>(), 20)) {
        let krl = Krl::parse(&written(&of_serials(serials.iter().copied()))).unwrap();
        let around = serials.iter().flat_map(|s| [s.wrapping_sub(1), *s, s.wrapping_add(1)]);
        for serial in around.chain(others) {
            prop_assert_eq!(revokes_serial(&krl, serial), serials.contains(&serial), "serial {}", serial);
        }
    }

    #[test]
    fn no_encoding_is_larger_than_the_plain_list(serials in serials()) {
        let list = if serials.is_empty() { 0 } else { 5 + 8 * serials.len() };
        if !serials.is_empty() {
            prop_assert!(cost(serials.iter().copied()) <= list);
        }
    }

    #[test]
    fn key_ids_and_keys_are_revoked_for_their_ca_alone(
        ids in btree_set("[a-d]{1,2}", 0..8), keys in btree_set(0..KINDS.len(), 0..4), asked in "[a-d]{1,2}",
    ) {
        let mut revocations = Revocations::default();
        for id in &ids {
            revocations.revoke_key_id(ca(), key_id(id), None);
        }
        for index in &keys {
            revocations.revoke_key(public(KINDS[*index]).fingerprint(), None);
        }
        let krl = Krl::parse(&written(&revocations)).unwrap();
        let is_revoked = |key: &PublicKey| keys.iter().any(|index| public(KINDS[*index]) == key);
        for (authority, subject) in KINDS.iter().zip(KINDS.iter().rev()) {
            let (authority, subject) = (public(*authority), public(*subject));
            let expected = if is_revoked(subject) {
                Some(Why::Key)
            } else if is_revoked(authority) {
                Some(Why::CaKey)
            } else {
                (authority == ca() && ids.contains(&asked)).then_some(Why::KeyId)
            };
            prop_assert_eq!(krl.revokes_certificate(authority, 1, &asked, subject), expected);
            prop_assert_eq!(krl.revokes_key(subject), is_revoked(subject).then_some(Why::Key));
        }
    }

    #[test]
    fn pruning_keeps_what_still_matters(
        untils in vec(proptest::option::of(0..100_u64), 1..40), now in 0..100_u64,
    ) {
        let mut revocations = Revocations::default();
        for (serial, until) in (1..).zip(&untils) {
            revocations.revoke_serial(ca(), Serial::at_index(serial).unwrap(), until.map(UnixSeconds));
        }
        let krl = Krl::parse(&written(&revocations.pruned(UnixSeconds(now)))).unwrap();
        for (serial, until) in (1..).zip(untils) {
            prop_assert_eq!(revokes_serial(&krl, serial), until.is_none_or(|until| until > now));
        }
    }
}

#[test]
fn a_hundred_thousand_serials_are_below_40_kib() {
    let half: Vec<u64> = (1..=200_000).filter(|i| coin(*i)).collect();
    assert!((95_000..105_000).contains(&half.len()), "{}", half.len());
    let revocations = of_serials(half.iter().copied());
    let bytes = written(&revocations);
    assert!(bytes.len() < 40 * 1024, "{}", bytes.len());
    let krl = Krl::parse(&bytes).unwrap();
    let read: Vec<u64> = (1..=200_001).filter(|serial| revokes_serial(&krl, *serial)).collect();
    assert_eq!(read, half);
    assert!(written(&of_serials(1..=100_000)).len() < 1024);
    let nine_of_ten = (1..=111_111).filter(|i| i % 10 != 3);
    assert!(written(&of_serials(nine_of_ten)).len() < 40 * 1024);
}

#[test]
fn each_shape_gets_its_encoding() {
    let list = |serials: usize| 5 + 8 * serials;
    let range = 5 + 16;
    let bitmap = |bits: usize| 5 + 8 + 4 + bits / 8 + 1;
    assert_eq!(cost([9]), list(1));
    assert_eq!(cost([1, 1 << 20, 1 << 40, u64::MAX]), list(4));
    assert_eq!(cost(1..=100_000), range);
    assert_eq!(cost((1..=1001).step_by(2)), bitmap(1001));
    // The longest bitmap, and one bit too many: the first serial goes to the list.
    let odd = |last| (1..last).step_by(2).chain([last]);
    assert_eq!(cost(odd(16_384)), bitmap(16_384));
    assert_eq!(cost(odd(16_384).chain([16_385])), bitmap(16_383) + list(1));
    // Two clusters far apart: two bitmaps.
    let far = (1..=801).step_by(2).chain((1_000_001..=1_000_801).step_by(2));
    assert_eq!(cost(far), 2 * bitmap(801));
}

#[test]
fn the_head_says_what_was_given() {
    let bytes = write(&Revocations::default(), VERSION, GENERATED, "made by\na test\0");
    let krl = Krl::parse(&bytes).unwrap();
    assert_eq!((krl.version(), krl.generated(), krl.comment()), (VERSION, GENERATED, "made bya test"));
    assert_eq!(&bytes[..8], b"SSHKRL\n\0");
    assert_eq!(bytes.len(), 44 + "made bya test".len(), "nothing revoked is still a KRL");
}

#[test]
fn the_order_of_revoking_does_not_change_a_byte() {
    let serials = [5, 900, 7, 6, 1 << 33, 8];
    let forwards = of_serials(serials);
    let backwards = of_serials(serials.into_iter().rev());
    assert_eq!(written(&forwards), written(&backwards));
}

#[test]
fn of_two_revocations_the_longer_one_stays() {
    for untils in [[Some(10), Some(20)], [Some(20), Some(10)], [None, Some(10)], [Some(10), None]] {
        let mut revocations = Revocations::default();
        for until in untils {
            revocations.revoke_key(ca().fingerprint(), until.map(UnixSeconds));
        }
        assert!(!revocations.clone().pruned(UnixSeconds(19)).is_empty(), "{untils:?}");
        assert_eq!(revocations.pruned(UnixSeconds(20)).is_empty(), !untils.contains(&None), "{untils:?}");
    }
}

#[test]
fn a_revoked_ca_key_is_never_pruned() {
    let mut revocations = Revocations::default();
    revocations.revoke_ca_key(ca().fingerprint());
    revocations.revoke_key(ca().fingerprint(), Some(UnixSeconds(1)));
    let krl = Krl::parse(&written(&revocations.pruned(UnixSeconds(u64::MAX)))).unwrap();
    let subject = public(KeyKind::EcdsaP256);
    assert_eq!(krl.revokes_certificate(ca(), 1, "ann", subject), Some(Why::CaKey));
    assert_eq!(krl.revokes_certificate(public(KeyKind::EcdsaP384), 1, "ann", subject), None);
}

#[test]
fn every_kind_of_key_can_be_a_ca() {
    for kind in KINDS {
        let mut revocations = Revocations::default();
        revocations.revoke_serial(public(kind), Serial::at_index(3).unwrap(), None);
        let krl = Krl::parse(&written(&revocations)).unwrap();
        assert_eq!(krl.revokes_certificate(public(kind), 3, "", ca()), Some(Why::Serial), "{kind:?}");
        assert_eq!(krl.revokes_certificate(public(kind), 0, "", ca()), None, "{kind:?}");
    }
}

#[test]
fn a_key_id_has_no_nul_byte() {
    assert!(RevokedKeyId::try_from("ann\0".to_owned()).is_err());
    assert_eq!(key_id("ann@example.com/1").as_str(), "ann@example.com/1");
}
