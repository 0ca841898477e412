//! Fragments of templates: `{% call cache(300, "menu", user.id) %}..{% endcall %}`.

use std::time::Duration;

use costrel::minijinja::value::{Kwargs, Rest, ValueOrKwargs, from_args};
use costrel::minijinja::{Error, ErrorKind, State, Value};
use costrel::{App, Instance, current_app, has_request_context, request};

use crate::entries::Entries;
use crate::memory::{Content, Found, Lifetime};
use crate::run::Run;

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
    if let Some(Found { content: Content::Fragment(html), .. }) = entries.memory().get(&key) {
        return Ok(Value::from_safe_string(html.to_string()));
    }
    let lifetime = lifetime(timeout, entries.settings.default_timeout)?;
    let run = has_request_context().then(|| Run::begin(&request()));
    let html = caller.call(state, &[])?;
    // With `vary_on` the template says for whom the fragment is. A client may send any host, so the host must be among them.
    let may_be_kept = |run: Run| {
        let ended = run.end();
        let by_host = || vary_on.iter().any(|value| value.as_str() == Some(request().host()));
        ended.may_be_kept(!vary_on.is_empty()) && (!ended.has_looked_at_host() || by_host())
    };
    if run.is_none_or(may_be_kept) {
        entries.memory().set(key, Content::Fragment(html.to_string().into()), lifetime);
    }
    Ok(html)
}

fn lifetime(timeout: &Value, default: Duration) -> Result<Lifetime, Error> {
    let seconds = if timeout.is_none() { None } else { Some(f64::try_from(timeout.clone())?) };
    let timeout = seconds.map(Duration::try_from_secs_f64).transpose().map_err(|error| wrong(&error.to_string()))?;
    Ok(Lifetime { timeout: timeout.unwrap_or(default), ..Lifetime::default() })
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("`cache(timeout, name, vary_on..)` in a template: {message}"))
}
