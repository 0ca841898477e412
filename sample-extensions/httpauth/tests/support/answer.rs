//! The client's half of `Digest`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use sha2::digest::Digest;

/// What a client that knows a password answers to a challenge, for one request.
pub(crate) struct Answer {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) realm: String,
    pub(crate) nonce: String,
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) qop: bool,
}

impl Answer {
    /// The answer of `ada` for `GET /a?b=1`.
    pub(crate) fn to(challenge: &str) -> Self {
        let part = |name: &str| {
            let (_, rest) = challenge.split_once(&format!("{name}=\"")).unwrap();
            rest.split('"').next().unwrap().to_owned()
        };
        let (user, password) = ("ada".to_owned(), "secret".to_owned());
        let (realm, nonce) = (part("realm"), part("nonce"));
        Self { user, password, realm, nonce, method: "GET".to_owned(), uri: "/a?b=1".to_owned(), qop: true }
    }

    /// The header `Authorization`.
    pub(crate) fn header<D: Digest>(&self) -> String {
        let Self { user, password, realm, nonce, method, uri, .. } = self;
        let secret = hex::<D>(&format!("{user}:{realm}:{password}"));
        let target = hex::<D>(&format!("{method}:{uri}"));
        let (middle, qop) =
            if self.qop { (":00000001:c:auth", ", qop=auth, nc=00000001, cnonce=\"c\"") } else { ("", "") };
        let response = hex::<D>(&format!("{secret}:{nonce}{middle}:{target}"));
        format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\"{qop}"
        )
    }
}

fn hex<D: Digest>(text: &str) -> String {
    D::digest(text).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
