//! The listeners: TLS or loopback, so many connections and no more (S1), and no patience for clients that say nothing (S2).

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::AddExtension;
use axum::{Extension, Router};
use axum_server::Handle;
use axum_server::accept::{Accept, DefaultAcceptor};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;
use tower::Layer as _;

use crate::config::{Limits, Tls};
use crate::connections::{self, Connections, Opened};
use crate::secret_file;

/// How many header bytes a request may have.
const MAX_HEAD: usize = 32 * 1024;

/// How many header fields a request may have.
const MAX_FIELDS: usize = 64;

/// Closes connections that are too many, and cuts those off that are silent for too long; nothing else does before the
/// first byte of a request.
#[derive(Clone, Debug)]
struct Impatient {
    silence: Duration,
    connections: Connections,
}

/// A service that is dropped with its connection, and counts it until then.
type Counted<S> = AddExtension<S, Arc<Opened>>;

type Stream = Pin<Box<TimeoutStream<TcpStream>>>;

impl<S: Send + 'static> Accept<TcpStream, S> for Impatient {
    type Stream = Stream;
    type Service = Counted<S>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Stream, Counted<S>)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let silence = self.silence;
        let opened = stream.peer_addr().map(|peer| self.connections.admit(peer.ip()));
        Box::pin(async move {
            let opened = opened?.ok_or_else(|| io::Error::other("too many connections"))?;
            let service = Extension(Arc::new(opened)).layer(service);
            let (stream, service) = DefaultAcceptor::new().accept(stream, service).await?;
            stream.set_nodelay(true)?;
            let mut stream = TimeoutStream::new(stream);
            stream.set_read_timeout(Some(silence));
            stream.set_write_timeout(Some(silence));
            Ok((Box::pin(stream), service))
        })
    }
}

/// Binds an address; port 0 takes any.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .map_err(|error| io::Error::new(error.kind(), format!("{address}: {error}")))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Loads the certificate and key of the server; a key that others can read is refused (S3).
pub async fn tls(files: &Tls) -> io::Result<RustlsConfig> {
    let Tls { certificate, key } = files;
    let secret = secret_file::read(key).map_err(io::Error::other)?;
    let shown = |what: String, error: io::Error| io::Error::new(error.kind(), format!("{what}: {error}"));
    let public =
        std::fs::read(certificate).map_err(|error| shown(certificate.display().to_string(), error))?;
    RustlsConfig::from_pem(public, secret.to_vec())
        .await
        .map_err(|error| shown(format!("{} and {}", certificate.display(), key.display()), error))
}

/// Serves until the handle is told to stop, then finishes what is in flight.
pub async fn serve(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    router: Router,
    handle: Handle<SocketAddr>,
    limits: Limits,
) -> io::Result<()> {
    let head = Duration::from_secs(limits.head.secs());
    let impatient = Impatient {
        silence: Duration::from_secs(limits.silence.secs()),
        connections: Connections::up_to(connections::with_files_for(limits.connections.get())),
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    if let Some(config) = tls {
        let mut server = axum_server::from_tcp(listener)?
            .acceptor(RustlsAcceptor::new(config).handshake_timeout(head).acceptor(impatient))
            .handle(handle);
        limit(server.http_builder(), head);
        server.serve(service).await
    } else {
        let mut server = axum_server::from_tcp(listener)?.acceptor(impatient).handle(handle);
        limit(server.http_builder(), head);
        server.serve(service).await
    }
}

fn limit(
    builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>,
    head: Duration,
) {
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .max_concurrent_streams(64)
        .keep_alive_interval(head)
        .keep_alive_timeout(head);
}

/// A rustls provider must be there before any TLS.
pub fn install_crypto_provider() {
    // Fails only when one is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
