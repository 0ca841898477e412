//! The names of functions, from their types.

use std::any::type_name;

/// Returns the name of the function that `F` is, or was written in: the name that `routes` lists for a decorator.
///
/// ```
/// fn header_adder() -> impl Fn() {
///     || ()
/// }
/// fn name_of<F>(_: F) -> String {
///     costrel::decorator_name::<F>()
/// }
/// assert_eq!(name_of(header_adder), "header_adder");
/// assert_eq!(name_of(header_adder()), "header_adder");
/// ```
pub fn decorator_name<F>() -> String {
    last_name(type_name::<F>()).unwrap_or_else(|| "decorator".to_owned())
}

/// Whether `F` is a closure, which has no name of its own.
pub(crate) fn is_closure<F>() -> bool {
    type_name::<F>().ends_with("{{closure}}")
}

/// Returns the name of a function from its `type_name`, for people to read.
pub(super) fn readable_name(path: &str) -> String {
    match last_name(path) {
        Some(name) if path.ends_with("{{closure}}") => format!("closure in {name}"),
        Some(name) => name,
        None => path.to_owned(),
    }
}

/// Returns the last part of a path that is no closure.
fn last_name(path: &str) -> Option<String> {
    let path = without_generics(path);
    let mut parts = path.rsplit("::").filter(|part| !part.is_empty() && *part != "{{closure}}");
    parts.next().map(str::to_owned)
}

fn without_generics(path: &str) -> String {
    let mut depth = 0_usize;
    let outside = |character: &char| {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    path.chars().filter(outside).collect()
}
