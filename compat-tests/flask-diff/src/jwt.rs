//! Flask-JWT-Extended: tokens in headers, cookies, queries and JSON.

use std::time::Duration;

use costrel::{App, Blueprint, Error, IntoResponse, Json};
use costrel_jwt::{
    Jwt, JwtError, Location, Token, access_token, create_access_token, current_user, decode_token, get_jwt,
    get_jwt_identity, jwt_required, refresh_token, set_access_cookies, set_refresh_cookies, unset_jwt_cookies,
};
use serde_json::json;

fn extension() -> Jwt {
    Jwt::new()
        .user_lookup_loader(|token: Token| {
            token.identity::<String>().map(|name| Some(format!("user {name}")).filter(|_| name != "gone"))
        })
        .token_in_blocklist_loader(async |token: Token| token.claim("jti") == Some("revoked".to_owned()))
        .token_verification_loader(|token: Token| token.claim("team") != Some("banned".to_owned()))
        .needs_fresh_token_loader(|error: JwtError| {
            error.token().identity::<String>().map(|name| (format!("not fresh: {name}"), 401))
        })
}

/// The name of the token's place, as Flask-JWT-Extended has it.
fn place() -> Result<String, Error> {
    let location = match get_jwt()?.location() {
        Some(Location::Headers) => "headers",
        Some(Location::Cookies) => "cookies",
        Some(Location::QueryString) => "query_string",
        Some(Location::Json) => "json",
        None => "None",
    };
    Ok(format!("{} {location}", get_jwt_identity::<String>()?))
}

fn optional() -> Result<String, Error> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "None".to_owned());
    let user = current_user::<String>()?.map(|user| String::clone(&user));
    Ok(format!("optional {} {}", or_none(get_jwt_identity()?), or_none(user)))
}

fn made() -> Result<String, Error> {
    let token = create_access_token("ada").fresh(true).expires_delta(Duration::from_secs(60));
    let token = decode_token(token.additional_claims(json!({ "team": 7 })).wait()?).wait()?;
    let mut names: Vec<_> = token.claims().keys().map(|name| format!("'{name}'")).collect();
    names.sort();
    let seconds = |name: &str| token.claim::<u64>(name).unwrap_or_default();
    let text = |name: &str| token.claim::<String>(name).unwrap_or_default();
    let empty = if text("jti").is_empty() || text("csrf").is_empty() { "True" } else { "False" };
    Ok(format!("[{}] {} {empty} {}", names.join(", "), seconds("exp") - seconds("iat"), seconds("team")))
}

pub(crate) fn init_app(app: &mut App) -> Result<(), Error> {
    app.config.from_mapping(json!({
        "JWT_SECRET_KEY": "differential, and long enough for a key of tokens",
        "JWT_TOKEN_LOCATION": ["headers", "cookies", "query_string", "json"],
        "JWT_ENCODE_AUDIENCE": "shop", "JWT_DECODE_AUDIENCE": ["shop", "depot"],
        "JWT_ENCODE_ISSUER": "us", "JWT_DECODE_ISSUER": "us",
        "JWT_CSRF_CHECK_FORM": true, "JWT_REFRESH_COOKIE_PATH": "/jwt/refresh", "JWT_COOKIE_SAMESITE": "Lax",
    }))?;
    app.init(extension())?;
    let mut bp = Blueprint::new("tokens").url_prefix("/jwt");
    for status in [400, 401, 422] {
        bp.errorhandler(status, || "of the blueprint");
    }
    let in_headers = || jwt_required(access_token().locations([Location::Headers]));
    let greet = async || Ok::<_, Error>(format!("async {}", get_jwt_identity::<String>()?));
    let renew = || get_jwt_identity::<String>().map(|name| format!("refresh {name}"));
    bp.rule("/header").decorate(in_headers()).view(place);
    bp.rule("/async").decorate(in_headers()).view(greet);
    bp.rule("/any").methods(["GET", "POST"]).decorate(jwt_required(access_token())).view(place);
    bp.rule("/optional").decorate(jwt_required(access_token().optional())).view(optional);
    bp.rule("/fresh").decorate(jwt_required(access_token().fresh())).view(|| "fresh");
    bp.rule("/refresh").methods(["GET", "POST"]).decorate(jwt_required(refresh_token())).view(renew);
    bp.rule("/either").decorate(jwt_required(access_token().any_type())).view(async || "either");
    bp.rule("/again").decorate(jwt_required(access_token().skip_revocation_check())).view(|| "again");
    bp.rule("/user")
        .decorate(jwt_required(access_token()))
        .view(async || current_user::<String>().map(|user| user.map(|user| String::clone(&user)).unwrap_or_default()));
    bp.rule("/claims")
        .decorate(jwt_required(access_token()))
        .view(|| get_jwt().map(|token| Json(json!({ "claims": token.claims(), "header": token.header() }))));
    let in_cookies = jwt_required(access_token().locations([Location::Cookies]));
    bp.rule("/cookie").methods(["GET", "POST"]).decorate(in_cookies).view(|| "cookie");
    bp.route("/set/<token>", |token: String| {
        let mut response = "set".into_response()?;
        set_access_cookies(&mut response, &token)?;
        set_refresh_cookies(&mut response, &token)?;
        Ok::<_, Error>(response)
    });
    bp.route("/unset", async || {
        let mut response = "unset".into_response()?;
        unset_jwt_cookies(&mut response)?;
        Ok::<_, Error>(response)
    });
    bp.route("/made", made);
    app.register_blueprint(bp);
    Ok(())
}
