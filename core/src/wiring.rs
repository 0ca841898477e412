//! What must be right before an app may serve.

use std::collections::BTreeSet;
use std::panic::Location;

use http::Method;

use crate::arg::ArgKind;
use crate::error::{Error, ErrorKind};
use crate::routing::rule::Rule;
use crate::view::{Need, View};

/// HEAD comes with GET; OPTIONS is answered for every rule.
pub(crate) fn with_automatic(mut methods: BTreeSet<String>) -> BTreeSet<String> {
    if methods.contains("GET") {
        methods.insert("HEAD".into());
    }
    methods.insert("OPTIONS".into());
    methods
}

/// A view's arguments must be what the rule has to give.
pub(crate) fn check_args(rule: &Rule, view: &View) -> Result<(), Error> {
    let Some(wanted) = view.args() else { return Ok(()) };
    let given: Vec<_> = rule.variables().map(|(_, kind)| kind).collect();
    if given == wanted {
        return Ok(());
    }
    let name = view.name().unwrap_or("closure");
    let list = |kinds: &[ArgKind]| {
        if kinds.is_empty() {
            "nothing".to_owned()
        } else {
            kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
    };
    Err(Error::new(
        ErrorKind::Setup,
        format!(
            "the view `{name}` takes {}, but the rule {:?} gives {}: the view's arguments must be the rule's variables, \
             in their order (`String` for <name>, an integer type for <int:name>)",
            list(wanted),
            rule.text(),
            list(&given)
        ),
    ))
}

/// A rule takes at least one method, and methods are words.
pub(crate) fn check_methods(rule: &Rule, methods: &BTreeSet<String>) -> Result<(), Error> {
    let bad = methods.iter().find(|method| Method::from_bytes(method.as_bytes()).is_err());
    let found = match bad {
        Some(method) => format!("has the method {method:?}"),
        None if methods.is_empty() => "has no method".to_owned(),
        None => return Ok(()),
    };
    let remedy = "write each as a string of its own, as in `.methods([\"GET\", \"POST\"])`";
    Err(Error::new(ErrorKind::Setup, format!("the rule {:?} {found}: {remedy}", rule.text())))
}

/// The mistake of a decorator whose extension is not there.
pub(crate) fn missing((need, view, location): &(Need, String, &'static Location<'static>)) -> Error {
    let wanted = need.name;
    let message = format!(
        "a decorator on the view `{view}` needs the extension `{wanted}`, which was not initialised: call `app.init(..)` \
         with it"
    );
    Error::new(ErrorKind::Setup, message).with_location(location)
}

/// A view without a rule gets no arguments.
pub(crate) fn check_no_args(view: &View) -> Result<(), Error> {
    match view.args() {
        None | Some([]) => Ok(()),
        Some(_) => Err(Error::new(
            ErrorKind::Setup,
            "a fallback view has no rule to take arguments from: use `request().path()`",
        )),
    }
}

/// The decorators must be in the order of their phases, as far as they say theirs.
pub(crate) fn check_order(view: &View) -> Result<(), Error> {
    let phased: Vec<_> = view.decorators().filter_map(|layer| Some((layer.phase?, &layer.name))).collect();
    let leak = phased.iter().enumerate().find_map(|(at, outer)| {
        let inner = phased[at..].iter().find(|inner| inner.0 < outer.0)?;
        Some((outer, inner))
    });
    let Some(((outer, outer_name), (inner, inner_name))) = leak else { return Ok(()) };
    Err(Error::new(
        ErrorKind::Setup,
        format!(
            "`{outer_name}` is outside `{inner_name}`: {}. Write `.decorate({inner_name})` above `.decorate({outer_name})`, \
             or add `.any_order()` if it is meant",
            outer.outside(*inner)
        ),
    ))
}

pub(crate) fn all_in_one(app: &str, faults: &[Error]) -> Error {
    let list: Vec<_> = faults.iter().map(ToString::to_string).collect();
    Error::new(ErrorKind::Setup, format!("the app `{app}` has {} mistakes:\n  {}", faults.len(), list.join("\n  ")))
}
