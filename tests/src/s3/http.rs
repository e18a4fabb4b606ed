//! Sockets, and the faults that happen on them.

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::service::S3Service;
use s3s::{Body, HttpError, S3Error, S3ErrorCode, s3_error};
use tokio::net::{TcpListener, TcpStream};

use super::faults::{Fault, Faults};

/// Serves until dropped.
pub(super) async fn serve(listener: TcpListener, service: S3Service, faults: Faults) {
    loop {
        // A failed accept is the client's business: it gave up, or the process is out of files for a moment.
        if let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream, service.clone(), faults.clone()));
        }
    }
}

async fn connection(stream: TcpStream, service: S3Service, faults: Faults) {
    // Without this every answer of two packets waits 40 ms for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| call(service.clone(), faults.clone(), request));
    // An error here is a connection that ended, ours on purpose included.
    let _ =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), answer).await;
}

async fn call(
    service: S3Service,
    faults: Faults,
    request: Request<Incoming>,
) -> Result<Response<Body>, HttpError> {
    let planned = faults.arrive(request.method(), &request.uri().to_string());
    let latency = faults.latency();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match planned {
        None => service.call(request.map(Body::from)).await,
        Some(Fault::Reset) => Err(closed()),
        Some(Fault::ReplyLost) => {
            service.call(request.map(Body::from)).await?;
            Err(closed())
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Late(by)) => {
            tokio::time::sleep(by).await;
            service.call(request.map(Body::from)).await
        }
        Some(Fault::InternalError) => refused(s3_error!(InternalError, "planned")),
        Some(Fault::SlowDown) => refused(s3_error!(SlowDown, "planned")),
        Some(Fault::Forbidden) => refused(s3_error!(AccessDenied, "planned")),
        Some(Fault::Conflict) => refused(conflict()),
    }
}

fn conflict() -> S3Error {
    let code = S3ErrorCode::Custom("ConditionalRequestConflict".into());
    let mut error = S3Error::with_message(code, "planned");
    error.set_status_code(hyper::StatusCode::CONFLICT);
    error
}

fn refused(error: S3Error) -> Result<Response<Body>, HttpError> {
    error.to_http_response().map_err(|error| HttpError::new(Box::new(error)))
}

/// Makes hyper close the connection without an answer.
fn closed() -> HttpError {
    HttpError::new("closed on purpose".into())
}
