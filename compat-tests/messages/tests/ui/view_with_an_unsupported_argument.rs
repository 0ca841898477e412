//! A view takes what its rule has to give, not the request.

fn greet(_request: costrel::Request) -> &'static str {
    "hello"
}

fn main() {
    costrel::App::new("app").route("/", greet);
}
