//! One text, or several.

/// One text, or several: what the options take. The compiler infers `M`.
#[diagnostic::on_unimplemented(message = "`{Self}` is neither a text nor a list of texts")]
pub trait IntoTexts<M> {
    /// Returns the texts.
    #[doc(hidden)]
    fn into_texts(self) -> Vec<String>;
}

/// One text.
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
