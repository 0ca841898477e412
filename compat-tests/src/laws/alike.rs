//! Laws about what is alike and not the same: origins, credentials, addresses, and responses that depend on a header.

use std::collections::HashMap;

use costrel::Method;
use costrel::http::{HeaderName, HeaderValue, header};

use super::LawText;
use super::headers::parts_of;
use crate::fixture::{Cell, Client, Reply};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const WHAT_DEPENDS_ON_A_HEADER_VARIES_BY_IT: LawText = LawText {
    why: "A cache that is not told by which header pages differ gives the French page to all, the compressed one to clients that cannot read it, and a page without CORS headers to those that need them.",
    remedy: "Add the header that the decorator looks at to the response's `Vary`, or make the response private.",
    how: "A client asks for a page with other languages, types, encodings and origins; where the response differs, its `Vary` must name the header, unless no cache may share the response.",
};

pub(super) async fn what_depends_on_a_header_varies_by_it(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let plain = Steady::of(&client).await?;
    for (name, value) in ASKED {
        let other = Steady::of(&client.apart().with_header(name, value)).await?;
        // A refusal is no page that a cache keeps.
        if !(plain.reply.status.is_success() && other.reply.status.is_success()) {
            continue;
        }
        let differs = plain.differs_from(&other);
        let is_shared = !parts_of(&other.reply.headers, "cache-control")
            .any(|part| matches!(&*part, "private" | "no-store" | "no-cache"));
        let varies = parts_of(&other.reply.headers, "vary").any(|part| part == name || part == "*");
        if let Some(part) = differs.filter(|_| is_shared && !varies) {
            let what = format!("the `Vary` of a response whose {part} is another for `{name}: {value}`");
            let vary = other.reply.headers.get(header::VARY).map_or("none".to_owned(), |vary| format!("{vary:?}"));
            return Err(Failure::sentence(what, &format!("to name `{name}`"), vary).into());
        }
    }
    Ok(())
}

/// Headers that a client may send to get another page.
const ASKED: [(&str, &str); 7] = [
    ("accept-language", "fr"),
    ("accept-language", "de-CH, de;q=0.9"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip"),
    ("accept-encoding", "identity"),
    ("origin", "https://shop.example"),
    ("origin", "https://other.example"),
];

/// A response, and the headers that are the same when the client asks again.
struct Steady {
    reply: Reply,
    headers: HashMap<HeaderName, Vec<HeaderValue>>,
    /// The headers that are others when the client asks again.
    unsteady: Vec<HeaderName>,
}

impl Steady {
    async fn of(client: &Client) -> Checked<Self> {
        let (first, reply) = (client.get("/subject/ada").await?, client.get("/subject/ada").await?);
        let (mut headers, mut unsteady) = (HashMap::new(), Vec::new());
        for name in
            first.headers.keys().chain(reply.headers.keys()).filter(|name| !OF_THE_BODY.contains(&name.as_str()))
        {
            let values = |reply: &Reply| reply.headers.get_all(name).iter().cloned().collect::<Vec<_>>();
            if values(&first) == values(&reply) {
                headers.insert(name.clone(), values(&reply));
            } else {
                unsteady.push(name.clone());
            }
        }
        Ok(Self { reply, headers, unsteady })
    }

    /// The first part that is another in `other`.
    fn differs_from(&self, other: &Self) -> Option<String> {
        let is_steady = |name: &&HeaderName| !self.unsteady.contains(name) && !other.unsteady.contains(name);
        let mut names = self.headers.keys().chain(other.headers.keys()).filter(is_steady);
        let differs = names.find(|name| self.headers.get(*name) != other.headers.get(*name));
        differs
            .map(|name| format!("`{name}`"))
            .or_else(|| (self.reply.text() != other.reply.text()).then(|| "body".into()))
    }
}

/// Headers that follow from others, or from the time.
const OF_THE_BODY: [&str; 7] = ["age", "connection", "content-length", "date", "etag", "transfer-encoding", "vary"];

pub(super) const AN_ORIGIN_IS_COMPARED_WHOLE: LawText = LawText {
    why: "A list of origins that is searched by `ends_with`, `starts_with` or a pattern with a free dot lets the pages of a site read that registers a name like it.",
    remedy: "Compare the whole origin, scheme, host and port, and escape the dots of a pattern.",
    how: "The client's page may read the response, and a stranger's may not; then pages ask whose origins only look like the client's, and none may read it.",
};

pub(super) async fn an_origin_is_compared_whole(cell: Cell) -> Checked {
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let Some(own) = client.header("origin").map(str::to_owned) else {
        return applies_if(false, "the client is of no page");
    };
    let reads = async |origin: &str| -> Checked<bool> {
        let reply = client.apart().with_header("origin", origin).get("/subject/ada").await?;
        Ok(reply.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).is_some_and(|allowed| allowed == origin))
    };
    applies_if(reads(&own).await?, "the candidate adds no CORS headers")?;
    applies_if(!reads("https://stranger.test").await?, "the candidate lets every page read")?;
    let (scheme, host) = own.split_once("://").unwrap_or(("https", &own));
    let free_dot = format!("{scheme}://{}", host.replacen('.', "x", 1));
    for origin in [format!("{scheme}://evil{host}"), format!("{own}.evil.test"), free_dot] {
        if origin != own {
            expect(&format!("whether a page of {origin} may read what is for {own}"), reads(&origin).await?, false)?;
        }
    }
    Ok(())
}

pub(super) const A_REFUSAL_LEADS_TO_NO_OTHER_HOST: LawText = LawText {
    why: "A login that sends clients to where the query says, or to the host that a header names, sends them to the attacker's copy of the site (CWE-601).",
    remedy: "Redirect to paths of the app's own alone, and build them with `url_for`.",
    how: "The refused client asks with an address of another host in the query, and in headers that name a host; the redirect, if it gets one, must not lead there.",
};

pub(super) async fn a_refusal_leads_to_no_other_host(cell: Cell) -> Checked {
    applies_if(cell.candidate.can_deny() && cell.candidate.may_refuse(&Method::GET), "the candidate refuses no GET")?;
    let stage = cell.stage().await?;
    let client = stage.denied().await?;
    for address in ELSEWHERE {
        let query = LEADING.map(|name| format!("{name}={address}")).join("&");
        let reply = client.apart().get(&format!("/subject/ada?{query}")).await?;
        stays_here(&reply, &format!("with `?next={address}`"))?;
    }
    for name in ["x-forwarded-host", "x-host", "x-original-host", "referer"] {
        let value = if name == "referer" { "https://evil.test/" } else { "evil.test" };
        let reply = client.apart().with_header(name, value).get("/subject/ada").await?;
        stays_here(&reply, &format!("with `{name}: {value}`"))?;
    }
    Ok(())
}

/// Arguments that say where a client wants to go.
const LEADING: [&str; 7] = ["next", "url", "redirect", "redirect_to", "return_to", "continue", "target"];

/// Addresses of another host, as browsers read them.
const ELSEWHERE: [&str; 4] = ["https://evil.test/", "//evil.test/", "/%5Cevil.test/", "https:evil.test/"];

fn stays_here(reply: &Reply, how: &str) -> Checked {
    let location = reply.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("");
    // Browsers take a backslash for a slash.
    let address = location.replace('\\', "/");
    let host = address.trim_start_matches("https:").trim_start_matches("http:").trim_start_matches('/');
    let leads_away = address.contains(':') && host.starts_with("evil.test") || address.starts_with("//evil.test");
    expect(&format!("whether a refused client {how} is sent to another host"), leads_away, false)?;
    Ok(())
}
