//! OpenSSH and we say the same of a KRL, whoever made it, and sshd keeps to ours.

mod sshd;
mod stock;

use std::fmt::Write as _;
use std::fs;

use anyhow::Result;
use ca_core::krl::{Krl, KrlError, KrlVersion, Revocations, write};
use ca_core::names::Serial;
use ca_core::ssh::PublicKey;
use ca_core::time::UnixSeconds;
use countersign_tests::openssh::OpenSsh;
use stock::{Dice, Stock, serials};

const ROUNDS: u64 = 8;

/// Some fixed seeds, and one that nobody knows before.
fn seeds() -> Result<impl Iterator<Item = u64>> {
    Ok((1..ROUNDS).chain([getrandom::u64()?]))
}

fn bytes(revocations: &Revocations) -> Vec<u8> {
    write(revocations, KrlVersion(3), UnixSeconds(1_790_000_000), "a test")
}

fn revoke_serials(revocations: &mut Revocations, ca: &PublicKey, serials: impl IntoIterator<Item = u64>) {
    for serial in serials.into_iter().filter_map(Serial::at_index) {
        revocations.revoke_serial(ca, serial, None);
    }
}

/// Revokes some of everything there is in stock; more the higher the dice fall.
fn some_of(stock: &Stock, dice: &mut Dice) -> Result<Revocations> {
    let mut revocations = Revocations::default();
    let one_of = 1 + dice.below(6);
    for ca in dice.some(&stock.cas, 2) {
        revoke_serials(&mut revocations, ca, dice.some(&serials(), one_of).into_iter().copied());
        for number in dice.some(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 6) {
            revocations.revoke_key_id(ca, format!("id{number}").try_into()?, None);
        }
    }
    for key in dice.some(&stock.keys, 6) {
        revocations.revoke_key(key.fingerprint(), None);
    }
    for ca in dice.some(&stock.cas, 8) {
        revocations.revoke_ca_key(ca.fingerprint());
    }
    Ok(revocations)
}

#[test]
fn ssh_keygen_reads_our_krls_as_we_do() -> Result<()> {
    let stock = Stock::new()?;
    let mut revoked = 0;
    for seed in seeds()? {
        let krl = bytes(&some_of(&stock, &mut Dice(seed))?);
        let ours = stock.ours(&Krl::parse(&krl)?);
        revoked += ours.iter().filter(|is_revoked| **is_revoked).count();
        for openssh in OpenSsh::all() {
            let theirs = stock.theirs(&openssh, &krl)?;
            assert_eq!(ours, theirs, "seed {seed}, {}", openssh.version());
        }
    }
    assert!(revoked > 100, "only {revoked} were revoked");
    Ok(())
}

/// Writes what `ssh-keygen -k` is told for one CA.
fn specification(stock: &Stock, dice: &mut Dice, with_serials: bool) -> Result<String> {
    let mut text = String::from("# a specification\n");
    if with_serials {
        for serial in dice.some(&serials(), 4) {
            writeln!(text, "serial: {serial}")?;
        }
        let first = 1 + dice.below(30);
        writeln!(text, "serial: {first}-{}", first + 1 + dice.below(9))?;
    }
    writeln!(text, "id: id{}", dice.below(11))?;
    for (keyword, key) in [("", 0), ("key: ", 1), ("sha1: ", 2), ("sha256: ", 3)] {
        if dice.below(3) == 0 {
            writeln!(text, "{keyword}{}", stock.keys[key])?;
        }
    }
    if dice.below(4) == 0 {
        writeln!(text, "hash: {}", stock.keys[4].fingerprint())?;
    }
    Ok(text)
}

#[test]
fn we_read_the_krls_of_ssh_keygen_as_it_does() -> Result<()> {
    let stock = Stock::new()?;
    let cas: Vec<_> = (0..2).map(|number| stock.path(&format!("ca{number}.pub"))).collect();
    for (path, ca) in cas.iter().zip(&stock.cas) {
        fs::write(path, format!("{ca}\n"))?;
    }
    for openssh in OpenSsh::all() {
        for seed in seeds()? {
            let dice = &mut Dice(seed);
            let [first, second] = [&cas[0], &cas[1]].map(|path| path.display().to_string());
            stock.make(&openssh, &first, false, &specification(&stock, dice, true)?)?;
            let mut krl = stock.make(&openssh, &second, true, &specification(&stock, dice, true)?)?;
            if dice.below(2) == 0 {
                krl = stock.make(&openssh, "none", true, &specification(&stock, dice, false)?)?;
            }
            let ours = stock.ours(&Krl::parse(&krl)?);
            assert!(ours.contains(&true) && ours.contains(&false), "seed {seed}");
            assert_eq!(ours, stock.theirs(&openssh, &krl)?, "seed {seed}, {}", openssh.version());
        }
    }
    Ok(())
}

#[test]
fn ssh_keygen_reads_a_hundred_thousand_serials_of_ours() -> Result<()> {
    let stock = Stock::new()?;
    let mut revocations = Revocations::default();
    let dice = &mut Dice(5);
    revoke_serials(&mut revocations, &stock.cas[0], (1..=200_000).filter(|_| dice.below(2) == 0));
    let krl = bytes(&revocations);
    let ours = stock.ours(&Krl::parse(&krl)?);
    assert!(ours.contains(&true) && ours.contains(&false));
    for openssh in OpenSsh::all() {
        assert_eq!(ours, stock.theirs(&openssh, &krl)?, "{}", openssh.version());
    }
    Ok(())
}

#[test]
fn h3_a_krl_that_ssh_keygen_makes_and_cannot_read_is_refused() -> Result<()> {
    let stock = Stock::new()?;
    let ca = stock.path("ca.pub");
    fs::write(&ca, format!("{}\n", stock.cas[0]))?;
    let odd: Vec<_> = (0..20_000).map(|n| format!("serial: {}\n", 2 * n + 1)).collect();
    for openssh in OpenSsh::all() {
        let krl = stock.make(&openssh, &ca.display().to_string(), false, &odd.concat())?;
        let said = stock.theirs(&openssh, &krl).map_err(|error| error.to_string());
        assert!(said.is_err_and(|said| said.contains("bignum is too large")), "{}", openssh.version());
        assert!(matches!(Krl::parse(&krl), Err(KrlError::BitmapTooLong { .. })));
    }
    Ok(())
}
