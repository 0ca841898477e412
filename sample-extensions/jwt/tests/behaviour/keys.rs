//! Keys and algorithms: tokens of Flask-JWT-Extended, rotation, and what is wrong at set-up.

use std::fs;
use std::path::Path;
use std::time::Duration;

use costrel::{App, Application, Error};
use costrel_jwt::{
    Jwt, JwtError, JwtErrorKind, Token, create_access_token, decode_expired_token, decode_token,
    get_unverified_jwt_headers,
};
use rstest::rstest;
use serde_json::{Value, json};

const SECRET: &str = "a secret that Flask and Costrel share, long enough for SHA-512 too, as it should be";

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)).unwrap()
}

/// The settings for an algorithm.
fn settings(algorithm: &str) -> Value {
    let key = match algorithm {
        "ES256" => "es256",
        "ES384" => "es384",
        "EdDSA" => "eddsa",
        _ => "rsa",
    };
    let (private, public) = (file(&format!("keys/{key}.pem")), file(&format!("keys/{key}.pub.pem")));
    if algorithm.starts_with("HS") {
        json!({ "JWT_ALGORITHM": algorithm, "JWT_SECRET_KEY": SECRET })
    } else {
        json!({ "JWT_ALGORITHM": algorithm, "JWT_PRIVATE_KEY": private, "JWT_PUBLIC_KEY": public })
    }
}

fn build(jwt: Jwt, settings: &Value) -> Result<Application, Error> {
    let mut app = App::new("test");
    app.config.from_mapping(settings)?;
    app.init(jwt)?;
    app.build()
}

fn app(settings: &Value) -> Application {
    build(Jwt::new(), settings).unwrap()
}

fn made(app: &Application) -> String {
    app.app_context_sync(|| create_access_token("ada").wait()).unwrap()
}

/// The identity in a token, or why it is refused.
fn read(app: &Application, token: &str) -> String {
    let token = token.to_owned();
    let read = app.app_context_sync(|| decode_token(token).wait()?.identity::<String>());
    read.unwrap_or_else(|error| error.message().to_owned())
}

const FORGED: &str = "Signature verification failed";

#[rstest]
fn tokens_of_flask_are_read_and_made(
    #[values(
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"
    )]
    algorithm: &str,
) {
    let app = app(&settings(algorithm));
    let tokens = file("tokens.txt");
    let of_flask = tokens.lines().find_map(|line| line.strip_prefix(algorithm)).unwrap().trim();
    assert_eq!(read(&app, of_flask), "ada");
    let own = made(&app);
    assert_eq!(read(&app, &own), "ada");
    let header = get_unverified_jwt_headers(&own).unwrap();
    assert_eq!(Value::from(header), json!({ "alg": algorithm, "typ": "JWT" }));
    let (message, signature) = of_flask.rsplit_once('.').unwrap();
    let forged = format!("{message}.{}", signature.chars().rev().collect::<String>());
    assert!([FORGED, "Invalid crypto padding"].contains(&&*read(&app, &forged)));
    let (header, rest) = of_flask.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let (_, of_other) = own.split_once('.').unwrap();
    let (payload, _) = of_other.split_once('.').unwrap();
    assert_eq!(read(&app, &format!("{header}.{payload}.{signature}")), FORGED);
}

/// Who knows a public key must not be able to sign with it as a secret.
#[test]
fn a_public_key_is_no_secret() {
    let public = file("keys/rsa.pub.pem");
    let tokens = file("tokens.txt");
    let forged = tokens.lines().find_map(|line| line.strip_prefix("forged ")).unwrap();
    let mut both = settings("RS256");
    both["JWT_DECODE_ALGORITHMS"] = json!(["HS256"]);
    both["JWT_SECRET_KEY"] = json!("another");
    assert_eq!(read(&app(&both), forged), FORGED);
    assert_eq!(read(&app(&settings("RS256")), forged), "The specified alg value is not allowed");
    both["JWT_SECRET_KEY"] = json!(public);
    let error = build(Jwt::new(), &both).unwrap_err();
    assert!(error.message().contains("no key of a pair"), "{error}");
}

