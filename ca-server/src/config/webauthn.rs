//! The address under which people's browsers see this server, for WebAuthn.

use reqwest::Url;
use serde::Deserialize;

/// Turns the factor `webauthn` on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebauthnConfig {
    /// The origin of the page. Security keys are registered for its host: after a change none works any more.
    pub url: PageUrl,
    /// Whether a key can be shown on another device, by a short code. Whoever talks somebody into typing a code gets the
    /// session; without codes, only a browser at the address that asks can show the key.
    #[serde(default = "yes")]
    pub codes: bool,
}

fn yes() -> bool {
    true
}

/// A text is not an address that browsers do WebAuthn at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an address for WebAuthn: write https://HOST or https://HOST:PORT, with a name and nothing behind it; \
     http only to localhost"
)]
pub struct PageUrlError(String);

/// An origin with a host name: `https`, or `http` to `localhost` (WebAuthn Level 3 §5.1.3, secure contexts).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PageUrl(Url);

impl PageUrl {
    /// Gives the address.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Gives the origin as browsers write it in the field `Origin`, such as `https://ca.example.com`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl TryFrom<String> for PageUrl {
    type Error = PageUrlError;

    fn try_from(text: String) -> Result<Self, PageUrlError> {
        match Url::parse(&text) {
            Ok(url) if is_secure(&url) && is_bare(&url) => Ok(Self(url)),
            _ => Err(PageUrlError(text)),
        }
    }
}

/// An address of numbers cannot be the identity of a relying party.
fn is_secure(url: &Url) -> bool {
    matches!((url.scheme(), url.domain()), ("https", Some(_)) | ("http", Some("localhost")))
}

fn is_bare(url: &Url) -> bool {
    let nothing_behind = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    nothing_behind && url.username().is_empty() && url.password().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_webauthn_is_an_origin_with_a_name() {
        for good in ["https://ca.example.com", "https://ca.example.com:8443/", "http://localhost:4000"] {
            assert!(PageUrl::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "http://ca.example.com",
            "https://192.0.2.1",
            "http://127.0.0.1:4000",
            "https://[::1]",
            "https://ca.example.com/path",
            "https://ca.example.com/?q",
            "https://ca.example.com/#f",
            "https://ann@ca.example.com",
            "ftp://ca.example.com",
            "ca.example.com",
            "",
        ] {
            assert!(PageUrl::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_origin_is_written_as_browsers_do() {
        let origin = |text: &str| PageUrl::try_from(text.to_owned()).unwrap().origin();
        assert_eq!(origin("https://CA.example.com:443/"), "https://ca.example.com");
        assert_eq!(origin("http://localhost:4000"), "http://localhost:4000");
    }
}
