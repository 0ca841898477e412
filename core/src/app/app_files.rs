//! The files of an app: its instance folder, static files, and templates with what they call.

#[cfg(feature = "templates")]
use std::collections::BTreeSet;
use std::path::{Path, PathBuf, absolute};

#[cfg(feature = "templates")]
use minijinja::value::{FunctionArgs, Value};

use super::App;
#[cfg(feature = "templates")]
use crate::execution::IntoCallable;
#[cfg(any(feature = "files", feature = "templates"))]
use crate::helpers::Folder;
#[cfg(feature = "files")]
use crate::helpers::send_from_folder;
#[cfg(feature = "templates")]
use crate::helpers::{callable_in_templates, check, load};

/// The folder `instance` in the current directory.
pub(super) fn default_instance_path() -> PathBuf {
    let path = Path::new("instance");
    // Without a current directory the path stays relative, and fails where it is used.
    absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl App {
    /// The folder for what this installation of the app keeps, such as its database and its settings: Flask's
    /// `instance_path`. Default: `instance` in the current directory. The app makes it when it needs it.
    ///
    /// ```
    /// let app = costrel::App::new("docs");
    /// assert!(app.instance_path().is_absolute() && app.instance_path().ends_with("instance"));
    /// ```
    pub fn instance_path(&self) -> &Path {
        &self.instance_path
    }

    /// Sets the folder for what this installation of the app keeps; views read it with
    /// [`current_app().instance_path()`](crate::AppHandle::instance_path).
    ///
    /// ```
    /// use costrel::{App, current_app};
    ///
    /// let mut app = App::new("docs");
    /// app.set_instance_path("/var/lib/shop");
    /// app.route("/", || current_app().instance_path().join("shop.sqlite").display().to_string());
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "/var/lib/shop/shop.sqlite");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    pub fn set_instance_path(&mut self, path: impl AsRef<Path>) -> &mut Self {
        let path = path.as_ref();
        self.instance_path = absolute(path).unwrap_or_else(|_| path.to_owned());
        self
    }

    /// Serves the files below `folder` at `url_path`, under the endpoint `static` with the variable `filename`. The folder
    /// is a path, or a [`Folder`] embedded in the program.
    ///
    /// ```
    /// use costrel::{App, url_for};
    ///
    /// let mut app = App::new("docs");
    /// app.static_folder("/static", "src");
    /// app.route("/", || url_for("static").arg("filename", "lib.rs").build());
    /// let client = app.test_client();
    /// assert_eq!(client.get("/").wait()?.text(), "/static/lib.rs");
    /// assert_eq!(client.get("/static/lib.rs").wait()?.status(), 200);
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias("static_url_path", "ServeDir"))]
    #[cfg(feature = "files")]
    #[track_caller]
    pub fn static_folder(&mut self, url_path: &str, folder: impl Into<Folder>) -> &mut Self {
        let (rule, folder) = (format!("{}/<path:filename>", url_path.trim_end_matches('/')), folder.into());
        self.rule(&rule).endpoint("static").view(move |filename: String| {
            let file = send_from_folder(&folder, &filename);
            async move { file.await }
        })
    }

    /// Loads the templates in `folder`, a path or a [`Folder`] embedded in the program, for
    /// [`render_template`](crate::render_template). All are read when the app is built, so that an error in one shows then;
    /// with `config.debug` those on disk are read anew each time.
    ///
    /// A filter, test or function that a template uses and that is not there is a set-up error too, with the template's
    /// name and line. Functions are not checked in an app with a context processor, which may give any.
    #[doc(alias = "jinja_loader")]
    #[cfg(feature = "templates")]
    pub fn template_folder(&mut self, folder: impl Into<Folder>) -> &mut Self {
        self.template_folder = Some(folder.into());
        self
    }

    /// Calls `change` with the environment of the templates, to add globals, filters, tests and templates.
    ///
    /// ```
    /// use costrel::{App, context, render_template_string};
    ///
    /// let mut app = App::new("docs");
    /// app.templates(|templates| templates.add_filter("shout", |text: String| text.to_uppercase() + "!"));
    /// app.route("/", || render_template_string("{{ 'hello'|shout }}", context! {}).wait());
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "HELLO!");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias("jinja_env", "jinja_options", "template_test", "add_template_test"))]
    #[cfg(feature = "templates")]
    pub fn templates(&mut self, change: impl FnOnce(&mut minijinja::Environment<'static>)) -> &mut Self {
        change(&mut self.templates);
        self
    }

    /// Adds a function that templates call by `name`: Flask's `template_global`. `f`, sync or async, may block or wait, and
    /// gets the arguments as a tuple. In an async view, a page that calls it begins again on a worker: rendering
    /// begins anew there, so what the template called before is called twice.
    ///
    /// ```
    /// use costrel::{App, context, minijinja::Value, render_template_string};
    ///
    /// let mut app = App::new("docs");
    /// app.template_function("price", async |(item, count): (String, u32)| {
    ///     Value::from(format!("{} for {count} of {item}", 3 * count)) // waits for a database
    /// });
    /// app.route("/", async || render_template_string("{{ price('ink', 2) }}", context! {}).await);
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "6 for 2 of ink");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias("template_global", "add_template_global"))]
    #[cfg(feature = "templates")]
    pub fn template_function<M, A>(&mut self, name: &str, f: impl IntoCallable<M, A, Value>) -> &mut Self
    where
        A: for<'a> FunctionArgs<'a, Output = A> + Send + 'static,
    {
        self.templates.add_function(name.to_owned(), callable_in_templates(f.into_callable()));
        self
    }

    /// Adds a filter that templates use by `name`: Flask's `template_filter`. `f`, sync or async, gets the value and the
    /// arguments as a tuple; otherwise as [`template_function`](Self::template_function).
    ///
    /// ```
    /// use costrel::{App, context, minijinja::Value, render_template_string};
    ///
    /// let mut app = App::new("docs");
    /// app.template_filter("name_of", async |(user_id,): (u32,)| Value::from(format!("user {user_id}")));
    /// app.route("/", || render_template_string("{{ 7|name_of }}", context! {}).wait());
    /// assert_eq!(app.test_client().get("/").wait()?.text(), "user 7");
    /// # Ok::<(), costrel::Error>(())
    /// ```
    #[doc(alias = "add_template_filter")]
    #[cfg(feature = "templates")]
    pub fn template_filter<M, A>(&mut self, name: &str, f: impl IntoCallable<M, A, Value>) -> &mut Self
    where
        A: for<'a> FunctionArgs<'a, Output = A> + Send + 'static,
    {
        self.templates.add_filter(name.to_owned(), callable_in_templates(f.into_callable()));
        self
    }

    /// Reads the templates and checks the names in them.
    #[cfg(feature = "templates")]
    pub(super) fn load_templates(&mut self) {
        if let Some(folder) = &self.template_folder {
            let loaded = load(&mut self.templates, folder, self.config.debug);
            self.rules.setup_errors.extend(loaded.err());
        }
        let hooks = || std::iter::once(&self.hooks).chain(self.rules.blueprint_hooks());
        let names: BTreeSet<_> =
            hooks().flat_map(|hooks| &hooks.template_values).map(|(name, _)| name.as_str()).collect();
        // A context processor may give templates any function.
        let given = hooks().all(|hooks| hooks.context_processors.is_empty()).then_some(names);
        let unknown = check(&self.templates, given);
        self.rules.setup_errors.extend(unknown);
    }
}
