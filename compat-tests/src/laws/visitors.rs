//! Laws about what one client may learn of another, and about the doors that must be shut for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use costrel::http::header;
use costrel::{Method, StatusCode};

use super::LawText;
use super::execution::hold;
use crate::fixture::{Cell, Client, Host, Reply, Stage};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const ONE_CLIENT_LEARNS_NOTHING_OF_ANOTHER: LawText = LawText {
    why: "A value that the decorator keeps in itself between before and after, or from one request to the next, is another client's by then: a user's name in a header, a token, an address.",
    remedy: "Keep what belongs to a request in a variable of the wrapper, or on `g`; share only what belongs to no client.",
    how: "Visitors with a secret of their own in path, query, several headers, cookie and body come one after another and at once, by GET and POST, and their views fail; no secret, also in base64 or hexadecimal digits, may be in the headers or the body that another client gets, served, failed or refused.",
};

pub(super) async fn one_client_learns_nothing_of_another(cell: Cell) -> Checked {
    for method in [Method::GET, Method::POST] {
        let stage = cell.stage().await?;
        let said = said(&stage, &method).await?;
        let ada = visitor(&stage, &method, &said, "ada-4f1c").await?;
        let earlier = stage.probe.runs();
        ada.visit(&method, "/subject/ada-4f1c?q=ada-4f1c").await?;
        expect("runs of the view for the first visitor", stage.probe.runs() - earlier, 1)?;
        let anonymous = stage.allowed().await?.visit(&method, "/subject/plain").await?;
        tells_nothing(&anonymous, "ada-4f1c", &format!("a client without a name, after {method}"))?;
        after_failures(&cell, &stage, &method, &ada).await?;
        if cell.host != Host::Threaded {
            let bob = visitor(&stage, &method, &said, "bob-9e27").await?;
            let eve = visitor(&stage, &method, &said, "eve-b3d8").await?;
            at_once(&stage, &method, [&bob, &eve]).await?;
        }
    }
    Ok(())
}

/// Lets the first client's view fail, then another client's view, and a client be refused.
async fn after_failures(cell: &Cell, stage: &Stage, method: &Method, ada: &Client) -> Checked {
    if cell.may_fail(8).is_ok() {
        for path in ["/subject/abort", "/subject/panic"] {
            ada.visit(method, &format!("{path}?q=ada-4f1c")).await?;
            for (other, what) in [("/subject/plain", "served"), (path, "failed")] {
                let reply = stage.allowed().await?.visit(method, other).await?;
                let who = format!("a client that was {what} after {method} {path} of another");
                tells_nothing(&reply, "ada-4f1c", &who)?;
            }
        }
    }
    if cell.candidate.can_deny() && cell.candidate.may_refuse(method) {
        let refused = stage.denied().await?;
        ada.visit(method, "/subject/ada-4f1c?q=ada-4f1c").await?;
        let refused = refused.visit(method, "/subject/plain").await?;
        tells_nothing(&refused, "ada-4f1c", &format!("a client whose {method} was refused"))?;
    }
    Ok(())
}

/// Lets the second client come and go while the view of the first is held.
async fn at_once(stage: &Stage, method: &Method, [bob, eve]: [&Client; 2]) -> Checked {
    let held = hold(stage, bob, method.clone(), "/subject/hold?q=bob-9e27", 1).await?;
    let other = eve.visit(method, "/subject/other?q=eve-b3d8").await;
    stage.probe.open(1);
    let first = held.await.map_err(costrel::Error::from)??;
    tells_nothing(&first, "eve-b3d8", &format!("a client whose {method} was held while another came"))?;
    tells_nothing(&other?, "bob-9e27", &format!("a client whose {method} came while another was held"))
}

/// Returns a client that the candidate lets in, with a secret in each part of its requests that is not the path.
async fn visitor(stage: &Stage, method: &Method, said: &[&str], secret: &str) -> Checked<Client> {
    let mut client = saying(stage.allowed().await?.with_cookie("visitor", secret), said, secret);
    if !client.has_header("referer") {
        client = client.with_header("referer", &format!("http://localhost/{secret}"));
    }
    if *method == Method::POST && !client.has_body() && !client.has_header("content-type") {
        client = client.with_header("content-type", "application/x-www-form-urlencoded");
        client = client.with_body(format!("secret={secret}"));
    }
    Ok(client)
}

/// The headers in which a client may say who it is. One that the candidate refuses, as it may a key or a name that it does not know,
/// is left out.
async fn said(stage: &Stage, method: &Method) -> Checked<Vec<&'static str>> {
    let mut said = SAID.to_vec();
    if comes_in(stage, method, &said).await? {
        return Ok(said);
    }
    for name in SAID {
        if !comes_in(stage, method, &[name]).await? {
            said.retain(|known| *known != name);
        }
    }
    Ok(said)
}

