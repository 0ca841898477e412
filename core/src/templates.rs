//! Templates: Jinja2's language, by minijinja.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::value::{Kwargs, Object, Serde, merge_maps};
use minijinja::{AutoEscape, Environment, Value};

use crate::arg::ArgValue;
use crate::callable::IntoOutcome;
use crate::context::{current_app, g, has_request_context, request, session};
use crate::crossing::Waiting;
use crate::current_app::CurrentApp;
use crate::error::{Error, ErrorKind};
use crate::flash::get_flashed_messages;
use crate::signals::{BEFORE_RENDER_TEMPLATE, TEMPLATE_RENDERED};
use crate::url_for::url_for;

/// Renders a template with these values: Flask's `render_template`. `.await` it in async code, `.wait()` for it in sync
/// code; context processors of either colour add their values.
///
/// Templates see `url_for`, `get_flashed_messages`, `request`, `session`, `config` and `g` (whose values show if they are
/// text, numbers or booleans). What is put into `.html`, `.htm`, `.xml`, `.xhtml` and `.svg` is escaped.
///
/// ```
/// use costrel::{App, minijinja::context, render_template};
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
/// If there is no such template, or it fails; those of context processors and subscribers.
///
/// # Panics
/// Where there is no app, with a message that names the remedy.
#[track_caller]
pub fn render_template(name: &str, values: impl Into<Value>) -> Waiting<String> {
    let (app, name, values) = (current_app(), name.to_owned(), values.into());
    Waiting::new(async move {
        let values = with_processors(&app, values).await?;
        BEFORE_RENDER_TEMPLATE.send(name.clone()).await?;
        let rendered = app.parts().templates.get_template(&name)?.render(values)?;
        TEMPLATE_RENDERED.send(name).await?;
        Ok(rendered)
    })
}

/// Renders `source`, escaped as HTML: Flask's `render_template_string`.
///
/// ```
/// # use costrel::{App, minijinja::context, render_template_string};
/// # let mut app = App::new("docs");
/// app.route("/", || render_template_string("{{ n }}", context! { n => "<b>" }).wait());
/// assert_eq!(app.test_client().get("/").wait()?.text(), "&lt;b&gt;");
/// # Ok::<(), costrel::Error>(())
/// ```
///
/// # Errors
/// If it is no template, or it fails; those of context processors.
///
/// # Panics
/// Where there is no app, with a message that names the remedy.
#[track_caller]
pub fn render_template_string(source: &str, values: impl Into<Value>) -> Waiting<String> {
    let (app, source, values) = (current_app(), source.to_owned(), values.into());
    Waiting::new(async move {
        let values = with_processors(&app, values).await?;
        let templates = &app.parts().templates;
        Ok(templates.template_from_named_str("<string>.html", &source)?.render(values)?)
    })
}

/// An environment with what every template sees.
pub(crate) fn environment() -> Environment<'static> {
    let mut templates = Environment::new();
    // Flask's list; minijinja's own would escape scripts as JSON.
    templates.set_auto_escape_callback(|name| match name.rsplit('.').next() {
        Some("html" | "htm" | "xml" | "xhtml" | "svg") => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    templates.add_function("url_for", template_url_for);
    templates.add_function("get_flashed_messages", template_flashed_messages);
    templates.add_global("request", Value::from_object(Surroundings::Request));
    templates.add_global("session", Value::from_object(Surroundings::Session));
    templates.add_global("g", Value::from_object(Surroundings::G));
    templates.add_global("config", Value::from_object(Surroundings::Config));
    templates
}

/// Makes the templates in `folder` known. Unless they are to be read anew each time, all are read now, so that a
/// mistake in one shows at start-up.
pub(crate) fn load(templates: &mut Environment<'static>, folder: &Path, reload: bool) -> Result<(), Error> {
    templates.set_loader(minijinja::path_loader(folder));
    templates.set_auto_reload(reload);
    let cannot =
        |what: String| Error::new(ErrorKind::Setup, format!("the template folder {}: {what}", folder.display()));
    if reload {
        return Ok(());
    }
    for file in files_below(folder).map_err(|error| cannot(error.to_string()))? {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        // What is no text is no template, and may lie there all the same.
        if fs::read_to_string(&file).is_ok() {
            templates.get_template(&name).map_err(|error| cannot(format!("{error:#}")))?;
        }
    }
    Ok(())
}

fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

/// What context processors give, the app's first, and over it the view's values.
async fn with_processors(app: &CurrentApp, values: Value) -> Result<Value, Error> {
    let endpoint = has_request_context().then(|| request().endpoint().map(str::to_owned)).flatten();
    let blueprints = endpoint.map(|endpoint| app.parts().url_map.scopes(&endpoint)).unwrap_or_default();
    // A later one hides what an earlier one gives under the same name.
    let mut layers = Vec::new();
    for scope in std::iter::once(&app.parts().scope).chain(blueprints) {
        for processor in &scope.context_processors {
            layers.push(processor.call(()).await?);
        }
    }
    layers.push(values);
    Ok(merge_maps(layers))
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
            // As text: the rule's converter reads it, and the query is text anyway.
            _ => url.arg(name, (!value.is_none()).then(|| ArgValue::Text(value.to_string()))),
        };
    }
    url.build().map_err(in_template)
}

fn template_flashed_messages(options: Kwargs) -> Result<Value, minijinja::Error> {
    let with_categories = options.get::<Option<bool>>("with_categories")?.unwrap_or(false);
    let only = options.get::<Option<Vec<String>>>("category_filter")?.unwrap_or_default();
    options.assert_all_used()?;
    let messages = get_flashed_messages();
    let wanted = messages.into_iter().filter(|(category, _)| only.is_empty() || only.contains(category));
    let shown = |(category, message): (String, String)| {
        if with_categories { Value::from(vec![category, message]) } else { Value::from(message) }
    };
    Ok(wanted.map(shown).collect())
}

fn in_template(error: Error) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, error.to_string())
}

/// What surrounds the code that renders, looked up when a template asks.
#[derive(Clone, Copy, Debug)]
enum Surroundings {
    Request,
    Session,
    G,
    Config,
}

impl Object for Surroundings {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        match **self {
            Self::Config => current_app().config().get(key).map(json),
            Self::G => g_value(key),
            Self::Request | Self::Session if !has_request_context() => None,
            Self::Session => session().get(key).map(json),
            Self::Request => request_value(key),
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
        "args" => Some(Value::from_pairs(request.args().iter())),
        _ => None,
    }
}

fn g_value(key: &str) -> Option<Value> {
    let g = g();
    let text = g.get::<String>(key).map(Value::from).or_else(|| g.get::<&'static str>(key).map(Value::from));
    let number = || g.get::<i64>(key).map(Value::from).or_else(|| g.get::<f64>(key).map(Value::from));
    text.or_else(number).or_else(|| g.get::<bool>(key).map(Value::from))
}

fn json(value: serde_json::Value) -> Value {
    Value::from(Serde(value))
}
