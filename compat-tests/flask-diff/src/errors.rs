//! Views that fail, with error handlers of the app, of a blueprint by code, and of another blueprint for every error.

use std::fmt;

use costrel::{App, Blueprint, Error, ErrorKind, Exception, Json, Response, StatusCode, abort, of_type, redirect};
use serde_json::{Value, json};

use crate::exceptions::RuntimeError;

/// An error of the shop. In Flask this is a class and a subclass, and the handler for the class takes both.
#[derive(Debug)]
enum ShopError {
    Closed,
    SoldOut,
}

impl fmt::Display for ShopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::SoldOut => "sold out",
        })
    }
}

impl std::error::Error for ShopError {}

type Nothing = Result<&'static str, Error>;

fn abort_code(code: u16) -> Nothing {
    abort(code)
}

async fn abort_code_async(code: u16) -> Nothing {
    abort(code)
}

async fn abort_described(code: u16) -> Nothing {
    Err(Error::status(code).with_message("Because <of> this & that"))
}

fn abort_response() -> Result<Response, Error> {
    redirect("/rule/plain")
}

fn shop() -> Nothing {
    Err(ShopError::Closed.into())
}

async fn empty_shop() -> Result<&'static str, ShopError> {
    Err(ShopError::SoldOut)
}

fn crash() -> Nothing {
    Err(RuntimeError("boom").into())
}

async fn crash_async() -> Result<&'static str, RuntimeError> {
    Err(RuntimeError("boom"))
}

fn coded_abort(code: u16) -> Nothing {
    Err(Error::status(code).with_message("said"))
}

async fn coded_500(error: Error) -> (String, u16) {
    let original = match error.kind() {
        ErrorKind::Status(_) => "None",
        _ => error.message(),
    };
    (format!("500 from {original}"), 500)
}

fn caught_exception(error: Error) -> (String, StatusCode) {
    match error.kind() {
        ErrorKind::Status(status) => (format!("caught {}", status.as_u16()), status),
        _ => (format!("caught {error}"), StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Handles HTTP errors alone; in Flask it is registered for them alone.
async fn http_any(error: Error) -> Result<(Json<Value>, StatusCode), Error> {
    let ErrorKind::Status(status) = error.kind() else { return Err(error) };
    let name = status.canonical_reason().unwrap_or_default();
    Ok((Json(json!({"code": status.as_u16(), "name": name})), status))
}

fn plain() -> Blueprint {
    let mut plain = Blueprint::new("plain_errors").url_prefix("/err");
    plain.route("/abort/<int:code>", abort_code);
    plain.route("/described/<int:code>", abort_described);
    plain.route("/response", abort_response);
    plain.route("/shop", shop);
    plain.route("/empty-shop", empty_shop);
    plain.route("/crash", crash);
    plain
}

fn coded() -> Blueprint {
    let mut coded = Blueprint::new("coded").url_prefix("/err-coded");
    coded.route("/abort/<int:code>", coded_abort);
    coded.route("/crash", crash_async);
    coded.errorhandler(404, |error: Error| (format!("blueprint 404: {}", error.message()), 404));
    coded.errorhandler(403, async || "a bare string");
    coded.errorhandler(500, coded_500);
    coded.errorhandler(409, || Err::<&'static str, _>(RuntimeError("a handler that fails")));
    coded
}

fn caught() -> Blueprint {
    let mut caught = Blueprint::new("caught").url_prefix("/err-caught");
    caught.route("/abort/<int:code>", abort_code_async);
    caught.route("/crash", crash);
    caught.route("/shop", shop);
    caught.errorhandler(Exception, caught_exception);
    caught
}

fn http() -> Blueprint {
    let mut http = Blueprint::new("http_errors").url_prefix("/err-http");
    http.route("/abort/<int:code>", abort_code_async);
    http.errorhandler(Exception, http_any);
    http.errorhandler(404, || ("closest class wins", 404));
    http
}

pub(crate) fn init_app(app: &mut App) {
    for blueprint in [plain(), coded(), caught(), http()] {
        app.register_blueprint(blueprint);
    }
    app.errorhandler(418, |error: Error| (format!("app 418: {}", error.message()), 418, [("X-Tea", "yes")]));
    app.errorhandler(of_type::<ShopError>(), async |error: Error| (format!("shop: {error}"), 422));
}
