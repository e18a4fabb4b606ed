use proptest::prelude::*;

use super::*;
use crate::factors::yubikey::otp::Otp;

/// The bytes 0 to 19.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhM=";
const OTP: &str = "cccccccbcjdidcihgvrhjeucvrinhdfddbjhfjftjdei";
const NONCE: &str = "askjdnkajsndjkasndkjsnad";

/// What a server says of an OTP, in the order of the specification; `h` was computed with Python's `hmac`.
const OK: &str = "h=FORfPXjnAzz/LI8E5QKSoXXeOkU=\r\nt=2010-04-23T20:34:51Z0678\r\n\
    otp=cccccccbcjdidcihgvrhjeucvrinhdfddbjhfjftjdei\r\nnonce=askjdnkajsndjkasndkjsnad\r\nsl=25\r\n\
    timestamp=5993928\r\nsessioncounter=19\r\nsessionuse=17\r\nstatus=OK\r\n\r\n";

fn key() -> ApiKey {
    ApiKey::from_base64(KEY).unwrap()
}

fn verify(body: &[u8]) -> Result<Verdict, YubicoError> {
    verify_with(body, &Otp::parse(OTP).unwrap(), NONCE)
}

fn verify_with(body: &[u8], otp: &Otp, nonce: &str) -> Result<Verdict, YubicoError> {
    let nonce = Nonce::parse(nonce).unwrap();
    let request = Request { client_id: 87, api_key: &key(), otp, nonce, sl: None, timeout: None };
    Response::parse(body)?.verify(&request)
}

/// Signs an answer; an empty value leaves its key out.
fn signed(changes: &[(&str, &str)]) -> Vec<u8> {
    let mut pairs = BTreeMap::from([
        ("t", "2010-04-23T20:34:51Z0678"),
        ("otp", OTP),
        ("nonce", NONCE),
        ("timestamp", "5993928"),
        ("sessioncounter", "19"),
        ("sessionuse", "17"),
        ("status", "OK"),
    ]);
    pairs.extend(changes.iter().copied());
    pairs.retain(|_, value| !value.is_empty());
    let lines: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}\r\n")).collect();
    format!("h={}\r\n{}\r\n", key().sign(&pairs), lines.concat()).into_bytes()
}

#[test]
fn a_question_is_signed_and_encoded_as_computed_elsewhere() {
    let otp = Otp::parse(OTP).unwrap();
    let request = Request {
        client_id: 87,
        api_key: &key(),
        otp: &otp,
        nonce: Nonce::parse("00000000000000000000000000000000").unwrap(),
        sl: Some(SyncLevel::Percent(50)),
        timeout: ca_core::time::Ttl::from_secs(4),
    };
    assert_eq!(
        request.to_query().expose(),
        "id=87&nonce=00000000000000000000000000000000\
         &otp=cccccccbcjdidcihgvrhjeucvrinhdfddbjhfjftjdei&sl=50&timeout=4&timestamp=1&h=jXj5kHK%2FPnWSF%2BpBaH7b%2FxaxMgM%3D"
    );
    assert!(!format!("{request:?}").contains(&OTP[12..]), "i9: {request:?}");
}

#[test]
fn a_signed_ok_is_accepted_with_its_counter() {
    let Ok(Verdict::Accepted(accepted)) = verify(OK.as_bytes()) else {
        panic!("{:?}", verify(OK.as_bytes()))
    };
    assert_eq!((accepted.public_id().as_str(), accepted.counter()), ("cccccccbcjdi", 19 * 256 + 17));
    let Ok(Verdict::Accepted(last)) = verify(&signed(&[("sessioncounter", "65535"), ("sessionuse", "255")]))
    else {
        panic!("the highest counter is one")
    };
    assert_eq!(last.counter(), 0x00ff_ffff);
}

