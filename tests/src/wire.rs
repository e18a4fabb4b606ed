//! A client that sends whatever bytes it is told to, and reads what comes until the connection ends.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ca_api::Problem;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::http::{tcp_from, trust};
use crate::server::Server;

/// How long to wait for the end of a connection; a server that never ends it fails the test, however fast or slow.
const PATIENCE: Duration = Duration::from_secs(90);

/// The way to one server.
#[derive(Clone)]
pub struct Wire {
    address: SocketAddr,
    tls: TlsConnector,
}

/// An answer with its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The header fields, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Wire {
    /// Finds the way to a server.
    pub fn to(server: &Server) -> Result<Self> {
        let address = server.url().strip_prefix("https://").context("not https")?.parse()?;
        Ok(Self { address, tls: trust(&server.tls_certificate())? })
    }

    /// Connects, and says nothing.
    pub async fn tcp(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Connects from one of this machine's addresses, and says nothing.
    pub async fn tcp_from(&self, source: IpAddr) -> Result<TcpStream> {
        tcp_from(source, self.address).await
    }

    /// Connects, shakes hands, and then says nothing.
    pub async fn tls(&self) -> Result<TlsStream<TcpStream>> {
        let name = rustls::pki_types::ServerName::IpAddress(self.address.ip().into());
        Ok(self.tls.connect(name, self.tcp().await?).await?)
    }

    /// Sends bytes on a connection of their own, and gives the reply.
    pub async fn send(&self, bytes: &[u8]) -> Result<Reply> {
        let mut stream = self.tls().await?;
        // A server that has seen enough answers, or closes, before all is sent.
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        Reply::parse(&until_closed(&mut stream).await?)
    }

    /// Makes one call, the usual way.
    pub async fn call(&self, method: &str, path: &str, head: &[(&str, &str)], body: &[u8]) -> Result<Reply> {
        self.send(&request(method, path, head, body)).await
    }

    /// Makes one call with a JSON body and, perhaps, a session.
    pub async fn post(&self, path: &str, token: Option<&str>, json: &impl serde::Serialize) -> Result<Reply> {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut head = vec![("content-type", "application/json")];
        head.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        self.call("POST", path, &head, &serde_json::to_vec(json)?).await
    }

    /// Makes one call without a body.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Result<Reply> {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let head: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
        self.call("GET", path, &head, b"").await
    }
}

/// Writes a request after which the connection ends.
pub fn request(method: &str, path: &str, head: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n").into_bytes();
    for (name, value) in head {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !body.is_empty() || method == "POST" {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// Reads until the other side closes the connection, politely or not.
pub async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reading = async {
        // An error is an end as well: a reset, or TLS cut off.
        while stream.read_buf(&mut bytes).await.is_ok_and(|read| read > 0) {}
    };
    tokio::time::timeout(PATIENCE, reading).await.context("the server never closes the connection")?;
    Ok(bytes)
}

impl Reply {
    /// Takes a reply apart.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.with_context(|| format!("no reply but {:?}", String::from_utf8_lossy(bytes)))?;
        let head = std::str::from_utf8(&bytes[..end])?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12)).context("no status line")?.parse()?;
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Ok(Self { status, headers, body: bytes[end + 4..].to_vec() })
    }

    /// Gives a header field.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Gives the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Reads the body of a good answer.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        ensure!(self.status == 200, "status {}: {}", self.status, self.text());
        serde_json::from_slice(&self.body).with_context(|| self.text())
    }

    /// Reads the body of an error, which must be a problem that agrees with the head.
    pub fn problem(&self) -> Result<Problem> {
        ensure!(self.status >= 400, "status {} is no error: {}", self.status, self.text());
        let kind = self.header("content-type");
        ensure!(
            kind == Some("application/problem+json"),
            "status {} is {kind:?}: {}",
            self.status,
            self.text()
        );
        let problem: Problem = serde_json::from_slice(&self.body).with_context(|| self.text())?;
        ensure!(problem.status == self.status, "status {} says {problem:?}", self.status);
        ensure!(problem.kind.starts_with(Problem::PREFIX), "{problem:?}");
        let after = self.header("retry-after").map(str::parse).transpose()?;
        ensure!(after == problem.retry_after_secs, "retry-after {after:?} says {problem:?}");
        Ok(problem)
    }

    /// Checks that this is an error of one status and kind; gives its problem.
    pub fn expect(&self, status: u16, kind: &str) -> Result<Problem> {
        let problem = self.problem()?;
        let found = (self.status, problem.kind.trim_start_matches(Problem::PREFIX));
        ensure!(found == (status, kind), "{found:?} instead of {:?}: {problem:?}", (status, kind));
        Ok(problem)
    }
}
