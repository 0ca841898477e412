//! Tests of `jwt_required`, on views and with functions of either colour.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "behaviour/cached.rs"]
mod cached;
#[path = "behaviour/cookies.rs"]
mod cookies;
#[path = "behaviour/keys.rs"]
mod keys;
#[path = "behaviour/on_axum.rs"]
mod on_axum;

use std::future::ready;
use std::time::Duration;

use costrel::testing::{TestClient, TestRequest, TestResponse};
use costrel::{App, Blueprint, Error, Method, of_type};
use costrel_jwt::{
    Jwt, JwtError, JwtErrorKind, Location, Requirement, Token, access_token, create_access_token, create_refresh_token,
    current_user, get_jwt, get_jwt_identity, jwt_required, refresh_token, verify_jwt_in_request,
};
use rstest::rstest;
use serde_json::{Value, json};

const ALL: [Location; 4] = [Location::Headers, Location::Cookies, Location::QueryString, Location::Json];

/// An app with these settings, whose paths `/sync` and `/async` are for such tokens.
fn app(jwt: Jwt, requirement: &Requirement, settings: &Value) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("a secret that is long and random".into());
    app.config.from_mapping(settings).unwrap();
    app.init(jwt).unwrap();
    let shown = || get_jwt_identity::<Option<String>>().map(Option::unwrap_or_default);
    let methods = ["GET", "POST"];
    app.rule("/sync").methods(methods).decorate(jwt_required(requirement.clone())).view(shown);
    app.rule("/async").methods(methods).decorate(jwt_required(requirement.clone())).view(move || ready(shown()));
    app
}

fn client(requirement: &Requirement, settings: &Value) -> TestClient {
    app(Jwt::new(), requirement, settings).test_client()
}

/// Makes a token in the client's app.
fn token(client: &TestClient, make: impl FnOnce() -> Result<String, Error> + Send + 'static) -> String {
    client.application().app_context_sync(make).unwrap()
}

fn ada(client: &TestClient) -> String {
    token(client, || create_access_token("ada").wait())
}

fn with(request: TestRequest, token: &str) -> TestResponse {
    request.header("authorization", &format!("Bearer {token}")).wait().unwrap()
}

/// The status and the message of a refusal.
fn refusal(response: &TestResponse) -> (u16, String) {
    let body: Value = response.json().unwrap_or_else(|_| panic!("{}", response.text()));
    (response.status().as_u16(), body["msg"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, message: &str) -> (u16, String) {
    (status, message.to_owned())
}

#[rstest]
#[case::none("", 401, "Missing Authorization Header")]
#[case::commas(" , ", 401, "Missing Authorization Header")]
#[case::other_type(
    "Basic abc",
    401,
    "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
)]
#[case::lower_case(
    "bearer abc",
    401,
    "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
)]
#[case::two(
    "Bearer a, Bearer b",
    401,
    "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
)]
#[case::no_token("Bearer", 422, "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'")]
#[case::two_words("Bearer a b", 422, "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'")]
#[case::not_ascii("Bearer é", 422, "Not enough segments")]
#[case::not_ascii_between("Bearer aé b", 422, "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'")]
#[case::no_parts("Bearer abc", 422, "Not enough segments")]
#[case::no_base64("Bearer !.e30.YQ", 422, "Invalid header padding")]
#[case::no_object("Bearer W10.e30.YQ", 422, "Invalid header string: must be a json object")]
#[case::no_algorithm("Bearer e30.e30.YQ", 422, "Algorithm not specified")]
#[case::algorithm_none("Bearer eyJhbGciOiJub25lIn0.e30.", 422, "The specified alg value is not allowed")]
#[case::other_algorithm("Bearer eyJhbGciOiJIUzUxMiJ9.e30.YQ", 422, "The specified alg value is not allowed")]
#[case::unsigned("Bearer eyJhbGciOiJIUzI1NiJ9.e30.YQ", 422, "Signature verification failed")]
#[case::key_id("Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6MX0.e30.YQ", 422, "Key ID header parameter must be a string")]
#[case::critical("Bearer eyJhbGciOiJIUzI1NiIsImNyaXQiOlsieCJdfQ.e30.YQ", 422, "Unsupported critical extension: x")]
fn what_is_no_token_is_refused(
    #[case] header: &str,
    #[case] status: u16,
    #[case] message: &str,
    #[values("/sync", "/async")] path: &str,
) {
    let client = client(&access_token(), &json!({}));
    let request = client.get(path);
    let request = if header.is_empty() { request } else { request.header("authorization", header) };
    assert_eq!(refusal(&request.wait().unwrap()), refused(status, message));
    assert_eq!(client.application().handle().crossings(), 0);
}

