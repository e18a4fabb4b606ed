//! `ca-server serve`: runs until it is told to stop, then finishes what is in flight.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum_server::Handle;
use clap::Args;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::ConfigFile;
use crate::app::SharedApp;
use crate::config::Limits;
use crate::ledger::Tasks;
use crate::{approvals, listen, policy, recovery, routes, start, warnings};

/// How long calls in flight have after the signal to stop.
const GRACE: Duration = Duration::from_secs(20);

/// How often failed logins are summed up and expired sessions deleted.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// How often messages that wait are looked for.
const DELIVERY: Duration = Duration::from_secs(1);

/// What `serve` takes.
#[derive(Args, Debug)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigFile,
    /// Write the addresses into this file once calls are answered, one URL a line
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        log_json();
        let mut stop = StopSignal::listen().context("signals")?;
        let hangup = signal(SignalKind::hangup()).context("signals")?;
        let prometheus = PrometheusBuilder::new().install_recorder().context("metrics")?;
        let config = self.config.load()?;
        let limits = config.limits;
        let listener = listen::bind(config.listen)?;
        let operations = config.metrics_listen.map(listen::bind).transpose()?;
        let tls = match &config.tls {
            Some(files) => Some(listen::tls(files).await?),
            None => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut urls = vec![format!("{scheme}://{}", listener.local_addr()?)];
        if let Some(operations) = &operations {
            urls.push(format!("http://{}", operations.local_addr()?));
        }
        let (app, tasks) = tokio::select! {
            started = start::app(config) => started?,
            () = stop.asked() => {
                tracing::info!("stopped before it served");
                return Ok(());
            }
        };
        tracing::info!(?urls, policy = %app.policy().id(), "listening");
        if let Some(path) = &self.ready_file {
            std::fs::write(path, urls.join("\n") + "\n").with_context(|| path.display().to_string())?;
        }
        let handle = Handle::new();
        tokio::spawn(stop_when_asked(stop, handle.clone()));
        if let Some(operations) = operations {
            tokio::spawn(serve_operations(operations, Arc::clone(&app), prometheus, limits));
        }
        let beside = [
            tokio::spawn(housekeeping(Arc::clone(&app))),
            tokio::spawn(deliver(Arc::clone(&app))),
            tokio::spawn(policy::reload(Arc::clone(&app), hangup)),
        ];
        let router = routes::router(Arc::clone(&app), limits.call);
        listen::serve(listener, tls, router, handle, limits).await?;
        beside.iter().for_each(tokio::task::JoinHandle::abort);
        finish(app, tasks).await;
        Ok(())
    }
}

/// Logs as JSON lines on standard output; what is never logged stands in `docs/operations.md`.
fn log_json() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("CA_SERVER_LOG_FILTER")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // Whoever reads the log may go; complaining about that on a closed standard error would end the task that logs.
    let builder = tracing_subscriber::fmt().log_internal_errors(false);
    builder.json().flatten_event(true).with_env_filter(filter).init();
}

async fn serve_operations(
    listener: std::net::TcpListener,
    app: SharedApp,
    prometheus: PrometheusHandle,
    limits: Limits,
) {
    let router = routes::operations(app, prometheus);
    if let Err(error) = listen::serve(listener, None, router, Handle::new(), limits).await {
        tracing::error!(%error, "the listener for operators ended");
    }
}

/// The signals that ask the server to stop, caught from its first moment on.
struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of them.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn stop_when_asked(mut stop: StopSignal, handle: Handle<SocketAddr>) {
    stop.asked().await;
    handle.graceful_shutdown(Some(GRACE));
    tracing::info!("stopping: finishing what is in flight");
}

/// Records failed logins whose window is over, forgets what has expired, and takes requests and recoveries further that wait.
async fn housekeeping(app: SharedApp) {
    let mut interval = tokio::time::interval(HOUSEKEEPING);
    loop {
        interval.tick().await;
        if let Err(error) = app.login.housekeeping().await {
            tracing::warn!(%error, "housekeeping failed; it is tried again");
        }
        if let Err(error) = approvals::sweep(&app).await {
            tracing::warn!(%error, "requests that wait cannot be looked at; it is tried again");
        }
        if let Err(error) = recovery::sweep(&app).await {
            tracing::warn!(%error, "recoveries cannot be looked at; it is tried again");
        }
    }
}

/// Sends the messages that wait; a provider that hangs holds up nothing else.
async fn deliver(app: SharedApp) {
    let mut interval = tokio::time::interval(DELIVERY);
    loop {
        interval.tick().await;
        if let Err(error) = warnings::deliver(app.login.setup()).await {
            tracing::warn!(%error, "messages cannot be sent; they are tried again");
        }
    }
}

/// Waits for the log's tasks: what was answered is committed already, and now it is published too.
async fn finish(app: SharedApp, tasks: Tasks) {
    app.login.flush().await;
    app.revocations.stop();
    app.ledger.close();
    if tokio::time::timeout(GRACE, tasks.finished()).await.is_err() {
        tracing::warn!("the log is not published to its end; the next start finishes it");
    }
    // Closed, the database is one file, which is what people copy.
    app.login.close().await;
    tracing::info!("stopped");
}
