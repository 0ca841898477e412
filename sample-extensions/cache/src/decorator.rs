//! The decorator `cached`: looks the response up, or runs the view and keeps its response.

use std::sync::Arc;

use costrel::http::header::VARY;
use costrel::{
    Error, HeaderName, HeaderValue, Instance, Looks, Method, Phase, Request, Response, StatusCode, View, current_app,
    g, session,
};
use costrel_ext_kit::Decorator;

use crate::cacheability::{
    COMPAT_PREFIX, has_credentials, is_conditional, is_for_a_page, key, own_key, prefixed, push_part,
};
use crate::caching::{Caching, OwnTimeout, ask};
use crate::entries::{Entries, Lookup, Wanted};
use crate::memory::{Kept, Lifetime};
use crate::run::{Ended, Pending, Run, Sharing};
use crate::settings::Settings;
use crate::signals::{CACHE_VIEW_HIT, CACHE_VIEW_MISS, send};
use crate::turns::Turn;

/// The response header that says whether the response came from the cache: `hit` or `miss`.
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The response header of Flask-Caching that says that the response came from the cache.
const HIT_CACHE: HeaderName = HeaderName::from_static("hit_cache");

/// The session's key for the messages that the next page shows; Flask's own.
const FLASHES: &str = "_flashes";

/// One `cached` or `cached_by`: its cache and its options.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) cache: Instance,
    /// The beginning of the name on `g` of a page that this request fills in.
    pub(crate) filling: String,
    pub(crate) caching: Caching,
}

/// The answers of an app's functions for one request.
#[derive(Default)]
struct Asked {
    owner: Option<String>,
    key: Option<String>,
    is_forced: bool,
    /// The number of times that the functions have looked at the session.
    session_reads: u64,
    /// What the function of the key has looked at.
    looks: Looks,
}

pub(crate) fn cached(view: View, cached: Arc<Cached>) -> View {
    let decorator = Decorator::new(view).named("cached").requires_of::<Entries>(cached.cache).phase(Phase::CACHE);
    decorator.wrap_async_with(cached, answer)
}

async fn answer(cached: Arc<Cached>, next: View, request: Request) -> Result<Response, Error> {
    if cached.caching.asks() {
        // Boxed, so that a hit without functions to ask has no room for them.
        return Box::pin(ask_and_answer(cached, next, request)).await;
    }
    answer_for(cached, next, request, None).await
}

async fn ask_and_answer(cached: Arc<Cached>, next: View, request: Request) -> Result<Response, Error> {
    let (watch, reads_of_g, session_reads) = (request.watch(), g().reads(), session().accesses());
    let asked = cached.caching.ask(&request).await?;
    let looks = watch.end();
    let has_read_g = g().reads() > reads_of_g;
    let session_reads = session().accesses() - session_reads;
    let mut response = match asked {
        None => next.call(request).await?,
        Some(asked) => answer_for(cached, next, request, Some(Box::new(Asked { session_reads, ..asked }))).await?,
    };
    add_vary(&mut response, &looks, has_read_g && looks.any_before());
    Ok(response)
}

async fn answer_for(
    cached: Arc<Cached>,
    next: View,
    request: Request,
    asked: Option<Box<Asked>>,
) -> Result<Response, Error> {
    let entries = current_app().extension_of::<Entries>(cached.cache)?;
    if entries.settings.is_off || cached.passes_by(&entries.settings, &request, asked.as_deref()) {
        return next.call(request).await;
    }
    let key = request.aside(|request| cached.key(&entries.settings, request, &next, asked.as_deref()));
    // With two `cached` decorators on a view, such as the blueprint's and its own, the outer one holds the turn, so
    // the inner one calls the view; waiting for the turn would be a deadlock.
    let filling = [&*cached.filling, &key].concat();
    if g().contains(&filling) {
        return next.call(request).await;
    }
    g().set(filling, ());
    let lifetime = cached.caching.lifetime(entries.settings.default_timeout);
    // The response to HEAD may not be right for GET.
    let fills = request.method() != Method::HEAD;
    let mut wanted = Wanted { request: Some(request.clone()), key, variant: None, varies: None, fills, lifetime };
    match cached.look_up(&entries, &mut wanted, asked.as_deref()).await? {
        Lookup::Page(kept) => cached.hit(&entries.settings, &wanted, &kept).await,
        Lookup::Miss(turn) => Box::pin(run(cached, next, entries, wanted, asked, turn)).await,
        Lookup::Pass | Lookup::Value(_) => next.call(request).await,
    }
}

