//! An app with one form.

use std::collections::BTreeMap;

use costrel::testing::{TestClient, TestResponse};
use costrel::{App, Error, IntoResponse, Json, Response, context, render_template_string};
use costrel_form::Form;
use serde::Serialize;
use serde::de::DeserializeOwned;
use validator::Validate;

/// What is wrong, as JSON.
const PAGE: &str = "{{ form.errors | tojson }}";

/// The data of a form of the tests.
pub(crate) trait Data: DeserializeOwned + Serialize + Validate + Send + Sync + 'static {}

impl<T: DeserializeOwned + Serialize + Validate + Send + Sync + 'static> Data for T {}

/// An app that answers with the data and 201, or with what is wrong.
pub(crate) fn app<T: Data>(is_sync: bool) -> App {
    let mut app = App::new("test");
    let rule = app.rule("/").methods(["GET", "POST", "PUT", "PATCH", "DELETE"]);
    if is_sync {
        rule.view(|| {
            let form = Form::<T>::of_request().wait()?;
            data(&form).unwrap_or_else(|| render_template_string(PAGE, context! { form }).wait().into_response())
        });
    } else {
        rule.view(async || {
            let form = Form::<T>::of_request().await?;
            match data(&form) {
                Some(data) => data,
                None => render_template_string(PAGE, context! { form }).await.into_response(),
            }
        });
    }
    app
}

pub(crate) fn client<T: Data>(is_sync: bool) -> TestClient {
    app::<T>(is_sync).test_client()
}

/// Sends the fields, and returns the answer.
pub(crate) fn send<T: Data>(is_sync: bool, fields: &[(&str, &str)]) -> TestResponse {
    client::<T>(is_sync).post("/").form(fields).wait().unwrap()
}

/// What is wrong with the fields, in the order of their names.
pub(crate) fn errors<T: Data>(is_sync: bool, fields: &[(&str, &str)]) -> String {
    let answer = send::<T>(is_sync, fields);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    written(&answer)
}

/// What is wrong, each field as `name: sentence`, after what is wrong with the whole form.
pub(crate) fn written(answer: &TestResponse) -> String {
    let found: BTreeMap<String, Vec<String>> = serde_json::from_str(&answer.text()).unwrap();
    let line = |(name, sentences): (&String, &Vec<String>)| match name.as_str() {
        "" => sentences.join(" "),
        name => format!("{name}: {}", sentences.join(" ")),
    };
    found.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The data that fits, as JSON.
pub(crate) fn fits<T: Data>(is_sync: bool, fields: &[(&str, &str)]) -> String {
    let answer = send::<T>(is_sync, fields);
    assert_eq!(answer.status(), 201, "{}", answer.text());
    answer.text().trim().to_owned()
}

fn data<T: Data>(form: &Form<T>) -> Option<Result<Response, Error>> {
    form.validate_on_submit().map(|data| (Json(data), 201).into_response())
}
