//! What the log says, shown to people.

use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use ca_core::log::{SignedCheckpoint, VerifierKey};
use countersign_tests::http::{Connection, get, trust};
use countersign_tests::person::Person;
use countersign_tests::process::run;
use countersign_tests::real_s3::{self, RealS3};
use countersign_tests::server::Server;
use serde_json::Value;

use crate::stage::Stage;

/// Gives the S3 server that the environment names, or starts moto.
pub(crate) fn s3_server() -> Result<Arc<RealS3>> {
    if let Some(server) = real_s3::configured()? {
        return Ok(server);
    }
    println!("\nStarting moto, an S3 API by others; the first time it is fetched from its package registry.");
    real_s3::moto()
}

/// Copies the log into its folder when it is in a bucket.
pub(crate) fn copy(stage: &mut Stage, server: &Server) -> Result<()> {
    let Some(bucket) = server.bucket() else { return Ok(()) };
    stage.scene(
        "A copy of the bucket",
        "An auditor needs no account here, only a copy of what is in the bucket; any tool for S3 can make it.",
    );
    Stage::prompt(&format!(
        "aws s3 sync s3://{} {}    # or as here, without it",
        bucket.name,
        server.log_folder().display()
    ));
    bucket.copy_to(&server.log_folder())
}

/// Shows the entry with this serial.
pub(crate) fn event(stage: &mut Stage, server: &Server, person: &Person, serial: u64) -> Result<()> {
    stage.scene(
        "The event in the log",
        &format!("The serial in sshd's log is the number of the entry: {serial}. It says who, how, why, what and when."),
    );
    let mut command = person.ca(&[
        "audit",
        "search",
        &server.log_folder().to_string_lossy(),
        "--user",
        &person.name,
        "--json",
    ])?;
    command.arg("--key").arg(server.log_key());
    Stage::prompt(&countersign_tests::process::line_of(&command));
    let found = run(&mut command)?;
    let events = serde_json::Deserializer::from_str(&found).into_iter().collect::<Result<Vec<Value>, _>>()?;
    let event = events.iter().find_map(|e| certificate_event(e, serial));
    let event = event.with_context(|| format!("no certificate with serial {serial} in:\n{found}"))?;
    Stage::say(&serde_json::to_string_pretty(&shortened(event.clone()))?);
    Ok(())
}

/// Finds the event in whatever lists and envelopes it comes in.
fn certificate_event(value: &Value, serial: u64) -> Option<&Value> {
    if value.get("serial").and_then(Value::as_u64) == Some(serial) {
        return Some(value);
    }
    match value {
        Value::Array(items) => items.iter().find_map(|item| certificate_event(item, serial)),
        Value::Object(fields) => fields.values().find_map(|field| certificate_event(field, serial)),
        _ => None,
    }
}

/// Cuts long texts, which a screen has no room for.
fn shortened(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > 90 => {
            Value::String(format!("{} …", text.chars().take(60).collect::<String>()))
        }
        Value::Array(items) => items.into_iter().map(shortened).collect(),
        Value::Object(fields) => fields.into_iter().map(|(name, field)| (name, shortened(field))).collect(),
        other => other,
    }
}

/// Shows the newest checkpoint, verified.
pub(crate) fn checkpoint(stage: &mut Stage, server: &Server) -> Result<()> {
    stage.scene(
        "The checkpoint",
        "The log's signature over its size and the root of its tree (C2SP tlog-checkpoint). Whoever keeps one\n\
         will notice if anything that it covers is ever changed.",
    );
    let note = tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fetch(server))?;
    Stage::prompt(&format!("curl {}/log/checkpoint", server.url()));
    Stage::say(&note);
    let key: VerifierKey = std::fs::read_to_string(server.log_key())?.trim().parse()?;
    let verified = SignedCheckpoint::parse(&note, &key)?;
    ensure!(verified.size() > 0, "the log is empty");
    Stage::say(&format!("✓ signed by {} over {} entries", key.name(), verified.size()));
    Ok(())
}

async fn fetch(server: &Server) -> Result<String> {
    let mut connection = Connection::open(server.url(), &trust(&server.tls_certificate())?).await?;
    let answer = connection.send(&get("/log/checkpoint")).await?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(String::from_utf8(answer.body)?)
}
