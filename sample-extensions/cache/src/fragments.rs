//! Fragments of templates: `{% call cache(300, "menu", user.id) %}..{% endcall %}`.

use std::sync::Arc;
use std::time::Duration;

use costrel::minijinja::value::{Kwargs, Rest, ValueOrKwargs, from_args};
use costrel::minijinja::{Error, ErrorKind, State, Value};
use costrel::{App, Instance, current_app, has_request_context, request};

use crate::entries::Entries;
use crate::memory::{Content, Fragment, Lifetime};
use crate::run::{Ended, Run};

/// Adds the function `cache` to the app's templates.
pub(crate) fn add_to_templates(app: &mut App, cache: Instance) {
    let function = move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| -> Result<Value, Error> {
        fragment(cache, state, &args.into_values())
    };
    app.templates(move |templates| templates.add_function("cache", function));
}

/// Returns the key of a fragment, for [`Cache::delete`](crate::Cache::delete): Flask-Caching's. What is in `vary_on` has `%5F`
/// for `_` and `%25` for `%`, so that no two fragments of a name share a key.
///
/// ```
/// use costrel_cache::make_template_fragment_key;
///
/// assert_eq!(make_template_fragment_key("menu", ["7", "en"]), "_template_fragment_cache_menu_7_en");
/// ```
pub fn make_template_fragment_key<T: ToString>(name: &str, vary_on: impl IntoIterator<Item = T>) -> String {
    let mut key = format!("_template_fragment_cache_{name}");
    for part in vary_on {
        key.push('_');
        key.push_str(&part.to_string().replace('%', "%25").replace('_', "%5F"));
    }
    key
}

fn fragment(cache: Instance, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let (args, options): (&[Value], Kwargs) = from_args(args)?;
    let caller: Value = options.get("caller").map_err(|_| wrong("it is a block: `{% call cache(..) %}`"))?;
    options.assert_all_used()?;
    let [timeout, name, vary_on @ ..] = args else { return Err(wrong("it needs a timeout and a name")) };
    let name = name.as_str().ok_or_else(|| wrong("its second argument is the fragment's name"))?;
    let key = make_template_fragment_key(name, vary_on);
    let entries = current_app().extension_of::<Entries>(cache).map_err(|error| wrong(error.message()))?;
    if entries.settings.is_off {
        return caller.call(state, &[]);
    }
    if timeout.as_str() == Some("del") {
        entries.memory().delete(&key);
        return caller.call(state, &[]);
    }
    if let Some(html) = kept(&entries, &key) {
        return Ok(html);
    }
    let lifetime = lifetime(timeout, entries.settings.default_timeout)?;
    let run = has_request_context().then(|| Run::begin(&request()));
    let html = caller.call(state, &[])?;
    let ended = run.map(Run::end);
    if ended.as_ref().is_none_or(|ended| may_be_kept(ended, vary_on)) {
        let of_host = ended.is_some_and(|ended| ended.has_looked_at_host());
        let scheme = of_host.then(|| request().scheme().to_owned());
        let fragment = Fragment { safe_html: html.to_string(), scheme };
        entries.memory().set(key, Content::Fragment(Arc::new(fragment)), lifetime);
    }
    Ok(html)
}

/// Returns the fragment of `key` if it is for this request. A key says nothing of the scheme, so that it is Flask-Caching's.
fn kept(entries: &Entries, key: &str) -> Option<Value> {
    let Content::Fragment(fragment) = entries.memory().get(key)?.content else { return None };
    let is_of_request =
        |scheme: &String| has_request_context() && request().aside(|request| request.scheme() == scheme);
    let is_for_this = fragment.scheme.as_ref().is_none_or(is_of_request);
    is_for_this.then(|| Value::from_safe_string(fragment.safe_html.clone()))
}

/// With `vary_on` the template says for whom the fragment is. A client may send any host, so the host must be among them.
fn may_be_kept(ended: &Ended, vary_on: &[Value]) -> bool {
    let by_host = || vary_on.iter().any(|value| value.as_str() == Some(request().host()));
    ended.may_be_kept(!vary_on.is_empty()) && (!ended.has_looked_at_host() || by_host())
}

fn lifetime(timeout: &Value, default: Duration) -> Result<Lifetime, Error> {
    let seconds = if timeout.is_none() { None } else { Some(f64::try_from(timeout.clone())?) };
    let timeout = seconds.map(Duration::try_from_secs_f64).transpose().map_err(|error| wrong(&error.to_string()))?;
    Ok(Lifetime { timeout: timeout.unwrap_or(default), ..Lifetime::default() })
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("`cache(timeout, name, vary_on..)` in a template: {message}"))
}
