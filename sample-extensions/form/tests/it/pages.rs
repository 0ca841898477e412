//! The form on a page.

use costrel::testing::TestClient;
use costrel::{App, Error, IntoResponse, Response, context, render_template_string};
use costrel_csrf::Csrf;
use costrel_form::{Form, Password};
use rstest::rstest;
use serde::{Deserialize, Serialize};
use validator::Validate;

#[derive(Deserialize, Validate)]
struct SignUp {
    #[validate(length(min = 2))]
    name: String,
    #[validate(length(min = 8))]
    password: Password,
    #[validate(must_match(other = "password"))]
    again: Password,
    size: Option<Size>,
    #[serde(default)]
    extras: Vec<String>,
    terms: bool,
    age: Option<u8>,
    next: Option<String>,
    #[serde(default)]
    former: Vec<Password>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

const FIELDS: &str = "{{ form.former.values | join }}{{ form['former-0'].value }}{% for name in ['name', 'password', 'again', 'age'] %}<input name={{ name }} value=\"{{ form[name].value }}\">\
     {{ form[name].errors | join }}\n{% endfor %}<input type=checkbox{% if form.terms.checked %} checked{% endif %}>\n\
     {% for size in ['small', 'large'] %}<option{% if size in form.size.values %} selected{% endif %}>{% endfor %}\n\
     {{ form.extras.values | join('+') }}{% for why in form.form_errors %}\n<b>{{ why }}</b>{% endfor %}";

/// Answers with the user's name, or with the page.
fn app(is_sync: bool, page: &'static str) -> App {
    let mut app = App::new("test");
    let rule = app.rule("/").methods(["GET", "POST"]);
    if is_sync {
        rule.view(move || {
            let mut form = Form::<SignUp>::of_request().wait()?;
            match greeting(&mut form) {
                Some(greeting) => greeting.into_response(),
                None => render_template_string(page, context! { form }).wait().into_response(),
            }
        });
    } else {
        rule.view(async move || -> Result<Response, Error> {
            let mut form = Form::<SignUp>::of_request().await?;
            match greeting(&mut form) {
                Some(greeting) => greeting.into_response(),
                None => render_template_string(page, context! { form }).await.into_response(),
            }
        });
    }
    app
}

/// What a view does with its form, some of which needs a database.
fn greeting(form: &mut Form<SignUp>) -> Option<String> {
    if form.value("name") == "root" {
        form.add_error("name", "This name is <taken>.");
    }
    let user = form.validate_on_submit()?;
    if user.age == Some(99) {
        form.add_form_error("No more <users> today.");
        return None;
    }
    let (password, again): (&str, &str) = (&user.password, &user.again);
    let _: (&[String], Option<Size>, &[Password]) = (&user.extras, user.size, &user.former);
    Some(format!("{} {password} {again} {} {:?}", user.name, user.terms, user.next))
}

fn post(client: &TestClient, fields: &[(&str, &str)]) -> String {
    client.post("/").form(fields).wait().unwrap().text()
}

#[rstest]
fn what_was_sent_is_shown_again_but_for_passwords(#[values(true, false)] is_sync: bool) {
    let client = app(is_sync, FIELDS).test_client();
    let fields = [
        ("name", "\"<b>'&"),
        ("password", "short"),
        ("again", "other"),
        ("age", "<x>"),
        ("terms", "y"),
        ("size", "large"),
        ("extras", "<a>"),
        ("extras", "b"),
        ("former", "first"),
        ("former", "second"),
    ];
    let page = "<input name=name value=\"&#34;&lt;b&gt;&#39;&amp;\">\n<input name=password value=\"\">Field must be at least 8 characters \
                long.\n<input name=again value=\"\">The fields must be equal.\n<input name=age value=\"&lt;x&gt;\">Not a valid integer \
                value.\n<input type=checkbox checked>\n<option><option selected>\n&lt;a&gt;+b";
    assert_eq!(post(&client, &fields).replace("&#x27;", "&#39;"), page);
    let empty = client.get("/?name=x").wait().unwrap().text();
    assert!(empty.starts_with("<input name=name value=\"\">\n<input name=password value=\"\">\n"), "{empty}");
    assert!(empty.ends_with("<input type=checkbox>\n<option><option>\n"), "{empty}");
}

/// A view's own errors count as the others do, and are shown with them.
#[rstest]
fn a_view_adds_errors_of_its_own(
    #[values(true, false)] is_sync: bool,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let mut app = app(is_sync, FIELDS);
    app.config.threads = threads;
    let client = app.test_client();
    let [password, again] = ["password", "again"].map(|name| (name, "long enough"));
    assert_eq!(post(&client, &[("name", "Ada"), password, again]), "Ada long enough long enough false None");
    let taken = post(&client, &[("name", "root"), password, again, ("age", "x")]);
    assert!(taken.starts_with("<input name=name value=\"root\">This name is &lt;taken&gt;.\n"), "{taken}");
    assert!(taken.contains("value=\"x\">Not a valid integer value."), "{taken}");
    assert!(!taken.contains("long enough"), "{taken}");
    let full = post(&client, &[("name", "Ada"), password, again, ("age", "99")]);
    assert!(full.ends_with("\n<b>No more &lt;users&gt; today.</b>"), "{full}");
}

#[rstest]
fn the_hidden_tag_has_the_token(#[values(true, false)] is_sync: bool) {
    let mut app = app(is_sync, "{{ form.hidden_tag('next') }}");
    app.config.secret_key = Some("dev".into());
    app.config.set("WTF_CSRF_FIELD_NAME", "token\"").unwrap();
    app.init(&Csrf::new()).unwrap();
    let client = app.test_client();
    let page = client.get("/").wait().unwrap().text();
    let begins = "<input id=\"token&#34;\" name=\"token&#34;\" type=\"hidden\" value=\"";
    let token = page.strip_prefix(begins).and_then(|rest| rest.split('"').next()).unwrap();
    let [password, again] = ["password", "again"].map(|name| (name, "long enough"));
    let fields = [("token\"", token), ("name", "Ada"), password, again, ("next", "\"/>")];
    assert_eq!(post(&client, &fields), "Ada long enough long enough false Some(\"\\\"/>\")");
    let again = post(&client, &[fields[0], fields[4]]);
    assert!(again.ends_with("<input id=\"next\" name=\"next\" type=\"hidden\" value=\"&#34;/&gt;\">"), "{again}");
    assert_eq!(client.post("/").form(&fields[1..]).wait().unwrap().status(), 400);
}

#[rstest]
fn the_hidden_tag_without_protection(#[values(true, false)] is_sync: bool) {
    let page = "<form>{{ form.hidden_tag() }}</form>";
    let forgotten = app(is_sync, page).test_client().get("/").wait().unwrap();
    assert_eq!(forgotten.status(), 500, "an app that forgets the protection hears of it");
    let mut app = app(is_sync, page);
    app.config.set("WTF_CSRF_ENABLED", false).unwrap();
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "<form></form>", "as in an app's tests");
}

