//! S5: what requesters and officers write is refused when it could steer a reader's screen, and inert wherever it is shown.

use anyhow::{Context as _, Result, ensure};
use ca_core::approval::{KEY_NAMESPACE, NAMESPACE as APPROVAL, Verdict};
use ca_core::request::NAMESPACE;
use countersign_tests::approvals::{Member, POLICY};
use countersign_tests::process::{output, run};
use countersign_tests::requests::{Key, request};
use countersign_tests::server::ORIGIN;
use countersign_tests::smtp::Mail;
use countersign_tests::wire::Wire;
use reqwest::Method;
use serde_json::json;

use crate::notices::scene;
use crate::{Scene, refused};

/// Markup of every kind that something might take for more than text; `=1B` and `%1b` are escapes of mail and URLs.
const MARKUP: &str = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&lt; `id` $(id) {{7*7}} =1B[2J %1b[2J \\x1b[2J";

/// What moves a cursor, ends a line or reorders letters, among harmless ones.
const STEERING: [&str; 9] = [
    "red \u{1b}[31m",
    "title \u{1b}]0;x\u{7}",
    "one byte \u{9b}2J",
    "back\u{8}\u{8}",
    "end\rover",
    "tab\there",
    "line\u{2028}two",
    "\u{202e}toor",
    "\u{2066}isolated",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_what_steers_a_terminal_is_no_reason_no_note_and_no_label() -> Result<()> {
    let scene = Scene::new().await?;
    let (api, key) = (&scene.api, Key::new()?);
    let id = scene.ann.ask(api, "vault").await?;
    let mut asked = request(ORIGIN, "ann", "vault", &key)?;
    asked.reason = Some("REASON".parse()?);
    let mut said = scene.bo.approval(&scene.bo.look(api, &id).await?, Verdict::Deny)?;
    said.note = Some("NOTE".parse()?);
    let owner = api.own(&scene.ann.person).await?;
    for bad in STEERING {
        let signed = key.sign_text(NAMESPACE, asked.to_text().replace("REASON", bad));
        let body = serde_json::to_value(signed)?;
        let answer = api.call(&scene.ann.token, Method::POST, "/v1/certificates", &body).await?;
        let answer = refused(answer, 400, "malformed-request").with_context(|| format!("{bad:?}"))?;
        ensure!(!answer.to_string().contains(bad), "it is repeated: {answer}");

        let signed = scene.bo.key.sign_text(APPROVAL, said.to_text().replace("NOTE", bad));
        let body = json!({ "text": signed.request, "signature": signed.signature });
        let path = format!("/v1/requests/{id}/approvals");
        let (status, answer) = api.call(&scene.bo.token, Method::POST, &path, &body).await?;
        ensure!(status == 400, "{bad:?}: {status} {answer}");

        let signed = key.sign_text(KEY_NAMESPACE, "x".to_owned());
        let body = json!({ "label": bad, "text": signed.request, "signature": signed.signature });
        let answer = api.call(&owner, Method::POST, "/v1/account/signing-keys", &body).await?;
        refused(answer, 400, "malformed").with_context(|| format!("{bad:?}"))?;
        let body = json!({ "kind": "totp", "label": bad });
        let answer = api.call(&owner, Method::POST, "/v1/account/factors", &body).await?;
        refused(answer, 400, "malformed").with_context(|| format!("{bad:?}"))?;
    }
    let body = json!({ "kind": "totp", "label": "<script>alert(1)</script>" });
    let (status, answer) = api.call(&owner, Method::POST, "/v1/account/factors", &body).await?;
    ensure!(status == 200, "markup steers nothing: {status} {answer}");
    ensure!(scene.bo.look(api, &id).await?.state == "pending", "one of them decided");
    tokio::task::block_in_place(|| scene.audit())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_markup_in_a_reason_is_text_in_mails_webhooks_answers_and_tables() -> Result<()> {
    let (scene, outside) = scene(POLICY).await?;
    let (api, key) = (&scene.api, Key::new()?);
    let mut asked = request(ORIGIN, "ann", "vault", &key)?;
    asked.reason = Some(MARKUP.parse()?);
    let id = asked.id.to_string();
    let (status, answer) = scene.ann.send(api, &key, &asked).await?;
    ensure!(status == 202, "{status} {answer}");
    ensure_plain(&outside.mail("bo", &id, "ann asks for vault")?)?;

    let mut said = scene.bo.approval(&scene.bo.look(api, &id).await?, Verdict::Deny)?;
    said.note = Some(MARKUP.parse()?);
    let (status, answer) = scene.bo.say(api, &id, &said).await?;
    ensure!(status == 200 && answer["outcome"] == "denied", "{status} {answer}");
    outside.call(&id, "denied")?;
    let told = outside.calls(&id)?;
    ensure!(told[0].body["about"]["reason"] == MARKUP, "{told:?}");

    let wire = Wire::to(&scene.server)?;
    let reply = wire.get(&format!("/v1/requests/{id}"), Some(&scene.bo.token)).await?;
    ensure!(reply.header("content-type") == Some("application/json"), "{:?}", reply.headers);
    tokio::task::block_in_place(|| {
        for command in [["requests", ""], ["show", &id]] {
            let table = ca(&scene, &scene.ann, &command)?;
            let lines: Vec<&str> = table.lines().filter(|line| line.contains("script")).collect();
            ensure!(!lines.is_empty() && lines.iter().all(|line| line.contains(MARKUP)), "{table}");
            ensure!(!table.contains('\u{1b}'), "{table:?}");
        }
        scene.audit()
    })
}

/// Makes sure that no mail program shows a mail as anything but text, word for word.
fn ensure_plain(mail: &Mail) -> Result<()> {
    let kind = mail.header("Content-Type").to_lowercase();
    ensure!(kind.starts_with("text/plain"), "{kind:?}");
    ensure!(mail.body.contains(&format!("reason    {MARKUP}\n")), "{}", mail.body);
    Ok(())
}

/// Runs `ca` in somebody's session.
fn ca(scene: &Scene, who: &Member, command: &[&str]) -> Result<String> {
    let words: Vec<&str> = command.iter().copied().filter(|word| !word.is_empty()).collect();
    let mut command = who.person.ca(&[&words[..], &["--server", scene.server.url()]].concat())?;
    run(command.env("COUNTERSIGN_TOKEN", &who.token))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_a_key_comment_steers_no_terminal_and_stays_where_it_is() -> Result<()> {
    const COMMENT: &str = "com\u{1b}[2J\u{202e}ment<script>";
    let mut scene = Scene::new().await?;
    tokio::task::block_in_place(|| {
        let ann = &scene.ann.person;
        ann.login()?;
        let key = ann.new_key("id", &["ed25519"])?;
        run(std::process::Command::new("ssh-keygen").args(["-q", "-c", "-C", COMMENT, "-f"]).arg(&key))?;
        let path = key.to_string_lossy().into_owned();
        ensure!(std::fs::read_to_string(format!("{path}.pub"))?.contains(COMMENT), "no comment to test with");
        let certificate = format!("{path}-cert.pub");
        for command in [
            vec!["request", "dev", "--key", &path],
            vec!["inspect", &certificate],
            vec!["inspect", &certificate, "--json"],
            vec!["status"],
        ] {
            let shown = output(&mut ann.ca(&command)?)?;
            ensure!(shown.status.success(), "{command:?}: {shown:?}");
            for text in [&shown.stdout, &shown.stderr] {
                let text = String::from_utf8_lossy(text);
                ensure!(!text.contains(['\u{1b}', '\u{202e}']), "{command:?}: {text:?}");
            }
        }
        scene.server.stop()?;
        ensure!(!scene.server.output().contains("ment<script>"), "the comment is in the server's output");
        scene.audit()
    })
}
