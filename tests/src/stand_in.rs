//! An HTTP API that a test answers for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use http_body_util::BodyExt as _;
use hyper::body::{Bytes, Incoming};
use hyper::header::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::background::Background;

/// A call that came in, read to its end.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path, and the query if there is one.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Call {
    /// Gives a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Reads the body as a form; `None` when it is said to be something else.
    pub fn form(&self) -> Option<Vec<(String, String)>> {
        let kind = self.header("content-type").split(';').next().unwrap_or_default();
        if kind != "application/x-www-form-urlencoded" {
            return None;
        }
        let query = std::str::from_utf8(&self.body).ok()?;
        let url = reqwest::Url::parse(&format!("http://form/?{query}")).ok()?;
        Some(url.query_pairs().into_owned().collect())
    }
}

/// What comes back.
#[derive(Clone, Debug)]
pub enum Reply {
    /// An answer.
    Answer {
        /// The status.
        status: u16,
        /// The type of the body.
        kind: &'static str,
        /// The body.
        body: String,
    },
    /// The same request is to be sent to this URL instead (307).
    Redirect(String),
    /// Nothing, on a connection that stays open.
    Silence,
}

type Answers = dyn Fn(&Call) -> Reply + Send + Sync;

/// A running API; it ends when dropped.
#[derive(Debug)]
pub struct StandIn {
    background: Background,
    calls: Arc<AtomicU64>,
}

impl StandIn {
    /// Starts one that answers so.
    pub fn start(name: &str, answers: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Result<Self> {
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let answers: Arc<Answers> = Arc::new(move |call| {
            counted.fetch_add(1, Ordering::SeqCst);
            answers(call)
        });
        Ok(Self { background: Background::start(name, |listener| serve(listener, answers))?, calls })
    }

    /// Gives the address, as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.background.address())
    }

    /// Tells how many calls came in.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, answers: Arc<Answers>) {
    loop {
        // A failed accept is the client's business: it gave up, or the process is out of files for a moment.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&answers)));
        }
    }
}

async fn connection(stream: TcpStream, answers: Arc<Answers>) {
    // Without this every answer of two packets waits 40 ms for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| answer(request, Arc::clone(&answers)));
    // An error here is a connection that ended.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

async fn answer(request: Request<Incoming>, answers: Arc<Answers>) -> Result<Response<String>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path = head.uri.path_and_query().map_or_else(String::new, ToString::to_string);
    match answers(&Call { method: head.method, path, headers: head.headers, body }) {
        Reply::Answer { status, kind, body } => {
            Ok(Response::builder().status(status).header("content-type", kind).body(body)?)
        }
        Reply::Redirect(url) => {
            Ok(Response::builder().status(307).header("location", url).body(String::new())?)
        }
        Reply::Silence => std::future::pending().await,
    }
}
