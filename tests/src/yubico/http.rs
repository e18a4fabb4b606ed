//! Sockets, and the misbehaviour that happens on them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::PATH;
use super::answer::Answer;
use super::misbehaviour::Misbehaviour;
use super::registry::Registry;

/// What all connections share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    registry: Mutex<Registry>,
    misbehaviour: Mutex<Option<Misbehaviour>>,
    last_answer: Mutex<String>,
    pub(super) released: Notify,
    pub(super) questions: AtomicU64,
}

impl Shared {
    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn misbehaviour(&self) -> MutexGuard<'_, Option<Misbehaviour>> {
        self.misbehaviour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_answer(&self) -> MutexGuard<'_, String> {
        self.last_answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Serves until dropped.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // A failed accept is the client's business.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, Arc::clone(&shared)));
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| call(Arc::clone(&shared), request));
    // An error here is a connection that ended, ours on purpose included.
    let _ =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}

async fn call(shared: Arc<Shared>, request: Request<Incoming>) -> hyper::http::Result<Response<Full<Bytes>>> {
    if request.uri().path() != PATH {
        return reply(StatusCode::NOT_FOUND, Vec::new());
    }
    if request.method() != Method::GET {
        return reply(StatusCode::METHOD_NOT_ALLOWED, Vec::new());
    }
    // Whoever sees the question counted and then releases it must not be too early.
    let mut released = std::pin::pin!(shared.released.notified());
    released.as_mut().enable();
    shared.questions.fetch_add(1, Ordering::SeqCst);
    let misbehaviour = *shared.misbehaviour();
    match misbehaviour {
        Some(Misbehaviour::Silence) => std::future::pending().await,
        Some(Misbehaviour::Hold) => released.await,
        _ => {}
    }
    let text = text(&shared, request.uri().query().unwrap_or_default(), misbehaviour);
    let Some(misbehaviour) = misbehaviour else { return reply(StatusCode::OK, text.into()) };
    let body = misbehaviour.deface(&text);
    match misbehaviour {
        Misbehaviour::HttpStatus(status) => reply(StatusCode::from_u16(status)?, body),
        Misbehaviour::Redirect => Response::builder()
            .status(StatusCode::FOUND)
            .header(header::LOCATION, request.uri().to_string())
            .body(Full::from(body)),
        // More is promised than comes; hyper closes the connection.
        Misbehaviour::CutShort => {
            Response::builder().header(header::CONTENT_LENGTH, body.len() + 100).body(Full::from(body))
        }
        _ => reply(StatusCode::OK, body),
    }
}

fn text(shared: &Shared, query: &str, misbehaviour: Option<Misbehaviour>) -> String {
    let mut last = shared.last_answer();
    if misbehaviour != Some(Misbehaviour::LastAnswer) {
        let mut registry = shared.registry();
        if misbehaviour == Some(Misbehaviour::Forgetful) {
            registry.forget();
        }
        let mut answer = Answer::to(query, &mut registry);
        if let Some(misbehaviour) = misbehaviour {
            misbehaviour.distort(&mut answer);
        }
        *last = answer.text();
    }
    last.clone()
}

fn reply(status: StatusCode, body: Vec<u8>) -> hyper::http::Result<Response<Full<Bytes>>> {
    Response::builder().status(status).header(header::CONTENT_TYPE, "text/plain").body(Full::from(body))
}
