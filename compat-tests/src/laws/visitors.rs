//! Laws about what one client may learn of another, and about the doors that must be shut for it.

use costrel::http::header;
use costrel::{Method, StatusCode};

use super::LawText;
use crate::fixture::{Cell, Client, Host, Reply, Stage};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const ONE_CLIENT_LEARNS_NOTHING_OF_ANOTHER: LawText = LawText {
    why: "A value that the decorator keeps in itself between before and after, or from one request to the next, is another client's by then: a user's name in a header, a token, an address.",
    remedy: "Keep what belongs to a request in a variable of the wrapper, or on `g`; share only what belongs to no client.",
    how: "Visitors with a secret of their own in path, query, header, cookie and body come one after another and at once, by GET and POST; no secret may be in the status, the headers or the body that another client gets.",
};

pub(super) async fn one_client_learns_nothing_of_another(cell: Cell) -> Checked {
    for method in [Method::GET, Method::POST] {
        let stage = cell.stage().await?;
        let ada = visitor(&stage, "ada-4f1c").await?;
        ada.visit(&method, "/subject/ada-4f1c?q=ada-4f1c").await?;
        expect("runs of the view for the first visitor", stage.probe.runs(), 1)?;
        let anonymous = stage.allowed().await?.visit(&method, "/subject/plain").await?;
        tells_nothing(&anonymous, "ada-4f1c", &format!("a client without a name, after {method}"))?;
        if cell.host != Host::Threaded {
            at_once(&stage, &method, [&visitor(&stage, "bob-9e27").await?, &visitor(&stage, "eve-b3d8").await?])
                .await?;
        }
    }
    Ok(())
}

/// Lets the second client come and go while the view of the first is held.
async fn at_once(stage: &Stage, method: &Method, [bob, eve]: [&Client; 2]) -> Checked {
    let held = {
        let (bob, method) = (bob.clone(), method.clone());
        tokio::spawn(async move { bob.visit(&method, "/subject/hold?q=bob-9e27").await })
    };
    stage.probe.wait_for("held", 1).await;
    let other = eve.visit(method, "/subject/other?q=eve-b3d8").await;
    stage.probe.open(1);
    let first = held.await.map_err(costrel::Error::from)??;
    tells_nothing(&first, "eve-b3d8", &format!("a client whose {method} was held while another came"))?;
    tells_nothing(&other?, "bob-9e27", &format!("a client whose {method} came while another was held"))
}

/// Returns a client that the candidate lets in, with a secret in each part of its requests that is not the path.
async fn visitor(stage: &Stage, secret: &str) -> Checked<Client> {
    let client = stage.allowed().await?.with_header("x-visitor", secret).with_header("x-suite-name", secret);
    Ok(client.with_header("user-agent", secret).with_cookie("visitor", secret))
}

pub(super) fn tells_nothing(reply: &Reply, secret: &str, who: &str) -> Checked {
    let headers =
        reply.headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    let mut lines = headers.chain([reply.text()]);
    let Some(line) = lines.find(|line| line.contains(secret)) else { return Ok(()) };
    let what = format!("the response to {who}");
    Err(Failure::sentence(what, "to have nothing of another client's", line.chars().take(200).collect::<String>())
        .into())
}

pub(super) const EVERY_DOOR_IS_SHUT: LawText = LawText {
    why: "A check that looks at GET and POST alone leaves DELETE open, one that looks at forms leaves JSON open, and one that believes `X-Forwarded-For` lets in every client that writes it.",
    remedy: "Refuse whatever the method and the body are; believe `remote_addr()`, which knows the trusted proxies, and no header.",
    how: "The refused client sends every method that the candidate may refuse, with no body, a form and JSON, then with headers that any client can write, such as an address or a name that is let in; the view must not run.",
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
        for (content_type, body) in [("application/x-www-form-urlencoded", "a=1"), ("application/json", "{\"a\": 1}")] {
            let client = client.clone().with_header(header::CONTENT_TYPE.as_str(), content_type).with_body(body);
            client.visit(method, "/subject/ada").await?;
            shut(&format!("{method} with {content_type}"))?;
        }
    }
    let Some(door) = methods.iter().find(|method| cell.candidate.may_refuse(method)) else {
        return applies_if(false, "the candidate refuses none of its methods");
    };
    for (name, value) in SPOOFED.iter().filter(|(name, _)| !client.has_header(name)) {
        client.apart().with_header(name, value).visit(door, "/subject/ada").await?;
        shut(&format!("{door} with `{name}: {value}`"))?;
    }
    Ok(())
}

/// Headers that any client can send.
const SPOOFED: [(&str, &str); 16] = [
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
    how: "The refused client sends a request; the status must not be 500, nor one of another failure of the server's.",
};

pub(super) async fn a_refusal_is_the_clients_affair(cell: Cell) -> Checked {
    applies_if(cell.candidate.can_deny(), "the candidate refuses no client")?;
    let stage = cell.stage().await?;
    let reply = stage.denied().await?.visit(&cell.guarded_methods()?[0], "/subject/ada").await?;
    let is_fault = reply.status.is_server_error() && reply.status != StatusCode::SERVICE_UNAVAILABLE;
    if is_fault {
        let expected = "to say why it was refused, not that the server failed";
        return Err(Failure::sentence("the refused client", expected, reply.status.to_string()).into());
    }
    Ok(())
}
