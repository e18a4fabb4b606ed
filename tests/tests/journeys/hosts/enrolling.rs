//! Who has hosts certified: a program, within the scope of its key; and an authority that had no CA for hosts.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use countersign_tests::api::Api;
use countersign_tests::journey;
use countersign_tests::person::Person;
use countersign_tests::process::{output, run};
use countersign_tests::server::{RULES, Server};
use reqwest::Method;
use serde_json::json;

use super::{NAME, policy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f18_a_program_enrols_hosts_within_the_scope_of_its_key() -> Result<()> {
    let server = Server::start_with(None, Some(&policy()?))?;
    let robot = Person::new(&server, "robot", &["host-enrollers"])?;
    let api = Api::new(&server)?;
    let owner = api.own(&robot).await?;
    let key_for = |profile: &str| json!({ "label": profile, "profiles": [profile], "networks": ["127.0.0.0/8"], "lasts_secs": 600 });
    let mut tokens = Vec::new();
    for profile in ["db", "dev"] {
        let (status, made) =
            api.call(&owner, Method::POST, "/v1/account/api-keys", &key_for(profile)).await?;
        ensure!(status == 200, "{status} {made}");
        tokens.push(made["token"].as_str().context("a token")?.to_owned());
    }
    let key = robot.new_key("host", &["ecdsa"])?;
    let sign = |token: &str, options: &[&str]| -> Result<(Option<i32>, String)> {
        let fixed = ["host", "sign", &key.to_string_lossy(), "--server", server.url(), "--user", "robot"];
        let mut command = robot.ca(&[&fixed[..], options].concat())?;
        let done = output(command.env("COUNTERSIGN_TOKEN", token))?;
        Ok((done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned()))
    };
    let (code, said) = sign(&tokens[0], &["--name", NAME])?;
    ensure!(code == Some(0), "{said}");
    for (token, options, words) in [
        (&tokens[0], &["--name", "web1.example.com", "--profile", "db"][..], "not for a host called"),
        (&tokens[0], &["--name", "m1.farm.example.com", "--profile", "farm"], "the API key is not for farm"),
        (&tokens[1], &["--name", NAME, "--profile", "db"], "the API key is not for db"),
        (&tokens[1], &["--name", NAME], "no host profile takes"),
    ] {
        let (code, said) = sign(token, options)?;
        ensure!(code == Some(1) && said.contains(words), "{options:?}: {said}");
    }
    let user = owner.as_str();
    let (status, answer) =
        api.call(user, Method::POST, "/v1/host-certificates", &json!({ "request": "" })).await?;
    ensure!(status == 401, "a session for changing the account: {status} {answer}");
    journey::verify(&server, &robot)
}

#[test]
fn an_authority_from_before_hosts_says_how_to_get_a_ca_for_them() -> Result<()> {
    let mut server = Server::make_ruled(&policy()?, RULES)?;
    for name in ["host_ca_key", "host_ca_key.pub"] {
        fs::remove_file(server.folder().join(name))?;
    }
    let config = fs::read_to_string(server.config())?;
    fs::write(server.config(), config.replace("host_ca = \"host_ca_key\"\n", ""))?;
    let refused = output(&mut server.serve_command()?)?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(refused.status.code() == Some(1) && said.contains("ca-server add-host-ca"), "{said}");

    let told = run(&mut server.command(&["add-host-ca"])?)?;
    let line = told.lines().find(|line| line.trim().starts_with("host_ca =")).context("a line to put in")?;
    let config = fs::read_to_string(server.config())?;
    fs::write(server.config(), config.replace("[keys]\n", &format!("[keys]\n{}\n", line.trim())))?;
    // The CA for users cannot be the one for hosts, too.
    let keys = server.folder().join("ca_key");
    let same = config.replace("[keys]\n", &format!("[keys]\nhost_ca = \"{}\"\n", keys.display()));
    let good = fs::read_to_string(server.config())?;
    fs::write(server.config(), same)?;
    let refused = output(&mut server.command(&["check-config"])?)?;
    ensure!(String::from_utf8_lossy(&refused.stderr).contains("are the same key"));
    fs::write(server.config(), good)?;

    server.serve()?;
    let officer = Person::new(&server, "olga", &["security-officers"])?;
    officer.login()?;
    let key = officer.new_key("host", &["ed25519"])?;
    run(&mut officer.ca(&["host", "sign", &key.to_string_lossy(), "--name", NAME])?)?;
    server.stop()?;
    journey::verify(&server, &officer)
}
