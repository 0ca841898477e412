//! Templates: Jinja2's language, by minijinja.

use std::panic::Location;
use std::sync::{Arc, LazyLock};

use minijinja::value::merge_maps;
use minijinja::{Environment, Template, Value};

use super::jinja;
use super::on_demand::OnDemand;
use super::template_globals::add_globals;
use crate::context::{AppHandle, BEFORE_RENDER_TEMPLATE, TEMPLATE_RENDERED, current_app, has_request_context, request};
use crate::error::{Error, ErrorKind};
use crate::execution::{IntoOutcome, Waiting};

/// The values of a template: `context! { name, user => &user }`. A value is anything that can be serialized.
///
/// ```
/// use costrel::{App, context, render_template_string};
///
/// #[derive(serde::Serialize)]
/// struct User {
///     name: String,
/// }
///
/// let mut app = App::new("docs");
/// app.route("/", || {
///     let users = vec![User { name: "Ada".into() }];
///     render_template_string("{% for user in users %}{{ user.name }}{% endfor %} of {{ shop }}", context! { users, shop => "x" }).wait()
/// });
/// assert_eq!(app.test_client().get("/").wait()?.text(), "Ada of x");
/// # Ok::<(), costrel::Error>(())
/// ```
#[macro_export]
macro_rules! context {
    (@value $key:ident) => { $crate::minijinja::Value::from($crate::minijinja::value::Serde(&$key)) };
    (@value $key:ident $value:expr) => { $crate::minijinja::Value::from($crate::minijinja::value::Serde(&$value)) };
    ($($key:ident $(=> $value:expr)?),* $(,)?) => {
        $crate::minijinja::Value::from_pairs([$((stringify!($key), $crate::context!(@value $key $($value)?)),)*]
            as [(&str, $crate::minijinja::Value); _])
    };
}

/// Renders a template with these values: Flask's `render_template`. `.await` it in async code, `.wait()` for it in
/// sync code; context processors of either colour add their values.
///
/// Templates see `url_for`, `get_flashed_messages`, `request`, `session`, `config` (without its secrets) and `g`, whose
/// values are text, numbers, booleans or a [`minijinja::Value`]: using one of another type is an error. They have Jinja2's
/// filters, tests, globals and the methods of Python's text, and those of minijinja-contrib, such as `pluralize` and
/// `datetimeformat`. Values in templates named `.html`, `.htm`, `.xml`, `.xhtml` and `.svg` are escaped.
///
/// ```
/// use costrel::{App, context, render_template};
///
/// let mut app = App::new("docs");
/// app.templates(|templates| templates.add_template("hello.html", "Hello {{ name }} of {{ shop }}!").unwrap());
/// app.context_processor(async || context! { shop => "A & B" });
/// app.route("/<name>", async |name: String| render_template("hello.html", context! { name }).await);
/// assert_eq!(app.test_client().get("/Ada").wait()?.text(), "Hello Ada of A &amp; B!");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// Book: [Templates](../costrel_book/templates/index.html).
///
/// # Errors
/// If there is no such template, or it fails; the errors of context processors and subscribers.
///
/// # Panics
/// If there is no app, with a message that names the remedy.
#[track_caller]
pub fn render_template(name: &str, values: impl Into<Value>) -> Waiting<String> {
    let (app, name, values) = (current_app(), name.to_owned(), values.into());
    called_at(Location::caller(), async move {
        let (values, on_demand) = with_processors(&app, values).await?;
        BEFORE_RENDER_TEMPLATE.send(name.clone()).await?;
        let template = name.clone();
        let rendered = on_demand.rendered(move || Ok(find(&app, &template)?.render(values.clone())?)).await?;
        TEMPLATE_RENDERED.send(name).await?;
        Ok(rendered)
    })
}

/// Renders `source`, escaped as HTML: Flask's `render_template_string`.
///
/// ```
/// use costrel::{App, context, render_template_string};
///
/// let mut app = App::new("docs");
/// app.route("/", || render_template_string("{{ n }}", context! { n => "<b>" }).wait());
/// assert_eq!(app.test_client().get("/").wait()?.text(), "&lt;b&gt;");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If `source` is not a template, or it fails; the errors of context processors.
///
/// # Panics
/// If there is no app, with a message that names the remedy.
#[track_caller]
pub fn render_template_string(source: &str, values: impl Into<Value>) -> Waiting<String> {
    let (app, source, values) = (current_app(), source.to_owned(), values.into());
    called_at(Location::caller(), async move {
        let (values, on_demand) = with_processors(&app, values).await?;
        let render = move || {
            let templates = &app.parts().templates;
            Ok(templates.template_from_named_str("<string>.html", &source)?.render(values.clone())?)
        };
        on_demand.rendered(render).await
    })
}

/// Waits for a page; its error has the line that asked for it.
fn called_at(
    line: &'static Location<'static>,
    rendering: impl Future<Output = Result<String, Error>> + Send + 'static,
) -> Waiting<String> {
    Waiting::new(async move { rendering.await.map_err(|error| error.called_at(line)) })
}

fn find<'t>(app: &'t AppHandle, name: &str) -> Result<Template<'t, 't>, Error> {
    app.parts().templates.get_template(name).map_err(|error| match error.kind() {
        minijinja::ErrorKind::TemplateNotFound => {
            let message = format!(
                "there is no template {name:?}: put it into the folder that `app.template_folder(..)` names, or add it with \
                 `app.templates(..)`"
            );
            Error::new(ErrorKind::Other, message)
        }
        _ => error.into(),
    })
}

/// Makes an environment with the functions and globals that every template sees. They are made once and shared by all
/// apps, because a test makes an app for each case.
pub(crate) fn environment() -> Environment<'static> {
    static SHARED: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut templates = jinja::environment();
        add_globals(&mut templates);
        templates
    });
    SHARED.clone()
}

/// Merges the values that are made on demand, those of the context processors, the app's first, and those of the view
/// over them.
async fn with_processors(app: &AppHandle, values: Value) -> Result<(Value, Arc<OnDemand>), Error> {
    let endpoint = has_request_context().then(|| request().endpoint().map(str::to_owned)).flatten();
    let blueprints = endpoint.map(|endpoint| app.parts().url_builder.hooks(&endpoint)).unwrap_or_default();
    let hooks = || std::iter::once(&app.parts().hooks).chain(blueprints);
    let on_demand = Arc::new(OnDemand::new(hooks().flat_map(|hooks| &hooks.template_values).cloned().collect()));
    // A later layer hides the value of the same name in an earlier one.
    let mut layers = Vec::new();
    layers.extend(on_demand.any().then(|| Value::from_dyn_object(on_demand.clone())));
    for processor in hooks().flat_map(|hooks| &hooks.context_processors) {
        layers.push(processor.call(()).await?);
    }
    layers.push(values);
    Ok((merge_maps(layers), on_demand))
}

impl IntoOutcome<Value> for Value {
    fn into_outcome(self) -> Result<Value, Error> {
        Ok(self)
    }
}

impl<E: Into<Error>> IntoOutcome<Value> for Result<Value, E> {
    fn into_outcome(self) -> Result<Value, Error> {
        self.map_err(Into::into)
    }
}
