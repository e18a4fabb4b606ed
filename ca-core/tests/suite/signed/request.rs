//! The request's canonical text: one text for one request, and nothing else is accepted (A6, A7, A10, A11).

use ca_core::names::{Email, KeyId, Principals, Reason, RequestId, UserName};
use ca_core::request::{CertRequest, FRESHNESS_SECS, ProvenRequest, RequestError};
use ca_core::ssh::KeyKind;
use ca_core::time::{Ttl, UnixMillis};
use proptest::prelude::*;

use crate::support::keys::{key, prove};
use crate::support::{KINDS, NOW, certifiable, request};

/// The text of the usual request with one line replaced.
fn text_with(field: &str, value: &str) -> String {
    let text = request(KeyKind::Ed25519).to_text();
    let start = text.find(&format!("\n{field} ")).unwrap() + 1;
    let end = start + text[start..].find('\n').unwrap();
    format!("{}{field} {value}{}", &text[..start], &text[end..])
}

fn error_of(field: &str, value: &str) -> String {
    CertRequest::from_text(&text_with(field, value)).unwrap_err().to_string()
}

#[test]
fn the_text_is_what_the_documentation_says() {
    let mut request = request(KeyKind::Ed25519);
    request.principals = Some(principals(&["root", "deploy"]));
    request.ttl = Some("90m".parse().unwrap());
    let key = request.key.key().to_string();
    let expected = format!(
        "countersign request v1\nauthority ca.example.com/log\nid {}\nuser ann\nprofile dev\nttl 1h30m\n\
         principals deploy,root\nkey {key}\nreason INC-42: look at the logs\n",
        request.id
    );
    assert_eq!(request.to_text(), expected);
    (request.ttl, request.principals, request.reason) = (None, None, None);
    let bare = request.to_text();
    assert!(bare.contains("\nttl -\nprincipals -\n") && bare.ends_with("\nreason \n"), "{bare}");
    assert_eq!(CertRequest::from_text(&bare).unwrap(), request);
}

fn principals(names: &[&str]) -> Principals {
    Principals::try_from(names.iter().map(|n| n.parse().unwrap()).collect::<Vec<_>>()).unwrap()
}

#[test]
fn i4_a6_no_other_principal_comes_through_the_text() {
    let long = "a".repeat(65);
    for bad in [
        "#", "root#", "*", "ro*t", "ro\0ot", "ro ot", "\"root\"", "'root'", "Root", "ROOT", "röt", "-r",
        "ro\tot", "root\r", "!root", "?", "~", "$(id)", "root;id", &long, ".", "root:",
    ] {
        let error = error_of("principals", bad);
        assert!(error.contains("^[a-z0-9_][a-z0-9._-]{0,63}$"), "{bad:?}: {error}");
    }
    // Names of people and profiles follow the same rule; there a comma separates nothing.
    for (field, bad) in [("user", "ann,bob"), ("user", "Ann"), ("profile", "dev,prod"), ("profile", "a#b")] {
        assert!(error_of(field, bad).contains("^[a-z0-9_]"), "{field} {bad:?}");
    }
    // A comma separates; what it leaves empty is no name either.
    for bad in ["", ",", "root,", ",root", "deploy,,root"] {
        assert!(error_of("principals", bad).contains("^[a-z0-9_]"), "{bad:?}");
    }
    for (bad, why) in [("root,deploy", "canonical"), ("deploy,deploy", "canonical"), ("ro\not", "reason")] {
        assert!(error_of("principals", bad).contains(why) || bad.contains('\n'), "{bad:?}");
    }
}

#[test]
fn i4_a6_257_principals_are_one_too_many() {
    let names = |n: usize| (0..n).map(|i| format!("u{i:03}")).collect::<Vec<_>>().join(",");
    assert!(CertRequest::from_text(&text_with("principals", &names(256))).is_ok());
    let error = error_of("principals", &names(257));
    assert!(error.contains("1 to 256"), "{error}");
}

