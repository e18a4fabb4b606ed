//! L11, I9: secrets sent through every field of every call appear nowhere, even when everything is logged.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_tests::person::{Person, new_password};
use countersign_tests::process::run;
use countersign_tests::requests::signed_request;
use countersign_tests::server::{ORIGIN, Server};
use countersign_tests::wire::Wire;
use serde_json::{Value, json};

use crate::{challenge, first_step, second_step};

const PASSPHRASE: &str = "canary-passphrase-of-the-ca-key";

/// What must be found nowhere, by name.
type Secrets = Vec<(&'static str, Vec<u8>)>;

/// Starts a server that logs all it can, with a CA key under a passphrase.
fn talkative() -> Result<Server> {
    let mut server = Server::make(None)?;
    fs::create_dir_all(server.folder())?;
    let mut keygen = std::process::Command::new("ssh-keygen");
    run(keygen.args(["-q", "-t", "ed25519", "-N", PASSPHRASE, "-f"]).arg(server.folder().join("ca_key")))?;
    server.set_env("CA_SERVER_CA_PASSPHRASE", PASSPHRASE);
    server.set_env("CA_SERVER_LOG_FILTER", "trace");
    run(&mut server.init_command()?)?;
    server.serve()?;
    Ok(server)
}

/// The bodies of every call, with a canary in every field in turn, and some that no call takes.
fn bodies(canary: &str) -> Vec<String> {
    let with = |mut body: Value, field: &str| {
        body[field] = json!(canary);
        body.to_string()
    };
    let mut bodies = Vec::new();
    for field in ["user", "password", "device", "extra"] {
        bodies.push(with(json!({ "user": "ann", "password": "not the password" }), field));
    }
    for field in ["challenge", "kind", "code", "extra"] {
        bodies.push(with(json!({ "challenge": "cs_l_x", "kind": "totp", "code": "000000" }), field));
    }
    for field in ["request", "signature", "extra"] {
        bodies.push(with(json!({ "request": "countersign request v1\n", "signature": "" }), field));
    }
    bodies.push(json!({ "user": { canary: canary }, "password": [canary] }).to_string());
    bodies.push(format!("{{\"user\": \"ann\", \"password\": \"{canary}"));
    bodies.push(format!("password={canary}"));
    bodies
}

/// Sends a canary through everything; gives the bodies of all that was answered.
async fn send_everywhere(wire: &Wire, canary: &str) -> Result<Vec<u8>> {
    let mut answers = Vec::new();
    let bearer = format!("Bearer {canary}");
    let paths =
        ["/v1/login", "/v1/login/factor", "/v1/session", "/v1/certificates", "/v1/profiles", "/v1/trust"];
    for path in paths {
        for body in bodies(canary) {
            for kind in ["application/json", "text/plain"] {
                for bearer in [bearer.as_str(), canary] {
                    let head = [("content-type", kind), ("authorization", bearer), ("cookie", canary)];
                    let reply = wire.call("POST", path, &head, body.as_bytes()).await?;
                    ensure!(reply.status >= 400, "{path} takes {body}");
                    answers.extend_from_slice(&reply.body);
                }
            }
        }
        for method in ["GET", "DELETE", "PUT"] {
            let reply =
                wire.call(method, path, &[("authorization", &bearer), ("x-other", canary)], b"").await?;
            answers.extend_from_slice(&reply.body);
        }
    }
    Ok(answers)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l11_i9_secrets_in_every_field_appear_nowhere() -> Result<()> {
    let mut server = talkative()?;
    let wire = Wire::to(&server)?;
    let ann = Person::new(&server, "ann", &["engineers", "auditors"])?;
    let (mut secrets, mut answers) = use_secrets(&server, &wire, &ann).await?;
    let canary = format!("canary-{}", new_password()?);
    answers.extend(send_everywhere(&wire, &canary).await?);
    // A password in the wrong field, as people do it.
    let mistyped = new_password()?;
    answers.extend(first_step(&wire, &mistyped, "ann").await?.body);
    secrets.push(("canary", canary.into_bytes()));
    secrets.push(("password typed as a name", mistyped.into_bytes()));
    let metrics = reqwest::get(format!("{}/metrics", server.metrics_url())).await?.bytes().await?;
    server.stop()?;
    let output = server.output();
    ensure!(output.contains("TRACE"), "the server does not log everything: the test shows nothing");
    assert_absent(&secrets, "the server's output", output.as_bytes())?;
    assert_absent(&secrets, "metrics", &metrics)?;
    assert_absent(&secrets, "answers", &answers)?;
    assert_absent_below(&secrets, &server.log_folder())?;
    for name in ["state.db", "state.db-wal", "config.toml"] {
        let bytes = fs::read(server.folder().join(name)).unwrap_or_default();
        assert_absent(&secrets, name, &bytes)?;
    }
    Ok(())
}

/// Logs in, right and wrong, gets a certificate, and logs out; gives all secrets that were used, and the errors.
async fn use_secrets(server: &Server, wire: &Wire, ann: &Person) -> Result<(Secrets, Vec<u8>)> {
    let mut secrets: Secrets =
        vec![("passphrase", PASSPHRASE.into()), ("password", ann.password.clone().into())];
    let mut answers = Vec::new();
    let code = ann.phone.code();
    let open = challenge(wire, ann).await?;
    answers.extend(second_step(wire, &open, "canary-code").await?.body);
    let session: Value = second_step(wire, &open, &code).await?.json()?;
    let token = session["token"].as_str().context("a token")?.to_owned();
    let device = session["device"].as_str().context("a device token")?.to_owned();
    answers.extend(second_step(wire, &open, &code).await?.body);
    let request = signed_request(ORIGIN, "ann", "dev")?;
    ensure!(wire.post("/v1/certificates", Some(&token), &request).await?.status == 200);
    wire.get("/log/journal/", Some(&token)).await?;
    wire.call("DELETE", "/v1/session", &[("authorization", &format!("Bearer {token}"))], b"").await?;
    answers.extend(wire.get("/v1/session", Some(&token)).await?.body);
    for (name, text) in
        [("code field", "canary-code"), ("challenge", &open), ("token", &token), ("device", &device)]
    {
        secrets.push((name, text.as_bytes().to_vec()));
    }
    secrets.push(("code", format!("\"{code}\"").into_bytes()));
    secrets.push(("TOTP seed", ann.phone.secret().as_bytes().to_vec()));
    let seed = totp_rs::Secret::try_from_base32(ann.phone.secret())?;
    push_forms(&mut secrets, "TOTP seed's bytes", seed.as_bytes());
    for file in ["sealing_key", "pepper"] {
        let text = fs::read_to_string(server.folder().join(file))?;
        let keys: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once("-v1 ")?.1)).collect();
        ensure!(!keys.is_empty(), "no key in {file}");
        for key in keys {
            push_forms(&mut secrets, file, &hex::decode(key)?);
        }
    }
    let log_key = fs::read_to_string(server.folder().join("log_key"))?;
    let log_seed = STANDARD.decode(log_key.trim().splitn(5, '+').nth(4).context("a log key")?)?;
    push_forms(&mut secrets, "log key", &log_seed[1..]);
    let pem = fs::read_to_string(server.folder().join("ca_key"))?;
    let ca = ssh_key::PrivateKey::from_openssh(&pem)?.decrypt(PASSPHRASE)?;
    let seed = ca.key_data().ed25519().context("an ed25519 key")?.private.to_bytes();
    push_forms(&mut secrets, "CA key", &seed);
    let pem = fs::read_to_string(server.folder().join("host_ca_key"))?;
    let ca = ssh_key::PrivateKey::from_openssh(&pem)?;
    let seed = ca.key_data().ed25519().context("an ed25519 key")?.private.to_bytes();
    push_forms(&mut secrets, "CA key for hosts", &seed);
    Ok((secrets, answers))
}

