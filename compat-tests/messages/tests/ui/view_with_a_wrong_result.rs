//! A view returns a response; a number is none.

fn count() -> i32 {
    42
}

fn main() {
    costrel::App::new("app").route("/", count);
}