/// Runs the view, and keeps its response if it may be given to other requests.
async fn run(
    cached: Arc<Cached>,
    next: View,
    entries: Arc<Entries>,
    wanted: Wanted,
    asked: Option<Box<Asked>>,
    turn: Turn,
) -> Result<Response, Error> {
    let Some(request) = wanted.request.clone() else { return Err(Error::status(500)) };
    send(entries.settings.enable_signals, &CACHE_VIEW_MISS, wanted.entry_key(), || args(&request)).await?;
    let (run, is_conditional) = (Run::begin(&request), request.aside(is_conditional));
    let outcome = next.call(request).await;
    let ended = run.end();
    match outcome {
        // The turn ends here: the next request that waits tries alone, because what has failed may be overloaded.
        Err(error) if error.status_code().is_server_error() => Err(error),
        Ok(response) if response.status().is_server_error() => Ok(response),
        // So it does after an answer to this client's copy or part of the page, which says nothing of the page.
        Ok(response) if response.status() != StatusCode::OK && is_conditional => Ok(response),
        Err(error) if is_conditional => Err(error),
        Ok(response) => cached.keep(entries, response, &ended, wanted, asked, turn).await,
        Err(error) => {
            entries.fill(&current_app(), wanted.pass(true), turn);
            Err(error)
        }
    }
}

impl Caching {
    /// Asks the functions that come before a look at the entries; `None` if one says that the request passes the cache by.
    async fn ask(&self, request: &Request) -> Result<Option<Asked>, Error> {
        if ask(self.unless.as_ref(), || request.clone()).await? == Some(true) {
            return Ok(None);
        }
        let watch = request.watch();
        let key = ask(self.make_cache_key.as_ref(), || request.clone()).await?;
        let looks = watch.end();
        let owner = ask(self.owner.as_ref(), || request.clone()).await?;
        let is_forced = ask(self.forced_update.as_ref(), || request.clone()).await? == Some(true);
        Ok(Some(Asked { owner, key, is_forced, session_reads: 0, looks }))
    }
}

impl Cached {
    /// Whether this request must neither be answered from the cache nor fill it.
    fn passes_by(&self, settings: &Settings, request: &Request, asked: Option<&Asked>) -> bool {
        let takes_all = settings.is_compat || self.caching.make_cache_key.is_some();
        if !takes_all && request.aside(|request| !is_for_a_page(request)) {
            return true;
        }
        match asked.and_then(|asked| asked.owner.as_ref()) {
            // Without an owner the copy would be everybody's; with a message for the next page, it would not show it.
            Some(owner) => owner.is_empty() || session().contains(FLASHES),
            None if self.caching.is_public => false,
            // Other code in this request has looked at the session, so the view's answer may be for this client alone.
            None => {
                session().accesses() > asked.map_or(0, |asked| asked.session_reads) || request.aside(has_credentials)
            }
        }
    }

    fn key(&self, settings: &Settings, request: &Request, view: &View, asked: Option<&Asked>) -> String {
        let caching = &self.caching;
        let with_query = caching.query_string.unwrap_or(!settings.is_compat);
        let path = || [request.script_root(), request.uri().path()].concat();
        let query = request.uri().query().filter(|_| with_query);
        let own = asked.and_then(|asked| asked.key.as_ref());
        let mut key = match (own, &caching.key_prefix) {
            (Some(own), _) if settings.is_compat => own.clone(),
            (Some(own), _) => with_method(own_key(own), request),
            (None, Some(prefix)) => prefixed(prefix, &path(), query),
            (None, None) if settings.is_compat => prefixed(COMPAT_PREFIX, &path(), query),
            (None, None) => key(request, view.name().unwrap_or_default(), query),
        };
        for part in [Some(&caching.version), asked.and_then(|asked| asked.owner.as_ref())].into_iter().flatten() {
            if !part.is_empty() {
                push_part(&mut key, part);
            }
        }
        key
    }

    /// Whether [`key`](Self::key) has scheme and host in it.
    fn has_host_in_key(&self, settings: &Settings, asked: &Asked) -> bool {
        !settings.is_compat && self.caching.key_prefix.is_none() && asked.key.is_none()
    }

