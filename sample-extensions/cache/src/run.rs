//! One run of a view for the cache: what it looked at, what it left behind, and its response until that has left.

use std::sync::Arc;

use costrel::http::header::SET_COOKIE;
use costrel::{
    HeaderMap, HeaderName, HeaderValue, Instance, Looks, Request, Response, Watch, after_this_request_count,
    current_app, g, session,
};
use parking_lot::Mutex;

use crate::cacheability::{WAYS_HERE, forbids_keeping, may_keep, may_share, varies_by};
use crate::entries::{Entries, Wanted};
use crate::memory::{Kept, Lifetime};
use crate::turns::Turn;

/// A run of a view, from before the call.
pub(crate) struct Run {
    watch: Watch,
    session_reads: u64,
    session_changes: u64,
    functions: usize,
    reads_of_g: u64,
}

impl Run {
    pub(crate) fn begin(request: &Request) -> Self {
        Self {
            watch: request.watch(),
            session_reads: session().accesses(),
            session_changes: session().changes(),
            functions: after_this_request_count(),
            reads_of_g: g().reads(),
        }
    }

    pub(crate) fn end(self) -> Ended {
        let looks = self.watch.end();
        let has_read_session = session().accesses() > self.session_reads;
        // What a hook has put on `g` may be from what the hook has looked at.
        let has_read_g = g().reads() > self.reads_of_g && (looks.any_before() || self.session_reads > 0);
        let has_written = session().changes() > self.session_changes || after_this_request_count() > self.functions;
        let is_for_one = has_read_session || has_read_g;
        Ended { looks, is_for_one, has_written, session_changes: self.session_changes }
    }
}

/// A run of a view, after the call.
pub(crate) struct Ended {
    looks: Looks,
    /// Whether the response may depend on the session, or on what a hook has put on `g`.
    is_for_one: bool,
    /// Whether the run did more than to make a response: it wrote the session, or registered a function for the response of
    /// this request alone.
    has_written: bool,
    session_changes: u64,
}

/// What is known of who may share a response, beside what its run has looked at.
pub(crate) struct Sharing {
    /// Whether the app has said with whom: with the requests of an owner, or with all.
    pub(crate) has_said: bool,
    /// Whether the request says nothing of who it is.
    pub(crate) is_anonymous: bool,
    /// The looks at what is in the key.
    pub(crate) by_key: Looks,
    /// Whether scheme and host are in the key, or the app has said that the response is the same for all.
    pub(crate) by_host: bool,
}

impl Ended {
    /// Returns the headers by which requests for the same page must agree to share this response; `None` if no other request
    /// may get it.
    pub(crate) fn shared_by(&self, response: &Response, sharing: &Sharing) -> Option<Vec<HeaderName>> {
        let mut names = varies_by(response).filter(|_| may_keep(response) && !self.has_written)?;
        let looks = self.looks.without(&sharing.by_key);
        let is_for_all = || !self.is_for_one && may_share(&looks, &names, sharing.is_anonymous);
        // A client may send any host, and would give the others its own.
        if looks.host() && !sharing.by_host || !sharing.has_said && !is_for_all() {
            return None;
        }
        if self.has_handed_on() && !sharing.has_said {
            names.extend(WAYS_HERE.map(HeaderName::from_static));
        }
        Some(names)
    }

    /// Whether what the run has made may be given to any request: it has looked neither at its client nor at where the request goes.
    /// If the app `has_said` to which, it may be whatever the run has looked at.
    pub(crate) fn may_be_kept(&self, has_said: bool) -> bool {
        let is_for_all = || !self.is_for_one && !self.looks.is_any() && !self.looks.host() && !self.looks.target();
        !self.has_written && (has_said || is_for_all())
    }

    /// Whether the run may have looked at the host or the scheme of the request.
    #[cfg(feature = "templates")]
    pub(crate) fn has_looked_at_host(&self) -> bool {
        self.looks.host()
    }

    /// Whether the run has handed the request on to a service of another framework, which may have looked at anything.
    pub(crate) fn has_handed_on(&self) -> bool {
        self.looks.only_handed_on()
    }

    /// The number of changes of the session before the run.
    pub(crate) fn session_changes(&self) -> u64 {
        self.session_changes
    }
}

/// A response on its way out: a function or hook that runs after the view may still show that it is for one client alone, by a
/// cookie. Until then the request holds its turn.
pub(crate) struct Pending {
    pub(crate) entries: Arc<Entries>,
    pub(crate) wanted: Wanted,
    pub(crate) names: Vec<HeaderName>,
    pub(crate) session_changes: u64,
    pub(crate) kept: Kept,
    pub(crate) lifetime: Lifetime,
    /// Dropped when the entry is filled in.
    pub(crate) turn: Turn,
}

/// The responses of this request that wait, as a value of `g`.
type Waiting = Arc<Mutex<Vec<Pending>>>;

impl Pending {
    /// Leaves the response on `g`, for [`finish`].
    pub(crate) fn keep_when_it_leaves(self, cache: Instance) {
        let waiting: Waiting = g().get(&pending(cache)).unwrap_or_default();
        waiting.lock().push(self);
        g().set(pending(cache), waiting);
    }

    fn finish(self, head: &HeaderMap) {
        let Self { entries, wanted, names, session_changes, kept, lifetime, turn } = self;
        let is_for_one = session().changes() > session_changes || forbids_keeping(head) || sets_a_cookie(head);
        let filling = if is_for_one { wanted.pass(true) } else { wanted.page(names, kept, lifetime) };
        entries.fill(&current_app(), filling, turn);
    }
}

/// Keeps the responses of a request whose head is now known.
pub(crate) fn finish(pending: &str, head: &HeaderMap) {
    let waiting: Option<Waiting> = g().pop(pending);
    let waiting = waiting.map(|waiting| std::mem::take(&mut *waiting.lock()));
    waiting.into_iter().flatten().for_each(|pending| pending.finish(head));
}

/// Whether a head sets a cookie other than the session's, which is sent again with every response while it is permanent.
fn sets_a_cookie(head: &HeaderMap) -> bool {
    let own = format!("{}=", current_app().config().session_cookie_name);
    let is_own = |value: &HeaderValue| value.as_bytes().starts_with(own.as_bytes());
    head.get_all(SET_COOKIE).into_iter().any(|value| !is_own(value))
}

/// The name on `g` of the responses of a request that wait.
pub(crate) fn pending(cache: Instance) -> String {
    format!("_cache_pending {cache:?}")
}
