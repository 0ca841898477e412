//! Redirects, cookies and the session where the two apps meet.

use std::io::Write;

use costrel::{App, Response, redirect, session, set_cookie};
use costrel_legacy::legacy;
use rstest::rstest;

use crate::support::{Place, RawOld, Server, front, read_head, response};

/// The values of a header, in their order.
fn values<'a>(answer: &'a str, name: &str) -> Vec<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    let pairs = head.lines().filter_map(|line| line.split_once(": "));
    pairs.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

fn answer_with(lines: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n{lines}\r\n\r\n")
}

#[rstest]
#[case("Location: http://OLD/login?next=%2F#top", "http://front.example/shop/login?next=%2F#top")]
#[case("Location: //OLD/login", "http://front.example/shop/login")]
#[case("Location: http://OLD", "http://front.example/shop")]
#[case("Location: http://front.example/login", "http://front.example/login")]
#[case("Location: http://front.example/shop/login", "http://front.example/shop/login")]
#[case("Location: https://front.example/x", "https://front.example/x")]
#[case("Location: http://OLD/shop/x?a", "http://front.example/shop/x?a")]
#[case("Location: /login", "/login")]
#[case("Location: login", "login")]
#[case("Location: http://other.example/OLD//", "http://other.example/OLD//")]
#[case("Location: ftp://OLD/", "ftp://OLD/")]
#[case("Location: http://user@OLD/", "http://user@OLD/")]
#[case("Location: /first\r\nLocation: /second", "/first")]
fn a_redirect_leads_to_the_front(#[case] given: &str, #[case] expected: &str) {
    let old = RawOld::start({
        let given = given.to_owned();
        move |mut stream| {
            let own = stream.local_addr().unwrap().to_string();
            read_head(&mut stream).unwrap();
            stream.write_all(answer_with(&given.replace("OLD", &own)).as_bytes()).unwrap();
        }
    });
    let mut app = front(Place::Fallback, &legacy(&old.url));
    app.config.application_root = "/shop".into();
    let answer = Server::start(app).get("/x");
    assert_eq!(values(&answer, "location"), [expected.replace("OLD", &old.authority)], "{answer}");
}

#[rstest]
#[case("a=1; Domain=127.0.0.1; Path=/", "a=1; Path=/")]
#[case("a=1; domain=.internal; Secure", "a=1; Secure")]
#[case("a=1; Domain=front.example", "a=1; Domain=front.example")]
#[case("a=1; Domain=.example; HttpOnly", "a=1; Domain=.example; HttpOnly")]
#[case("a=Domain=internal", "a=Domain=internal")]
#[case("a=\"x;\u{e9}\"; Path=/", "a=\"x;\u{e9}\"; Path=/")]
fn a_cookie_is_for_the_front(#[case] given: &str, #[case] expected: &str) {
    let (old, _) = RawOld::answering(answer_with(&format!(
        "Set-Cookie: {given}\r\nSet-Cookie: b=2; Path=/; Expires=Thu, 01 Jan 2032 00:00:00 GMT"
    )));
    let answer = Server::start(front(Place::Fallback, &legacy(&old.url).host("old.internal"))).get("/");
    assert_eq!(values(&answer, "set-cookie"), [expected, "b=2; Path=/; Expires=Thu, 01 Jan 2032 00:00:00 GMT"]);
}

fn with_session(name: &str) -> App {
    let mut app = App::new(name);
    app.config.secret_key = Some("both know it".into());
    app
}

/// An old app with a login that keeps the user for a month, as Flask's `session.permanent` does.
fn old_with_login() -> Server {
    let mut old = with_session("old");
    old.route("/login", async || {
        session().set("user", "ada")?;
        session().set_permanent(true)?;
        redirect("/who")
    });
    old.route("/old/who", || session().get::<String>("user").unwrap_or("anonymous".into()));
    Server::start(old)
}

