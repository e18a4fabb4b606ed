//! What was planted, and what was answered.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_tests::server::Server;
use countersign_tests::wire::Wire;
use serde_json::Value;

/// A secret in the forms it could be written in, and the answer that may hold it.
struct Secret {
    name: &'static str,
    forms: Vec<Vec<u8>>,
    shown_in: Option<usize>,
}

/// The head and the body of an answer, and the call they came to.
struct Answer {
    call: String,
    text: String,
}

/// The caller of one server, who remembers every secret and every answer.
pub(super) struct Seen {
    wire: Wire,
    secrets: Vec<Secret>,
    answers: Vec<Answer>,
}

impl Seen {
    pub(super) fn new(server: &Server) -> Result<Self> {
        Ok(Self { wire: Wire::to(server)?, secrets: Vec::new(), answers: Vec::new() })
    }

    /// Calls, with a session or without; the answer must have this status.
    pub(super) async fn call(
        &mut self,
        (method, path): (&str, &str),
        token: &str,
        body: &Value,
        status: u16,
    ) -> Result<Value> {
        let bearer = format!("Bearer {token}");
        let head = [("content-type", "application/json"), ("authorization", bearer.as_str())];
        let head = &head[..if token.is_empty() { 1 } else { 2 }];
        let reply = self.wire.call(method, path, head, body.to_string().as_bytes()).await?;
        let call = format!("{method} {}", path.split("cs_f_").next().unwrap_or_default());
        ensure!(reply.status == status, "{call}: {} {}", reply.status, reply.text());
        self.answers.push(Answer { call, text: format!("{:?}\n{}", reply.headers, reply.text()) });
        Ok(serde_json::from_slice(&reply.body).unwrap_or_default())
    }

    /// Posts without a session.
    pub(super) async fn post(&mut self, path: &str, body: &Value, status: u16) -> Result<Value> {
        self.call(("POST", path), "", body, status).await
    }

    /// Remembers a secret that no answer may hold.
    pub(super) fn plant(&mut self, name: &'static str, secret: &str) {
        self.secrets.push(Secret { name, forms: forms(secret), shown_in: None });
    }

    /// Remembers a secret that the last answer has shown, and no other may; gives it.
    pub(super) fn shown(&mut self, name: &'static str, secret: &Value) -> Result<String> {
        let secret = secret.as_str().with_context(|| format!("no {name}"))?;
        let shown_in = self.answers.len().checked_sub(1);
        self.secrets.push(Secret { name, forms: forms(secret), shown_in });
        Ok(secret.to_owned())
    }

    /// Remembers the bytes behind the last secret.
    pub(super) fn with_bytes(&mut self, bytes: &[u8]) {
        let list = format!("{bytes:?}");
        let more = [bytes.to_vec(), hex::encode_upper(bytes).into(), list.trim_matches(['[', ']']).into()];
        if let Some(last) = self.secrets.last_mut() {
            last.forms.extend(more);
            last.forms.extend(encodings(bytes));
        }
    }

    pub(super) fn assert_shown_once(&self) -> Result<()> {
        for (number, answer) in self.answers.iter().enumerate() {
            for secret in self.secrets.iter().filter(|secret| secret.shown_in != Some(number)) {
                let found = secret.forms.iter().any(|form| find(answer.text.as_bytes(), form).is_some());
                ensure!(!found, "{} is in an answer to {}: {}", secret.name, answer.call, answer.text);
            }
        }
        Ok(())
    }

    pub(super) fn assert_absent(&self, place: &str, bytes: &[u8]) -> Result<()> {
        self.assert_absent_but("", place, bytes)
    }

    pub(super) fn assert_absent_but(&self, allowed: &str, place: &str, bytes: &[u8]) -> Result<()> {
        let text = String::from_utf8_lossy(bytes);
        for secret in self.secrets.iter().filter(|secret| secret.name != allowed) {
            for form in &secret.forms {
                let at = match str::from_utf8(form) {
                    Ok(_) => find(text.as_bytes(), form),
                    Err(_) => bytes.windows(form.len()).position(|window| window == form),
                };
                if let Some(at) = at {
                    let around = &text.as_bytes()[at.saturating_sub(300)..(at + 200).min(text.len())];
                    bail!("{} is in {place}: {}", secret.name, String::from_utf8_lossy(around));
                }
            }
        }
        Ok(())
    }

    /// Looks into every file below a folder but those that hold a secret on purpose.
    pub(super) fn assert_absent_below(&self, folder: &Path, but: &[&str]) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            if path.is_dir() {
                self.assert_absent_below(&path, but)?;
            } else if !but.iter().any(|name| entry.file_name() == *name) {
                self.assert_absent(&path.display().to_string(), &fs::read(&path)?)?;
            }
        }
        Ok(())
    }
}

fn forms(secret: &str) -> Vec<Vec<u8>> {
    let mut plain = vec![secret.to_owned(), secret.replace('-', ""), secret.to_lowercase()];
    if let (8, Some((front, back))) = (secret.len(), secret.split_at_checked(4)) {
        // As the code is written in a message.
        plain.push(format!("{front} {back}"));
    }
    plain.into_iter().map(Vec::from).chain(encodings(secret.as_bytes())).collect()
}

fn encodings(bytes: &[u8]) -> [Vec<u8>; 3] {
    [
        hex::encode(bytes).into(),
        STANDARD.encode(bytes).trim_end_matches('=').into(),
        URL_SAFE_NO_PAD.encode(bytes).into(),
    ]
}

/// Finds text in text; digits only where they are a word, as parts of longer numbers are everywhere.
fn find(text: &[u8], form: &[u8]) -> Option<usize> {
    let (text, form) = (str::from_utf8(text).ok()?, str::from_utf8(form).ok()?);
    let is_code = form.len() < 10 && form.bytes().all(|byte| byte.is_ascii_digit());
    let word = |at: usize| {
        let around = [text[..at].chars().next_back(), text[at + form.len()..].chars().next()];
        !around.into_iter().flatten().any(|c| c.is_ascii_alphanumeric())
    };
    text.match_indices(form).map(|(at, _)| at).find(|at| !is_code || word(*at))
}
