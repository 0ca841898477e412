//! Wrong decorators that tell one client of another, or leave a door open.

use std::sync::Arc;

use costrel::{Callable, Error, HeaderValue, Method, Request, Response, View, Waiting, abort, current_app};
use costrel_ext_kit::Decorate;
use parking_lot::Mutex;

/// A value that all requests share.
type Slot = Arc<Mutex<String>>;

fn visitor(request: &Request) -> Option<String> {
    request.header("x-visitor").map(str::to_owned)
}

fn with_user(outcome: Result<Response, Error>, user: &str) -> Result<Response, Error> {
    let mut response = outcome?;
    response.headers_mut().insert("x-user", HeaderValue::from_str(user)?);
    Ok(response)
}

/// Parks the visitor's name in the decorator while the view runs.
pub(super) fn parks_the_name(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let slot = Arc::clone(&slot);
        async move {
            *slot.lock() = visitor(&request).unwrap_or_default();
            let outcome = next.call(request).await;
            let user = slot.lock().clone();
            with_user(outcome, &user)
        }
    })
}

/// Parks the visitor's name in the decorator, as sync code.
pub(super) fn parks_the_name_sync(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by(move |view, request| {
        *slot.lock() = visitor(&request).unwrap_or_default();
        let outcome = current_app().ensure_sync(view)(request);
        let user = slot.lock().clone();
        with_user(outcome, &user)
    })
}

/// Shows the last visitor's name to a client that has none.
pub(super) fn remembers_the_last_user(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let slot = Arc::clone(&slot);
        async move {
            if let Some(name) = visitor(&request) {
                *slot.lock() = name;
            }
            let user = slot.lock().clone();
            with_user(next.call(request).await, &user)
        }
    })
}

/// Tells each client what the client before it asked for.
pub(super) fn tells_the_last_question(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let before = std::mem::replace(&mut *slot.lock(), request.full_path().to_owned());
        async move { with_user(next.call(request).await, &before) }
    })
}

/// Sends each client the cookies of the one before.
pub(super) fn hands_on_the_cookies(view: View) -> View {
    let slot = Slot::default();
    view.wrapped_by_async(move |next, request| {
        let cookies = request.header("cookie").unwrap_or_default().to_owned();
        let before = std::mem::replace(&mut *slot.lock(), cookies);
        async move { with_user(next.call(request).await, &before) }
    })
}

fn is_member(request: &Request) -> bool {
    request.header("x-member").is_some()
}

/// Lets no client in but members, except where `is_open`.
fn open_where(view: View, is_open: fn(&Request) -> bool) -> View {
    view.wrapped_by_async(move |next, request| async move {
        if is_member(&request) || is_open(&request) { next.call(request).await } else { abort(403) }
    })
}

/// Checks GET, HEAD and POST, and no other method.
pub(super) fn forgets_put_and_delete(view: View) -> View {
    open_where(view, |request| !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST))
}

/// Checks GET, HEAD and POST, and no other method, as sync code.
pub(super) fn forgets_put_and_delete_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        let is_checked = matches!(*request.method(), Method::GET | Method::HEAD | Method::POST);
        if is_checked && !is_member(&request) { abort(403) } else { current_app().ensure_sync(view)(request) }
    })
}

/// Checks every request but those with JSON.
pub(super) fn checks_forms_alone(view: View) -> View {
    open_where(view, |request| request.header("content-type") == Some("application/json"))
}

/// Lets in a client that says that its request was forwarded for another.
pub(super) fn believes_x_forwarded_for(view: View) -> View {
    open_where(view, |request| request.header("x-forwarded-for").is_some())
}

/// Lets in a client that says that the method is another one.
pub(super) fn obeys_the_method_override(view: View) -> View {
    open_where(view, |request| request.header("x-http-method-override") == Some("OPTIONS"))
}

/// Lets in a client that names a user.
pub(super) fn believes_x_forwarded_user(view: View) -> View {
    open_where(view, |request| request.header("x-forwarded-user").is_some())
}

/// Refuses with an error that says nothing.
pub(super) fn refuses_with_a_500(view: View) -> View {
    view.guarded_by(|request| if is_member(request) { Ok(()) } else { abort(500) })
}

/// Refuses with an error that is no HTTP status, as sync code.
pub(super) fn refuses_with_an_error_sync(view: View) -> View {
    view.wrapped_by(|view, request| {
        if is_member(&request) {
            return current_app().ensure_sync(view)(request);
        }
        Err(std::io::Error::other("no member").into())
    })
}

/// Refuses as if a server behind it had failed.
pub(super) fn refuses_with_a_502(view: View) -> View {
    view.guarded_by(|request| if is_member(request) { Ok(()) } else { abort(502) })
}

/// Checks the request where async code calls the view, and not where sync code does.
pub(super) fn checks_async_callers_alone(view: View) -> View {
    let (inner, direct) = (view.clone(), view.clone());
    let callable = Callable::new_in_place(
        view.colour(),
        move |request: Request| {
            if is_member(&request) { inner.call(request) } else { Waiting::ready(abort(403)) }
        },
        move |request| direct.call_sync(request),
    );
    view.wrapped("checks_async_callers_alone", callable)
}

/// Lets in a client that says that it comes from this machine.
pub(super) fn believes_in_localhost(view: View) -> View {
    open_where(view, |request| request.header("x-real-ip") == Some("127.0.0.1"))
}

/// Lets in what calls itself a probe.
pub(super) fn lets_probes_in(view: View) -> View {
    open_where(view, |request| request.header("user-agent").is_some_and(|agent| agent.starts_with("kube-probe")))
}

/// Lets in a client whose cookie says that it may.
pub(super) fn reads_the_role_from_a_cookie(view: View) -> View {
    open_where(view, |request| request.cookie("role").as_deref() == Some("admin"))
}