/// Whether a client that says this comes to the view.
async fn comes_in(stage: &Stage, method: &Method, said: &[&str]) -> Checked<bool> {
    let client = saying(stage.allowed().await?, said, "zoe-7d05");
    let earlier = stage.probe.runs();
    client.visit(method, "/subject/zoe").await?;
    Ok(stage.probe.runs() > earlier)
}

fn saying(client: Client, said: &[&str], secret: &str) -> Client {
    let new: Vec<_> = said.iter().filter(|name| !client.has_header(name)).collect();
    new.into_iter().fold(client, |client, name| client.with_header(name, secret))
}

/// Headers in which a client may say who it is.
const SAID: [&str; 8] = [
    "x-visitor",
    "x-suite-name",
    "user-agent",
    "accept-language",
    "x-api-key",
    "x-request-id",
    "x-correlation-id",
    "x-user",
];

pub(super) fn tells_nothing(reply: &Reply, secret: &str, who: &str) -> Checked {
    let headers =
        reply.headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    let mut lines = headers.chain([reply.text()]);
    let written = ways_to_write(secret);
    let Some(line) = lines.find(|line| tells(line, secret, &written)) else { return Ok(()) };
    let what = format!("the response to {who}");
    Err(Failure::sentence(what, "to have nothing of another client's", line.chars().take(200).collect::<String>())
        .into())
}

/// Whether the line has the secret, in letters of any size, or in another way to write it.
fn tells(line: &str, secret: &str, written: &[String]) -> bool {
    let small = line.to_ascii_lowercase();
    small.contains(secret) || small.replace("%2d", "-").contains(secret) || written.iter().any(|way| line.contains(way))
}

/// The secret as it is written in base64, wherever it begins, and in hexadecimal digits of both sizes.
fn ways_to_write(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let mut ways = vec![hex.to_ascii_uppercase(), hex];
    for before in 0..3 {
        // The first and the last characters of the text depend on what is around the secret.
        let text = URL_SAFE_NO_PAD.encode([&b"..."[..before], secret.as_bytes()].concat());
        let inner = &text[(before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6];
        ways.extend([inner.to_owned(), inner.replace('-', "+").replace('_', "/")]);
    }
    ways
}

pub(super) const EVERY_DOOR_IS_SHUT: LawText = LawText {
    why: "A check that looks at GET and POST alone leaves DELETE open, one that looks at forms leaves JSON open, and one that believes `X-Forwarded-For` lets in every client that writes it.",
    remedy: "Refuse whatever the method and the body are; believe `remote_addr()`, which knows the trusted proxies, and no header.",
    how: "The refused client sends every method that the candidate may refuse, with no body, a form, JSON and other kinds of bodies, then with arguments and headers that any client can write, such as an address or a name that is let in, and with no more than a part of the right credentials; the view must not run.",
};

pub(super) async fn every_door_is_shut(cell: Cell) -> Checked {
    applies_if(cell.candidate.can_deny(), "the candidate refuses no client")?;
    let stage = cell.stage_for_every_method().await?;
    let client = stage.denied().await?;
    let runs = stage.probe.runs();
    let shut = |what: &str| expect(&format!("runs of the view for a refused {what}"), stage.probe.runs() - runs, 0);
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].map(|name| name.parse().unwrap_or(Method::GET));
    for method in methods.iter().filter(|method| cell.candidate.may_refuse(method)) {
        client.visit(method, "/subject/ada").await?;
        shut(&format!("{method} without a body"))?;
        if matches!(*method, Method::GET | Method::HEAD) || client.has_body() {
            continue;
        }
        for (content_type, body) in SENT {
            let client = client.clone().with_header(header::CONTENT_TYPE.as_str(), content_type).with_body(body);
            client.visit(method, "/subject/ada").await?;
            shut(&format!("{method} with {content_type}"))?;
        }
    }
    let Some(door) = methods.iter().find(|method| cell.candidate.may_refuse(method)) else {
        return applies_if(false, "the candidate refuses none of its methods");
    };
    for query in ["debug=1", "admin=1", "test=1", "_method=OPTIONS", "token=", "access_token=null"] {
        client.apart().visit(door, &format!("/subject/ada?{query}")).await?;
        shut(&format!("{door} with `?{query}`"))?;
    }
    let allowed = if cell.candidate.lets_in() { Some(stage.allowed().await?) } else { None };
    let is_asked_for =
        |name: &str| ASKED_FOR.contains(&name) && allowed.as_ref().is_some_and(|allowed| allowed.has_header(name));
    let known = |name: &str| client.has_header(name) || is_asked_for(name);
    for (name, value) in allowed.iter().flat_map(|allowed| nearly_right(allowed, &client)) {
        client.apart().with_header(&name, &value).visit(door, "/subject/ada").await?;
        shut(&format!("{door} with `{name}: {value}`"))?;
    }
    for (name, value) in SPOOFED.iter().filter(|(name, _)| !known(name)) {
        client.apart().with_header(name, value).visit(door, "/subject/ada").await?;
        shut(&format!("{door} with `{name}: {value}`"))?;
    }
    Ok(())
}

