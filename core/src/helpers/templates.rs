//! Templates: Jinja2's language, by minijinja.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::{Enumerator, Kwargs, Object, Serde, merge_maps};
use minijinja::{AutoEscape, Environment, Output, State, Template, Value};

use super::flash::get_flashed_messages;
use super::on_demand::OnDemand;
use super::url_for::url_for;
use crate::context::{
    AppHandle, BEFORE_RENDER_TEMPLATE, TEMPLATE_RENDERED, current_app, g, has_request_context, request, session,
};
use crate::error::{Error, ErrorKind};
use crate::execution::{IntoOutcome, Waiting};
use crate::http_types::escape;
use crate::routing::ArgValue;

/// The values of a template: `context! { name, user => &user }`. A value is anything that can be serialized.
///
/// ```
/// # use costrel::{App, context, render_template_string};
/// #[derive(serde::Serialize)]
/// struct User {
///     name: String,
/// }
///
/// # let mut app = App::new("docs");
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
/// values are text, numbers, booleans or a [`minijinja::Value`]: using one of another type is an error. Values in templates named
/// `.html`, `.htm`, `.xml`, `.xhtml` and `.svg` are escaped.
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
/// # Errors
/// If there is no such template, or it fails; the errors of context processors and subscribers.
///
/// # Panics
/// If there is no app, with a message that names the remedy.
#[track_caller]
pub fn render_template(name: &str, values: impl Into<Value>) -> Waiting<String> {
    let (app, name, values) = (current_app(), name.to_owned(), values.into());
    Waiting::new(async move {
        let (values, on_demand) = with_processors(&app, values).await?;
        BEFORE_RENDER_TEMPLATE.send(name.clone()).await?;
        let rendered = on_demand.rendered(|| Ok(find(&app, &name)?.render(values.clone())?)).await?;
        TEMPLATE_RENDERED.send(name).await?;
        Ok(rendered)
    })
}

/// Renders `source`, escaped as HTML: Flask's `render_template_string`.
///
/// ```
/// # use costrel::{App, context, render_template_string};
/// # let mut app = App::new("docs");
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
    Waiting::new(async move {
        let (values, on_demand) = with_processors(&app, values).await?;
        let templates = &app.parts().templates;
        let render = || Ok(templates.template_from_named_str("<string>.html", &source)?.render(values.clone())?);
        on_demand.rendered(render).await
    })
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

