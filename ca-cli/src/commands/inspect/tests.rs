//! Certificates of every kind, made by OpenSSH, and what is said about them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ca_core::cert::Validity;
use ca_core::wire::Writer;
use tempfile::TempDir;

use super::*;

/// A folder in which `ssh-keygen` works.
struct Bench(TempDir);

/// The options of `ssh-keygen -t` for every kind of key that needs no hardware.
const KINDS: [&[&str]; 5] = [
    &["ed25519"],
    &["ecdsa", "-b", "256"],
    &["ecdsa", "-b", "384"],
    &["ecdsa", "-b", "521"],
    &["rsa", "-b", "2048"],
];

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn keygen(&self, args: &[&str]) -> String {
        let output = Command::new("ssh-keygen").current_dir(self.0.path()).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn new_key(&self, name: &str, kind: &[&str]) {
        self.keygen(&[&["-q", "-N", "", "-f", name, "-t"], kind].concat());
    }

    /// Writes the public half of a security key that does not exist; a CA does not care.
    fn new_security_key(&self, name: &str, kind: &str) {
        let mut blob = Writer::default();
        if kind.contains("ecdsa") {
            self.new_key("point", &["ecdsa", "-b", "256"]);
            let key: PublicKey = fs::read_to_string(self.path("point.pub")).unwrap().parse().unwrap();
            let mut reader = ca_core::wire::Reader::new(key.blob());
            let _ = reader.string().unwrap();
            blob.string(kind.as_bytes()).raw(reader.rest());
        } else {
            self.new_key("point", &["ed25519"]);
            let key: PublicKey = fs::read_to_string(self.path("point.pub")).unwrap().parse().unwrap();
            blob.string(kind.as_bytes()).string(&key.blob()[19..]);
        }
        blob.string(b"ssh:");
        fs::write(self.path(&format!("{name}.pub")), format!("{kind} {}\n", STANDARD.encode(blob.finish())))
            .unwrap();
        for file in ["point", "point.pub"] {
            fs::remove_file(self.path(file)).unwrap();
        }
    }

    /// Certifies a public key and gives what was found in the certificate's file.
    fn certify(&self, key: &str, options: &[&str]) -> Vec<Found> {
        self.keygen(
            &[&["-q", "-s", "ca", "-I", "bo@example.com"], options, &[&format!("{key}.pub")]].concat(),
        );
        in_file(&self.path(&format!("{key}-cert.pub"))).unwrap()
    }
}

fn judge(trust: Trust) -> Judge {
    Judge { given: Some(trust), pins: Vec::new(), krl: None, now: clock::now_secs() }
}

fn judged(found: Vec<Found>, trust: &Trust) -> Judged {
    let (source, certificate) = found.into_iter().next().unwrap();
    judge(trust.clone()).judge(source, &certificate.unwrap())
}

/// Checks that everything `ssh-keygen -L` says is said here too.
fn says_what_openssh_says(bench: &Bench, key: &str, text: &str) {
    let theirs = bench.keygen(&["-L", "-f", &format!("{key}-cert.pub")]);
    let words = theirs.lines().skip(1).flat_map(str::split_ascii_whitespace);
    let facts = words.filter(|word| {
        word.starts_with("SHA256:") || word.contains("permit-") || word.contains('@') || word.contains("10.0")
    });
    for word in facts.filter(|word| !word.contains("OPTION")) {
        let word = word.trim_matches('"');
        assert!(text.contains(word), "{word} is missing in\n{text}\nOpenSSH says\n{theirs}");
    }
}