#[rstest]
fn a_token_lets_a_client_through(
    #[values("/sync", "/async")] path: &str,
    #[values(None, Some(2))] threads: Option<usize>,
    #[values("Bearer {}", "Basic a, Bearer {}", "Bearer  {} ,")] header: &str,
) {
    let mut app = app(Jwt::new(), &access_token(), &json!({}));
    app.config.threads = threads;
    let client = app.test_client();
    let header = header.replace("{}", &ada(&client));
    assert_eq!(client.get(path).header("authorization", &header).wait().unwrap().text(), "ada");
}

#[test]
fn a_view_that_takes_options_is_asked_without_a_token() {
    let mut app = app(Jwt::new(), &access_token(), &json!({}));
    app.rule("/own").methods(["GET", "OPTIONS"]).decorate(jwt_required(access_token())).view(|| "own");
    let client = app.test_client();
    assert_eq!(client.open(Method::OPTIONS, "/own").wait().unwrap().text(), "own");
    assert_eq!(client.get("/own").wait().unwrap().status(), 401);
}

/// What is wrong with the claims of a token that the app has signed.
#[rstest]
#[case(json!({ "exp": 1 }), 401, "Token has expired")]
#[case(json!({ "exp": 1, "type": "refresh" }), 401, "Token has expired")]
#[case(json!({ "exp": "soon" }), 422, "Expiration Time claim (exp) must be an integer.")]
#[case(json!({ "nbf": 1e11 }), 422, "The token is not yet valid (nbf)")]
#[case(json!({ "nbf": [] }), 422, "Not Before claim (nbf) must be an integer.")]
#[case(json!({ "iat": 1e11, "exp": 1 }), 422, "The token is not yet valid (iat)")]
#[case(json!({ "sub": 5, "exp": 1 }), 422, "Subject must be a string")]
#[case(json!({ "jti": 5 }), 422, "JWT ID must be a string")]
#[case(json!({ "iss": "other" }), 422, "Invalid issuer")]
#[case(json!({ "iss": 5 }), 422, "Payload Issuer (iss) must be a string")]
#[case(json!({ "aud": "other" }), 422, "Audience doesn't match")]
#[case(json!({ "aud": [5] }), 422, "Invalid claim format in token")]
#[case(json!({ "aud": "" }), 422, "Token is missing the \"aud\" claim")]
#[case(json!({ "type": "refresh" }), 422, "Only non-refresh tokens are allowed")]
#[case(json!({ "aud": ["other", "shop"] }), 200, "")]
fn the_claims_are_checked(#[case] claims: Value, #[case] status: u16, #[case] message: &str) {
    let settings = json!({
        "JWT_ENCODE_ISSUER": "us", "JWT_DECODE_ISSUER": ["us", "them"],
        "JWT_ENCODE_AUDIENCE": "shop", "JWT_DECODE_AUDIENCE": ["shop", "depot"],
    });
    let client = client(&access_token(), &settings);
    let token = token(&client, move || create_access_token("ada").additional_claims(claims).wait());
    let response = with(client.get("/sync"), &token);
    if status == 200 {
        assert_eq!(response.text(), "ada");
    } else {
        assert_eq!(refusal(&response), refused(status, message));
    }
}

