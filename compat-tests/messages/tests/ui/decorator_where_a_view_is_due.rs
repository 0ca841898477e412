//! A decorator goes between the rule and the view.

use costrel::View;

fn login_required(view: View) -> View {
    view
}

fn main() {
    costrel::App::new("app").route("/", login_required);
}