#[test]
fn certificates_of_every_kind_by_every_kind_of_ca_are_good() {
    for ca in KINDS {
        let bench = Bench::new();
        bench.new_key("ca", ca);
        for (number, kind) in KINDS.iter().enumerate() {
            bench.new_key(&format!("key{number}"), kind);
        }
        bench.new_security_key("key5", "sk-ssh-ed25519@openssh.com");
        bench.new_security_key("key6", "sk-ecdsa-sha2-nistp256@openssh.com");
        for key in (0..7).map(|number| format!("key{number}")) {
            for options in [
                &[
                    "-n",
                    "root,deploy",
                    "-V",
                    "-1m:+1h",
                    "-z",
                    "7",
                    "-O",
                    "source-address=10.0.0.0/8",
                    "-O",
                    "extension:a@example.com=b",
                ][..],
                &["-h", "-n", "web1.example.com", "-V", "always:forever"],
            ] {
                let judged = judged(bench.certify(&key, options), &Trust::default());
                assert_eq!(judged.flaws, [""; 0], "{key}");
                let text = certificate::describe(&judged.report, &judged.flaws, clock::now_secs());
                says_what_openssh_says(&bench, &key, &text);
                assert!(
                    text.contains("✓")
                        && text.contains("if you trust its CA")
                        && text.contains("no proof of logging inside"),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn a_ca_is_pinned_or_not() {
    let bench = Bench::new();
    for name in ["ca", "other", "key"] {
        bench.new_key(name, &["ed25519"]);
    }
    let key = |name: &str| -> PublicKey { fs::read_to_string(bench.path(name)).unwrap().parse().unwrap() };
    let trust = |name: &str| Trust { ca_keys: vec![key(name)], ..Trust::default() };
    let certify = || bench.certify("key", &["-n", "x"]);
    let pinned = judged(certify(), &trust("ca.pub"));
    assert_eq!(pinned.flaws, [""; 0]);
    let text = certificate::describe(&pinned.report, &pinned.flaws, clock::now_secs());
    assert!(text.contains("VALID forever") && !text.contains("if you trust its CA"), "{text}");
    assert_eq!(judged(certify(), &trust("other.pub")).flaws, ["it is signed by a CA that is not pinned"]);
    // A log is pinned: what its CA signs must be in it.
    let with_log =
        Trust { log_key: Some(VerifierKey::new("ca.example.com/log", [1; 32]).unwrap()), ..trust("ca.pub") };
    assert_eq!(
        judged(certify(), &with_log).flaws,
        ["it is by the pinned CA and carries no proof of logging"]
    );
}

#[test]
fn what_is_wrong_is_said_first() {
    let bench = Bench::new();
    bench.new_key("ca", &["ed25519"]);
    bench.new_key("key", &["ed25519"]);
    let old = judged(bench.certify("key", &["-n", "x", "-V", "20200101:20200102"]), &Trust::default());
    assert!(matches!(old.report.validity, Validity::Expired { .. }));
    let text = certificate::describe(&old.report, &old.flaws, clock::now_secs());
    let first = anstream::adapter::strip_str(text.lines().next().unwrap()).to_string();
    assert!(first.starts_with("✗ it expired 6 years ") || first.starts_with("✗ it expired "), "{first}");
    let young = judged(bench.certify("key", &["-n", "x", "-V", "+1d:+2d"]), &Trust::default());
    assert!(young.flaws[0].contains("not valid yet"), "{:?}", young.flaws);
}

#[test]
fn a_broken_signature_is_found() {
    let bench = Bench::new();
    bench.new_key("ca", &["ed25519"]);
    bench.new_key("key", &["ed25519"]);
    bench.certify("key", &["-n", "root"]);
    let line = fs::read_to_string(bench.path("key-cert.pub")).unwrap();
    let mut words = line.split(' ');
    let (algorithm, base64) = (words.next().unwrap(), words.next().unwrap());
    let mut bytes = STANDARD.decode(base64).unwrap();
    let at = bytes.windows(4).position(|window| window == b"root").unwrap();
    bytes[at] = b'b';
    let forged = format!("{algorithm} {}", STANDARD.encode(bytes));
    let found: Vec<_> = in_text(&forged, "forged").collect();
    let judged = judged(found, &Trust::default());
    assert!(judged.flaws[0].contains("signature does not hold"), "{:?}", judged.flaws);
}

#[test]
fn nothing_in_a_certificate_steers_the_terminal() {
    let bench = Bench::new();
    bench.new_key("ca", &["ed25519"]);
    bench.new_key("key", &["ed25519"]);
    let nasty = "a\u{1b}[2J\u{202e}b\r\n";
    bench.keygen(&[
        "-q",
        "-s",
        "ca",
        "-I",
        nasty,
        "-n",
        nasty,
        "-O",
        &format!("extension:{nasty}={nasty}"),
        "key.pub",
    ]);
    let found = in_file(&bench.path("key-cert.pub")).unwrap();
    let judged = judged(found, &Trust::default());
    let text = certificate::describe(&judged.report, &judged.flaws, clock::now_secs());
    let text = anstream::adapter::strip_str(&text).to_string();
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\r']), "{text:?}");
    assert!(text.contains("a\\u{1b}[2J\\u{202e}b"), "{text}");
}

#[test]
fn certificates_are_found_among_other_lines() {
    let bench = Bench::new();
    bench.new_key("ca", &["ed25519"]);
    bench.new_key("key", &["ed25519"]);
    bench.certify("key", &["-n", "root"]);
    let line = fs::read_to_string(bench.path("key-cert.pub")).unwrap();
    let text = format!(
        "# comment\n\ncommand=\"x y\" {line}ssh-ed25519 AAAA\n\t{line}ssh-ed25519-cert-v01@openssh.com AAAA\nssh-dss-cert-v01@openssh.com AAAA"
    );
    let found: Vec<_> = in_text(&text, "file").map(|(source, parsed)| (source, parsed.is_ok())).collect();
    let expected = [("file:3", true), ("file:5", true), ("file:6", false), ("file:7", false)];
    assert_eq!(found, expected.map(|(source, good)| (source.to_owned(), good)));
    assert!(in_file(&bench.path("key.pub")).is_err());
}

#[test]
fn the_json_keeps_its_shape() {
    let bench = Bench::new();
    bench.new_key("ca", &["ed25519"]);
    bench.new_key("key", &["ed25519"]);
    let judged = judged(bench.certify("key", &["-n", "root"]), &Trust::default());
    let value = serde_json::to_value(json::Certificate::new("key", &judged.report, &judged.flaws)).unwrap();
    let mut keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let mut expected = vec![
        "source",
        "good",
        "problems",
        "kind",
        "type",
        "key",
        "ca",
        "ca_pinned",
        "signature",
        "key_id",
        "serial",
        "principals",
        "valid_after",
        "valid_before",
        "validity",
        "validity_secs",
        "critical_options",
        "extensions",
        "log",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
    assert_eq!(value["valid_before"], serde_json::Value::Null);
    assert_eq!(value["log"]["standing"], "none");
}
