//! Views that return what the request says about itself.

use std::collections::BTreeMap;

use costrel::{App, Blueprint, Bytes, Error, FileStorage, IntoResponse, Json, MultiDict, abort, request};
use serde_json::{Map, Value, json};

type Answered = Result<Json<Value>, Error>;

const ANY: [&str; 3] = ["GET", "POST", "PUT"];

/// Returns every name with all its values.
fn lists(values: &MultiDict) -> Value {
    let mut lists = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in values.iter() {
        lists.entry(name).or_default().push(value);
    }
    json!(lists)
}

/// Returns the value of `name`, or a 400 if it is missing.
pub(crate) fn required(values: &MultiDict, name: &str) -> Result<String, Error> {
    values.get(name).map(str::to_owned).ok_or_else(|| Error::status(400))
}

fn args() -> Json<Value> {
    Json(lists(&request().args()))
}

async fn arg() -> Answered {
    let args = request().args();
    let number: i64 = args.get("n").and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    Ok(Json(json!({"first": args.get("n"), "n": number, "must": required(&args, "must")?})))
}

fn headers() -> Json<Value> {
    let request = request();
    let has = request.headers().contains_key("X-A");
    Json(json!({"x-a": request.header("x-a"), "missing": request.header("X-Missing"), "has": has}))
}

/// Returns every cookie; of several with one name, the first.
pub(crate) fn cookies() -> Json<Value> {
    let cookies = request().cookies();
    let pairs = cookies.iter().map(|(name, _)| (name.to_owned(), json!(cookies.get(name))));
    Json(Value::Object(pairs.collect()))
}

async fn form() -> Answered {
    Ok(Json(lists(&request().form().await?)))
}

fn form_key() -> Result<String, Error> {
    required(&request().form().wait()?, "must")
}

async fn files() -> Answered {
    let (form, files) = (request().form().await?, request().files().await?);
    let mut found = Vec::new();
    for file in files.iter() {
        found.push(describe(file, file.read().await?.len()));
    }
    Ok(Json(json!({"form": lists(&form), "files": found})))
}

fn describe(file: &FileStorage, size: usize) -> Value {
    let content_type = file.content_type();
    let mimetype = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim().to_lowercase();
    json!([file.name(), file.filename(), content_type, mimetype, size])
}

fn file_text() -> Result<Bytes, Error> {
    let files = request().files().wait()?;
    files.get("f").ok_or_else(|| Error::status(400))?.read().wait()
}

fn values() -> Answered {
    Ok(Json(lists(&request().values().wait()?)))
}

async fn json_strict() -> Answered {
    Ok(Json(json!({"got": request().get_json::<Value>().await?})))
}

fn json_property() -> Answered {
    Ok(Json(json!({"got": request().get_json::<Value>().wait()?})))
}

async fn json_silent() -> Answered {
    Ok(Json(json!({"got": request().get_json_silent::<Value>().await?})))
}

fn json_force() -> Answered {
    Ok(Json(json!({"got": request().get_json_forced::<Value>().wait()?})))
}

async fn data() -> Result<String, Error> {
    Ok(request().get_data().await?.len().to_string())
}

fn raw() -> Result<impl IntoResponse, Error> {
    Ok((request().get_data().wait()?, [("Content-Type", "application/octet-stream")]))
}

async fn unread() -> &'static str {
    "not read"
}

/// Limits the body to 10 bytes; in Flask the view sets this limit on the request before it reads the body.
async fn small() -> Result<String, Error> {
    let size = request().get_data().await?.len();
    if size > 10 {
        return abort(413);
    }
    Ok(size.to_string())
}

fn data_then_form() -> Answered {
    let size = request().get_data().wait()?.len();
    Ok(Json(json!({"size": size, "form": lists(&request().form().wait()?)})))
}

async fn url(_s: String) -> Json<Value> {
    let request = request();
    let view_args = request.view_args().iter().map(|(name, value)| (name.to_string(), json!(value.to_string())));
    let root = format!("{}://{}/", request.scheme(), request.host());
    Json(json!({
        "method": request.method().as_str(),
        "path": request.path(),
        "full_path": request.full_path(),
        "url": request.url(),
        "base_url": request.base_url(),
        "url_root": root,
        "host": request.host(),
        "host_url": root,
        "scheme": request.scheme(),
        "is_secure": request.is_secure(),
        "endpoint": request.endpoint(),
        "blueprint": request.blueprint(),
        "view_args": view_args.collect::<Map<String, Value>>(),
        "script_root": "",
    }))
}

fn query_string() -> String {
    request().uri().query().unwrap_or_default().to_owned()
}

async fn content_type() -> Json<Value> {
    let request = request();
    let content_type = request.header("content-type");
    let length: Option<u64> = request.header("content-length").and_then(|text| text.parse().ok());
    let params = content_type.unwrap_or_default().split(';').skip(1).filter_map(|param| param.split_once('='));
    let params = params.map(|(name, value)| (name.trim().to_lowercase(), json!(value.trim().trim_matches('"'))));
    Json(json!({
        "is_json": request.is_json(),
        "mimetype": request.mimetype().unwrap_or_default(),
        "params": params.collect::<Map<String, Value>>(),
        "content_type": content_type,
        "content_length": length,
    }))
}

pub(crate) fn init_app(app: &mut App) {
    let mut echo = Blueprint::new("echo").url_prefix("/req");
    echo.route("/args", args);
    echo.route("/arg", arg);
    echo.route("/headers", headers);
    echo.route("/cookies", cookies);
    echo.rule("/form").methods(ANY).view(form);
    echo.rule("/form-key").methods(["POST"]).view(form_key);
    echo.rule("/files").methods(["POST"]).view(files);
    echo.rule("/file-text").methods(["POST"]).view(file_text);
    echo.rule("/values").methods(ANY).view(values);
    echo.rule("/json").methods(["POST"]).endpoint("json").view(json_strict);
    echo.rule("/json-property").methods(["POST"]).view(json_property);
    echo.rule("/json-silent").methods(["POST"]).view(json_silent);
    echo.rule("/json-force").methods(["POST"]).view(json_force);
    echo.rule("/data").methods(ANY).view(data);
    echo.rule("/raw").methods(["POST"]).view(raw);
    echo.rule("/unread").methods(["POST"]).view(unread);
    echo.rule("/small").methods(["POST"]).view(small);
    echo.rule("/data-then-form").methods(["POST"]).view(data_then_form);
    echo.rule("/url/<s>").methods(ANY).view(url);
    echo.route("/query-string", query_string);
    echo.rule("/type").methods(["POST"]).view(content_type);
    app.register_blueprint(echo);
}
