//! Cross-origin requests: `cargo run -p costrel-cors --example cors-demo -- run --port 5000`, the same on port 5001, then look at
//! <http://127.0.0.1:5000/>.

use std::process::ExitCode;

use costrel::{App, Error, HeaderValue, IntoResponse, Response, cli};
use costrel_cors::Cors;

fn main() -> ExitCode {
    cli::main(create_app)
}

/// A page that asks the server on the other port for each address, and shows what it may read.
const PAGE: &str = r#"<!doctype html><title>CORS</title><meta name=viewport content="width=device-width">
<h1>What a page of another origin may read</h1><ul></ul><script>
for (const path of ["/closed", "/open/sync", "/open/async"]) {
  const item = document.querySelector("ul").appendChild(document.createElement("li"));
  fetch("http://127.0.0.1:5001" + path, {method: "PUT"}).then(answer => answer.text())
    .then(text => item.textContent = path + ": " + text, error => item.textContent = path + ": " + error);
}</script>"#;

fn page() -> Result<Response, Error> {
    let mut page = PAGE.into_response()?;
    page.headers_mut().insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(page)
}

fn create_app() -> Result<App, Error> {
    let mut app = App::new("cors demo");
    app.init(&Cors::new().resource("/open/*", Cors::new().origins(["http://127.0.0.1:5000"])))?;
    app.route("/", page);
    app.rule("/closed").methods(["PUT"]).view(|| "not for pages of other origins");
    app.rule("/open/sync").methods(["PUT"]).view(|| "from sync code");
    app.rule("/open/async").methods(["PUT"]).view(async || "from async code");
    Ok(app)
}