#[test]
fn clocks_may_differ_by_the_leeway() {
    let client = client(&access_token(), &json!({ "JWT_DECODE_LEEWAY": 600 }));
    let made = |seconds: i64| {
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        let claims = json!({ "exp": now + seconds, "iat": now + seconds, "nbf": now + seconds });
        token(&client, move || create_access_token("ada").additional_claims(claims).wait())
    };
    let status = |seconds| with(client.get("/async"), &made(seconds)).status().as_u16();
    assert_eq!([-300, 300, -900, 900].map(status), [200, 200, 401, 422]);
}

#[rstest]
#[case::headers(None, "Missing Authorization Header")]
#[case::cookies(Some(Location::Cookies), "Missing cookie \"access_token_cookie\"")]
#[case::query(Some(Location::QueryString), "Missing 'jwt' query paramater")]
#[case::json(Some(Location::Json), "Invalid content-type. Must be application/json.")]
fn a_refusal_says_where_it_looked(
    #[case] location: Option<Location>,
    #[case] message: &str,
    #[values("/sync", "/async")] path: &str,
) {
    let client = client(&access_token().locations(location), &json!({}));
    assert_eq!(refusal(&client.get(path).wait().unwrap()), refused(401, message));
}

#[rstest]
fn a_token_may_be_at_several_places(#[values("/sync", "/async")] path: &str) {
    let settings = json!({
        "JWT_TOKEN_LOCATION": ["headers", "cookies", "query_string", "json"], "JWT_QUERY_STRING_VALUE_PREFIX": "t:",
    });
    let mut app = app(Jwt::new(), &access_token(), &settings);
    let place = async || Ok::<_, Error>(format!("{:?}", get_jwt()?.location()));
    app.rule("/place").methods(["GET", "POST"]).decorate(jwt_required(access_token())).view(place);
    let client = app.test_client();
    let token = ada(&client);
    let sent = |request: TestRequest| request.wait().unwrap().text();
    assert_eq!(sent(client.get("/place").query(&[("jwt", &format!("t:{token}"))])), "Some(QueryString)");
    assert_eq!(sent(client.post("/place").json(&json!({ "access_token": token }))), "Some(Json)");
    assert_eq!(sent(client.get("/place").header("authorization", &format!("Bearer {token}"))), "Some(Headers)");
    assert_eq!(sent(client.get("/place").header("cookie", &format!("access_token_cookie={token}"))), "Some(Cookies)");
    let details = "Missing Authorization Header; Missing cookie \"access_token_cookie\"; Missing 'jwt' query paramater; \
                   Missing \"access_token\" key in json data.";
    let message = format!("Missing JWT in headers, cookies, query_string or json ({details})");
    assert_eq!(refusal(&client.post(path).json(&json!([])).wait().unwrap()), refused(401, &message));
    let unprefixed = client.get(path).query(&[("jwt", &token)]).wait().unwrap();
    let message = "Invalid value for query parameter 'jwt'. Expected the value to start with 't:'";
    assert_eq!(refusal(&unprefixed), refused(422, message));
    let number = client.post(path).json(&json!({ "access_token": 5 })).wait().unwrap();
    assert_eq!(refusal(&number), refused(422, "Invalid token type. Token must be text"));
}

#[test]
fn the_header_may_have_another_name_and_no_type() {
    let client = client(&access_token(), &json!({ "JWT_HEADER_NAME": "X-Token", "JWT_HEADER_TYPE": "" }));
    let send = |value: &str| client.get("/sync").header("x-token", value).wait().unwrap();
    assert_eq!(send(&ada(&client)).text(), "ada");
    assert_eq!(refusal(&send("Bearer a")), refused(422, "Bad X-Token header. Expected 'X-Token: <JWT>'"));
    assert_eq!(refusal(&client.get("/sync").wait().unwrap()), refused(401, "Missing X-Token Header"));
}

#[rstest]
fn optional_lets_clients_without_a_token_through(#[values("/sync", "/async")] path: &str) {
    let client = client(&access_token().optional().locations(ALL), &json!({}));
    assert_eq!(client.get(path).wait().unwrap().text(), "");
    assert_eq!(client.get(path).header("authorization", "Basic abc").wait().unwrap().text(), "");
    assert_eq!(with(client.get(path), &ada(&client)).text(), "ada");
    assert_eq!(with(client.get(path), "abc").status(), 422);
    assert_eq!(with(client.get(path), "é.e30.YQ").status(), 422);
}

