//! Names in templates that are not there: found when the app is built.

use std::fs;

use costrel::{App, Blueprint, Folder, context, minijinja::Value};
use rstest::rstest;

fn build(source: &'static str, change: impl FnOnce(&mut App)) -> Result<(), String> {
    let mut app = App::new("test");
    change(&mut app);
    app.templates(|templates| templates.add_template("page.html", source).unwrap());
    app.build().map(drop).map_err(|error| error.message().to_owned())
}

#[rstest]
#[case("one\n{{ name|datetimeformt }}", "line 2: there is no filter `datetimeformt`")]
#[case("{{ [1]|map('upper')|summ|int }}", "line 1: there is no filter `summ`")]
#[case("{% if x is evn %}{% endif %}", "line 1: there is no test `evn`")]
#[case("{% if x is not\n evn %}{% endif %}", "line 2: there is no test `evn`")]
#[case("\n\n{{ url_fro('index') }}", "line 3: there is no function `url_fro`")]
#[case("{% filter shuot %}x{% endfilter %}", "line 1: there is no filter `shuot`")]
#[case("{% set x = y|shuot %}", "there is no filter `shuot`")]
#[case("{% for x in lst() %}{% endfor %}", "there is no function `lst`")]
#[case("{% set x %}{{ f() }}{% endset %}", "there is no function `f`")]
#[case("{% if a and (f(1)) %}{% endif %}", "there is no function `f`")]
#[case("{{ {'a': {'b': x|nope}} }}", "there is no filter `nope`")]
#[case("{% call dialog() %}{% endcall %}", "there is no function `dialog`")]
#[case("{% macro m(a=h()) %}{{ a|nope }}{% endmacro %}", "2 set-up errors")]
fn a_name_that_is_not_there_is_a_set_up_error(#[case] source: &'static str, #[case] message: &str) {
    let error = build(source, |_| ()).unwrap_err();
    assert!(error.contains(message), "{error}");
    assert!(error.contains("page.html"), "{error}");
}

#[rstest]
#[case("{# {{ x|nope }} #}{% raw %}{{ x|nope }}{% endraw %}{{ 'a|nope is nope f()' }}{{ x.nope() }}")]
#[case(
    "{{ x|upper|default('}}')|truncate(3) }}{% if x is divisibleby(3) or x is not in [1] or x not in (2, 3) %}{% endif %}"
)]
#[case(
    "{% macro m(a) %}{{ a }}{{ caller() }}{% endmacro %}{{ m(1) }}{% call m(1) %}{% endcall %}{% call(u) m(1) %}{% endcall %}"
)]
#[case("{% import 'page.html' as forms %}{% from 'page.html' import field as f %}{{ f(1) }}{{ forms.field(2) }}")]
#[case(
    "{% for f in fs recursive %}{{ f(1) }}{{ loop(f) }}{{ loop.cycle('a') }}{% endfor %}{% with g = x %}{{ g() }}{% endwith %}"
)]
#[case("{% block a %}{{ super() }}{{ self.b() }}{% endblock %}{% set h = x %}{{ h() }}{{ (1 if (x) else (2)) }}")]
#[case(
    "{{ range(3) }}{{ cycler(1).next() }}{{ joiner()() }}{{ namespace(a=1) }}{{ dict(a=1) }}{{ url_for('i') }}{{ now() }}"
)]
#[case("{% if given is defined %}{{ given(1) }}{% endif %}{{ a if b is not defined }}{{ \"it's\"|e }}{{ 1.5|round }}")]
#[case("{%- if x -%}{{- x|e -}}{%- elif not(x) -%}{%- endif -%}{ } {{ '{{' }} %} {{ x|d({'a': '}'}) }}")]
fn what_is_there_is_no_error(#[case] source: &'static str) {
    assert_eq!(build(source, |_| ()), Ok(()));
}

#[test]
fn what_the_app_adds_is_there() {
    let source = "{{ x|shout }}{{ price(1) }}{{ stock() }}{{ part() }}{% if x is prime %}{% endif %}";
    let added = build(source, |app| {
        app.template_filter("shout", |(text,): (String,)| Value::from(text));
        app.template_function("price", async |(n,): (u32,)| Value::from(n));
        app.template_value("stock", || Value::from(1));
        app.templates(|templates| templates.add_test("prime", |_: u32| true));
        let mut part = Blueprint::new("part");
        part.template_value("part", || Value::from(1));
        part.route("/", || "");
        app.register_blueprint(part);
    });
    assert_eq!(added, Ok(()));
}

/// A context processor may give any function, but neither filters nor tests.
#[test]
fn functions_are_not_checked_where_a_context_processor_may_give_them() {
    let with_processor = |source| {
        build(source, |app| {
            app.context_processor(|| context! {});
        })
    };
    assert_eq!(with_processor("{{ price(1) }}"), Ok(()));
    assert!(with_processor("{{ 1|nope }}").is_err());
}

/// An included template sees the macros of the template around it.
#[test]
fn macros_of_another_template_are_there() {
    let mut app = App::new("test");
    let files = [("page.html", "{% macro m() %}{% endmacro %}{% include 'part.html' %}"), ("part.html", "{{ m() }}")];
    app.template_folder(Folder::embedded(files));
    assert!(app.build().is_ok());
}

/// Templates of a folder are checked too, but in debug mode, where they may be mended while the app runs.
#[rstest]
fn templates_of_a_folder_are_checked(#[values(true, false)] debug: bool) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("mail")).unwrap();
    fs::write(folder.path().join("mail/hello.txt"), "hello\n{{ name|nope }}").unwrap();
    let mut app = App::new("test");
    app.config.debug = debug;
    app.template_folder(folder.path());
    let built = app.build();
    assert_eq!(built.is_ok(), debug);
    if let Err(error) = built {
        assert!(error.message().contains("\"mail/hello.txt\", line 2"), "{error}");
    }
}