/// Adds a binary secret in all the forms it could be written in.
fn push_forms(secrets: &mut Secrets, name: &'static str, bytes: &[u8]) {
    let list = format!("{bytes:?}");
    let forms: [Vec<u8>; 6] = [
        bytes.to_vec(),
        hex::encode(bytes).into(),
        hex::encode_upper(bytes).into(),
        STANDARD.encode(bytes).trim_end_matches('=').into(),
        URL_SAFE_NO_PAD.encode(bytes).into(),
        list.trim_matches(['[', ']']).into(),
    ];
    secrets.extend(forms.map(|form| (name, form)));
}

fn assert_absent(secrets: &Secrets, place: &str, bytes: &[u8]) -> Result<()> {
    for (name, secret) in secrets {
        ensure!(secret.len() > 6, "{name} is too short to look for");
        if let Some(at) = find(bytes, secret) {
            let around = &bytes[at.saturating_sub(300)..(at + secret.len() + 100).min(bytes.len())];
            anyhow::bail!("{name} is in {place}: {}", String::from_utf8_lossy(around));
        }
    }
    Ok(())
}

/// Finds a secret; text in text quickly, because there are megabytes of it.
fn find(bytes: &[u8], secret: &[u8]) -> Option<usize> {
    match (str::from_utf8(bytes), str::from_utf8(secret)) {
        (Ok(text), Ok(secret)) => text.find(secret),
        (Ok(_), Err(_)) => None,
        (Err(_), _) => bytes.windows(secret.len()).position(|window| window == secret),
    }
}

fn assert_absent_below(secrets: &Secrets, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            assert_absent_below(secrets, &path)?;
        } else {
            assert_absent(secrets, &path.display().to_string(), &fs::read(&path)?)?;
        }
    }
    Ok(())
}
