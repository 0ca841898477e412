//! The names that every template sees: `request`, `session`, `g`, `config`, `url_for` and `get_flashed_messages`.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::FutureExt;
use minijinja::value::{Enumerator, Kwargs, Object, ObjectRepr, Serde};
use minijinja::{Environment, ErrorKind, State, Value};

use super::flash::get_flashed_messages;
use super::template_functions::{failed, waited_for};
use super::url_for::url_for;
use crate::context::{current_app, g, has_request_context, request, session};
use crate::error::Error;
use crate::execution::Waiting;
use crate::http_types::{MultiDict, Request};
use crate::routing::ArgValue;

/// Adds the functions and globals that every template sees.
pub(super) fn add_globals(templates: &mut Environment<'static>) {
    templates.add_function("url_for", template_url_for);
    templates.add_function("get_flashed_messages", template_flashed_messages);
    templates.add_global("request", Value::from_object(TemplateGlobal::Request));
    templates.add_global("session", Value::from_object(TemplateGlobal::Session));
    templates.add_global("g", Value::from_object(TemplateGlobal::G));
    templates.add_global("config", Value::from_object(TemplateGlobal::Config));
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

fn in_template(error: Error) -> minijinja::Error {
    minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string())
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
        "url_root" | "root_url" => Some(request.root_url().into()),
        "host_url" => Some(format!("{}://{}/", request.scheme(), request.host()).into()),
        "script_root" | "root_path" => Some(request.script_root().into()),
        "query_string" => Some(request.full_path().split_once('?').map_or("", |(_, query)| query).into()),
        "referrer" => request.header("referer").map(Value::from),
        "user_agent" => Some(request.header("user-agent").unwrap_or_default().into()),
        "content_type" => request.header("content-type").map(Value::from),
        "endpoint" => request.endpoint().map(Value::from),
        "blueprint" => request.blueprint().map(Value::from),
        "args" => Some(Value::from_object(Values(request.args().clone()))),
        "form" => Some(fields(Request::form)),
        "values" => Some(fields(Request::values)),
        "cookies" => Some(first_values(request.cookies().iter())),
        "headers" => Some(Value::from_object(Headers(request))),
        "view_args" => {
            let values = request.view_args().iter().map(|(name, value)| (name.to_string(), value.to_string()));
            Some(Value::from_pairs(values))
        }
        "remote_addr" => request.remote_addr().map(|address| address.ip().to_string().into()),
        "scheme" => Some(request.scheme().into()),
        "is_secure" => Some(request.is_secure().into()),
        "is_json" => Some(request.is_json().into()),
        "mimetype" => request.mimetype().map(Value::from),
        // What templates of Flask may ask for, and would take for nothing here.
        "json" | "data" | "files" | "stream" | "authorization" | "environ" | "user_agent_class" | "url_rule"
        | "accept_languages" | "accept_mimetypes" | "access_route" | "date" | "content_length" | "get_json" => {
            let remedy = "read it in the view, and give it to the template with `context!`";
            let message = format!("`request.{key}` is not for templates: {remedy}");
            Some(minijinja::Error::new(ErrorKind::InvalidOperation, message).into())
        }
        _ => None,
    }
}

/// The fields of the request's form, or of its query too. A body that has not arrived yet is waited for on a worker.
fn fields(read: fn(&Request) -> Waiting<MultiDict>) -> Value {
    let request = request();
    let fields = match read(&request).now_or_never() {
        Some(fields) => fields.map_err(failed),
        None => waited_for(|| read(&request).wait()),
    };
    fields.map_or_else(Value::from, |fields| Value::from_object(Values(fields)))
}

/// The request's headers, whose names have no case.
#[derive(Debug)]
struct Headers(Request);

impl Object for Headers {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.header(key.as_str()?).map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.headers().keys().map(|name| name.as_str().into()).collect())
    }
}

/// The values of a query or a form, as templates see them: the first value of each name, and `getlist`.
#[derive(Debug)]
struct Values(MultiDict);

impl Object for Values {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_str()?).map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut seen = HashSet::new();
        let names = self.0.iter().map(|(name, _)| name).filter(|name| seen.insert(*name));
        Enumerator::Values(names.map(Value::from).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        name: &str,
        given: &[Value],
    ) -> Result<Value, minijinja::Error> {
        match (name, given.first().and_then(Value::as_str)) {
            ("getlist", Some(key)) => Ok(self.0.get_list(key).map(Value::from).collect()),
            _ => Err(ErrorKind::UnknownMethod.into()),
        }
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
    let optional = || g.get::<Option<String>>(key).map(Value::from);
    let shown = first_of!(Value String &'static str Vec<String> bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64);
    let shown = shown.or_else(optional).or_else(|| g.get::<serde_json::Value>(key).map(json));
    shown.or_else(|| g.contains(key).then(|| not_for_templates(key)))
}

fn not_for_templates(key: &str) -> Value {
    let message = format!(
        "`g.{key}` is of a type that templates cannot show: give it to the template with `context!`, or set \
         `minijinja::Value::from(minijinja::value::Serde(&value))` on `g`"
    );
    minijinja::Error::new(ErrorKind::InvalidOperation, message).into()
}

fn json(value: serde_json::Value) -> Value {
    Value::from(Serde(value))
}