#[test]
fn a7_control_characters_end_in_an_error() {
    for c in (0..0x20_u8).chain([0x7f]).map(char::from).chain(['\u{85}', '\u{9b}', '\u{2028}', '\u{2029}']) {
        for field in ["user", "profile", "reason", "id", "ttl"] {
            let text = text_with(field, &format!("a{c}b"));
            assert!(CertRequest::from_text(&text).is_err(), "{field} {c:?}");
        }
        assert!(format!("a{c}b").parse::<Reason>().is_err(), "{c:?}");
        assert!(format!("a{c}b@example.com").parse::<Email>().is_err(), "{c:?}");
        assert!(format!("a@exa{c}mple.com").parse::<Email>().is_err(), "{c:?}");
        assert!(format!("a{c}b").parse::<UserName>().is_err(), "{c:?}");
    }
}

#[test]
fn a7_a_reason_reads_as_it_is_written() {
    for c in [
        '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
        '\u{2069}',
    ] {
        assert!(format!("for {c}toor").parse::<Reason>().is_err(), "{c:?}");
    }
    for good in ["x", "INC-42", "Störung behoben", "障害対応", "تصحيح", &"é".repeat(500)] {
        assert!(good.parse::<Reason>().is_ok(), "{good}");
    }
    for bad in ["", " ", " x", "x ", &"é".repeat(501)] {
        assert!(bad.parse::<Reason>().is_err(), "{bad:?}");
    }
}

#[test]
fn a10_only_sensible_lifetimes_are_requested() {
    for bad in [
        "0s",
        "0h",
        "-1h",
        "-1s",
        "18446744073709551615s",
        "18446744073709551616s",
        "9223372036854775807h",
        "745h",
        "1.5h",
        "1",
        "",
        "1h ago",
        "forever",
        "1e3s",
    ] {
        assert!(
            matches!(
                CertRequest::from_text(&text_with("ttl", bad)),
                Err(RequestError::Ttl(_) | RequestError::NotCanonical)
            ),
            "{bad}"
        );
    }
    // The same length in another spelling is another text.
    for other in ["60m", "3600s", "PT1H", "1 hour", "1H", "01h", "+1h", "1h0m", "0h60m"] {
        assert!(CertRequest::from_text(&text_with("ttl", other)).is_err(), "{other}");
    }
    assert!(CertRequest::from_text(&text_with("ttl", "744h")).is_ok());
}

#[test]
fn a11_a_request_has_no_line_for_options() {
    let text = request(KeyKind::Ed25519).to_text();
    for extra in ["extensions permit-pty", "critical force-command=/bin/sh", "no-touch-required", "", "x"] {
        assert_eq!(CertRequest::from_text(&format!("{text}{extra}\n")), Err(RequestError::NotCanonical));
        for (at, _) in text.match_indices('\n') {
            let crooked = format!("{}\n{extra}{}", &text[..at], &text[at..]);
            assert!(CertRequest::from_text(&crooked).is_err(), "{crooked}");
        }
    }
    for crooked in
        [text.trim_end().to_owned(), format!("\n{text}"), text.replace('\n', "\r\n"), format!("{text}\0")]
    {
        assert!(CertRequest::from_text(&crooked).is_err(), "{crooked:?}");
    }
}

#[test]
fn a_request_is_for_one_authority() {
    let request = request(KeyKind::Ed25519);
    assert_eq!(request.check_authority(&crate::support::ORIGIN.parse().unwrap()), Ok(()));
    for other in ["ca.example.com/log2", "ca.example.com", "CA.example.com/log"] {
        let refused = request.check_authority(&other.parse().unwrap());
        assert!(matches!(refused, Err(RequestError::OtherAuthority { .. })), "{other}");
    }
}

#[test]
fn i8_a12_a_request_is_fresh_for_120_seconds_either_way() {
    assert_eq!(FRESHNESS_SECS, 120);
    let request = request(KeyKind::Ed25519);
    for (now, fresh) in [
        (NOW.0, true),
        (NOW.0 - 120_000, true),
        (NOW.0 + 120_000, true),
        (NOW.0 - 120_001, false),
        (NOW.0 + 120_001, false),
        (0, false),
        (u64::MAX, false),
    ] {
        let checked = request.check_fresh(UnixMillis(now));
        assert_eq!(checked.is_ok(), fresh, "{now}");
        assert!(fresh || checked.unwrap_err().to_string().contains("120 s are allowed"));
    }
}

