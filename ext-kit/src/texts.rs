//! The type of an option that takes one text, or a list of texts.

/// A text, or a list of texts: what an option of an extension takes, as [`Texts`](costrel::Texts) is what a setting may be. The
/// compiler infers `M`.
///
/// ```
/// use costrel_ext_kit::IntoTexts;
///
/// #[derive(Default)]
/// struct Shop {
///     origins: Vec<String>,
/// }
///
/// impl Shop {
///     fn origins<M>(mut self, origins: impl IntoTexts<M>) -> Self {
///         self.origins = origins.into_texts();
///         self
///     }
/// }
///
/// assert_eq!(Shop::default().origins("https://a.example").origins, ["https://a.example"]);
/// assert_eq!(Shop::default().origins(["https://a.example", "https://b.example"]).origins.len(), 2);
/// ```
#[diagnostic::on_unimplemented(message = "`{Self}` is neither a text nor a list of texts")]
pub trait IntoTexts<M> {
    /// Returns the texts.
    fn into_texts(self) -> Vec<String>;
}

/// A single text.
#[derive(Debug)]
pub enum One {}

/// Several texts.
#[derive(Debug)]
pub enum Several {}

impl IntoTexts<One> for &str {
    fn into_texts(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl IntoTexts<One> for String {
    fn into_texts(self) -> Vec<String> {
        vec![self]
    }
}

impl<I: IntoIterator<Item: Into<String>>> IntoTexts<Several> for I {
    fn into_texts(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}