#[rstest]
#[case::made_so(true, 200)]
#[case::by_default(false, 401)]
fn a_view_may_ask_for_a_fresh_token(#[case] fresh: bool, #[case] status: u16) {
    let client = client(&access_token().fresh(), &json!({}));
    let always = token(&client, move || create_access_token("ada").fresh(fresh).wait());
    let response = with(client.get("/async"), &always);
    assert_eq!(response.status(), status);
    assert!(fresh || refusal(&response) == refused(401, "Fresh token required"));
    let lasts = Duration::from_secs(if fresh { 60 } else { 0 });
    let for_a_time = token(&client, move || create_access_token("ada").fresh_for(lasts).wait());
    assert_eq!(with(client.get("/sync"), &for_a_time).status(), status);
}

#[test]
fn a_refresh_token_is_for_new_tokens_alone() {
    let mut app = app(Jwt::new(), &access_token(), &json!({ "JWT_TOKEN_LOCATION": ["headers", "json"] }));
    let renew = async || create_access_token(get_jwt_identity::<String>()?).await;
    app.rule("/refresh").methods(["POST"]).decorate(jwt_required(refresh_token())).view(renew);
    app.rule("/any").decorate(jwt_required(access_token().any_type())).view(|| "any");
    let client = app.test_client();
    let (access, refresh) = (ada(&client), token(&client, || create_refresh_token("ada").wait()));
    let renewed = with(client.post("/refresh"), &refresh).text();
    assert_eq!(with(client.get("/sync"), &renewed).text(), "ada");
    assert_eq!(refusal(&with(client.get("/sync"), &refresh)), refused(422, "Only non-refresh tokens are allowed"));
    assert_eq!(refusal(&with(client.post("/refresh"), &access)), refused(422, "Only refresh tokens are allowed"));
    assert_eq!([&access, &refresh].map(|token| with(client.get("/any"), token).text()), ["any", "any"]);
    assert_eq!(client.post("/refresh").json(&json!({ "refresh_token": refresh })).wait().unwrap().status(), 200);
}

#[rstest]
fn a_revoked_token_is_refused(#[values(true, false)] is_sync: bool, #[values("/sync", "/async")] path: &str) {
    let is_revoked = |token: Token| token.claim("jti").is_some_and(|id: String| id == "stolen");
    let jwt = if is_sync {
        Jwt::new().token_in_blocklist_loader(is_revoked)
    } else {
        Jwt::new().token_in_blocklist_loader(move |token: Token| ready(is_revoked(token)))
    };
    let mut app = app(jwt, &access_token(), &json!({}));
    app.rule("/revoke").decorate(jwt_required(access_token().skip_revocation_check())).view(|| "revoked");
    let client = app.test_client();
    let stolen = token(&client, || create_access_token("ada").additional_claims(json!({ "jti": "stolen" })).wait());
    assert_eq!(refusal(&with(client.get(path), &stolen)), refused(401, "Token has been revoked"));
    assert_eq!(with(client.get(path), &ada(&client)).text(), "ada");
    assert_eq!(with(client.get("/revoke"), &stolen).text(), "revoked");
}