/// Credentials that are nearly those of a client that is let in: a part, none behind the scheme, and nothing. A client with nothing
/// is let in where credentials are optional, and so only wrong ones are refused.
fn nearly_right(allowed: &Client, refused: &Client) -> Vec<(String, String)> {
    let is_secret = |name: &&str| ["auth", "key", "secret", "token"].iter().any(|word| name.contains(word));
    let names: Vec<_> = allowed.names().filter(is_secret).map(str::to_owned).collect();
    let nearly = names.into_iter().flat_map(|name| {
        let right = allowed.header(&name).unwrap_or_default();
        let scheme = right.split_once(' ').map_or("", |(scheme, _)| scheme);
        let part: String = right.chars().take(right.chars().count().saturating_sub(4)).collect();
        let mut values = vec![format!("{scheme} null")];
        values.extend(Some(part).filter(|part| part.len() > scheme.len() + 1));
        if !refused.has_header(&name) {
            values.extend([scheme.to_owned(), String::new()]);
        }
        values.into_iter().map(move |value| (name.clone(), value))
    });
    nearly.collect()
}

/// Headers that any client can send, and that some candidates rightly ask for: they say how it came, and not who it is.
const ASKED_FOR: [&str; 4] = ["accept", "purpose", "x-forwarded-proto", "x-requested-with"];

/// Bodies, each with its content type.
const SENT: [(&str, &str); 7] = [
    ("application/x-www-form-urlencoded", "a=1"),
    ("application/json", "{\"a\": 1}"),
    ("application/json; charset=utf-8", "{\"a\": 1}"),
    ("multipart/form-data; boundary=b", "--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n"),
    ("text/plain", "a=1"),
    ("application/xml", "<a>1</a>"),
    ("application/graphql", "{ a }"),
];

/// Headers that any client can send.
const SPOOFED: [(&str, &str); 28] = [
    ("authorization", "Bearer null"),
    ("authorization", "Bearer undefined"),
    ("cf-connecting-ip", "127.0.0.1"),
    ("true-client-ip", "127.0.0.1"),
    ("x-client-ip", "127.0.0.1"),
    ("x-cluster-client-ip", "127.0.0.1"),
    ("x-remote-user", "admin"),
    ("x-forwarded-proto", "https"),
    ("x-requested-with", "XMLHttpRequest"),
    ("x-debug", "1"),
    ("accept", "application/json"),
    ("purpose", "prefetch"),
    ("x-forwarded-for", "198.51.100.7"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-for", "10.0.0.1, 198.51.100.7"),
    ("x-real-ip", "198.51.100.7"),
    ("x-real-ip", "127.0.0.1"),
    ("forwarded", "for=127.0.0.1;host=localhost;proto=https"),
    ("x-forwarded-host", "localhost"),
    ("x-http-method-override", "OPTIONS"),
    ("x-original-url", "/login"),
    ("x-forwarded-user", "admin"),
    ("x-internal", "1"),
    ("user-agent", "kube-probe/1.30"),
    ("origin", "http://localhost"),
    ("referer", "http://localhost/admin"),
    ("authorization", "Basic YWRtaW46YWRtaW4="),
    ("cookie", "admin=1; role=admin; debug=1"),
];

pub(super) const A_REFUSAL_IS_THE_CLIENTS_AFFAIR: LawText = LawText {
    why: "A refusal that is a 500 wakes the people who keep the server, and tells the client to try again.",
    remedy: "Refuse with the status that says why: 401, 403, 409, 422, 429, a redirect, or 503 if the server is busy.",
    how: "The refused client sends each method; the status must not be 500, nor one of another failure of the server's.",
};

pub(super) async fn a_refusal_is_the_clients_affair(cell: Cell) -> Checked {
    applies_if(cell.candidate.can_deny(), "the candidate refuses no client")?;
    let stage = cell.stage().await?;
    let client = stage.denied().await?;
    for method in cell.guarded_methods()? {
        let reply = client.visit(&method, "/subject/ada").await?;
        let is_fault = reply.status.is_server_error() && reply.status != StatusCode::SERVICE_UNAVAILABLE;
        if is_fault {
            let (what, expected) =
                (format!("the client whose {method} is refused"), "to be told why, not that the server failed");
            return Err(Failure::sentence(what, expected, reply.status.to_string()).into());
        }
    }
    Ok(())
}
