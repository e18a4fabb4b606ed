//! A server whose page for security keys browsers find at `http://localhost`, and its calls.

use anyhow::{Context as _, Result, ensure};
use ca_api::{Ceremony, LoginChallenge, ShownCeremony};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::person::Person;
use crate::process::run;
use crate::server::Server;
use crate::webauthn::{Manner, SecurityKey};

/// Starts a server without TLS, as browsers take it from `localhost` alone, with the factor `webauthn`.
pub fn server() -> Result<Server> {
    server_with("")
}

/// Starts such a server with more in its `[webauthn]`.
pub fn server_with(more: &str) -> Result<Server> {
    let mut server = Server::make(None)?;
    run(&mut server.init_command()?)?;
    let config = std::fs::read_to_string(server.config())?;
    let listen = config.lines().find_map(|line| line.strip_prefix("listen = \"127.0.0.1:"));
    let port = listen.and_then(|rest| rest.strip_suffix('"')).context("no port")?.to_owned();
    let tls = "[tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n";
    ensure!(config.contains(tls), "no TLS in\n{config}");
    let page = format!("[webauthn]\nurl = \"http://localhost:{port}\"\n{more}");
    std::fs::write(server.config(), config.replace(tls, &page))?;
    server.serve()?;
    Ok(server)
}

/// An answer: status and body.
#[derive(Debug)]
pub struct Said {
    /// The status.
    pub status: StatusCode,
    /// The body, null when there is none.
    pub body: Value,
}

impl Said {
    /// Tells whether it is this kind of problem.
    pub fn is(&self, status: u16, word: &str) -> bool {
        self.status == status && self.body["type"] == format!("urn:countersign:problem:{word}")
    }

    /// Reads the body of an answer that is none.
    pub fn good<T: serde::de::DeserializeOwned>(self) -> Result<T> {
        ensure!(self.status.is_success(), "{self:?}");
        Ok(serde_json::from_value(self.body)?)
    }
}

/// Somebody's program and browser, at one server.
pub struct Caller {
    client: Client,
    url: String,
    /// The origin of the page.
    pub origin: String,
}

impl Caller {
    /// Prepares to call a server that [`server`] has started.
    pub fn new(server: &Server) -> Result<Self> {
        let url = server.url().to_owned();
        let origin = url.replace("127.0.0.1", "localhost");
        Ok(Self { client: Client::builder().no_proxy().build()?, url, origin })
    }

    /// Calls from another address of this machine, such as 127.0.0.2.
    pub fn from(self, address: [u8; 4]) -> Result<Self> {
        let client = Client::builder().no_proxy().local_address(std::net::IpAddr::from(address)).build()?;
        Ok(Self { client, ..self })
    }

    /// Calls as the program.
    pub async fn api(&self, path: &str, token: Option<&str>, body: &Value) -> Result<Said> {
        let mut request = self.client.request(Method::POST, format!("{}{path}", self.url)).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        said(request).await
    }

    /// Calls as the page, or as a page of another origin, or as no page.
    pub async fn page(&self, path: &str, origin: Option<&str>, body: &Value) -> Result<Said> {
        let mut request = self.client.post(format!("{}{path}", self.url)).json(body);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        said(request).await
    }

    /// Fetches a file of the page.
    pub async fn file(&self, path: &str) -> Result<reqwest::Response> {
        Ok(self.client.get(format!("{}{path}", self.url)).send().await?)
    }

    /// Types the password; gives the challenge.
    pub async fn first_step(&self, person: &Person, purpose: &str) -> Result<String> {
        let first = json!({ "user": person.name, "password": person.password, "purpose": purpose });
        Ok(self.api("/v1/login", None, &first).await?.good::<LoginChallenge>()?.challenge.0)
    }

    /// Sends the second step of a login.
    pub async fn second_step(&self, challenge: &str, kind: &str, code: &str) -> Result<Said> {
        let second = json!({ "challenge": challenge, "kind": kind, "code": code });
        self.api("/v1/login/factor", None, &second).await
    }

    /// Logs in for changing the account, with the phone; gives the token.
    pub async fn account_session(&self, person: &Person) -> Result<String> {
        let challenge = self.first_step(person, "account").await?;
        let login: Value = self.second_step(&challenge, "totp", &person.phone.code()).await?.good()?;
        login["token"].as_str().map(str::to_owned).context("no token")
    }

    /// Opens a ceremony that adds a key.
    pub async fn begin_registration(&self, token: &str, label: &str) -> Result<Ceremony> {
        self.api("/v1/account/factors/webauthn", Some(token), &json!({ "label": label })).await?.good()
    }

    /// Asks whether the key was added.
    pub async fn confirm(&self, token: &str, ceremony: &Ceremony) -> Result<Said> {
        let path = "/v1/account/factors/webauthn/confirm";
        self.api(path, Some(token), &json!({ "poll": ceremony.poll.0 })).await
    }

    /// Opens a ceremony for a login; gives it with the login's challenge.
    pub async fn begin_login(&self, person: &Person) -> Result<(String, Ceremony)> {
        let challenge = self.first_step(person, "access").await?;
        let ceremony = self.api("/v1/login/webauthn", None, &json!({ "challenge": challenge })).await?;
        Ok((challenge, ceremony.good()?))
    }

    /// Opens the link, as the page does.
    pub async fn show(&self, ceremony: &Ceremony) -> Result<ShownCeremony> {
        self.page("/webauthn/ceremony", Some(&self.origin), &link(ceremony)?).await?.good()
    }

    /// Sends what a key gave, as the page does.
    pub async fn answer(&self, ceremony: &Ceremony, credential: &Value) -> Result<Said> {
        let answer = json!({ "key": link(ceremony)?, "credential": credential });
        self.page("/webauthn/answer", Some(&self.origin), &answer).await
    }

    /// Adds a key to somebody's account.
    pub async fn register(&self, person: &Person, label: &str, key: &mut SecurityKey) -> Result<()> {
        let token = self.account_session(person).await?;
        let ceremony = self.begin_registration(&token, label).await?;
        let shown = self.show(&ceremony).await?;
        let credential = key.create(&shown.options, &Manner::at(&self.origin)?)?;
        ensure!(self.answer(&ceremony, &credential).await?.status == 204);
        self.confirm(&token, &ceremony).await?.good::<Value>().map(drop)
    }

    /// Shows a key at a login; gives what the page is told, and then what the program is told.
    pub async fn log_in(
        &self,
        person: &Person,
        key: &mut SecurityKey,
        manner: &Manner,
    ) -> Result<(Said, Said)> {
        let (challenge, ceremony) = self.begin_login(person).await?;
        let shown = self.show(&ceremony).await?;
        let page = self.answer(&ceremony, &key.get(&shown.options, manner)?).await?;
        Ok((page, self.second_step(&challenge, "webauthn", &ceremony.poll.0).await?))
    }
}

/// Gives what the page opens a ceremony with.
pub fn link(ceremony: &Ceremony) -> Result<Value> {
    let (_, link) = ceremony.url.0.split_once('#').context("no secret in the link")?;
    Ok(json!({ "link": link }))
}

async fn said(request: reqwest::RequestBuilder) -> Result<Said> {
    let answer = request.send().await?;
    let status = answer.status();
    Ok(Said { status, body: serde_json::from_slice(&answer.bytes().await?).unwrap_or_default() })
}
