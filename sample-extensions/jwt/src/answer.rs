//! The answers to clients that are refused.

use costrel::{Error, IntoResponse, Json, Response};
use serde_json::json;

use crate::error::JwtError;
use crate::options::Jwt;

/// Answers a refusal: by the function of the app, or else with Flask-JWT-Extended's JSON.
pub(crate) async fn answer(error: Error) -> Result<Response, Error> {
    let jwt = Jwt::current()?;
    let Some(refusal) = error.downcast_ref::<JwtError>() else { return Err(error) };
    if let Some(answer) = jwt.answers.get(&refusal.kind()) {
        return answer.call(refusal.clone()).await;
    }
    let key = &jwt.settings()?.common.error_message_key;
    (Json(json!({ key: refusal.message() })), refusal.status()).into_response()
}
