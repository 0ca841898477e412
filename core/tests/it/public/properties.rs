//! Properties that hold for any input.

use costrel::{App, ArgValue, Error, Json, Method, request, session, testing::TestClient, url_for};
use proptest::prelude::*;
use serde_json::Value;

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        // Some of the keys look like Flask's tags.
        let key = prop_oneof![".{0,4}", Just(" t".to_owned()), Just(" di".to_owned()), Just(" b__".to_owned())];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

fn session_app() -> TestClient {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.route("/read", || Json(session().get::<Value>("value")));
    app.post("/write", async || {
        let value: Value = request().get_json().await?;
        session().set("value", value).map(|()| "")
    });
    app.test_client()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A session that is read from its cookie equals the session that was written.
    #[test]
    fn a_session_gives_back_what_it_was_given(value in json()) {
        let client = session_app();
        client.post("/write").json(&value).wait().unwrap();
        prop_assert_eq!(client.get("/read").wait().unwrap().json::<Value>().unwrap(), value);
    }

    /// An arbitrary or altered cookie gives an empty session at worst, never an error.
    #[test]
    fn no_cookie_breaks_a_session(at in 0_usize..200, byte in 33_u8..127, text in "[!-~&&[^;,\"\\\\]]{0,60}") {
        let client = session_app();
        client.post("/write").json(&[1, 2, 3]).wait().unwrap();
        let mut cookie = client.cookie("session").unwrap().into_bytes();
        let at = at % cookie.len();
        let same = std::mem::replace(&mut cookie[at], byte) == byte;
        for cookie in [String::from_utf8(cookie).unwrap(), text] {
            client.set_cookie("session", &cookie);
            let response = client.get("/read").wait().unwrap();
            prop_assert_eq!(response.status(), 200);
            // The last letter of a signature has spare bits, so an altered cookie may still be valid.
            prop_assert!(same || response.text() == "null\n" || response.text() == "[1,2,3]\n");
        }
    }

    /// A request with any bytes as query, headers, cookies and body gets a response that is no 500.
    #[test]
    fn nothing_a_client_sends_is_a_500(
        path in "/[!-~&&[^#?]]{0,30}",
        query in "[!-~&&[^#]]{0,30}",
        header in prop::collection::vec(32_u8..=255, 0..40),
        body in prop::collection::vec(any::<u8>(), 0..200),
        kind in prop::sample::select(vec!["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "multipart/form-data", ";;=", ""]),
    ) {
        let mut app = App::new("test");
        app.config.secret_key = Some("secret".into());
        app.rule("/<path:p>").methods(["POST"]).view(|_: String| {
            let request = request();
            let _ = (request.args(), request.cookie("session"), request.mimetype(), request.host(), request.url());
            let values = request.values().wait();
            let files = request.files().wait();
            let json = request.get_json_silent::<Value>().wait();
            let _ = session().get::<Value>("value");
            for error in [values.err(), files.err(), json.err()].into_iter().flatten() {
                if error.status_code().as_u16() >= 500 {
                    return Err(error);
                }
            }
            Ok::<_, Error>("")
        });
        let client = app.test_client();
        // Not every path and query of these characters is a URI; if it is none, there is no such request.
        let Ok(uri) = format!("{path}?{query}").parse::<http::Uri>() else { return Ok(()) };
        let mut sent = http::Request::builder().method("POST").uri(uri).header("content-type", kind);
        for name in ["cookie", "host", "range", "x-any"] {
            if let Ok(value) = http::HeaderValue::from_bytes(&header) {
                sent = sent.header(name, value);
            }
        }
        let multipart = [&b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n"[..], &body].concat();
        for body in [body, multipart] {
            let mut again = http::Request::builder().method("POST").uri(sent.uri_ref().unwrap());
            *again.headers_mut().unwrap() = sent.headers_ref().unwrap().clone();
            let request = again.body(costrel::Body::from(body)).unwrap();
            let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let response = event_loop.block_on(client.application().call(request));
            prop_assert!(response.status().as_u16() < 500, "{}", response.status());
        }
    }

    /// A URL that `url_for` builds leads back to the same endpoint with the same values.
    #[test]
    fn a_url_leads_back(
        text in "[^/\u{0}]{1,12}",
        number in 0_i64..,
        signed in any::<i64>(),
        float in -1e6_f64..1e6,
        path in "[^/\u{0}][^\u{0}]{0,20}",
        uuid in any::<u128>(),
    ) {
        let float = (float * 1000.0).round() / 1000.0;
        let mut app = App::new("test");
        let show = |values: &[(std::sync::Arc<str>, ArgValue)]| values.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join("|");
        for rule in ["/t/<a>", "/n/<int:a>", "/s/<int(signed=True):a>", "/f/<float(signed=True):a>", "/p/<path:a>", "/u/<uuid:a>"] {
            let view = costrel::View::from_callable(rule, costrel::Callable::new_async(move |request: costrel::Request| {
                std::future::ready(costrel::IntoResponse::into_response(show(request.view_args())))
            }));
            app.rule(rule).endpoint(&rule[1..2]).view(view);
        }
        let client = app.test_client();
        let context = client.get("/t/x").test_request_context();
        let values: [(&str, ArgValue); 6] = [
            ("t", text.as_str().into()), ("n", number.into()), ("s", signed.into()), ("f", float.into()),
            ("p", path.as_str().into()), ("u", costrel::Uuid::from_u128(uuid).into()),
        ];
        for (endpoint, value) in values {
            let url = context.run_sync(|| url_for(endpoint).arg("a", value.clone()).build()).unwrap();
            let response = client.get(&url).wait().unwrap();
            // Several slashes in a row and a slash at the end belong to the path, so they cause no redirect.
            prop_assert_eq!(response.status(), 200, "{} {}", url, response.text());
            prop_assert_eq!(response.text(), value.to_string());
        }
    }
}

/// A piece of a rule, as the plain matcher sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Piece {
    Static(&'static str),
    Int,
    Text,
    Path,
}

impl Piece {
    fn rule(self, at: usize) -> String {
        match self {
            Self::Static(text) => text.to_owned(),
            Self::Int => format!("<int:v{at}>"),
            Self::Text => format!("<v{at}>"),
            Self::Path => format!("<path:v{at}>"),
        }
    }

    fn weight(self) -> u8 {
        match self {
            Self::Static(_) => 0,
            Self::Int => 1,
            Self::Text => 2,
            Self::Path => 3,
        }
    }

    fn takes(self, segments: &[&str]) -> bool {
        match self {
            Self::Static(text) => segments == [text],
            Self::Int => {
                segments.len() == 1 && !segments[0].is_empty() && segments[0].bytes().all(|b| b.is_ascii_digit())
            }
            Self::Text => segments.len() == 1 && !segments[0].is_empty(),
            Self::Path => !segments.is_empty() && !segments[0].is_empty(),
        }
    }
}

/// Whether `pieces` match `segments`, found by trying every way to split the segments.
fn matches(pieces: &[Piece], segments: &[&str]) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return segments.is_empty() };
    (1..=segments.len()).any(|taken| first.takes(&segments[..taken]) && matches(rest, &segments[taken..]))
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        3 => prop::sample::select(vec!["a", "b"]).prop_map(Piece::Static),
        1 => Just(Piece::Int),
        2 => Just(Piece::Text),
        1 => Just(Piece::Path),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// The router finds a rule exactly where a plain matcher does. Of several rules it takes the one that is more
    /// exact where they first differ.
    #[test]
    fn the_router_agrees_with_a_plain_matcher(
        rules in prop::collection::vec(prop::collection::vec(piece(), 1..4), 1..6),
        path in prop::collection::vec(prop::sample::select(vec!["a", "b", "7", "x"]), 1..5),
    ) {
        let mut app = App::new("test");
        let mut known: Vec<Vec<Piece>> = Vec::new();
        for rule in rules {
            if known.contains(&rule) {
                continue;
            }
            let pieces: Vec<_> = rule.iter().enumerate().map(|(at, piece)| piece.rule(at)).collect();
            let text = format!("/{}", pieces.join("/"));
            let name = known.len().to_string();
            let view = costrel::View::from_callable(&name, costrel::Callable::new_async(|request: costrel::Request| {
                std::future::ready(costrel::IntoResponse::into_response(request.endpoint().unwrap_or_default().to_owned()))
            }));
            app.rule(&text).endpoint(&name).view(view);
            known.push(rule);
        }
        let response = app.test_client().open(Method::GET, &format!("/{}", path.join("/"))).wait().unwrap();
        let fitting: Vec<_> = (0..known.len()).filter(|at| matches(&known[*at], &path)).collect();
        if fitting.is_empty() {
            prop_assert_eq!(response.status(), 404);
        } else {
            let found: usize = response.text().parse().unwrap();
            prop_assert!(fitting.contains(&found));
            let weights = |at: &usize| known[*at].iter().map(|piece| piece.weight()).collect::<Vec<_>>();
            let best = fitting.iter().map(weights).min().unwrap();
            // A rule with a path may match in several ways, so only the first piece is sure to be the best.
            prop_assert_eq!(weights(&found)[0], best[0]);
            if !fitting.iter().any(|at| known[*at].contains(&Piece::Path)) {
                prop_assert_eq!(weights(&found), best);
            }
        }
    }
}
