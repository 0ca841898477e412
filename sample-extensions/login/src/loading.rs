//! The current user: found in the session, the remember cookie or the request, once per request.

use costrel::{Error, ErrorKind, Request, Waiting, has_request_context, request, session};

use crate::current_user::CurrentUser;
use crate::options::{FoundUser, Loader, Login, is_loading};
use crate::protection::{identifier, not_too_late, protect, renew_session};
use crate::remember::{Remembered, remembered};
use crate::settings::SessionProtection;
use crate::signals::{News, USER_ACCESSED, USER_LOADED_FROM_COOKIE, USER_LOADED_FROM_REQUEST};
use crate::visit::{FRESH, ID, USER_ID, Visit, forget};

/// Returns the signed-in user, loaded once per request and kept on `g`: `.await` it in async code, `.wait()` for it in
/// sync code. Outside requests there is none.
///
/// # Errors
/// The errors of the loaders and of the subscribers of signals; if a loader asks for the current user; if the [`Login`]
/// extension was not initialised.
pub fn current_user() -> Waiting<CurrentUser> {
    Waiting::new(async {
        if !has_request_context() {
            return Ok(CurrentUser::default());
        }
        let visit = Visit::current();
        let known = visit.user.lock().clone();
        match known {
            Some(user) => Ok(user),
            None => load_once(&visit).await,
        }
    })
}

/// Returns the id of the signed-in user, empty if there is none: a key function, for limits and caches by user.
///
/// # Errors
/// The errors of [`current_user`].
pub async fn user_id(_request: Request) -> Result<String, Error> {
    Ok(current_user().await?.get_id())
}

async fn load_once(visit: &Visit) -> Result<CurrentUser, Error> {
    // Waiting for the turn would last forever, because the loader has it.
    if is_loading() {
        let message = "A user loader asked for the current user, whom it is to find: use its argument instead.";
        return Err(Error::new(ErrorKind::Other, message));
    }
    let turn = visit.loading.lock().await;
    // Another task of this request may have loaded the user meanwhile.
    if let Some(user) = visit.user.lock().clone() {
        return Ok(user);
    }
    let (user, news) = load(&*Login::current()?).await?;
    // Code in this request may have signed a user in or out while the user was loaded; then keep that result.
    let user = visit.user.lock().get_or_insert(user).clone();
    drop(turn);
    // Sent when the user is known, so that a subscriber that asks for the user gets it.
    for signal in news {
        signal.send(user.clone()).await?;
    }
    Ok(user)
}

async fn load(login: &Login) -> Result<(CurrentUser, News), Error> {
    let mut news = vec![&USER_ACCESSED];
    let found = if protect(login, &mut news) { find(login, &mut news).await? } else { None };
    match found {
        None => Ok((login.visitor().await?, news)),
        user => Ok((CurrentUser { user, visitor: None }, news)),
    }
}

/// Looks for the user in Flask-Login's order.
async fn find(login: &Login, news: &mut News) -> Result<FoundUser, Error> {
    let (id, is_safe) = (session().get::<String>(USER_ID), login.is_safe());
    if let Some(id) = &id {
        let user = call(login.user_loader.as_ref(), id.clone()).await?;
        if user.is_some() {
            return Ok(user);
        }
        // So that no other user who gets the id later is signed in by it. Flask-Login leaves it there.
        if is_safe && login.user_loader.is_some() {
            forget(&[USER_ID, FRESH, ID]);
        }
    }
    match remembered(login) {
        // The loader was asked for this user already.
        Remembered::User(again) if is_safe && id.as_ref() == Some(&again) => {}
        Remembered::User(id) => {
            let user = find_remembered(login, id).await?;
            news.extend(user.is_some().then_some(&USER_LOADED_FROM_COOKIE));
            if user.is_some() || !is_safe {
                return Ok(user);
            }
        }
        // In Flask-Login a cookie that is worth nothing keeps a client from showing a token.
        Remembered::Forged if !is_safe => return Ok(None),
        Remembered::Forged | Remembered::Absent => {}
    }
    let user = call(login.request_loader.as_ref(), request()).await?;
    news.extend(user.is_some().then_some(&USER_LOADED_FROM_REQUEST));
    Ok(user)
}

async fn find_remembered(login: &Login, id: String) -> Result<FoundUser, Error> {
    let (user, is_safe) = (call(login.user_loader.as_ref(), id.clone()).await?, login.is_safe());
    if user.is_some() || !is_safe {
        not_too_late(keep_remembered(login, id, user.is_some()));
    }
    Ok(user)
}

/// Puts the user of the remember cookie into the session.
fn keep_remembered(login: &Login, id: String, is_found: bool) -> Result<(), Error> {
    renew_session(login)?;
    session().set(USER_ID, id)?;
    session().set(FRESH, false)?;
    // Without it, strong protection would sign the user out at the next request, as Flask-Login does.
    if is_found && login.is_safe() && login.protection() == SessionProtection::Strong {
        session().set(ID, identifier(login.mode))?;
    }
    Ok(())
}

/// Calls a loader, if the app has it.
async fn call<I: Send + 'static>(loader: Option<&Loader<I>>, input: I) -> Result<FoundUser, Error> {
    match loader {
        Some(loader) => loader.call(input).await,
        None => Ok(None),
    }
}
