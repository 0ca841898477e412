//! The checks that an app must pass before it may serve.

use std::collections::BTreeSet;
use std::panic::Location;

use http::Method;

use crate::config::Config;
use crate::error::Error;
use crate::routing::{ArgKind, Rule};
use crate::type_map::RequiredExtension;
use crate::view::{OnWebSocket, Signature, View};

/// Adds HEAD where there is GET, and OPTIONS where Costrel answers it.
pub(super) fn with_automatic(mut methods: BTreeSet<String>, options: bool) -> BTreeSet<String> {
    if methods.contains("GET") {
        methods.insert("HEAD".into());
    }
    if options {
        methods.insert("OPTIONS".into());
    }
    methods
}

/// Returns the domain that a rule is for; `None` for any.
///
/// # Errors
/// If the app's settings do not say that rules may be for such domains.
pub(super) fn rule_domain(
    rule: &str,
    (host, subdomain): (Option<&str>, Option<&str>),
    config: &Config,
) -> Result<Option<String>, Error> {
    let wrong = |what: &str, remedy: &str| {
        Err(Error::setup_without_line(format!("the rule {rule:?} is for a {what}: {remedy}")))
    };
    match (config.host_matching, config.subdomain_matching) {
        (true, true) => {
            let message = "rules are either for hosts or for subdomains: switch `config.host_matching` or \
                           `config.subdomain_matching` off";
            Err(Error::setup_without_line(message))
        }
        (_, true) if config.server_name.is_none() => Err(Error::setup_without_line(
            "subdomains need `config.server_name`: set it to the host that they are below",
        )),
        (false, true) if host.is_some() => wrong("host", "give it a subdomain, or switch to `config.host_matching`"),
        (true, false) if subdomain.is_some() => {
            wrong("subdomain", "give it a host, or switch to `config.subdomain_matching`")
        }
        (false, _) if host.is_some() => wrong("host", "set `config.host_matching = true` first"),
        (_, false) if subdomain.is_some() => wrong("subdomain", "set `config.subdomain_matching = true` first"),
        (true, false) => Ok(host.map(str::to_owned)),
        (false, true) => Ok(Some(subdomain.unwrap_or_default().to_owned())),
        (false, false) => Ok(None),
    }
}

/// Checks that a view's arguments are the rule's values, except those that a `url_value_preprocessor` takes.
pub(super) fn check_args(
    rule: &Rule,
    view: &View,
    methods: &BTreeSet<String>,
    taken: impl Fn(&str) -> bool,
) -> Result<(), Error> {
    let given: Vec<_> = rule.arguments().filter(|(name, _)| !taken(name)).map(|(_, kind)| kind).collect();
    match view.signature() {
        Signature::Methods(functions) => {
            // A rule that takes GET takes HEAD too, so a function for HEAD is also checked.
            let head = methods.contains("GET").then_some("HEAD");
            methods.iter().map(String::as_str).chain(head).try_for_each(|method| match functions.get(method) {
                Some((signature, _)) => check_signature(rule, view, signature, &given),
                None if matches!(method, "HEAD" | "OPTIONS") => Ok(()),
                None => Err(no_function(rule, view, method)),
            })
        }
        signature => check_signature(rule, view, signature, &given),
    }
}

fn check_signature(rule: &Rule, view: &View, signature: &Signature, given: &[Option<ArgKind>]) -> Result<(), Error> {
    let Signature::Function(wanted) = signature else { return Ok(()) };
    if wanted.len() == given.len() && wanted.iter().zip(given).all(|(wanted, given)| wanted.takes(*given)) {
        return Ok(());
    }
    let list = |kinds: Vec<String>| if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
    Err(Error::setup_without_line(format!(
        "the view `{}` takes {}, but the rule {:?} gives {}: the view's arguments must be the rule's variables, in their \
             order, then its defaults (`String` for <name>, an integer type for <int:name>, an `Option` for `None`)",
        view.name().unwrap_or("closure"),
        list(wanted.iter().map(ToString::to_string).collect()),
        rule.text(),
        list(given.iter().map(|kind| kind.map_or("none".to_owned(), |kind| kind.to_string())).collect())
    )))
}

