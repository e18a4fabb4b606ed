//! A mail as it arrived, taken apart as a mail program does.

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The headers in order, unfolded, not decoded.
    pub headers: Vec<(String, String)>,
    /// The subject, decoded (RFC 2047).
    pub subject: String,
    /// The text, decoded, with plain line ends and without those at its end.
    pub body: String,
}

impl Mail {
    pub(super) fn parse(from: String, to: Vec<String>, text: &str) -> Result<Self> {
        let (head, body) = text.split_once("\r\n\r\n").context("no empty line after the headers")?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            match headers.last_mut() {
                Some((_, value)) if line.starts_with([' ', '\t']) => value.push_str(line),
                _ => {
                    let (name, value) = line.split_once(": ").context("a header without a name")?;
                    headers.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        let mut mail = Self { from, to, headers, subject: String::new(), body: String::new() };
        mail.subject = words(mail.header("Subject"))?;
        mail.body = decode(mail.header("Content-Transfer-Encoding"), body)?.replace("\r\n", "\n");
        mail.body.truncate(mail.body.trim_end_matches('\n').len());
        Ok(mail)
    }

    /// Gives a header that is there once, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => value,
            _ => "",
        }
    }
}

fn decode(encoding: &str, body: &str) -> Result<String> {
    let bytes = match encoding {
        "" | "7bit" | "8bit" => body.as_bytes().to_vec(),
        "base64" => STANDARD.decode(body.replace("\r\n", ""))?,
        "quoted-printable" => quoted(&body.replace("=\r\n", ""))?,
        other => bail!("encoding {other} is not known"),
    };
    Ok(String::from_utf8(bytes)?)
}

/// Decodes the encoded words of a header; white space between two of them is not a part of the text.
fn words(header: &str) -> Result<String> {
    let (mut text, mut rest, mut after_word) = (String::new(), header, false);
    while let Some((plain, found)) = rest.split_once("=?") {
        if !(after_word && plain.trim().is_empty()) {
            text.push_str(plain);
        }
        let mut parts = found.splitn(3, '?');
        let (charset, encoding) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (word, tail) = parts.next().and_then(|rest| rest.split_once("?=")).context("an open word")?;
        let bytes = match encoding.to_ascii_lowercase().as_str() {
            "b" => STANDARD.decode(word)?,
            "q" => quoted(&word.replace('_', " "))?,
            other => bail!("encoding {other} is not known"),
        };
        if !charset.eq_ignore_ascii_case("utf-8") {
            bail!("charset {charset} is not known");
        }
        text.push_str(std::str::from_utf8(&bytes)?);
        (rest, after_word) = (tail, true);
    }
    Ok(text + rest)
}

fn quoted(text: &str) -> Result<Vec<u8>> {
    let (first, rest) = text.split_once('=').unwrap_or((text, ""));
    let mut bytes = first.as_bytes().to_vec();
    for part in rest.split('=').filter(|part| !part.is_empty()) {
        let (code, plain) = part.split_at_checked(2).context("an open code")?;
        bytes.extend(hex::decode(code)?);
        bytes.extend_from_slice(plain.as_bytes());
    }
    Ok(bytes)
}
