//! Rules and converters. Almost every view returns its endpoint and its arguments.

use costrel::{App, ArgValue, Uuid, request};

/// Returns the endpoint, then every argument by its name.
fn show(values: &[ArgValue]) -> String {
    let request = request();
    let named = request.view_args().iter().zip(values);
    let mut words: Vec<String> = named.map(|((name, _), value)| format!("{name}={value}")).collect();
    words.sort();
    words.insert(0, request.endpoint().unwrap_or_default().to_owned());
    words.join(" ")
}

fn nothing() -> String {
    show(&[])
}

async fn nothing_async() -> String {
    show(&[])
}

fn text(value: String) -> String {
    show(&[value.into()])
}

async fn text_async(value: String) -> String {
    show(&[value.into()])
}

fn integer(value: i64) -> String {
    show(&[value.into()])
}

async fn integer_async(value: i64) -> String {
    show(&[value.into()])
}

fn real(value: f64) -> String {
    show(&[value.into()])
}

async fn real_async(value: f64) -> String {
    show(&[value.into()])
}

async fn uuid(value: Uuid) -> String {
    show(&[value.into()])
}

fn pair(first: String, second: String) -> String {
    show(&[first.into(), second.into()])
}

pub(crate) fn init_app(app: &mut App) {
    add_converters(app);
    add_precedence(app);
    add_slashes(app);
    add_methods(app);
}

fn add_converters(app: &mut App) {
    app.rule("/rule/plain").endpoint("plain").view(nothing);
    app.rule("/rule/name/<name>").endpoint("name").view(text_async);
    app.rule("/rule/exact/<string(length=2):s>").endpoint("exact").view(text);
    app.rule("/rule/between/<string(minlength=2,maxlength=4):s>").endpoint("between").view(text_async);
    app.rule("/rule/int/<int:n>").endpoint("integer").view(integer);
    app.rule("/rule/sint/<int(signed=True):n>").endpoint("signed_integer").view(integer_async);
    app.rule("/rule/bounded/<int(min=2,max=5):n>").endpoint("bounded").view(integer);
    app.rule("/rule/digits/<int(fixed_digits=4):n>").endpoint("digits").view(integer_async);
    app.rule("/rule/float/<float:n>").endpoint("real").view(real);
    app.rule("/rule/sfloat/<float(signed=True):n>").endpoint("signed_real").view(real_async);
    app.rule("/rule/uuid/<uuid:u>").endpoint("uuid").view(uuid);
    app.rule("/rule/any/<any(x,y):k>").endpoint("choice").view(text);
    app.rule("/rule/path/<path:p>").endpoint("path").view(text_async);
    app.rule("/rule/tail/<path:p>/edit").endpoint("path_then_literal").view(text);
    app.rule("/rule/seg/v<int:n>.json").endpoint("versioned").view(integer_async);
    app.rule("/rule/pair/<a>-<b>").endpoint("pair").view(pair);
    app.rule("/rule/größe").endpoint("unicode_literal").view(nothing_async);
}

fn add_precedence(app: &mut App) {
    app.rule("/pre/lit").endpoint("pre_literal").view(nothing);
    app.rule("/pre/<int:n>").endpoint("pre_integer").view(integer_async);
    app.rule("/pre/<s>").endpoint("pre_string").view(text);
    app.rule("/pre/<path:p>").endpoint("pre_path").view(text_async);
    app.rule("/m/n").endpoint("merged").view(nothing);
    app.rule("/m/<s>/end").endpoint("merged_arg").view(text_async);
    app.rule("/leaf").endpoint("leaf").view(nothing);
}

fn add_slashes(app: &mut App) {
    app.rule("/dir/").endpoint("dir").methods(["GET", "POST"]).view(nothing_async);
    app.rule("/dir/<s>/").endpoint("dir_arg").view(text);
    app.rule("/loose/").endpoint("loose").strict_slashes(false).view(nothing_async);
    // Two rules of one endpoint: /pg/1 redirects to /pg/.
    app.rule("/pg/").endpoint("pg").defaults([("page", 1)]).view(integer);
    app.rule("/pg/<int:page>").endpoint("pg").view(integer);
}

fn add_methods(app: &mut App) {
    app.rule("/same").endpoint("same_get").view(nothing);
    app.rule("/same").endpoint("same_post").methods(["POST"]).view(nothing_async);
    app.rule("/same").endpoint("same_delete").methods(["DELETE"]).view(nothing);
    app.rule("/post-only").endpoint("post_only").methods(["POST"]).view(nothing_async);
    app.rule("/many").endpoint("many").methods(["GET", "PUT", "PATCH"]).view(nothing);
    app.rule("/no-options").endpoint("no_options").provide_automatic_options(false).view(nothing_async);
    app.rule("/own-options").endpoint("own_options").methods(["GET", "OPTIONS"]).view(nothing);
}