    async fn look_up(&self, entries: &Entries, wanted: &mut Wanted, asked: Option<&Asked>) -> Result<Lookup, Error> {
        if asked.is_some_and(|asked| asked.is_forced) {
            // For the note by which headers the page varies, so that its other copies stay.
            let _replaced = entries.look_up(wanted).await?;
            return Ok(entries.miss(wanted).await);
        }
        let found = entries.find(wanted).await?;
        if let (Lookup::Page(kept), Some(_)) = (&found, &self.caching.is_stale)
            && ask(self.caching.is_stale.as_ref(), || kept.response()).await? == Some(true)
        {
            return Ok(entries.miss(wanted).await);
        }
        Ok(found)
    }

    async fn hit(&self, settings: &Settings, wanted: &Wanted, kept: &Kept) -> Result<Response, Error> {
        if let (true, Some(request)) = (settings.enable_signals, &wanted.request) {
            send(true, &CACHE_VIEW_HIT, wanted.entry_key(), || args(request)).await?;
        }
        let mut response = marked(kept.response(), settings, "hit");
        if self.caching.response_hit_indication {
            response.headers_mut().insert(HIT_CACHE, HeaderValue::from_static("True"));
        }
        Ok(response)
    }

    /// Keeps a response when it leaves, if it may be given to other requests.
    async fn keep(
        &self,
        entries: Arc<Entries>,
        response: Response,
        ended: &Ended,
        wanted: Wanted,
        asked: Option<Box<Asked>>,
        turn: Turn,
    ) -> Result<Response, Error> {
        let asked = asked.unwrap_or_default();
        let has_said = self.caching.is_public || asked.owner.is_some();
        let by_host = self.caching.is_public || self.has_host_in_key(&entries.settings, &asked);
        let sharing = Sharing { has_said, is_anonymous: wanted.is_anonymous(), by_key: asked.looks, by_host };
        let Some(names) = ended.shared_by(&response, &sharing) else {
            // Note that the response is not kept, so that the waiting requests run the view at once instead of in turn.
            let note = wanted.pass(sharing.is_anonymous || !ended.has_handed_on());
            entries.fill(&current_app(), note, turn);
            return Ok(response);
        };
        let own = response.extensions().get().map(|OwnTimeout(timeout)| *timeout);
        let lifetime = Lifetime { timeout: own.unwrap_or(wanted.lifetime.timeout), ..wanted.lifetime };
        let (response, kept) = copied(response, ended.has_handed_on() && !has_said).await?;
        let response = marked(response, &entries.settings, "miss");
        if ask(self.caching.response_filter.as_ref(), || kept.response()).await? != Some(false) {
            let session_changes = ended.session_changes();
            let pending = Pending { entries, wanted, names, session_changes, kept, lifetime, turn };
            pending.keep_when_it_leaves(self.cache);
        }
        Ok(response)
    }
}

/// The key that a function has made, with the method where it is not the one of pages.
fn with_method(mut key: String, request: &Request) -> String {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        push_part(&mut key, request.method().as_str());
    }
    key
}

/// The arguments of the view, for a signal.
fn args(request: &Request) -> String {
    let args = request.view_args().iter().map(|(name, value)| format!("{name}={value}"));
    args.collect::<Vec<_>>().join(", ")
}

/// The response with its body read, because beneath a tower layer a body is a stream of known length; and a copy of it.
async fn copied(response: Response, only_for_anonymous: bool) -> Result<(Response, Kept), Error> {
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    let (status, headers) = (head.status, head.headers.clone());
    let kept = Kept { status, headers, body: body.clone(), only_for_anonymous };
    Ok((Response::from_parts(head, body.into()), kept))
}

fn marked(mut response: Response, settings: &Settings, state: &'static str) -> Response {
    if !settings.is_compat {
        response.headers_mut().insert(X_CACHE, HeaderValue::from_static(state));
    }
    response
}

/// Adds to `Vary` what the functions have looked at, so that caches on the way do not share the copy either. What has no
/// header's name makes it `*`.
fn add_vary(response: &mut Response, looks: &Looks, is_unknown: bool) {
    if is_unknown || !looks.only_headers() {
        response.headers_mut().append(VARY, HeaderValue::from_static("*"));
        return;
    }
    for name in looks.headers() {
        response.headers_mut().append(VARY, HeaderValue::from(name.clone()));
    }
}
