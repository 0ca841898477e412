//! The form of a request.

use std::collections::BTreeMap;

use costrel::{Error, FileStorage, Files, Method, Request, Waiting, current_app, request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use validator::Validate;

use crate::extension::sentences;
use crate::reading::{read, required};
use crate::shown::Shown;
use crate::values::Values;

/// A form whose fields are those of `T`, as a request has sent it: Flask-WTF's `FlaskForm`.
///
/// | a field of `T` | an input of the form |
/// |---|---|
/// | `String`, [`Password`](crate::Password), any type that reads text, such as a date | text that must not be blank |
/// | a number | text around which spaces do not count |
/// | an enum without data | a choice, by the names of the variants |
/// | `bool` | a checkbox: `false` if it is not sent |
/// | `Option` of these | one that may be blank |
/// | `#[serde(default)]` | one that is the default if it is blank |
/// | `Vec` | several choices of one name, or the inputs `field-0`, `field-1` and so on |
/// | a struct | the inputs `field-name`, each for a field of that struct |
///
/// The rules of fields are those of [`validator`]. Templates get the form by `context! { form }`, in which no field can be called
/// `errors` or `form_errors`:
///
/// | in a template | is |
/// |---|---|
/// | `form.name.value` | the text that was sent for `name`, whether it fits or not; empty for a [`Password`](crate::Password) |
/// | `form.name.values` | all texts of a field that may have several |
/// | `form.name.checked` | whether a checkbox was ticked |
/// | `form.name.errors` | the sentences for what is wrong with it |
/// | `form["address-street"]` | a field whose name is no identifier |
/// | `form.errors` | all sentences, by the names of their fields; those that belong to no field have the empty name |
/// | `form.form_errors` | the sentences that belong to no field |
/// | `form.hidden_tag()` | the hidden input with the token of `costrel-csrf`; `form.hidden_tag("next")` has the field `next` too |
#[derive(Clone, Debug)]
pub struct Form<T> {
    data: Option<T>,
    shown: Shown,
}

impl<T: DeserializeOwned + Validate + Send + 'static> Form<T> {
    /// Reads what the current request has sent by POST, PUT, PATCH or DELETE: a form, or the fields of a JSON object. By other
    /// methods nothing is sent. `.await` it in async code, `.wait()` for it in sync code. Flask-WTF's `MyForm()`.
    ///
    /// # Errors
    /// The errors of the request's body: 413 if it is too long, 400 if it is broken; and a set-up error if `T` is no struct
    /// with named fields, or has a map, a number of 128 bits or `#[serde(flatten)]` in it.
    ///
    /// # Panics
    /// Outside a request, with a message that names the remedy.
    #[track_caller]
    pub fn of_request() -> Waiting<Self> {
        let request = request();
        Waiting::new(async move {
            if !matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH | Method::DELETE) {
                // Only for its set-up error, because there is nothing to read.
                required::<T>()?;
                return Ok(Self { data: None, shown: Shown::default() });
            }
            let mut form = Self::check(values(&request).await?, true).await?;
            form.shown.files = request.files().await?;
            Ok(form)
        })
    }

    /// Reads the query of the current request, such as that of a search: Flask-WTF's `MyForm(request.args)`. The form is
    /// submitted if the query has a field of it.
    ///
    /// ```
    /// use costrel::{App, Error};
    /// use costrel_form::Form;
    ///
    /// #[derive(serde::Deserialize, validator::Validate)]
    /// struct Search {
    ///     q: String,
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.route("/", async || {
    ///     let form = Form::<Search>::of_query().await?;
    ///     let found = form.validate_on_submit().map(|search| format!("{} is not here", search.q));
    ///     Ok::<_, Error>(found.unwrap_or_else(|| form.errors_of("q").concat()))
    /// });
    /// let client = app.test_client();
    /// let get = |path: &str| client.get(path).wait();
    /// assert_eq!(get("/?q=hats")?.text(), "hats is not here");
    /// assert_eq!(get("/?q=")?.text(), "This field is required.");
    /// assert_eq!(get("/?page=2")?.text(), "");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// A set-up error if `T` is no struct with named fields, or has a map, a number of 128 bits or `#[serde(flatten)]` in it.
    ///
    /// # Panics
    /// Outside a request, with a message that names the remedy.
    #[track_caller]
    pub fn of_query() -> Waiting<Self> {
        let values = Values::of_fields(&request().args());
        Waiting::new(Self::check(values, false))
    }

    /// Reads the values, and says what is wrong with them if they are submitted: for certain, or because one is of a field.
    async fn check(values: Values, is_sent: bool) -> Result<Self, Error> {
        let (data, found) = read::<T>(&values)?;
        let is_submitted = is_sent || found.has_any(&values);
        let errors = if is_submitted { found.errors } else { Vec::new() };
        let errors = sentences(&current_app(), errors).await?;
        let values = values.only(&found.shown);
        Ok(Self { data, shown: Shown { is_submitted, values, errors, files: Files::default() } })
    }
}

impl<T> Form<T> {
    /// The data of a form that was sent and with which nothing is wrong: Flask-WTF's `validate_on_submit`.
    pub fn validate_on_submit(&self) -> Option<&T> {
        self.data.as_ref().filter(|_| self.is_submitted() && self.shown.errors.is_empty())
    }

    /// Whether the request has sent the form.
    pub fn is_submitted(&self) -> bool {
        self.shown.is_submitted
    }

    /// Adds a sentence for what is wrong with a field, such as that a name is taken: `form.name.errors.append(..)` in
    /// Flask-WTF. From then on [`validate_on_submit`](Self::validate_on_submit) is `None`.
    pub fn add_error(&mut self, field: &str, sentence: impl Into<String>) {
        self.shown.errors.entry(field.to_owned()).or_default().push(sentence.into());
    }

    /// Adds a sentence for what is wrong with the form, and with none of its fields alone: `form.form_errors.append(..)` in
    /// WTForms.
    pub fn add_form_error(&mut self, sentence: impl Into<String>) {
        self.add_error("", sentence);
    }

    /// Returns the form with the fields of `data`, unless it was sent: for a page that changes what is there. Flask-WTF's
    /// `MyForm(obj=data)`.
    ///
    /// # Errors
    /// If `data` cannot be written as JSON.
    pub fn prefilled(mut self, data: &impl Serialize) -> Result<Self, Error> {
        if !self.is_submitted() {
            self.shown.values = Values::of_data(&serde_json::to_value(data)?);
        }
        Ok(self)
    }

    /// The first text that was sent for a field; empty if there was none, and for a [`Password`](crate::Password).
    pub fn value(&self, field: &str) -> &str {
        self.shown.values.first(field)
    }

    /// The sentences for what is wrong, by the names of their fields: Flask-WTF's `form.errors`, for an answer in JSON. Those of
    /// the form as a whole have the empty name.
    pub fn errors(&self) -> &BTreeMap<String, Vec<String>> {
        &self.shown.errors
    }

    /// The sentences for what is wrong with a field; with the empty name, those of the form as a whole.
    pub fn errors_of(&self, field: &str) -> &[String] {
        self.shown.errors_of(field)
    }

    /// The first file that was chosen for a field.
    pub fn file(&self, field: &str) -> Option<&FileStorage> {
        self.files(field).next()
    }

    /// The files that were chosen for a field.
    pub fn files(&self, field: &str) -> impl Iterator<Item = &FileStorage> {
        // A browser sends a part without a name for a field in which no file was chosen.
        self.shown.files.get_list(field).filter(|file| !file.filename().is_empty())
    }
}

impl<T> Serialize for Form<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown.serialize(serializer)
    }
}

/// Returns the fields of a request, in the order in which Flask-WTF looks for them.
///
/// # Errors
/// Those of the request's body; 413 for JSON that is longer than fields of a form may be.
async fn values(request: &Request) -> Result<Values, Error> {
    let (fields, files) = (request.form().await?, request.files().await?);
    if !request.is_json() || fields.iter().next().is_some() || files.iter().next().is_some() {
        return Ok(Values::of_fields(&fields));
    }
    let length = request.get_data().await?.len();
    if current_app().config().max_form_memory_size.is_some_and(|limit| length > limit) {
        return Err(Error::status(413));
    }
    Ok(Values::of_json(&request.get_json().await?))
}
