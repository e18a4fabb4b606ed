//! What changes from one policy to another is said in words, about the right people.

use ca_core::policy::Policy;
use ca_core::policy::diff::{Someone, diff, groups_named, read_people};

use crate::support::{ENGINEERS, now, policy_text, read, ruled};

fn people() -> Vec<Someone> {
    read_people(
        "[[user]]\nname = \"ann\"\ngroups = [\"engineers\"]\n[[user]]\nname = \"bob\"\ngroups = [\"operators\"]\n\
         [[user]]\nname = \"eve\"\ngroups = [\"engineers\", \"operators\"]\nenabled = false\n",
    )
    .unwrap()
}

fn changes(old: &Policy, new: &Policy) -> Vec<String> {
    diff(old, new, &people(), now()).iter().map(ToString::to_string).collect()
}

fn rule(id: &str, group: &str, condition: &str) -> String {
    format!(
        "@id(\"{id}\") permit (principal in Group::\"{group}\", action == Action::\"request\", \
         resource == Profile::\"dev\") when {{ {condition} }};"
    )
}

#[test]
fn the_same_policy_is_no_difference_however_it_is_written() {
    let old = ruled(ENGINEERS);
    assert_eq!(changes(&old, &old), [""; 0]);
    assert_eq!(changes(&old, &ruled(&rule("other", "engineers", "true"))), [""; 0]);
}

#[test]
fn who_gains_and_who_loses_is_named() {
    let (old, new) = (ruled(ENGINEERS), ruled(&rule("operators", "operators", "true")));
    assert_eq!(
        changes(&old, &new),
        ["- ann (engineers) can no longer have dev", "+ bob (operators) can now have dev"]
    );
    let by_name = format!(
        "{ENGINEERS}@id(\"b\") permit (principal == User::\"bob\", action == Action::\"audit\", resource);"
    );
    assert_eq!(changes(&old, &ruled(&by_name)), ["+ bob (operators) can now read the log"]);
    let all = groups_named(&old, &new).unwrap();
    let labels: Vec<&str> = all.iter().map(|someone| someone.label.as_str()).collect();
    assert_eq!(labels, ["whoever is in no group", "whoever is in engineers", "whoever is in operators"]);
}

#[test]
fn when_from_where_and_how_is_tried() {
    let profiles = policy_text(&["factors = [\"totp\", \"webauthn\", \"api-key\"]"]);
    let with = |condition: &str| read(&profiles, &rule("r", "engineers", condition)).unwrap();
    for (old, new, words) in [
        ("true", "context.hour >= 8", "less often, not on a"),
        ("context.hour >= 8", "context.hour >= 7", "more often, such as on a"),
        ("true", "!(context.weekday == Weekday::\"sunday\")", "less often, not on a sunday"),
        ("true", "context.ip.isInRange(ip(\"10.7.0.0/16\"))", "from 127.0.0.1"),
        (
            "context.ip.isInRange(ip(\"10.7.0.0/16\"))",
            "context.ip.isInRange(ip(\"10.8.0.0/16\"))",
            "at other times",
        ),
        ("true", "context.factors.contains(Factor::\"webauthn\")", "with totp"),
        ("true", "!context.api_key", "with api-key"),
        ("context.login_age < 900", "context.login_age < 600", "less often"),
        ("true", "context.now < datetime(\"2030-01-01\")", "less often"),
    ] {
        let found = changes(&with(old), &with(new));
        assert!(found.len() == 1 && found[0].contains(words), "{old} -> {new}: {found:?}");
        assert!(found[0].starts_with("~ ann (engineers) can have dev "), "{found:?}");
    }
    let people_only = |condition: &str| ruled(&rule("r", "engineers", condition));
    assert_eq!(
        changes(&people_only("true"), &people_only("!context.api_key")),
        [""; 0],
        "dev takes no API keys"
    );
    let found = changes(&read(&profiles, "").unwrap(), &with("context.hour == 3"));
    assert_eq!(found, ["+ ann (engineers) can now have dev, at times"]);
}

#[test]
fn a_profile_that_comes_goes_or_changes_shape_is_told() {
    let policy = |lines: &[&str]| read(&policy_text(lines), ENGINEERS).unwrap();
    let old = policy(&[]);
    for (line, words) in [
        ("max_ttl = \"8h\"", "~ dev: longest lifetime 4h -> 8h"),
        ("default_ttl = \"1h\"", "~ dev: usual lifetime 2h -> 1h"),
        ("login_max_age = \"2h\"", "~ dev: oldest login 1h -> 2h"),
        ("factors = [\"totp\"]", "~ dev: factors totp, webauthn -> totp"),
        ("extensions = [\"permit-pty\"]", "~ dev: permits nothing -> permit-pty"),
        ("source_address = \"requester\"", "~ dev: from anywhere -> where it was asked for"),
        ("force_command = \"/bin/date\"", "~ dev: only command any -> /bin/date"),
        ("key_kinds = [\"ed25519\"]", "~ dev: keys any -> ssh-ed25519"),
        ("verify_required = true", "~ dev: PIN or finger at every login no -> yes"),
        ("require_reason = true", "~ dev: needs a reason no -> yes"),
        ("description = \"other\"", "~ dev: description test -> other"),
    ] {
        assert_eq!(changes(&old, &policy(&[line])), [words]);
    }
    let mapped = policy(&["principals = [{ group = \"operators\", account = \"root\" }]"]);
    assert_eq!(
        changes(&old, &mapped),
        ["~ dev: accounts {user}, deploy -> root for operators", "- ann (engineers) can no longer have dev"]
    );
    let none = read("", "").unwrap();
    assert_eq!(changes(&old, &none)[0], "- there is no profile dev any more");
    assert_eq!(changes(&none, &old), ["+ there is a profile dev", "+ ann (engineers) can now have dev"]);
}