#[rstest]
fn a_page_that_changes_what_is_there_shows_it_first(#[values(true, false)] is_sync: bool) {
    #[derive(Clone, Deserialize, Serialize, Validate)]
    struct User {
        name: String,
        age: Option<u8>,
        size: Size,
        gift: bool,
        seal: bool,
        extras: Vec<String>,
        #[validate(nested)]
        address: Address,
    }

    #[derive(Clone, Deserialize, Serialize, Validate)]
    struct Address {
        street: String,
    }

    fn shown(form: &Form<User>) -> String {
        ["name", "age", "size", "gift", "seal", "extras", "address-street"].map(|name| form.value(name)).join("/")
    }

    let (mut app, address) = (App::new("test"), Address { street: "Long Street".into() });
    let extras = vec!["a".into(), "b".into()];
    let user = User { name: "Ada".into(), age: None, size: Size::Large, gift: true, seal: false, extras, address };
    let rule = app.rule("/").methods(["GET", "POST"]);
    if is_sync {
        rule.view(move || Ok::<_, Error>(shown(&Form::of_request().wait()?.prefilled(&user)?)));
    } else {
        rule.view(move || {
            let user = user.clone();
            async move { Ok::<_, Error>(shown(&Form::of_request().await?.prefilled(&user)?)) }
        });
    }
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "Ada//large/true/false/a/Long Street");
    assert_eq!(post(&client, &[("name", "Eve")]), "Eve//////", "a box that is not ticked stays so");
}

/// A page shows only what it is known to show: inputs that the struct does not have may be anything.
#[test]
fn a_page_shows_only_the_fields_of_the_form() {
    let client = app(true, "{{ form.other.value }}{{ form['password-0'].value }}{{ form.name.value }}").test_client();
    assert_eq!(post(&client, &[("other", "a"), ("password-0", "b"), ("name", "c")]), "c");
}