fn requests() -> impl Strategy<Value = CertRequest> {
    let name = "[a-z0-9_][a-z0-9._-]{0,63}";
    let reason = any::<String>().prop_map(|s| s.parse::<Reason>().ok());
    (
        "[a-zé.-]{1,20}(/[a-z0-9]{1,5})?",
        (0..1_u64 << 48, any::<u128>()),
        (name, name),
        prop::option::of((1..=u64::from(Ttl::MAX_SECS)).prop_map(|s| Ttl::from_secs(s).unwrap())),
        prop::option::of(prop::collection::vec(name, 1..5)),
        prop::sample::select(&KINDS[..]),
        reason,
    )
        .prop_map(|(authority, (time, random), (user, profile), ttl, names, kind, reason)| CertRequest {
            authority: authority.parse().unwrap(),
            id: RequestId::from_parts(UnixMillis(time), random),
            user: user.parse().unwrap(),
            profile: profile.parse().unwrap(),
            ttl,
            principals: names.map(|n| principals(&n.iter().map(String::as_str).collect::<Vec<_>>())),
            key: certifiable(kind),
            reason,
        })
}

proptest! {
    #[test]
    fn text_and_request_are_one(request in requests()) {
        prop_assert_eq!(CertRequest::from_text(&request.to_text()).unwrap(), request);
    }

    #[test]
    fn a12_a_changed_byte_is_refused_or_unproven(
        mut request in requests(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        request.key = certifiable(KeyKind::Ed25519);
        let text = request.to_text();
        let signature = prove(key(KeyKind::Ed25519), &text);
        let mut changed = text.clone().into_bytes();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != byte);
        changed[at] = byte;
        if let Some(Ok(other)) = std::str::from_utf8(&changed).ok().map(CertRequest::from_text) {
            prop_assert_eq!(other.to_text().into_bytes(), changed);
            prop_assert_ne!(&other, &request);
            prop_assert!(ProvenRequest::verify(other, signature.clone()).is_err());
        }
        prop_assert!(ProvenRequest::verify(request, signature).is_ok());
    }

    #[test]
    fn inserted_and_dropped_bytes_are_refused_or_another_request(
        request in requests(), at in any::<prop::sample::Index>(), insert in prop::option::of(any::<char>()),
    ) {
        let text = request.to_text();
        let at = text.char_indices().nth(at.index(text.chars().count())).unwrap().0;
        let mut changed = text.clone();
        match insert {
            Some(c) => changed.insert(at, c),
            None => drop(changed.remove(at)),
        }
        if let Ok(other) = CertRequest::from_text(&changed) {
            prop_assert_eq!(other.to_text(), changed);
            prop_assert_ne!(other, request);
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        prop_assert!(CertRequest::from_text(&text).is_err());
    }

    #[test]
    fn arbitrary_lines_never_panic(lines in prop::collection::vec(any::<String>(), 8)) {
        let names = ["authority", "id", "user", "profile", "ttl", "principals", "key", "reason"];
        let fields = names.iter().zip(&lines).map(|(n, l)| format!("{n} {l}\n")).collect::<Vec<_>>().concat();
        let text = format!("countersign request v1\n{fields}");
        prop_assert!(CertRequest::from_text(&text).is_err());
    }

    #[test]
    fn a7_a_key_id_has_no_control_characters(
        email in any::<String>(), plain in "[a-z0-9._+-]{1,20}@[a-z0-9.-]{1,20}", request in requests(),
    ) {
        for email in [email.parse::<Email>(), plain.parse::<Email>()].into_iter().flatten() {
            let id = KeyId::new(&email, request.id);
            prop_assert!(id.as_str().bytes().all(|b| b.is_ascii_graphic()), "{:?}", id);
            prop_assert_eq!(id.as_str().matches('/').count(), 1);
            prop_assert!(id.as_str().len() <= 254 + 1 + 26);
        }
    }
}
