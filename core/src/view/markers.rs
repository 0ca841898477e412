//! The notes on a view, one of each type.

use super::View;

impl View {
    /// Attaches a note of any type to the view, for hooks and decorators to find with
    /// [`Request::marker`](crate::Request::marker) or [`marker`](Self::marker). The view keeps one note per type, also
    /// behind further decorators: the one that is nearest to the function, so that a view's own note stays when its
    /// blueprint is decorated too. [`marked_with`](Self::marked_with) combines them. Flask extensions keep lists of function names instead, which can miss a view.
    ///
    /// ```
    /// use costrel::{App, IntoView, View, request};
    ///
    /// struct Exempt;
    ///
    /// fn exempt(view: View) -> View {
    ///     view.marked(Exempt)
    /// }
    ///
    /// let mut app = App::new("docs");
    /// app.before_request(|| request().marker::<Exempt>().is_none().then_some(("limited", 429)));
    /// app.rule("/free").decorate(exempt).view(|| "free");
    /// app.route("/dear", || "dear");
    /// let client = app.test_client();
    /// assert_eq!(client.get("/free").wait()?.text(), "free");
    /// assert_eq!(client.get("/dear").wait()?.text(), "limited");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn marked<T: Send + Sync + 'static>(self, note: T) -> Self {
        if self.marker::<T>().is_some() { self } else { self.noting(|inner| inner.markers.insert(note)) }
    }

    /// Attaches a note as [`marked`](Self::marked) does; if the view has one of this type already, `combine` makes one of
    /// that and the new one.
    ///
    /// ```
    /// use costrel::{App, Blueprint, IntoView, View, request};
    ///
    /// #[derive(Clone)]
    /// struct Roles(Vec<&'static str>);
    ///
    /// fn role(name: &'static str) -> impl Fn(View) -> View + Clone {
    ///     move |view| view.marked_with(Roles(vec![name]), |own, new| Roles([own.0.clone(), new.0].concat()))
    /// }
    ///
    /// let mut admin = Blueprint::new("admin");
    /// admin.decorate(role("staff"));
    /// admin.rule("/").decorate(role("owner")).view(|| request().marker::<Roles>().unwrap().0.join(" and "));
    /// let mut app = App::new("docs");
    /// app.register_blueprint(admin);
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "owner and staff");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[must_use]
    pub fn marked_with<T: Send + Sync + 'static>(self, note: T, combine: impl FnOnce(&T, T) -> T) -> Self {
        let combined = match self.marker::<T>() {
            Some(own) => combine(own, note),
            None => note,
        };
        self.noting(|inner| inner.markers.insert(combined))
    }

    /// The note of type `T`, if the view has one.
    pub fn marker<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.inner.markers.get()
    }
}
