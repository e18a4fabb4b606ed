//! Takes up changes of the policy's folder: read, try, record, and only then decide by it.
//!
//! The folder is read every second, which works on every file system; SIGHUP has it read at once. What is there counts
//! once two readings agree, so that a file that is just being written is left alone. Whoever changes several files at
//! once and wants no state between seen makes `policy` a symbolic link and turns it to another folder.

use std::sync::Arc;
use std::time::Duration;

use ca_core::log::event::What;
use ca_core::policy::{Policy, PolicyError, PolicyFiles};
use tokio::signal::unix::Signal;
use tokio::task::spawn_blocking;

use super::files::{check_cas, in_folder, judge, read};
use crate::app::SharedApp;
use crate::ledger::Draft;

/// How often the folder is read.
const PERIOD: Duration = Duration::from_secs(1);

/// How long after SIGHUP the folder is read for the second time.
const SETTLED: Duration = Duration::from_millis(200);

/// Watches the folder for as long as the server runs.
pub async fn reload(app: SharedApp, mut hangup: Signal) {
    let mut watch = Watch::default();
    let mut interval = tokio::time::interval(PERIOD);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = interval.tick() => {}
            _ = hangup.recv() => {
                tracing::info!("asked to read the policy again");
                watch = Watch::default();
                watch.look(&app).await;
                tokio::time::sleep(SETTLED).await;
            }
        }
        watch.look(&app).await;
    }
}

type Reading = Result<PolicyFiles, PolicyError>;

/// What was seen of the folder.
#[derive(Debug, Default)]
struct Watch {
    last: Option<Reading>,
    judged: bool,
}

impl Watch {
    /// Reads the folder, and judges what two readings agree on, once.
    async fn look(&mut self, app: &SharedApp) {
        let folder = app.in_force.folder().to_owned();
        let Ok(reading) = spawn_blocking(move || read(&folder)).await else { return };
        if self.last.as_ref() != Some(&reading) {
            *self = Self { last: Some(reading), judged: false };
        } else if !self.judged {
            self.judged = take_up(app, reading).await;
        }
    }
}

/// Tells whether the reading is dealt with; otherwise it is tried again.
async fn take_up(app: &SharedApp, reading: Reading) -> bool {
    let cas = app.ca.public().clone();
    let judge = move |files: PolicyFiles| {
        let policy = judge(&files)?;
        check_cas(&policy, &cas).map(|()| policy)
    };
    let judged = spawn_blocking(move || reading.and_then(judge)).await;
    match judged {
        Ok(Ok(policy)) if policy.id() == app.policy().id() => {
            app.in_force.note(None);
            true
        }
        Ok(Ok(policy)) => adopt(app, policy).await,
        Ok(Err(error)) => {
            let reason = in_folder(app.in_force.folder(), &error);
            tracing::error!(reason, in_force = %app.policy().id(), "alarm: the policy in the folder is refused");
            app.in_force.note(Some(reason));
            true
        }
        Err(error) => {
            tracing::error!(%error, "the policy in the folder could not be read");
            false
        }
    }
}

/// Records a policy, then decides by it. While the log cannot be written, the old one stays (I10).
async fn adopt(app: &SharedApp, policy: Policy) -> bool {
    let _changing = app.in_force.begin_change().await;
    let adopted = What::PolicyAdopted { policy: policy.id(), text: policy.text().to_owned() };
    match app.ledger.append(Draft::Event(adopted)).await {
        Ok(_) => {
            tracing::info!(policy = %policy.id(), replaced = %app.policy().id(), "policy adopted");
            app.in_force.exchange(Arc::new(policy));
            true
        }
        Err(error) => {
            tracing::warn!(%error, "the new policy cannot be recorded; the old one stays, and it is tried again");
            app.in_force.note(Some(format!("it cannot be recorded: {error}")));
            false
        }
    }
}
