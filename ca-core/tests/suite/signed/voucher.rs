//! What officers sign of a voucher, and what its holder types.

use ca_core::names::VoucherId;
use ca_core::policy::{Policy, PolicyFiles};
use ca_core::time::{UnixMillis, UnixSeconds};
use ca_core::voucher::{Voucher, VoucherSecret};

fn voucher() -> Voucher {
    Voucher {
        authority: "ca.example.com/log".parse().unwrap(),
        id: VoucherId::from_parts(UnixMillis(1_767_787_200_000), 5),
        profile: "prod-root".parse().unwrap(),
        profile_digest: VoucherSecret::from_bytes([9; 16]).digest(),
        holder: Some("ann".parse().unwrap()),
        secret: VoucherSecret::from_bytes([1; 16]).digest(),
        expires_at: UnixSeconds(1_767_787_200 + 86_400),
        note: Some("the safe in room 4".parse().unwrap()),
    }
}

#[test]
fn a_voucher_is_written_in_one_way() {
    let text = voucher().to_text();
    assert_eq!(Voucher::from_text(&text).unwrap(), voucher());
    let plain = Voucher { holder: None, note: None, ..voucher() };
    assert_eq!(Voucher::from_text(&plain.to_text()).unwrap(), plain);
    for (from, to) in [
        ("countersign voucher v1", "countersign voucher v2"),
        ("holder ann", "holder Ann"),
        ("holder ann\n", ""),
        ("expires 17", "expires +17"),
        ("expires 17", "expires 017"),
        ("note the", "note  the"),
        ("profile-sha256 ", "profile-sha256 A"),
        ("room 4\n", "room 4\n\n"),
        ("room 4\n", "room 4"),
        ("room 4\n", "room 4\r\n"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        Voucher::from_text(&other).unwrap_err();
    }
}

#[test]
fn a_voucher_is_made_now_for_here_and_for_a_year_at_most() {
    let (now, origin) = (UnixMillis(1_767_787_200_000), "ca.example.com/log".parse().unwrap());
    voucher().check_new(&origin, now).unwrap();
    voucher().check_new(&"other.example/log".parse().unwrap(), now).unwrap_err();
    voucher().check_new(&origin, UnixMillis(now.0 + 121_000)).unwrap_err();
    for expires_at in [now.seconds(), now.seconds().plus_secs(366 * 86_400 + 1)] {
        Voucher { expires_at, ..voucher() }.check_new(&origin, now).unwrap_err();
    }
}

#[test]
fn i9_a_secret_is_typed_as_people_type_and_never_printed() {
    let secret = VoucherSecret::from_bytes([0xa5; 16]);
    let text = secret.to_text().to_string();
    assert_eq!(text.len(), 30);
    for typed in [
        text.clone(),
        text.to_lowercase(),
        text.replace('-', ""),
        text.replace('-', " "),
        format!(" {text}\n"),
    ] {
        assert_eq!(VoucherSecret::parse(&typed).unwrap(), secret, "{typed}");
    }
    for wrong in ["", "7ZZZ", &text[1..], &format!("{text}0"), &text.replace(&text[..1], "U")] {
        VoucherSecret::parse(wrong).unwrap_err();
    }
    assert!(!format!("{secret:?}").contains(&text[..4]));
    assert_ne!(secret.digest(), VoucherSecret::from_bytes([0xa4; 16]).digest());
}

#[test]
fn a_profile_is_another_when_a_value_in_it_changes_and_only_then() {
    let profile = "[profiles.vault]\ndescription = \"The vault\"\nprincipals = [\"root\"]\ndefault_ttl = \"1h\"\n\
                   max_ttl = \"2h\"\nfactors = [\"totp\"]\nlogin_max_age = \"1h\"\nbreak_glass = true\n\
                   approvals = { count = 2, groups = [\"officers\"], wait = \"1h\" }\n";
    let digest = |profiles: &str| {
        let files = PolicyFiles { profiles: profiles.to_owned(), rules: String::new(), cases: None };
        Policy::read(&files).map(|policy| policy.profile_digest(&"vault".parse().unwrap()).unwrap())
    };
    let first = digest(profile).unwrap();
    let other_order =
        profile.replace("break_glass = true\n", "").replace("max_ttl", "break_glass = true\nmax_ttl");
    let commented = profile.replace("max_ttl = ", "# more\nmax_ttl   =   ");
    let another = format!("{profile}\n{}", profile.replace("vault]", "lab]"));
    for same in [&other_order, &commented, &another] {
        assert_eq!(digest(same).unwrap(), first, "{same}");
    }
    for (from, to) in [
        ("count = 2", "count = 1"),
        ("\"root\"", "\"root\", \"web\""),
        ("\"2h\"", "\"3h\""),
        ("\"totp\"", "\"sms\""),
    ] {
        assert_ne!(digest(&profile.replace(from, to)).unwrap(), first, "{to}");
    }
    // A voucher in place of approvals is nothing where there are none.
    let (without, _) = profile.split_once("approvals").unwrap();
    assert!(digest(without).unwrap_err().to_string().contains("break_glass"));
}