#[test]
fn people_come_as_toml_or_as_the_server_lists_them() {
    let json = "{\"users\": [{\"name\": \"ann\", \"email\": \"a@x\", \"groups\": [\"engineers\"], \"enabled\": true, \"factors\": []}]}";
    assert_eq!(read_people(json).unwrap()[0].label, "ann (engineers)");
    for wrong in ["", "{}", "[[user]]\nname = \"Ann\"", "[[user]]\nname = \"ann\"\ngroups = [\"a b\"]"] {
        assert!(read_people(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn approvals_that_grow_or_shrink_are_told_as_less_and_more_access() {
    let policy = |approvals: &str| {
        let lines = [approvals];
        read(&policy_text(if approvals.is_empty() { &[] } else { &lines }), ENGINEERS).unwrap()
    };
    let one = "approvals = { count = 1, groups = [\"leads\"], wait = \"1h\" }";
    for (new, words) in [
        ("", "+ dev no longer needs approval; it needed 1 approval by leads within 1h"),
        (
            "approvals = { count = 2, groups = [\"leads\"], wait = \"1h\" }",
            "- dev needs more approvals: 1 -> 2",
        ),
        (
            "approvals = { count = 1, groups = [\"leads\", \"officers\"], wait = \"1h\" }",
            "+ dev can now be approved by officers",
        ),
        (
            "approvals = { count = 1, groups = [\"leads\"], wait = \"2h\" }",
            "+ dev waits longer for approval: 1h -> 2h",
        ),
    ] {
        assert_eq!(changes(&policy(one), &policy(new)), [words]);
        let back = changes(&policy(new), &policy(one));
        assert!(
            back.len() == 1 && back[0].starts_with(if words.starts_with('+') { '-' } else { '+' }),
            "{back:?}"
        );
    }
    assert_eq!(
        changes(
            &policy(""),
            &policy("approvals = { count = 2, groups = [\"leads\", \"officers\"], wait = \"30m\" }")
        ),
        ["- dev now needs 2 approvals by leads or officers within 30m"]
    );
    let swapped = "approvals = { count = 1, groups = [\"officers\"], wait = \"1h\" }";
    assert_eq!(
        changes(&policy(one), &policy(swapped)),
        ["+ dev can now be approved by officers", "- dev can no longer be approved by leads"]
    );
}

#[test]
fn a_host_profile_s_reach_is_told_by_the_names_that_come_and_go() {
    let rules = "@id(\"hosts\") permit (principal in Group::\"operators\", action == Action::\"certify-host\", resource);";
    let policy = |names: &str, more: &str| {
        let usual = "description = \"databases\"\ndefault_ttl = \"1h\"\nmax_ttl = \"2h\"\nfactors = [\"totp\"]\nlogin_max_age = \"1h\"";
        read(&format!("[host_profiles.db]\n{usual}\nnames = [{names}]\n{more}"), rules).unwrap()
    };
    let old = policy("\"*.db.example.com\", \"10.1.0.0/16\"", "");
    for (names, more, words) in [
        ("\"*.db.example.com\", \"10.1.0.0/16\", \"db1.db.example.com\", \"10.1.2.3\"", "", &[][..]),
        ("\"*.db.example.com\", \"10.0.0.0/8\"", "", &["+ db now takes hosts called 10.0.0.0/8"]),
        ("\"*.db.example.com\", \"10.1.2.0/24\"", "", &["- db no longer takes hosts called 10.1.0.0/16"]),
        (
            "\"*.example.com\", \"10.1.0.0/16\"",
            "",
            &[
                "+ db now takes hosts called *.example.com",
                "- db no longer takes hosts called *.db.example.com",
            ],
        ),
        (
            "\"*.db.example.com\", \"10.1.0.0/16\"",
            "wildcards = true",
            &["+ db now gives certificates for wildcards"],
        ),
        (
            "\"*.db.example.com\", \"10.1.0.0/16\"",
            "require_possession = true",
            &["~ db: needs the host's signature no -> yes"],
        ),
    ] {
        assert_eq!(changes(&old, &policy(names, more)), words);
    }
    let none = read("", "").unwrap();
    assert_eq!(
        changes(&none, &old),
        ["+ there is a host profile db", "+ bob (operators) can now certify hosts under db"]
    );
    assert_eq!(
        changes(&old, &none),
        ["- there is no host profile db any more", "- bob (operators) can no longer certify hosts under db"]
    );
}