#[rstest]
fn a_tokens_user_is_found(#[values(true, false)] is_sync: bool) {
    let find = |token: Token| Ok::<_, Error>(Some(token.identity::<String>()?).filter(|name| name != "gone"));
    let jwt = if is_sync {
        Jwt::new().user_lookup_loader(find)
    } else {
        Jwt::new().user_lookup_loader(move |token: Token| ready(find(token)))
    };
    let mut app = app(jwt, &access_token(), &json!({}));
    let shown =
        || Ok::<_, Error>(current_user::<String>()?.map_or("no user".to_owned(), |user| format!("user {user}")));
    app.rule("/me").decorate(jwt_required(access_token())).view(shown);
    app.rule("/visit").decorate(jwt_required(access_token().optional())).view(move || ready(shown()));
    app.rule("/wrong").decorate(jwt_required(access_token())).view(|| current_user::<u8>().map(|_| ""));
    app.route("/unchecked", || current_user::<String>().map(|_| ""));
    let client = app.test_client();
    assert_eq!(with(client.get("/me"), &ada(&client)).text(), "user ada");
    assert_eq!(client.get("/visit").wait().unwrap().text(), "no user");
    let gone = token(&client, || create_access_token("gone").wait());
    assert_eq!(refusal(&with(client.get("/visit"), &gone)), refused(401, "Error loading the user gone"));
    let wrong = with(client.get("/wrong"), &ada(&client));
    assert!(wrong.error().unwrap().message().contains("name the type that `user_lookup_loader` returns"));
    let unchecked = client.get("/unchecked").wait().unwrap();
    assert!(unchecked.error().unwrap().message().contains("jwt_required(access_token())"));
}

#[rstest]
fn an_app_may_refuse_valid_tokens(#[values(true, false)] is_sync: bool) {
    let is_let_in = |token: Token| token.claim("team") == Some(7);
    let jwt = if is_sync {
        Jwt::new().token_verification_loader(is_let_in)
    } else {
        Jwt::new().token_verification_loader(move |token: Token| ready(is_let_in(token)))
    };
    let client = app(jwt, &access_token(), &json!({})).test_client();
    let of_team = token(&client, || create_access_token("ada").additional_claims(json!({ "team": 7 })).wait());
    assert_eq!(with(client.get("/sync"), &of_team).text(), "ada");
    assert_eq!(refusal(&with(client.get("/sync"), &ada(&client))), refused(400, "User claims verification failed"));
}

#[test]
fn a_function_that_fails_is_a_500_and_lets_no_client_through() {
    let fail = |_: Token| Err::<bool, _>(Error::setup("the database is away"));
    let client = app(Jwt::new().token_in_blocklist_loader(fail), &access_token(), &json!({})).test_client();
    assert_eq!(with(client.get("/sync"), &ada(&client)).status(), 500);
}

/// A client of an app that refuses every token for this reason, with an answer of its own.
fn refusing(kind: JwtErrorKind, is_sync: bool) -> TestClient {
    let jwt = Jwt::new()
        .token_in_blocklist_loader(|token: Token| token.claim("is") == Some("revoked".to_owned()))
        .token_verification_loader(async |token: Token| token.claim("is") != Some("refused".to_owned()))
        .user_lookup_loader(|token: Token| {
            token.identity::<String>().map(|name| Some(name).filter(|name| name != "gone"))
        });
    let answer = move |error: JwtError| (format!("{:?} {}", error.kind(), !error.token().claims().is_empty()), 418);
    let later = move |error: JwtError| ready(answer(error));
    let jwt = match (kind, is_sync) {
        (JwtErrorKind::Unauthorized, true) => jwt.unauthorized_loader(answer),
        (JwtErrorKind::Unauthorized, false) => jwt.unauthorized_loader(later),
        (JwtErrorKind::Invalid, true) => jwt.invalid_token_loader(answer),
        (JwtErrorKind::Invalid, false) => jwt.invalid_token_loader(later),
        (JwtErrorKind::Expired, true) => jwt.expired_token_loader(answer),
        (JwtErrorKind::Expired, false) => jwt.expired_token_loader(later),
        (JwtErrorKind::NotFresh, true) => jwt.needs_fresh_token_loader(answer),
        (JwtErrorKind::NotFresh, false) => jwt.needs_fresh_token_loader(later),
        (JwtErrorKind::Revoked, true) => jwt.revoked_token_loader(answer),
        (JwtErrorKind::Revoked, false) => jwt.revoked_token_loader(later),
        (JwtErrorKind::UserNotFound, true) => jwt.user_lookup_error_loader(answer),
        (JwtErrorKind::UserNotFound, false) => jwt.user_lookup_error_loader(later),
        (_, true) => jwt.token_verification_failed_loader(answer),
        (_, false) => jwt.token_verification_failed_loader(later),
    };
    app(jwt, &access_token().fresh(), &json!({})).test_client()
}

