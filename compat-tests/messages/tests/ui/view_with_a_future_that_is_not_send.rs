//! An async view may be resumed on another thread, so what it holds across `.await` must be Send.

async fn greet() -> String {
    let name = std::rc::Rc::new("Ada");
    tokio::task::yield_now().await;
    format!("hello {name}")
}

fn main() {
    costrel::App::new("app").route("/", greet);
}