fn no_function(rule: &Rule, view: &View, method: &str) -> Error {
    let (name, verb) = (view.name().unwrap_or("closure"), method.to_ascii_lowercase());
    let message = format!(
        "the rule {:?} takes {method}, for which the class view `{name}` has no function: add `.{verb}(Self::{verb})` to its \
         `methods`, or leave {method} out of the rule's",
        rule.text()
    );
    Error::setup_without_line(message)
}

/// Checks that a rule takes at least one method, and that each method's name is valid.
pub(super) fn check_methods(rule: &Rule, methods: &BTreeSet<String>) -> Result<(), Error> {
    let bad = methods.iter().find(|method| Method::from_bytes(method.as_bytes()).is_err());
    let found = match bad {
        Some(method) => format!("has the method {method:?}"),
        None if methods.is_empty() => "has no method".to_owned(),
        None => return Ok(()),
    };
    let remedy = "write each as a string of its own, as in `.methods([\"GET\", \"POST\"])`";
    Err(Error::setup_without_line(format!("the rule {:?} {found}: {remedy}", rule.text())))
}

/// Returns the set-up error for a decorator whose extension was not initialised.
pub(super) fn missing((need, view, location): &(RequiredExtension, String, &'static Location<'static>)) -> Error {
    let wanted = &need.label;
    let message = format!(
        "a decorator on the view `{view}` needs the extension `{wanted}`, which was not initialised: call `app.init(..)` \
         with it"
    );
    Error::setup_without_line(message).with_location(location)
}

/// Checks that a view without a rule takes no arguments.
pub(super) fn check_no_args(view: &View) -> Result<(), Error> {
    match view.signature() {
        Signature::Function(wanted) if !wanted.is_empty() => {
            Err(Error::setup_without_line("a fallback view has no rule to take arguments from: use `request().path()`"))
        }
        _ => Ok(()),
    }
}

/// Checks that the decorators that have a phase are in the order of their phases.
pub(super) fn check_order(view: &View) -> Result<(), Error> {
    let phased: Vec<_> = view.decorators().filter_map(|layer| Some((layer.phase?, &layer.name))).collect();
    let leak = phased.iter().enumerate().find_map(|(at, outer)| {
        let inner = phased[at..].iter().find(|inner| inner.0 < outer.0)?;
        Some((outer, inner))
    });
    let Some(((outer, outer_name), (inner, inner_name))) = leak else { return Ok(()) };
    Err(Error::setup_without_line(format!(
        "`{outer_name}` is outside `{inner_name}`: {}. Write `.decorate({inner_name})` above `.decorate({outer_name})`, \
             or add `.any_order()` if it is meant",
        outer.outside(*inner)
    )))
}

/// Checks that no decorator on a handler for WebSockets is one for pages.
pub(super) fn check_websocket(rule: &str, view: &View) -> Result<(), Error> {
    let mut decorators = view.decorators();
    // One that passes handlers by is here only if it did not know the view for a handler.
    let Some(misplaced) = decorators.find(|decorator| decorator.on_a_websocket() != OnWebSocket::Run) else {
        return Ok(());
    };
    let (name, policy) = (&misplaced.name, misplaced.on_a_websocket());
    let remedy = match policy {
        OnWebSocket::PassBy => "put it on with `.decorate(..)`, which leaves it out here",
        _ => "leave it out, or put it on the rules of pages alone if it is a blueprint's",
    };
    let message = format!("`{name}` is for pages, and the rule {rule:?} is for WebSockets: {remedy}");
    Err(Error::setup_without_line(message))
}

/// Returns the set-up errors of an app as one, if there are any.
pub(super) fn none_or_error(app: &str, mut setup_errors: Vec<Error>) -> Result<(), Error> {
    match setup_errors.len() {
        0 => Ok(()),
        1 => Err(setup_errors.remove(0)),
        count => {
            let list: Vec<_> = setup_errors.iter().map(ToString::to_string).collect();
            let message = format!("the app `{app}` has {count} set-up errors:\n  {}", list.join("\n  "));
            Err(Error::setup_without_line(message))
        }
    }
}
