//! I5, A1, A4: who decides about a recovery, who does not, and who can stop it.

use anyhow::{Context as _, Result, ensure};
use ca_core::approval::{self, Verdict};
use ca_core::names::{ApprovalId, RecoveryId};
use ca_core::recovery::NAMESPACE;
use ca_core::time::UnixMillis;
use countersign_tests::approvals::{Member, session};
use countersign_tests::invitation::accept;
use countersign_tests::person::{Person, add_command, new_password};
use countersign_tests::process::run;
use countersign_tests::requests::{Key, new_id};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{Scene, URL, accepted, mail, refused, send, vote};

/// Makes a second account of somebody, which is an officer's.
async fn second(scene: &Scene, name: &str, person: &str) -> Result<Member> {
    let (password, folder) = (new_password()?, scene.server.folder().join(name));
    std::fs::create_dir(&folder)?;
    let mut command = add_command(&scene.server, name, &["security-officers"], &password)?;
    let added = run(command.args(["--person", person]))?;
    let person = Person::at(&scene.server, name, password, &added, &folder)?;
    let member = Member::of(person, &scene.api).await?;
    let (status, answer) = member.register(&scene.api, &member.key).await?;
    ensure!(status == 200, "{status} {answer}");
    Ok(member)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a1_one_person_is_one_officer_and_nobody_recovers_themselves() -> Result<()> {
    let scene = Scene::new("24h").await?;
    let (ann_too, bo_too) =
        (second(&scene, "ann-admin", "ann").await?, second(&scene, "bo-admin", "bo").await?);
    // The owner by another account of hers, who is an officer, neither opens nor signs nor finishes.
    let own = vote(&ann_too, new_id(RecoveryId::from_parts)?, "ann")?;
    refused(send(&scene.api, &ann_too, "/v1/recoveries", &own).await?, 403, "own-recovery")?;
    let id = scene.opened("ann").await?;
    refused(scene.sign(&ann_too, &id, "ann").await?, 403, "own-recovery")?;
    refused(scene.act(&ann_too, &id, "finish").await?, 403, "own-recovery")?;
    // The same officer, and the same person by another account.
    refused(scene.sign(&scene.bo, &id, "ann").await?, 409, "signed-already")?;
    refused(scene.sign(&bo_too, &id, "ann").await?, 409, "signed-already")?;
    refused(scene.act(&scene.bo, &id, "finish").await?, 409, "recovery-not-signed")?;
    // An account has one recovery at a time.
    let another = vote(&scene.chen, new_id(RecoveryId::from_parts)?, "ann")?;
    refused(send(&scene.api, &scene.chen, "/v1/recoveries", &another).await?, 409, "recovery-exists")?;
    let after = accepted(scene.sign(&scene.chen, &id, "ann").await?, "due")?;
    ensure!(after["votes"].as_array().is_some_and(|votes| votes.len() == 2), "{after}");
    refused(scene.act(&scene.chen, &id, "finish").await?, 409, "recovery-waits")?;
    ensure!(session(&scene.api, &scene.ann.person).await.is_ok(), "ann was locked out before the end");
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i5_a_vote_counts_for_one_recovery_of_one_account_by_an_officers_own_key() -> Result<()> {
    let scene = Scene::new("24h").await?;
    let Scene { server, api, ann, bo, chen, .. } = &scene;
    let eve = Member::engineer(server, api, "eve").await?;
    let of_eve = vote(&eve, new_id(RecoveryId::from_parts)?, "ann")?;
    refused(send(api, &eve, "/v1/recoveries", &of_eve).await?, 403, "not-allowed")?;
    let (one, other) = (scene.opened("ann").await?, scene.opened("eve").await?);
    let path = format!("/v1/recoveries/{one}/votes");
    // For another account, for another recovery, for another one of the same account.
    for (recovery, user) in [(&one, "eve"), (&other, "ann"), (&other, "eve")] {
        let vote = vote(chen, recovery.parse()?, user)?;
        refused(send(api, chen, &path, &vote).await?, 409, "other-recovery")?;
    }
    refused(scene.sign(&eve, &one, "ann").await?, 403, "not-allowed")?;
    refused(scene.act(&eve, &one, "finish").await?, 403, "not-allowed")?;
    // In bo's name, by a key that is nobody's, for something else, and one of before.
    let good = vote(chen, one.parse()?, "ann")?;
    refused(send(api, chen, &path, &vote(bo, one.parse()?, "ann")?).await?, 403, "other-approver")?;
    let by = async |key: &Key, namespace, text: String| {
        let signed = key.sign_text(namespace, text);
        let body = json!({ "text": signed.request, "signature": signed.signature });
        api.call(&chen.token, Method::POST, &path, &body).await
    };
    refused(by(&Key::new()?, NAMESPACE, good.to_text()).await?, 403, "no-such-key")?;
    refused(by(&chen.key, approval::NAMESPACE, good.to_text()).await?, 401, "approval-signature")?;
    refused(by(&chen.key, NAMESPACE, format!("{}x", good.to_text())).await?, 400, "malformed-approval")?;
    let mut old = good.clone();
    old.id = ApprovalId::from_parts(UnixMillis(old.id.time().0 - 121_000), 7);
    refused(send(api, chen, &path, &old).await?, 401, "stale")?;
    // A session for the account is none to decide about others with, and the owner alone can veto.
    let owner = api.own(&chen.person).await?;
    let signed = chen.key.sign_text(NAMESPACE, good.to_text());
    let body = json!({ "text": signed.request, "signature": signed.signature });
    refused(api.call(&owner, Method::POST, &path, &body).await?, 401, "no-session")?;
    refused(scene.act(&eve, &one, "veto").await?, 404, "no-recovery")?;
    let seen = scene.look(&one).await?;
    ensure!(
        seen["state"] == "open" && seen["votes"].as_array().is_some_and(|votes| votes.len() == 1),
        "{seen}"
    );
    let (_, list) = api.call(&ann.token, Method::GET, "/v1/recoveries", &Value::Null).await?;
    ensure!(list["recoveries"].as_array().is_some_and(|own| own.len() == 1), "ann sees others': {list}");
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_vetoes_an_officer_denies_and_the_link_in_the_warning_ends_it() -> Result<()> {
    let scene = Scene::new("1s").await?;
    let Scene { smtp, api, ann, bo, chen, .. } = &scene;
    let id = scene.signed("ann").await?;
    let (status, answer) = scene.act(ann, &id, "veto").await?;
    ensure!(status == 200 && answer["outcome"] == "vetoed", "{status} {answer}");
    refused(scene.act(bo, &id, "finish").await?, 409, "recovery-over")?;
    refused(scene.act(ann, &id, "veto").await?, 409, "recovery-over")?;
    mail(smtp, "ann@example.com", "has ended: vetoed")?;

    let id = scene.opened("ann").await?;
    let mut no = vote(chen, id.parse()?, "ann")?;
    no.verdict = Verdict::Deny;
    let path = format!("/v1/recoveries/{id}/votes");
    let closed = accepted(send(api, chen, &path, &no).await?, "closed")?;
    ensure!(closed["outcome"] == "denied", "{closed}");
    refused(scene.sign(chen, &id, "ann").await?, 409, "recovery-over")?;

    let id = scene.signed("ann").await?;
    let warning = mail(smtp, "ann@example.com", "the account can be recovered from")?;
    let start = warning.body.find(&format!("{URL}/freeze/")).context("a link")? + URL.len();
    let link = warning.body[start..].split_whitespace().next().unwrap_or_default();
    let (status, _) = api.call("", Method::POST, link, &Value::Null).await?;
    ensure!(status == 200, "{status}");
    refused(scene.act(bo, &id, "finish").await?, 409, "recovery-over")?;
    ensure!(scene.look(&id).await?["outcome"] == "user-disabled", "{}", scene.look(&id).await?);
    let off = vote(bo, new_id(RecoveryId::from_parts)?, "ann")?;
    refused(send(api, bo, "/v1/recoveries", &off).await?, 409, "account-disabled")?;
    scene.audit()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a4_an_officer_who_was_disabled_does_not_count_and_one_who_was_recovered_decides_nothing()
-> Result<()> {
    let scene = Scene::new("1s").await?;
    let dee = Member::officer(&scene.server, &scene.api, "dee").await?;
    let Scene { server, api, bo, .. } = &scene;
    // chen signs, and is not an officer to rely on by the time the wait is over.
    let id = scene.signed("ann").await?;
    run(&mut server.command(&["user", "disable", "chen"])?)?;
    refused(scene.act(bo, &id, "finish").await?, 409, "recovery-over")?;
    ensure!(scene.look(&id).await?["outcome"] == "not-permitted", "{}", scene.look(&id).await?);
    run(&mut server.command(&["user", "enable", "chen"])?)?;

    let id = scene.opened("chen").await?;
    accepted(scene.sign(&dee, &id, "chen").await?, "due")?;
    let first = scene.finished(bo, &id).await?;
    // While nobody has taken it, another invitation takes its place.
    let second = scene.finished(&dee, &id).await?;
    let (status, _) = api.post("/v1/invitation", &json!({ "token": first })).await?;
    ensure!(status == 404, "two invitations at once: {status}");
    tokio::task::block_in_place(|| dee.person.login())?;
    let (secret, _) = tokio::task::block_in_place(|| accept(&dee.person, &second, "chosen by chen anew"))?;
    refused(scene.act(bo, &id, "finish").await?, 409, "recovery-over")?;

    let added = json!({ "email": "chen@example.com", "totp_secret": secret }).to_string();
    let home = tempfile::tempdir()?;
    let person = Person::at(server, "chen", "chosen by chen anew".to_owned(), &added, home.path())?;
    // The app has shown a code for the invitation already.
    let _ = person.phone.code();
    let again = Member::of(person, api).await?;
    let (status, _) = api.call(&again.token, Method::GET, "/v1/admin/users", &Value::Null).await?;
    ensure!(status == 403, "administers: {status}");
    // The keys of before are gone: whoever has the old one signs nothing.
    let mine = api.call(&again.token, Method::GET, "/v1/account/signing-keys", &Value::Null).await?;
    ensure!(mine.1["signing_keys"].as_array().is_some_and(Vec::is_empty), "{mine:?}");
    let (status, answer) = again.register(api, &again.key).await?;
    ensure!(status == 200, "{status} {answer}");
    let id = scene.opened("ann").await?;
    refused(scene.sign(&again, &id, "ann").await?, 403, "not-allowed")?;
    scene.audit()
}