#[test]
fn f4_a_refusal_says_why() {
    for (status, refusal) in [
        ("BAD_OTP", Refusal::BadOtp),
        ("REPLAYED_OTP", Refusal::Replayed),
        ("REPLAYED_REQUEST", Refusal::RequestReplayed),
    ] {
        assert_eq!(verify(&signed(&[("status", status)])), Ok(Verdict::Refused(refusal)));
    }
    assert_eq!(
        verify(&signed(&[("status", "BAD_OTP"), ("otp", ""), ("nonce", "")])),
        Ok(Verdict::Refused(Refusal::BadOtp)),
        "as Yubico's server says it"
    );
}

#[test]
fn f5_a_fault_of_the_server_is_no_verdict_signed_or_not() {
    for status in [
        "BACKEND_ERROR",
        "NOT_ENOUGH_ANSWERS",
        "BAD_SIGNATURE",
        "NO_SUCH_CLIENT",
        "OPERATION_NOT_ALLOWED",
        "MISSING_PARAMETER",
    ] {
        let fault = verify(&signed(&[("status", status)])).unwrap_err();
        assert!(fault.to_string().contains(status), "{fault}");
        assert_eq!(verify(format!("h=AAAA\r\nstatus={status}\r\n").as_bytes()), Err(fault));
    }
    for status in ["ok", "OK ", " OK", "DELAYED_OTP", "OK\0"] {
        assert_eq!(verify(&signed(&[("status", status)])), Err(YubicoError::Value("status")));
    }
}

#[test]
fn f5_what_is_not_there_or_differs_is_named_and_never_accepted() {
    use YubicoError::{Missing, OtherQuestion, Value};
    let other_otp = OTP.replace("dcih", "dcii");
    for (change, error) in [
        (("status", ""), Missing("status")),
        (("otp", ""), Missing("otp")),
        (("nonce", ""), Missing("nonce")),
        (("sessioncounter", ""), Missing("sessioncounter")),
        (("sessionuse", ""), Missing("sessionuse")),
        (("otp", other_otp.as_str()), OtherQuestion("otp")),
        (("nonce", "askjdnkajsndjkasndkjsnae"), OtherQuestion("nonce")),
        (("sessioncounter", "+19"), Value("sessioncounter")),
        (("sessioncounter", "65536"), Value("sessioncounter")),
        (("sessionuse", "-1"), Value("sessionuse")),
        (("sessionuse", "256"), Value("sessionuse")),
        (("sessionuse", "1e1"), Value("sessionuse")),
    ] {
        assert_eq!(verify(&signed(&[change])), Err(error));
    }
    for status in ["REPLAYED_OTP", "REPLAYED_REQUEST"] {
        let unbound = signed(&[("status", status), ("nonce", "")]);
        assert_eq!(verify(&unbound), Err(Missing("nonce")));
    }
    let other = signed(&[("status", "BAD_OTP"), ("otp", &other_otp)]);
    assert_eq!(verify(&other), Err(OtherQuestion("otp")));
}

#[test]
fn f5_an_answer_that_is_not_signed_right_is_never_accepted() {
    let without = OK.split_once("\r\n").unwrap().1;
    assert_eq!(verify(without.as_bytes()), Err(YubicoError::Missing("h")));
    for h in ["H", "=", "not base64!", "dGVzdA", "AAECAwQFBgcICQoLDA0ODxAREhM"] {
        assert_eq!(verify(format!("h={h}\r\n{without}").as_bytes()), Err(YubicoError::Value("h")), "{h}");
    }
    // Empty, short, of another length, of another key.
    for h in ["", "dGVzdA==", "FORfPXjnAzz/LI8E5QKSoXXeOkV4", KEY] {
        assert_eq!(verify(format!("h={h}\r\n{without}").as_bytes()), Err(YubicoError::Signature), "{h}");
    }
    let cut = OK.replace("sl=25\r\n", "");
    assert_eq!(verify(cut.as_bytes()), Err(YubicoError::Signature));
    let added = format!("extra=1\r\n{OK}");
    assert_eq!(verify(added.as_bytes()), Err(YubicoError::Signature));
}

