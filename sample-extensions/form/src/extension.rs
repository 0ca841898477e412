//! The messages that an app replaces.

use std::collections::BTreeMap;
use std::fmt;

use costrel::{App, AppHandle, Callable, Error, Extension};
use costrel_ext_kit::IntoCallback;

use crate::field_error::FieldError;

/// The sentences for what is wrong with the fields of an app's forms, such as those of another language. An app without it
/// has those of WTForms.
///
/// ```
/// use costrel::{App, Error};
/// use costrel_form::{FieldError, Form};
/// use costrel_form::Messages;
///
/// #[derive(serde::Deserialize, validator::Validate)]
/// struct Order {
///     name: String,
///     #[validate(range(max = 9))]
///     amount: u32,
/// }
///
/// let mut app = App::new("docs");
/// app.init(Messages::new(|error: FieldError| match error.code() {
///     "required" => "Pflichtfeld.".to_owned(),
///     "range" => format!("Höchstens {}.", error.param("max")),
///     _ => error.message(),
/// }))?;
/// app.post("/", async || {
///     let form = Form::<Order>::of_request().await?;
///     Ok::<_, Error>(format!("{} {}", form.errors_of("name").concat(), form.errors_of("amount").concat()))
/// });
/// assert_eq!(app.test_client().post("/").form(&[("amount", "10")]).wait()?.text(), "Pflichtfeld. Höchstens 9.");
/// # Ok::<(), costrel::Error>(())
/// ```
#[derive(Clone)]
pub struct Messages {
    sentence: Callable<FieldError, String>,
}

impl Messages {
    /// Takes the function that says what is wrong, sync or async. It is called within the request.
    pub fn new<M>(sentence: impl IntoCallback<M, FieldError, String>) -> Self {
        Self { sentence: sentence.into_callback() }
    }
}

impl Extension for Messages {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        app.set_extension(self);
        Ok(())
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

/// Returns the sentences by the names of their fields.
///
/// # Errors
/// Those of the app's own function.
pub(crate) async fn sentences(
    app: &AppHandle,
    errors: Vec<FieldError>,
) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let messages = app.extension::<Messages>().ok();
    let mut sentences = BTreeMap::<String, Vec<String>>::new();
    for error in errors {
        let field = error.field().to_owned();
        let sentence = match &messages {
            Some(messages) => messages.sentence.call(error).await?,
            None => error.message(),
        };
        sentences.entry(field).or_default().push(sentence);
    }
    Ok(sentences)
}
