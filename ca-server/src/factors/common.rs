//! Passwords that everybody tries first, and how little of an account's name is enough to be one
//! (NIST SP 800-63B-4 §3.1.1.2: a blocklist that the whole password is compared with).
//!
//! The list is `common_passwords.bin`: of 21,653 passwords of eight characters or more the first five bytes of the
//! SHA-256, in order. A password that is not listed is taken for one of them with a probability of 2·10⁻⁸. The bytes are
//! part of the program's file and are searched where they lie: no copy, and fifteen steps for every password.
//!
//! It is made by `cargo xtask common-passwords` from the lists of `@zxcvbn-ts/language-common` 4.1.3 (MIT) and Django
//! 5.2 (BSD-3-Clause), both counted in published breaches, and from `common_passwords.txt` beside this file;
//! `docs/operations.md` says how, and `LICENSE-THIRD-PARTY` under which terms.

use aws_lc_rs::digest::{SHA256, digest};

/// How much of each SHA-256 is listed, in bytes.
const PREFIX_BYTES: usize = 5;

/// The list, in ascending order.
static LISTED: &[u8] = include_bytes!("common_passwords.bin");

/// What this service is called; a password made of it is tried early here.
const SERVICE: &str = "countersign";

/// Tells whether a password is listed, or is the service's name with little around it; `folded` is in NFC and lower case.
pub(super) fn is_common(folded: &str) -> bool {
    let (listed, _) = LISTED.as_chunks::<PREFIX_BYTES>();
    let digest = digest(&SHA256, folded.as_bytes());
    let found = digest.as_ref().first_chunk().is_some_and(|prefix| listed.binary_search(prefix).is_ok());
    found || is_variant(folded, SERVICE)
}

/// Tells whether a password is a name, or the name over and over, with nothing but digits and signs around it.
pub(super) fn is_variant(folded: &str, name: &str) -> bool {
    [core(folded), folded].into_iter().any(|text| repeats(text, name) || repeats(text, core(name)))
}

fn core(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphabetic())
}

fn repeats(text: &str, name: &str) -> bool {
    !text.is_empty() && !name.is_empty() && text.replace(name, "").is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_whole_and_in_order() {
        let (listed, rest) = LISTED.as_chunks::<PREFIX_BYTES>();
        assert!(rest.is_empty());
        assert!(listed.len() > 20_000, "{}", listed.len());
        assert!(listed.is_sorted_by(|before, after| before < after));
    }

    #[test]
    fn f16_what_breaches_show_is_found_and_what_they_do_not_is_not() {
        // Each source has ones that the others do not have.
        for common in
            ["password", "sunshine", "basketball", "homelesspa", "p@$$w0rd", "correcthorsebatterystaple"]
        {
            assert!(is_common(common), "{common}");
        }
        for number in 0..20_000_u32 {
            let rare = format!("rare {number} words");
            assert!(!is_common(&rare), "{rare}");
        }
    }

    #[test]
    fn f16_a_name_with_little_around_it_is_the_name() {
        for variant in ["bob", "bob12345", "2024!bob!", "bobbobbob", "**bobbob7"] {
            assert!(is_variant(variant, "bob"), "{variant}");
        }
        assert!(is_variant("r2d2r2d2", "r2d2"), "a name may hold digits");
        assert!(is_variant("1234r2d2", "r2d2"), "and end in them");
        for other in ["bobsleigh", "kabob2024", "bob and alice", "12345678", ""] {
            assert!(!is_variant(other, "bob"), "{other}");
        }
        assert!(!is_variant("12345678", "1234"), "digits alone are for the list");
        assert!(is_common("countersign1") && !is_common("countersigning it"));
    }
}