#[rstest]
#[case(JwtErrorKind::Unauthorized, "", json!({}))]
#[case(JwtErrorKind::Invalid, "ada", json!({ "jti": 1 }))]
#[case(JwtErrorKind::Expired, "ada", json!({ "exp": 1 }))]
#[case(JwtErrorKind::NotFresh, "ada", json!({ "fresh": false }))]
#[case(JwtErrorKind::Revoked, "ada", json!({ "is": "revoked" }))]
#[case(JwtErrorKind::NotVerified, "ada", json!({ "is": "refused" }))]
#[case(JwtErrorKind::UserNotFound, "gone", json!({}))]
fn an_app_answers_each_refusal(
    #[case] kind: JwtErrorKind,
    #[case] name: &'static str,
    #[case] claims: Value,
    #[values(true, false)] is_sync: bool,
) {
    let client = refusing(kind, is_sync);
    let token = token(&client, move || create_access_token(name).fresh(true).additional_claims(claims).wait());
    let request = client.get("/async");
    let response = if name.is_empty() { request.wait().unwrap() } else { with(request, &token) };
    let has_token = !matches!(kind, JwtErrorKind::Unauthorized | JwtErrorKind::Invalid);
    assert_eq!((response.status().as_u16(), response.text()), (418, format!("{kind:?} {has_token}")));
}

#[rstest]
fn the_apps_error_handler_takes_refusals_by_their_type(#[values(true, false)] before: bool) {
    let mut app = App::new("test");
    app.config.secret_key = Some("a secret that is long and random".into());
    let handle = |error: Error| (format!("own: {}", error.message()), 403);
    if before {
        app.errorhandler(of_type::<JwtError>(), handle);
    }
    app.errorhandler(401, || "for other errors");
    app.init(Jwt::new()).unwrap();
    if !before {
        app.errorhandler(of_type::<JwtError>(), handle);
    }
    app.rule("/").decorate(jwt_required(access_token())).view(|| "never");
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!((response.status().as_u16(), response.text().as_str()), (403, "own: Missing Authorization Header"));
}

/// As in Flask, where the exceptions of Flask-JWT-Extended have no status.
#[rstest]
fn a_blueprints_error_handler_for_a_status_takes_no_refusals(
    #[values(true, false)] is_sync: bool,
    #[values("/api/sync", "/api/async")] path: &str,
) {
    let mut app = App::new("test");
    app.config.secret_key = Some("a secret that is long and random".into());
    app.init(Jwt::new().unauthorized_loader(|error: JwtError| (format!("no: {}", error.message()), 401))).unwrap();
    let mut api = Blueprint::new("api").url_prefix("/api");
    for status in [400, 401, 422] {
        if is_sync {
            api.errorhandler(status, || "of the blueprint");
        } else {
            api.errorhandler(status, async || "of the blueprint");
        }
    }
    api.rule("/sync").decorate(jwt_required(access_token())).view(|| "never");
    api.rule("/async").decorate(jwt_required(access_token())).view(async || "never");
    api.route("/own", || Err::<&str, _>(Error::status(401)));
    app.register_blueprint(api);
    let client = app.test_client();
    assert_eq!(client.get(path).wait().unwrap().text(), "no: Missing Authorization Header");
    assert_eq!(refusal(&with(client.get(path), "abc")), refused(422, "Not enough segments"));
    assert_eq!(client.get("/api/own").wait().unwrap().text(), "of the blueprint");
}

#[test]
fn a_hook_may_check_a_whole_app() {
    let mut app = app(Jwt::new(), &access_token(), &json!({ "JWT_ERROR_MESSAGE_KEY": "error" }));
    app.before_request(|| verify_jwt_in_request(access_token()).wait());
    app.route("/", get_jwt_identity::<String>);
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "{\"error\":\"Missing Authorization Header\"}\n");
    assert_eq!(with(client.get("/"), &ada(&client)).text(), "ada");
}