/// The text between the lines of a file in PEM.
fn base64(name: &str) -> String {
    file(name).lines().filter(|line| !line.contains("-----")).collect::<Vec<_>>().join("\n")
}

const SSH: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJdhtVHPP3fXpVqnM8LjXTgx2Q2hSYw1f0wQO1kDqT1y";

#[rstest]
#[case::pem(file("keys/es256.pub.pem"))]
#[case::private(file("keys/es256.pem"))]
#[case::ssh(format!("ssh-ed25519 {SSH} ada@example.org"))]
#[case::ssh_on_a_token("sk-ssh-ed25519@openssh.com AAAA".to_owned())]
#[case::ssh_ec(" ecdsa-sha2-nistp256 AAAA".to_owned())]
#[case::ssh_known_host(format!("example.org ssh-ed25519 {SSH}"))]
#[case::ssh_alone(SSH.to_owned())]
#[case::ssh2(format!("---- BEGIN SSH2 PUBLIC KEY ----\n{SSH}\n---- END SSH2 PUBLIC KEY ----"))]
#[case::jwk(json!({ "kty": "EC", "crv": "P-256", "x": "a", "y": "b" }).to_string())]
#[case::jwks(format!(" {}", json!({ "keys": [] })))]
#[case::der(base64("keys/rsa.pub.pem"))]
#[case::der_ec(base64("keys/es256.pub.pem"))]
#[case::der_ed(base64("keys/eddsa.pub.pem").trim_end_matches('=').replace('+', "-").replace('/', "_"))]
#[case::der_private(base64("keys/rsa.pem"))]
#[case::empty(String::new())]
fn what_is_a_key_of_a_pair_or_empty_is_no_secret(#[case] text: String) {
    let settings = json!({ "JWT_SECRET_KEY": "a", "JWT_SECRET_KEY_FALLBACKS": [text] });
    let refused = build(Jwt::new(), &settings).unwrap_err();
    assert!(refused.message().contains("a long random text, and no key of a pair"), "{refused}");
    let by_id = build(Jwt::new(), &json!({ "JWT_SECRET_KEY": "a", "JWT_DECODE_KEYS": { "b": text } })).unwrap_err();
    assert!(by_id.message().contains("the key of JWT_DECODE_KEYS"), "{by_id}");
    let (encoding, decoding) = (text.clone(), text);
    let jwt = Jwt::new().encode_key_loader(move |_: String| encoding.clone());
    let app = build(jwt.decode_key_loader(move |_: Token| decoding.clone()), &json!({})).unwrap();
    let error = app.app_context_sync(|| create_access_token("ada").wait()).unwrap_err();
    assert!(error.message().contains("the key of encode_key_loader"), "{error}");
    let token = made(&self::app(&json!({ "JWT_SECRET_KEY": "a" })));
    assert!(read(&app, &token).contains("the key of decode_key_loader"));
}

#[rstest]
#[case("correct horse battery staple")]
#[case("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")]
#[case("3031323334353637383930616263646566")]
#[case("sk-proj-0123456789")]
#[case("{\"a\": 1}")]
#[case("5")]
#[case("MA==")]
fn a_random_text_is_a_secret(#[case] text: &str) {
    let app = app(&json!({ "JWT_SECRET_KEY": text }));
    assert_eq!(read(&app, &made(&app)), "ada");
}