/// Makes an environment with the functions and globals that every template sees.
pub(crate) fn environment() -> Environment<'static> {
    let mut templates = Environment::new();
    // Flask's list of extensions, because minijinja's own would escape scripts as JSON.
    templates.set_auto_escape_callback(|name| match name.rsplit('.').next() {
        Some("html" | "htm" | "xml" | "xhtml" | "svg") => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    templates.set_formatter(format_as_flask);
    // Python's methods that Flask's templates call: `items()`, `get(..)`, `upper()`.
    templates.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    templates.add_function("url_for", template_url_for);
    templates.add_function("get_flashed_messages", template_flashed_messages);
    templates.add_global("request", Value::from_object(TemplateGlobal::Request));
    templates.add_global("session", Value::from_object(TemplateGlobal::Session));
    templates.add_global("g", Value::from_object(TemplateGlobal::G));
    templates.add_global("config", Value::from_object(TemplateGlobal::Config));
    templates
}

/// Makes the templates in `folder` known. Without `reload` all are read now, so that an error in one shows at
/// start-up.
pub(crate) fn load(templates: &mut Environment<'static>, folder: &Path, reload: bool) -> Result<(), Error> {
    templates.set_loader(minijinja::path_loader(folder));
    templates.set_auto_reload(reload);
    let cannot = |what: String| Error::setup_without_line(format!("the template folder {}: {what}", folder.display()));
    if reload {
        return Ok(());
    }
    let remedy = "give `app.template_folder(..)` a folder that can be read";
    for file in files_below(folder).map_err(|error| cannot(format!("{error}: {remedy}")))? {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        // A file that is not text is not a template, but it may be in the folder.
        if fs::read_to_string(&file).is_ok() {
            templates.get_template(&name).map_err(|error| cannot(format!("{error:#}")))?;
        }
    }
    Ok(())
}

fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Links are not followed, because they may lead in a circle; a linked template is read at its first use.
        match entry.file_type()? {
            kind if kind.is_dir() => files.extend(files_below(&entry.path())?),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    Ok(files)
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

fn template_url_for(endpoint: &str, values: Kwargs) -> Result<String, minijinja::Error> {
    let mut url = url_for(endpoint);
    for name in values.args() {
        let value: Value = values.peek(name)?;
        url = match name {
            "_anchor" => url.anchor(&value.to_string()),
            "_external" => url.external(value.is_true()),
            "_scheme" => url.scheme(&value.to_string()),
            "_method" => url.method(&value.to_string()),
            // As text, because the rule's converter parses it and the query is text anyway.
            _ => url.arg(name, (!value.is_none()).then(|| ArgValue::Text(value.to_string()))),
        };
    }
    url.build().map_err(in_template)
}

fn template_flashed_messages(
    with_categories: Option<bool>,
    category_filter: Option<Vec<String>>,
    options: Kwargs,
) -> Result<Value, minijinja::Error> {
    let with_categories = with_categories.or(options.get("with_categories")?).unwrap_or(false);
    let only = category_filter.or(options.get("category_filter")?).unwrap_or_default();
    options.assert_all_used()?;
    let messages = get_flashed_messages();
    let wanted = messages.into_iter().filter(|(category, _)| only.is_empty() || only.contains(category));
    let shown = |(category, message): (String, String)| {
        if with_categories { Value::from(vec![category, message]) } else { Value::from(message) }
    };
    Ok(wanted.map(shown).collect())
}

/// Escapes the characters that Jinja2 escapes, and no others.
fn format_as_flask(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if !value.is_safe() && matches!(state.auto_escape(), AutoEscape::Html) => {
            Ok(out.write_str(&escape(text))?)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn in_template(error: Error) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, error.to_string())
}

/// A global of templates, read from the current context when a template uses it.
#[derive(Clone, Copy, Debug)]
enum TemplateGlobal {
    Request,
    Session,
    G,
    Config,
}

impl Object for TemplateGlobal {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        match **self {
            Self::Config => current_app().config().value(key).map(json),
            Self::G => g_value(key),
            Self::Request | Self::Session if !has_request_context() => None,
            Self::Session => session().get(key).map(json),
            Self::Request => request_value(key),
        }
    }

    /// Lists the session's keys, so that `{% if session %}` is false for an empty session.
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match **self {
            Self::Session if has_request_context() => {
                Enumerator::Values(session().data().into_iter().map(|(key, _)| key.into()).collect())
            }
            _ => Enumerator::NonEnumerable,
        }
    }
}

fn request_value(key: &str) -> Option<Value> {
    let request = request();
    match key {
        "method" => Some(request.method().as_str().into()),
        "path" => Some(request.path().into()),
        "full_path" => Some(request.full_path().into()),
        "url" => Some(request.url().into()),
        "base_url" => Some(request.base_url().into()),
        "host" => Some(request.host().into()),
        "endpoint" => request.endpoint().map(Value::from),
        "blueprint" => request.blueprint().map(Value::from),
        "args" => Some(first_values(request.args().iter())),
        "cookies" => Some(first_values(request.cookies().iter())),
        "headers" => Some(first_values(
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default())),
        )),
        "view_args" => {
            let values = request.view_args().iter().map(|(name, value)| (name.to_string(), value.to_string()));
            Some(Value::from_pairs(values))
        }
        "remote_addr" => request.remote_addr().map(|address| address.ip().to_string().into()),
        "scheme" => Some(request.scheme().into()),
        "is_secure" => Some(request.is_secure().into()),
        "is_json" => Some(request.is_json().into()),
        "mimetype" => request.mimetype().map(Value::from),
        _ => None,
    }
}

/// Makes a map with the first value of each name.
fn first_values<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> Value {
    let mut pairs: Vec<_> = pairs.collect();
    // Reversed, because the last of several values of a name stays.
    pairs.reverse();
    Value::from_pairs(pairs)
}

/// The value of `key` in `g`. A value of a type that a template cannot show becomes an error where it is used, because a
/// template that took it for undefined would show the page for a visitor who has no such value.
fn g_value(key: &str) -> Option<Value> {
    let g = g();
    macro_rules! first_of {
        ($($type:ty)*) => { None$(.or_else(|| g.get::<$type>(key).map(Value::from)))* };
    }
    let shown = first_of!(Value String &'static str bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64);
    shown.or_else(|| g.contains(key).then(|| not_for_templates(key)))
}

fn not_for_templates(key: &str) -> Value {
    let message = format!(
        "`g.{key}` is of a type that templates cannot show: give it to the template with `context!`, or set \
         `minijinja::Value::from(minijinja::value::Serde(&value))` on `g`"
    );
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message).into()
}

fn json(value: serde_json::Value) -> Value {
    Value::from(Serde(value))
}
