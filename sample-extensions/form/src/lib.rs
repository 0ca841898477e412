//! `Form`: an HTML form whose fields are those of a struct, after Flask-WTF's `FlaskForm`.
//!
//! ```
//! use costrel::{App, Error, IntoResponse, Response, context, redirect, render_template_string};
//! use costrel_form::Form;
//! use serde::Deserialize;
//! use validator::Validate;
//!
//! #[derive(Deserialize, Validate)]
//! struct Order {
//!     name: String,
//!     #[validate(range(min = 1, max = 9))]
//!     amount: u32,
//! }
//!
//! const PAGE: &str = "{{ form.amount.value }}: {{ form.amount.errors | join }}";
//!
//! async fn order() -> Result<Response, Error> {
//!     let form = Form::<Order>::of_request().await?;
//!     if let Some(order) = form.validate_on_submit() {
//!         return redirect(&format!("/thanks/{}/{}", order.name, order.amount));
//!     }
//!     render_template_string(PAGE, context! { form }).await.into_response()
//! }
//!
//! let mut app = App::new("docs");
//! app.rule("/order").methods(["GET", "POST"]).view(order);
//! let client = app.test_client();
//! let send = |amount: &str| client.post("/order").form(&[("name", "Ada"), ("amount", amount)]).wait();
//! assert_eq!(send("7")?.header("location"), Some("/thanks/Ada/7"));
//! assert_eq!(send("70")?.text(), "70: Number must be between 1 and 9.");
//! assert_eq!(send("x")?.text(), "x: Not a valid integer value.");
//! assert_eq!(send("")?.text(), ": This field is required.");
//! # Ok::<(), Error>(())
//! ```
//!
//! In sync code, `.wait()` takes the place of `.await`.

mod form; // the form of a request
mod extension; // the messages that an app replaces
mod shown; // the form as templates see it
mod reading; // from the texts of a form to a struct
mod rules; // the rules that are broken
mod field; // from the texts of a field to its value
mod notes; // what a reading finds out
mod field_error; // what is wrong with a field, and its sentence
mod values; // texts by the names of their inputs
mod text; // texts with a meaning of their own
mod failure; // why a value cannot be made

pub use extension::Messages;
pub use field_error::FieldError;
pub use form::Form;
pub use text::{Password, trimmed};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