#[test]
fn replaced_keys_verify_and_do_not_sign() {
    let (old, new) = (
        json!({ "JWT_SECRET_KEY": "old" }),
        json!({ "JWT_SECRET_KEY": "new", "JWT_SECRET_KEY_FALLBACKS": ["older", "old"] }),
    );
    let (old, new) = (app(&old), app(&new));
    assert_eq!([&old, &new].map(|maker| read(&new, &made(maker))), ["ada", "ada"]);
    assert_eq!(read(&old, &made(&new)), FORGED);
    let of_app = app(&json!({ "SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ["old"] }));
    assert_eq!([&old, &new].map(|maker| read(&of_app, &made(maker))), ["ada", "ada"]);
}

/// Such as of an app that had a key of its own for tokens, and uses that of the app now.
#[test]
fn replaced_keys_stand_behind_the_key_of_the_app() {
    let old = app(&json!({ "JWT_SECRET_KEY": "old" }));
    let new = app(&json!({
        "SECRET_KEY": "new", "SECRET_KEY_FALLBACKS": ["older"], "JWT_SECRET_KEY_FALLBACKS": ["old"],
    }));
    let older = app(&json!({ "SECRET_KEY": "older" }));
    assert_eq!([&old, &older, &new].map(|maker| read(&new, &made(maker))), ["ada", "ada", "ada"]);
    assert_eq!(read(&old, &made(&new)), FORGED);
}

#[test]
fn a_tokens_key_is_found_by_its_id() {
    let old = json!({ "JWT_SECRET_KEY": "old", "JWT_KEY_ID": "2025" });
    let new = json!({ "JWT_SECRET_KEY": "new", "JWT_KEY_ID": "2026", "JWT_DECODE_KEYS": { "2025": "old" } });
    let (old, new) = (app(&old), app(&new));
    assert_eq!(get_unverified_jwt_headers(&made(&new)).unwrap()["kid"], "2026");
    assert_eq!([&old, &new].map(|maker| read(&new, &made(maker))), ["ada", "ada"]);
    // The id of one key with the signature of another.
    let swapped = app(&json!({ "JWT_SECRET_KEY": "new", "JWT_KEY_ID": "2025" }));
    assert_eq!(read(&new, &made(&swapped)), FORGED);
    // Without an id the keys with ids are not tried.
    assert_eq!(read(&new, &made(&app(&json!({ "JWT_SECRET_KEY": "old" })))), FORGED);
}

#[test]
fn keys_of_several_algorithms_go_side_by_side() {
    let mut settings = settings("ES256");
    settings["JWT_DECODE_ALGORITHMS"] = json!(["HS256", "RS256"]);
    settings["JWT_SECRET_KEY"] = json!(SECRET);
    settings["JWT_PUBLIC_KEY_FALLBACKS"] = json!([file("keys/rsa.pub.pem")]);
    let app = app(&settings);
    for algorithm in ["ES256", "HS256", "RS256"] {
        assert_eq!(read(&app, &made(&self::app(&self::settings(algorithm)))), "ada");
    }
}

#[rstest]
fn functions_may_give_the_keys(#[values(true, false)] is_sync: bool) {
    let (encode, decode) = (
        |name: String| format!("key of {name}"),
        |token: Token| Ok::<_, Error>(format!("key of {}", token.identity::<String>()?)),
    );
    let jwt = if is_sync {
        Jwt::new().encode_key_loader(encode).decode_key_loader(decode)
    } else {
        Jwt::new()
            .encode_key_loader(move |name: String| std::future::ready(encode(name)))
            .decode_key_loader(move |token: Token| std::future::ready(decode(token)))
    };
    let app = build(jwt, &json!({})).unwrap();
    assert_eq!(read(&app, &made(&app)), "ada");
    assert_eq!(read(&app, &made(&self::app(&json!({ "JWT_SECRET_KEY": "another" })))), FORGED);
}

/// The header is the client's, so no word in it is a fault of the app.
#[rstest]
fn a_forged_header_is_refused_where_a_function_gives_the_keys(
    #[values(true, false)] is_sync: bool,
    #[values("HS256", "ES256")] algorithm: &'static str,
) {
    let mut settings = settings("RS256");
    settings["JWT_DECODE_ALGORITHMS"] = json!(["HS256", "ES256"]);
    settings["JWT_SECRET_KEY"] = json!("another");
    settings["JWT_PUBLIC_KEY_FALLBACKS"] = json!([file("keys/es256.pub.pem")]);
    let give = |_: Token| file("keys/rsa.pub.pem");
    let jwt = if is_sync {
        Jwt::new().decode_key_loader(give)
    } else {
        Jwt::new().decode_key_loader(move |token: Token| std::future::ready(give(token)))
    };
    let app = build(jwt, &settings).unwrap();
    assert_eq!(read(&app, &made(&app)), "ada");
    assert_eq!(read(&app, &made(&self::app(&self::settings(algorithm)))), FORGED);
}

#[rstest]
fn an_app_that_only_reads_has_no_key_to_sign_with(#[values("map", "sync", "async")] source: &str) {
    let maker = app(&json!({ "JWT_SECRET_KEY": "a", "JWT_KEY_ID": "2026" }));
    let reader = match source {
        "map" => build(Jwt::new(), &json!({ "JWT_DECODE_KEYS": { "2026": "a" } })),
        "sync" => build(Jwt::new().decode_key_loader(|_: Token| "a".to_owned()), &json!({})),
        _ => build(Jwt::new().decode_key_loader(async |_: Token| "a".to_owned()), &json!({})),
    };
    let reader = reader.unwrap();
    assert_eq!(read(&reader, &made(&maker)), "ada");
    let error = reader.app_context_sync(|| create_access_token("ada").wait()).unwrap_err();
    assert!(error.message().contains("set JWT_SECRET_KEY"), "{error}");
}

#[rstest]
#[case(json!("shop"), json!("us"), json!("shop"), json!("us"))]
#[case(json!(["shop"]), json!(null), json!(["shop"]), json!(null))]
#[case(json!(""), json!(""), json!(null), json!(null))]
#[case(json!([]), json!(null), json!(null), json!(null))]
fn a_token_says_for_whom_it_is(
    #[case] audience: Value,
    #[case] issuer: Value,
    #[case] of_audience: Value,
    #[case] of_issuer: Value,
) {
    let settings = json!({ "SECRET_KEY": SECRET, "JWT_ENCODE_AUDIENCE": audience, "JWT_ENCODE_ISSUER": issuer });
    let app = app(&settings);
    let token = app.app_context_sync(|| decode_token(create_access_token("ada").wait()?).wait()).unwrap();
    let claim = |name: &str| token.claims().get(name).cloned();
    let known = |value: Value| Some(value).filter(|value| !value.is_null());
    assert_eq!((claim("aud"), claim("iss")), (known(of_audience), known(of_issuer)));
}

#[rstest]
fn functions_may_add_to_a_token(#[values(true, false)] is_sync: bool) {
    let (id, claims, headers) = (
        |id: u32| json!(format!("user {id}")),
        |id: u32| json!({ "id": id, "jti": "1" }),
        |id: u32| json!({ "x": id }),
    );
    let jwt = if is_sync {
        Jwt::new().user_identity_loader(id).additional_claims_loader(claims).additional_headers_loader(headers)
    } else {
        Jwt::new()
            .user_identity_loader(move |user: u32| std::future::ready(id(user)))
            .additional_claims_loader(move |user: u32| std::future::ready(claims(user)))
            .additional_headers_loader(move |user: u32| std::future::ready(headers(user)))
    };
    let app = build(jwt, &json!({ "SECRET_KEY": SECRET })).unwrap();
    let token = app.app_context_sync(|| {
        let token =
            create_access_token(7).additional_claims(json!({ "jti": "2" })).additional_headers(json!({ "y": 8 }));
        decode_token(token.wait()?).wait()
    });
    let token = token.unwrap();
    assert_eq!((&token.claims()["id"], &token.claims()["jti"]), (&json!(7), &json!("2")));
    assert_eq!(Value::from(token.header().clone()), json!({ "alg": "HS256", "typ": "JWT", "x": 7, "y": 8 }));
    assert_eq!(token.identity::<String>().unwrap(), "user 7");
}

#[test]
fn lifetimes_are_those_of_the_settings_or_of_the_token() {
    let app = app(&json!({ "SECRET_KEY": SECRET, "JWT_ACCESS_TOKEN_EXPIRES": false, "JWT_ENCODE_NBF": false }));
    let (for_ever, short, gone) = app.app_context_sync(|| {
        let short = create_access_token("ada").expires_delta(Duration::from_secs(60)).wait().unwrap();
        let gone = create_access_token("ada").expires_delta(Duration::ZERO).wait().unwrap();
        let for_ever = decode_token(create_access_token("ada").wait().unwrap()).wait().unwrap();
        (for_ever, decode_token(short).wait().unwrap(), gone)
    });
    assert_eq!((for_ever.claim::<u64>("exp"), for_ever.claim::<u64>("nbf")), (None, None));
    assert_eq!(short.claim::<u64>("exp").unwrap() - short.claim::<u64>("iat").unwrap(), 60);
    assert_eq!(read(&app, &gone), "Token has expired");
    let expired = app.app_context_sync(|| decode_expired_token(gone).wait()).unwrap();
    assert_eq!(expired.identity::<String>().unwrap(), "ada");
}

#[rstest]
fn an_identity_is_text_unless_the_app_says_otherwise(#[values(true, false)] verify: bool) {
    let app = app(&json!({ "SECRET_KEY": SECRET, "JWT_VERIFY_SUB": verify }));
    let made = app.app_context_sync(|| create_access_token(7).wait());
    if verify {
        assert!(made.unwrap_err().message().contains("must be text"));
    } else {
        assert_eq!(app.app_context_sync(|| decode_token(made.unwrap()).wait()?.identity::<u8>()).unwrap(), 7);
    }
}

#[test]
fn an_error_has_its_kind() {
    let app = app(&json!({ "SECRET_KEY": SECRET }));
    let error = app.app_context_sync(|| decode_token("abc").wait()).unwrap_err();
    assert_eq!(error.downcast_ref::<JwtError>().map(JwtError::kind), Some(JwtErrorKind::Invalid));
}

#[test]
fn an_app_with_a_public_key_alone_reads_and_makes_no_tokens() {
    let mut settings = settings("ES256");
    let maker = app(&settings);
    settings["JWT_PRIVATE_KEY"] = Value::Null;
    let reader = app(&settings);
    assert_eq!(read(&reader, &made(&maker)), "ada");
    let error = reader.app_context_sync(|| create_access_token("ada").wait()).unwrap_err();
    assert!(error.message().contains("set JWT_PRIVATE_KEY"), "{error}");
}

#[rstest]
#[case::no_key(json!({}), "there is no key for HS256: set JWT_SECRET_KEY or `config.secret_key`")]
#[case::empty_key(json!({ "JWT_SECRET_KEY": "" }), "set JWT_SECRET_KEY")]
#[case::no_public_key(json!({ "JWT_ALGORITHM": "RS256" }), "there is no key for RS256: set JWT_PUBLIC_KEY")]
#[case::no_key_to_verify(json!({ "JWT_SECRET_KEY": "a", "JWT_DECODE_ALGORITHMS": ["ES256"] }), "set JWT_PUBLIC_KEY")]
#[case::algorithm(json!({ "JWT_ALGORITHM": "HS257" }), "\"HS257\" is no algorithm: write HS256")]
#[case::none(json!({ "JWT_ALGORITHM": "none" }), "\"none\" is no algorithm")]
#[case::secret_as_public(json!({ "JWT_ALGORITHM": "RS256", "JWT_PUBLIC_KEY": "a" }), "the key of JWT_PUBLIC_KEY is not for RS256")]
#[case::other_curve(json!({ "JWT_ALGORITHM": "ES384", "JWT_PUBLIC_KEY": file("keys/es256.pub.pem") }), "is not for ES384")]
#[case::private_as_public(json!({ "JWT_ALGORITHM": "EdDSA", "JWT_PUBLIC_KEY": file("keys/eddsa.pem") }), "JWT_PUBLIC_KEY is not for EdDSA")]
#[case::public_as_private(
    json!({ "JWT_ALGORITHM": "EdDSA", "JWT_PUBLIC_KEY": file("keys/eddsa.pub.pem"), "JWT_PRIVATE_KEY": file("keys/eddsa.pub.pem") }),
    "the key of JWT_PRIVATE_KEY is not for EdDSA"
)]
#[case::list_as_key(json!({ "JWT_PUBLIC_KEY": ["s3cret"] }), "the setting JWT_PUBLIC_KEY: a key is text")]
#[case::location(json!({ "JWT_SECRET_KEY": "a", "JWT_TOKEN_LOCATION": ["header"] }), "JWT_TOKEN_LOCATION: unknown variant `header`")]
#[case::no_location(json!({ "JWT_SECRET_KEY": "a", "JWT_TOKEN_LOCATION": [] }), "name one or more of headers")]
#[case::header(json!({ "JWT_SECRET_KEY": "a", "JWT_HEADER_NAME": "" }), "JWT_HEADER_NAME: \"\" is no name of a header")]
#[case::lifetime(json!({ "JWT_SECRET_KEY": "a", "JWT_ACCESS_TOKEN_EXPIRES": "1h" }), "JWT_ACCESS_TOKEN_EXPIRES: write seconds")]
#[case::leeway(json!({ "JWT_SECRET_KEY": "a", "JWT_DECODE_LEEWAY": -1 }), "JWT_DECODE_LEEWAY: write seconds")]
#[case::leeway_off(json!({ "JWT_SECRET_KEY": "a", "JWT_DECODE_LEEWAY": false }), "JWT_DECODE_LEEWAY: invalid type")]
#[case::no_audience(json!({ "JWT_SECRET_KEY": "a", "JWT_DECODE_AUDIENCE": [] }), "JWT_DECODE_AUDIENCE: name one or more")]
#[case::no_issuer(json!({ "JWT_SECRET_KEY": "a", "JWT_DECODE_ISSUER": [] }), "JWT_DECODE_ISSUER: name one or more")]
#[case::audience(json!({ "JWT_SECRET_KEY": "a", "JWT_ENCODE_AUDIENCE": 5 }), "JWT_ENCODE_AUDIENCE: write text")]
#[case::audiences(json!({ "JWT_SECRET_KEY": "a", "JWT_ENCODE_AUDIENCE": ["a", 5] }), "JWT_ENCODE_AUDIENCE: write text")]
#[case::issuer(json!({ "JWT_SECRET_KEY": "a", "JWT_ENCODE_ISSUER": 5 }), "JWT_ENCODE_ISSUER: invalid type")]
#[case::method(json!({ "JWT_SECRET_KEY": "a", "JWT_CSRF_METHODS": ["PUT", "post"] }), "JWT_CSRF_METHODS: write \"POST\"")]
#[case::no_method(json!({ "JWT_SECRET_KEY": "a", "JWT_CSRF_METHODS": ["PO ST"] }), "JWT_CSRF_METHODS: \"PO ST\" is no method")]
#[case::replaced_by_none(json!({ "JWT_SECRET_KEY_FALLBACKS": ["old"] }), "JWT_SECRET_KEY_FALLBACKS: set JWT_SECRET_KEY")]
#[case::replaced_by_none_and_public(
    json!({ "JWT_ALGORITHM": "ES256", "JWT_PUBLIC_KEY_FALLBACKS": [file("keys/es256.pub.pem")] }),
    "JWT_PUBLIC_KEY_FALLBACKS: set JWT_PUBLIC_KEY"
)]
fn what_cannot_be_meant_is_a_set_up_error(#[case] settings: Value, #[case] message: &str) {
    let error = build(Jwt::new(), &settings).unwrap_err();
    assert!(error.message().contains(message) && !error.message().contains("s3cret"), "{error}");
    assert!(error.location().is_some_and(|location| location.file().ends_with("keys.rs")), "{error}");
}
