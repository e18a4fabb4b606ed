//! Whoever breaks the glass is heard.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_tests::api::Api;
use countersign_tests::approvals::{Member, RULES};
use countersign_tests::process::wait_until;
use countersign_tests::server::Server;
use countersign_tests::smtp::Smtp;
use countersign_tests::webhook::Receiver;

use crate::{Scene, profiles};

const SECRET: &str = "a secret that both sides know";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_officer_and_the_webhook_are_told_who_used_a_voucher() -> Result<()> {
    let (smtp, receiver) = (Smtp::start()?, Receiver::start(SECRET, &[])?);
    let mut server = Server::make_ruled(&profiles(), RULES)?;
    let mut file = fs::OpenOptions::new();
    let mut file = file.write(true).create_new(true).mode(0o600).open(server.folder().join("hook"))?;
    std::io::Write::write_all(&mut file, SECRET.as_bytes())?;
    let more = format!(
        "[mail]\nurl = \"smtp://{}\"\nfrom = \"ca@example.com\"\n\
         [webhook]\nurl = \"{}\"\nsecret_file = \"hook\"\nallow_private = true\n",
        smtp.address(),
        receiver.url()
    );
    fs::write(server.config(), format!("{}\n{more}", fs::read_to_string(server.config())?))?;
    server.serve()?;
    let api = Api::new(&server)?;
    let ann = Member::engineer(&server, &api, "ann").await?;
    let bo = Member::officer(&server, &api, "bo").await?;
    let chen = Member::officer(&server, &api, "chen").await?;
    let scene = Scene { server, api, ann, bo, chen };
    let (_, secret) = scene.sealed().await?;
    let (status, issued) = scene.use_for(&scene.ann, "vault", &secret).await?;
    ensure!(status == 200, "{status} {issued}");

    let told = wait_until("the webhook", Duration::from_secs(30), || {
        Ok(receiver.received()?.into_iter().find(|call| call.body["kind"] == "break-glass-used"))
    })?;
    let about = &told.body["about"];
    ensure!(about["user"] == "ann" && about["profile"] == "vault", "{about}");
    ensure!(about["request_id"] == issued["request_id"], "{about}");
    for officer in ["bo@example.com", "chen@example.com"] {
        wait_until("the mail", Duration::from_secs(30), || {
            let mails = smtp.mails();
            Ok(mails
                .into_iter()
                .find(|mail| mail.to == [officer] && mail.subject.contains("breaks the glass")))
        })?;
    }
    let secret = secret.to_text();
    ensure!(!scene.server.output().contains(&**secret), "i9: the voucher is in the server's log");
    scene.audit()
}