/// A session that either app has written is the other's, and no response sets it twice.
#[rstest]
fn the_session_is_one(#[values(true, false)] is_sync: bool) {
    let old = old_with_login();
    let mut app = with_session("front");
    app.init(&legacy(&old.url())).unwrap();
    // The front looks at the session in each request, so that it refreshes a permanent one.
    if is_sync {
        app.before_request(|| drop(session().get::<String>("user")));
    } else {
        app.before_request(async || drop(session().get::<String>("user")));
    }
    app.route("/who", || session().get::<String>("user").unwrap_or("anonymous".into()));
    app.route("/logout", || session().remove("user").map_or("nobody was in", |_| "out"));
    let server = Server::start(app);
    let ask = |path: &str, cookie: &str| {
        server.exchange(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n"))
    };
    let cookie_of = |answer: &str| {
        let cookies = values(answer, "set-cookie");
        assert_eq!(cookies.len(), 1, "{answer}");
        cookies[0].split(';').next().unwrap().to_owned()
    };
    let signed_in = cookie_of(&ask("/login", ""));
    assert!(ask("/who", &signed_in).ends_with("ada"));
    assert!(ask("/old/who", &signed_in).ends_with("ada"));
    // Signed in again, the front would refresh what it has read, and so undo what the old app has changed.
    assert!(ask("/who", &cookie_of(&ask("/login", &signed_in))).ends_with("ada"));
    let out = cookie_of(&ask("/logout", &signed_in));
    assert!(ask("/old/who", &out).ends_with("anonymous"));
}

/// Of a cookie that both set, the one that was set last stays.
#[test]
fn a_cookie_of_both_is_set_once() {
    let (old, _) = RawOld::answering(answer_with("Set-Cookie: theme=old\r\nSet-Cookie: own=1"));
    let mut app = front(Place::Fallback, &legacy(&old.url));
    app.after_request(|mut response: Response| {
        set_cookie(&mut response, costrel::Cookie::new("theme", "new")).map(|()| response)
    });
    assert_eq!(values(&Server::start(app).get("/"), "set-cookie"), ["own=1", "theme=new; Path=/"]);
}

/// Browsers keep cookies by name, path and domain; one without a path is for the folder of the address that set it.
#[rstest]
#[case::another_path("theme=old; Path=/shop", "theme=new; Path=/", false)]
#[case::another_domain("theme=old; Path=/; Domain=example", "theme=new; Path=/", false)]
#[case::the_folder_and_the_root("theme=old", "theme=new; Path=/", false)]
#[case::a_path_that_is_none("theme=old; Path=shop", "theme=new; Path=/", false)]
#[case::the_folder("theme=old", "theme=new; Path=/a/b", true)]
#[case::the_same_domain("theme=old; domain=.Example; path=/", "theme=new; Path=/; Domain=example", true)]
#[case::the_last_path("theme=old; Path=/x; Path=/", "theme=new; Path=/", true)]
#[case::another_name("theme=old", "themes=new", false)]
#[case::deleted_on_another_path("theme=; Path=/shop; Max-Age=0", "theme=new; Path=/", false)]
fn a_cookie_of_another_path_or_domain_is_another(#[case] old: &str, #[case] new: &'static str, #[case] is_one: bool) {
    let (raw, _) = RawOld::answering(answer_with(&format!("Set-Cookie: {old}")));
    let mut app = front(Place::Fallback, &legacy(&raw.url));
    app.after_request(move |mut response: Response| {
        response.headers_mut().append("set-cookie", new.parse().unwrap());
        response
    });
    let expected = if is_one { vec![new] } else { vec![old, new] };
    assert_eq!(values(&Server::start(app).get("/a/b/c?d=/e"), "set-cookie"), expected);
}

#[test]
fn hooks_of_the_front_see_the_response() {
    let (old, _) = RawOld::answering(response("old"));
    let mut app = front(Place::Fallback, &legacy(&old.url));
    app.after_request(async |mut response: Response| {
        response.headers_mut().insert("x-front", costrel::HeaderValue::from_static("1"));
        response
    });
    assert_eq!(values(&Server::start(app).get("/"), "x-front"), ["1"]);
}

/// The old app signs a user out, while the front's login refreshes what the client has sent, in a hook or when the response leaves.
#[rstest]
#[case("remember=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/")]
#[case("remember=; Expires=Thu, 01-Jan-1970 00:00:00 GMT; Path=/")]
#[case("remember=; Max-Age=0")]
fn a_cookie_that_the_old_app_deletes_stays_deleted(#[case] deleted: &str, #[values(true, false)] in_a_hook: bool) {
    let (old, _) = RawOld::answering(answer_with(&format!("Set-Cookie: {deleted}")));
    let mut app = App::new("front");
    let refresh = |response: &mut Response| {
        response.headers_mut().append("set-cookie", "remember=refreshed; Path=/".parse().unwrap());
    };
    app.init(&legacy(&old.url)).unwrap();
    if in_a_hook {
        app.after_request(move |mut response: Response| {
            refresh(&mut response);
            response
        });
    } else {
        app.on_response(move |_, response| refresh(response));
    }
    assert_eq!(values(&Server::start(app).get("/"), "set-cookie"), [deleted]);
}
