//! A5: emergencies while the policy is being replaced.

use std::process::Command;

use anyhow::{Result, bail, ensure};
use ca_core::voucher::VoucherSecret;
use countersign_tests::api::problem;
use countersign_tests::approvals::RULES;
use countersign_tests::process::run;

use crate::{Scene, profiles};

/// How many emergencies there are, one after the other on each of a few lanes.
const EMERGENCIES: usize = 120;

/// On how many lanes.
const LANES: usize = 4;

/// How often the folder changes meanwhile.
const RELOADS: usize = 6;

/// How often a policy may come between before somebody gives up.
const TRIES: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a5_a_reload_neither_holds_up_an_emergency_nor_spends_its_voucher() -> Result<()> {
    let scene = Scene::new().await?;
    let mut secrets = Vec::new();
    for _ in 0..EMERGENCIES {
        secrets.push(scene.sealed().await?.1);
    }
    let emergencies = async {
        let lanes = secrets.chunks(EMERGENCIES / LANES).map(async |secrets| {
            for secret in secrets {
                until_issued(&scene, secret).await?;
            }
            Ok::<_, anyhow::Error>(secrets.len())
        });
        futures_util::future::try_join_all(lanes).await
    };
    let reloads = async {
        for n in 0..RELOADS {
            // Another policy, but not for the vault.
            let profiles = profiles().replace("The lab", &format!("Lab {n}"));
            scene.server.set_policy(&profiles, RULES)?;
            run(Command::new("kill").args(["-HUP", &scene.server.process()?.id().to_string()]))?;
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        Ok::<_, anyhow::Error>(())
    };
    let (issued, reloaded) = tokio::join!(emergencies, reloads);
    reloaded?;
    ensure!(issued?.into_iter().sum::<usize>() == EMERGENCIES, "one was lost");
    scene.audit()
}

/// Shows the voucher until there is a certificate: a request that a new policy voids is asked again, with the same voucher.
async fn until_issued(scene: &Scene, secret: &VoucherSecret) -> Result<()> {
    for _ in 0..TRIES {
        let (status, answer) = scene.use_for(&scene.ann, "vault", secret).await?;
        match (status, problem(&answer)) {
            (200, _) => return Ok(()),
            (409, "request-over") => {}
            _ => bail!("{status} {answer}"),
        }
    }
    bail!("the voucher was not taken in {TRIES} tries")
}
