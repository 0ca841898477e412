//! The page of debug mode: an error with the code around its line.

use costrel::{App, Error, ErrorKind, url_for};
use rstest::rstest;

fn page(app: App) -> String {
    let mut app = app;
    app.config.debug = true;
    app.config.propagate_exceptions = Some(false);
    let page = app.test_client().get("/").wait().unwrap();
    assert_eq!(page.status(), 500);
    page.text()
}

/// Registers a view of the given colour that fails with what `fail` returns.
fn failing(sync: bool, fail: fn() -> Result<String, Error>) -> App {
    let mut app = App::new("test");
    if sync {
        app.route("/", fail);
    } else {
        app.route("/", move || async move { fail() });
    }
    app
}

fn panics() -> Result<String, Error> {
    panic!("the disk <is> full") // the line of the panic
}

fn made_by_a_question_mark() -> Result<String, Error> {
    let number: u32 = "x".parse()?; // the line of the question mark
    Ok(number.to_string())
}

fn of_costrels_own() -> Result<String, Error> {
    url_for("nowhere").build() // the line of the call
}

fn made_here() -> Result<String, Error> {
    Err(Error::new(ErrorKind::Other, "made here")) // the line of the error
}

#[rstest]
#[case(panics, "the disk &lt;is&gt; full", "// the line of the panic")]
#[case(made_by_a_question_mark, "invalid digit", "// the line of the question mark")]
#[case(of_costrels_own, "Could not build a URL", "// the line of the call")]
#[case(made_here, "made here", "// the line of the error")]
fn the_page_shows_the_line_with_its_code(
    #[case] fail: fn() -> Result<String, Error>,
    #[case] message: &str,
    #[case] line: &str,
    #[values(true, false)] sync: bool,
) {
    let page = page(failing(sync, fail));
    let marked = page.split("<mark>").nth(1).unwrap_or_else(|| panic!("no line is marked: {page}"));
    let marked = marked.split("</mark>").next().unwrap();
    assert!(marked.ends_with(line), "{marked}");
    assert!(page.contains(message) && page.contains("debug_page.rs:"), "{page}");
}

#[test]
fn the_page_fits_a_phone() {
    let page = page(failing(true, panics));
    assert!(page.contains("<meta name=viewport content=\"width=device-width\">"));
    assert!(page.contains("pre{overflow-x:auto"));
}

#[test]
fn no_page_shows_code_without_debug_mode() {
    let mut app = failing(true, panics);
    app.config.debug = false;
    app.config.propagate_exceptions = Some(false);
    let text = app.test_client().get("/").wait().unwrap().text();
    assert!(!text.contains("mark") && !text.contains("disk"), "{text}");
}

#[cfg(feature = "templates")]
#[rstest]
fn the_page_shows_the_template_and_the_line_that_rendered_it(#[values(true, false)] sync: bool) {
    use costrel::{context, render_template};

    let mut app = App::new("test");
    let source = "one\ntwo\n{{ name|int + items }} <here>\nfour";
    app.templates(|templates| templates.add_template("page.html", source).unwrap());
    if sync {
        app.route("/", || render_template("page.html", context! { name => "1", items => ["a"] }).wait()); // it renders
    } else {
        app.route("/", || render_template("page.html", context! { name => "1", items => ["a"] })); // it renders
    }
    let page = page(app);
    assert!(page.contains("<h2>page.html:3</h2>"), "{page}");
    assert!(page.contains("<mark>   3  {{ name|int + items }} &lt;here&gt;</mark>"), "{page}");
    assert!(page.contains("// it renders</mark>"), "{page}");
}
