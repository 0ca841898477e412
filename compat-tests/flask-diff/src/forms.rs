//! Flask-WTF's `FlaskForm`: what it reads, what is wrong with it, and what its fields show again.

use costrel::{App, Blueprint, Error, context, render_template_string};
use costrel_form::{Form, Password};
use serde::Deserialize;
use validator::{Validate, ValidationError};

#[derive(Deserialize, Validate)]
struct Order {
    #[validate(length(min = 2, max = 8))]
    name: String,
    #[validate(range(min = 1, max = 9))]
    amount: i64,
    count: Option<i64>,
    #[serde(rename = "price")]
    _price: Option<f64>,
    size: Size,
    extras: Vec<Size>,
    gift: bool,
    #[validate(length(min = 4))]
    password: Password,
    #[validate(length(max = 3))]
    note: Option<String>,
    #[validate(length(equal = 2), custom(function = "begins_with_a"))]
    code: Option<String>,
    #[validate(url)]
    site: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Size {
    Small,
    Large,
}

#[derive(Deserialize, Validate)]
struct Customer {
    name: String,
    #[validate(nested)]
    address: Address,
    #[serde(default)]
    phones: Vec<i64>,
}

#[derive(Deserialize, Validate)]
struct Address {
    #[validate(length(min = 3))]
    street: String,
    number: i64,
}

#[derive(Deserialize, Validate)]
struct Search {
    q: String,
    limit: Option<i64>,
}

fn begins_with_a(code: &str) -> Result<(), ValidationError> {
    if code.starts_with('a') { Ok(()) } else { Err(ValidationError::new("regex")) }
}

impl Size {
    fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }
}

fn python<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| value.to_string())
}

fn errors<T>(form: &Form<T>) -> String {
    let lines = form.errors().iter().map(|(name, sentences)| format!("{name}: {}", sentences.join(" ")));
    lines.collect::<Vec<_>>().join("\n")
}

fn ordered(form: &Form<Order>) -> Option<String> {
    let order = form.validate_on_submit()?;
    let extras = order.extras.iter().map(|size| size.name()).collect::<Vec<_>>().join("+");
    let gift = if order.gift { "True" } else { "False" };
    Some(format!("{}|{}|{}|{}|{extras}|{gift}", order.name, order.amount, python(order.count), order.size.name()))
}

const SHOWN: &str = "{{ form.name.value }}|{{ form.amount.value }}|{{ form.size.value }}|{{ 'True' if form.gift.checked else 'False' }}|\
     {{ 'True' if 'secret' in form.password.value else 'False' }}";

fn check_name(form: &mut Form<Order>) {
    if form.value("name") == "root" {
        form.add_error("name", "This name is taken.");
    }
}

fn order() -> Result<String, Error> {
    let mut form = Form::of_request().wait()?;
    check_name(&mut form);
    match ordered(&form) {
        Some(order) => Ok(order),
        None => Ok(render_template_string(SHOWN, context! { form }).wait()? + "\n" + &errors(&form)),
    }
}

async fn async_order() -> Result<String, Error> {
    let mut form = Form::of_request().await?;
    check_name(&mut form);
    match ordered(&form) {
        Some(order) => Ok(order),
        None => Ok(render_template_string(SHOWN, context! { form }).await? + "\n" + &errors(&form)),
    }
}

fn customer() -> Result<String, Error> {
    let form = Form::<Customer>::of_request().wait()?;
    let Some(customer) = form.validate_on_submit() else { return Ok(errors(&form)) };
    let phones = customer.phones.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
    Ok(format!("{}|{}|{}|{phones}", customer.name, customer.address.street, customer.address.number))
}

async fn search() -> Result<String, Error> {
    let form = Form::<Search>::of_query().await?;
    let found = form.validate_on_submit().map(|search| format!("{}|{}", search.q, python(search.limit)));
    Ok(found.unwrap_or_else(|| format!("{}\n{}", form.value("q"), errors(&form))))
}

pub(crate) fn init_app(app: &mut App) {
    let mut bp = Blueprint::new("forms").url_prefix("/forms");
    bp.rule("/order").methods(["GET", "POST", "PUT", "PATCH", "DELETE"]).view(order);
    bp.rule("/async").methods(["GET", "POST"]).view(async_order);
    bp.post("/customer", customer);
    bp.route("/search", search);
    app.register_blueprint(bp);
}
