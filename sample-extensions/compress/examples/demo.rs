//! Pages and a stream, with their lengths on the wire: `cargo run -p costrel-compress --example compress-demo`, then
//! <http://127.0.0.1:5000/>.

use std::process::ExitCode;

use costrel::{App, Body, Error, HeaderValue, IntoResponse, Response, cli};
use costrel_compress::Compress;

fn main() -> ExitCode {
    cli::main(create_app)
}

/// A page that asks for each address, and shows how many bytes came and how many they were.
const PAGE: &str = r#"<!doctype html><title>Compress</title><meta name=viewport content="width=device-width">
<h1>What a page weighs</h1><ul></ul><script>
for (const path of ["/sync", "/async", "/stream", "/exempt"]) {
  const item = document.querySelector("ul").appendChild(document.createElement("li"));
  fetch(path).then(async answer => {
    const length = (await answer.text()).length;
    const sent = performance.getEntriesByName(answer.url)[0].encodedBodySize;
    item.textContent = `${path}: ${length} bytes, sent as ${sent} (${answer.headers.get("content-encoding") ?? "plain"})`;
  });
}</script>"#;

fn page() -> Result<Response, Error> {
    let mut page = PAGE.into_response()?;
    page.headers_mut().insert("content-type", HeaderValue::from_static("text/html; charset=utf-8"));
    Ok(page)
}

fn create_app() -> Result<App, Error> {
    let compress = Compress::new();
    let mut app = App::new("compress demo");
    app.init(&compress)?;
    app.route("/", page);
    app.route("/sync", || "a line of sync code\n".repeat(500));
    app.route("/async", async || "a line of async code\n".repeat(500));
    app.route("/stream", || Body::from_iterator((0..500).map(|line| format!("line {line} of a stream\n"))));
    app.rule("/exempt").decorate(compress.exempt()).view(|| "a line that stays as it is\n".repeat(500));
    Ok(app)
}