#[test]
fn f5_lines_that_could_be_read_in_two_ways_are_refused() {
    let ok = OK.trim_end();
    for body in [
        format!("{ok}\r\nstatus=OK\r\n"),
        format!("status=BAD_OTP\r\n{ok}"),
        format!("{ok}\r\nnothing"),
        format!("{ok}\r\n=1"),
        ok.replace("sl=25\r\nt", "sl=25&t"),
        ok.replace("otp=", "oTp="),
        ok.replace("otp=", " otp="),
        "<html>status=OK</html>".to_owned(),
    ] {
        assert_eq!(verify(body.as_bytes()), Err(YubicoError::Malformed), "{body}");
    }
    // The same signed text, cut into lines elsewhere.
    let merged = ok.replace("\r\nsl=25", "&sl=25").replace("\r\nt=", "&t=");
    assert_eq!(verify(merged.as_bytes()), Err(YubicoError::Malformed));
}

#[test]
fn f5_an_answer_too_long_or_not_text_is_refused() {
    let long = [OK.as_bytes(), &b"\r\n".repeat(MAX_BYTES / 2)].concat();
    assert_eq!(verify(&long), Err(YubicoError::TooLong));
    assert_eq!(verify(&[OK.as_bytes(), &[0xff]].concat()), Err(YubicoError::Malformed));
    assert_eq!(verify(b""), Err(YubicoError::Missing("status")));
}

#[test]
fn an_answer_to_somebody_elses_question_is_not_accepted() {
    let other = Otp::parse(&OTP.replace("cccccccbcjdi", "cccccccbcjdk")).unwrap();
    assert_eq!(verify_with(OK.as_bytes(), &other, NONCE), Err(YubicoError::OtherQuestion("otp")));
    let nonce = NONCE.to_uppercase();
    let otp = Otp::parse(OTP).unwrap();
    assert_eq!(verify_with(OK.as_bytes(), &otp, &nonce), Err(YubicoError::OtherQuestion("nonce")));
}

#[test]
fn keys_and_nonces_of_another_form_are_refused() {
    for bad in ["", "AAEC", "AAECAwQFBgcICQoLDA0ODxAREhM", "!", "AAECAwQFBgcICQoLDA0O"] {
        assert!(ApiKey::from_base64(bad).is_err(), "{bad:?}");
    }
    for bad in ["", "123456789012345", &"a".repeat(41), "1234567890123456&", "1234567890 123456"] {
        assert!(Nonce::parse(bad).is_err(), "{bad:?}");
    }
    let (one, two) = (Nonce::generate().unwrap(), Nonce::generate().unwrap());
    assert_ne!(one, two);
    assert!(Nonce::parse(one.as_str()).is_ok());
    assert_eq!(format!("{:?}", key()), "ApiKey(…)");
}

fn is_accepted(body: &[u8]) -> bool {
    matches!(verify(body), Ok(Verdict::Accepted(_)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn f5_no_bytes_panic_or_are_accepted(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(!is_accepted(&bytes));
    }

    #[test]
    fn f5_no_lines_panic_or_are_accepted(
        lines in prop::collection::vec(("(h|t|otp|nonce|sl|status|sessioncounter|sessionuse|[a-z]{0,3})", "=|==|", "OK|.{0,40}|[A-Za-z0-9+/]{27}="), 0..12),
    ) {
        let lines: Vec<String> = lines.iter().map(|(key, is, value)| format!("{key}{is}{value}\r\n")).collect();
        let body = lines.concat();
        prop_assert!(!is_accepted(body.as_bytes()));
        let before_ok = body + OK.trim_start_matches("h=");
        prop_assert!(!is_accepted(before_ok.as_bytes()));
    }

    #[test]
    fn f5_an_ok_with_a_changed_byte_is_not_accepted(at in 0..OK.len(), byte in any::<u8>()) {
        let mut bytes = OK.as_bytes().to_vec();
        // Where lines end may be written in two ways.
        prop_assume!(bytes[at] != byte && !b"\r\n".contains(&bytes[at]));
        bytes[at] = byte;
        prop_assert!(!is_accepted(&bytes));
    }

    #[test]
    fn f5_half_an_ok_is_not_accepted(end in 0..OK.trim_end().len()) {
        prop_assert!(!is_accepted(&OK.as_bytes()[..end]));
    }
}
