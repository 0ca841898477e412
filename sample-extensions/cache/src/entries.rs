//! The entries of one app: looked up, filled in by one request at a time, deleted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use costrel::{AppHandle, Bytes, Error, ErrorKind, HeaderName, Request, current_app};
use costrel_ext_kit::Clock;

use crate::cacheability::{Varies, is_anonymous, own_key, variant};
use crate::memory::{Content, Found, Kept, Lifetime, Memory};
use crate::settings::Settings;
use crate::shared::{Shared, new_token};
use crate::turns::{Turn, Turns};

/// The longest time for which requests run the view without taking turns, after a response that may not be kept.
const PASS_FOR: Duration = Duration::from_secs(1);

/// The first and the longest pause between two looks at an entry that another process fills in.
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(100)];

/// The entries that one cache keeps for one app.
pub(crate) struct Entries {
    memory: Memory,
    /// The entries that other processes share; `None` if all are in memory.
    shared: Option<Shared>,
    turns: Arc<Turns>,
    pub(crate) settings: Settings,
}

/// An entry that a request asks for.
pub(crate) struct Wanted {
    /// The request for a page; `None` if the entry is a value.
    pub(crate) request: Option<Request>,
    pub(crate) key: String,
    /// The key of the copy with the headers of this request, once the page is known to vary.
    pub(crate) variant: Option<String>,
    /// The note by which headers the page varies, if there is one.
    pub(crate) varies: Option<Arc<Varies>>,
    /// Whether the run may fill the entry in, which one for HEAD may not.
    pub(crate) fills: bool,
    pub(crate) lifetime: Lifetime,
}

/// The result of looking an entry up.
pub(crate) enum Lookup {
    Page(Arc<Kept>),
    Value(Bytes),
    /// The outcome may not be kept, or not be given to this request: run the view.
    Pass,
    /// No entry: run the view and fill the entry in.
    Miss(Turn),
}

impl Entries {
    pub(crate) fn new(settings: Settings, clock: Clock, shared: Option<Shared>) -> Self {
        Self { memory: Memory::new(settings.threshold, clock), shared, turns: Arc::default(), settings }
    }

    /// Looks an entry up. If another request holds the turn to fill it in, waits for that request, or takes what has been
    /// kept for that time.
    pub(crate) async fn find(&self, wanted: &mut Wanted) -> Result<Lookup, Error> {
        match self.look_up(wanted).await? {
            Some((lookup, false)) => Ok(lookup),
            // What fills nothing in waits for no turn, and keeps none from others.
            found if !wanted.fills => Ok(found.map_or(Lookup::Pass, |(stale, _)| stale)),
            // Boxed, so that a hit has no room for it.
            found => Box::pin(self.find_in_turn(wanted, found.map(|(stale, _)| stale))).await,
        }
    }

    /// Waits for the turn to fill an entry in, whatever is there.
    pub(crate) async fn turn(&self, wanted: &Wanted) -> Turn {
        self.turns.take(wanted.entry_key()).await
    }

    /// Finds no entry, whatever is there.
    pub(crate) async fn miss(&self, wanted: &Wanted) -> Lookup {
        if wanted.fills { Lookup::Miss(self.turn(wanted).await) } else { Lookup::Pass }
    }

    async fn find_in_turn(&self, wanted: &mut Wanted, mut stale: Option<Lookup>) -> Result<Lookup, Error> {
        loop {
            let key = wanted.entry_key().to_owned();
            let turn = match (self.turns.try_take(&key), stale.take()) {
                (Some(turn), before) => {
                    stale = before;
                    turn
                }
                (None, Some(stale)) => return Ok(stale),
                (None, None) => self.turns.take(&key).await,
            };
            match self.look_up(wanted).await? {
                Some((lookup, false)) => return Ok(lookup),
                _ if wanted.entry_key() == key => return self.claim(wanted, turn, stale).await,
                // Another request has found out by which headers the page varies.
                _ => {}
            }
        }
    }

    /// Makes the turn of this process that of all processes. If another has it, waits for that one's entry, or gives what is
    /// stale. After the set time this process fills the entry in too.
    async fn claim(&self, wanted: &mut Wanted, mut turn: Turn, stale: Option<Lookup>) -> Result<Lookup, Error> {
        let Some(shared) = &self.shared else { return Ok(Lookup::Miss(turn)) };
        let (mut passed, mut pause) = (Duration::ZERO, PAUSES[0]);
        while passed < self.settings.fill_timeout {
            let claimed = shared.claim(wanted.entry_key(), self.settings.fill_timeout).await;
            match survived(claimed.map(Some))? {
                Some(None) => {}
                None => return Ok(Lookup::Miss(turn)),
                Some(lease) => {
                    turn.lease = lease;
                    // Another process may have filled the entry in, and ended its turn, since the last look.
                    let fresh = self.look_up_fresh(wanted).await?;
                    return Ok(fresh.unwrap_or(Lookup::Miss(turn)));
                }
            }
            if let Some(stale) = stale {
                return Ok(stale);
            }
            tokio::time::sleep(pause).await;
            (passed, pause) = (passed + pause, PAUSES[1].min(pause * 2));
            if let Some(lookup) = self.look_up_fresh(wanted).await? {
                return Ok(lookup);
            }
        }
        Ok(Lookup::Miss(turn))
    }

    async fn look_up_fresh(&self, wanted: &mut Wanted) -> Result<Option<Lookup>, Error> {
        Ok(self.look_up(wanted).await?.and_then(|(lookup, is_stale)| (!is_stale).then_some(lookup)))
    }

    /// Looks an entry up, and the copy for this request if the page varies. Returns whether it is stale, too.
    pub(crate) async fn look_up(&self, wanted: &mut Wanted) -> Result<Option<(Lookup, bool)>, Error> {
        let mut found = self.look_up_key(&wanted.key, wanted).await?;
        (wanted.variant, wanted.varies) = (None, None);
        if let (Some(Found { content: Content::Varies(varies), .. }), Some(request)) = (&found, &wanted.request) {
            let variant = request.aside(|request| variant(&wanted.key, varies, request));
            wanted.varies = Some(varies.clone());
            found = self.look_up_key(&variant, wanted).await?;
            wanted.variant = Some(variant);
        }
        Ok(found.and_then(|found| Some((answer(found.content, wanted)?, found.is_stale))))
    }

    async fn look_up_key(&self, key: &str, wanted: &Wanted) -> Result<Option<Found>, Error> {
        let found = self.memory.get(key);
        match &self.shared {
            // The memory beside a store knows only what may not be kept.
            Some(shared) if found.as_ref().is_none_or(|found| answer(found.content.clone(), wanted).is_none()) => {
                // Boxed, so that a hit in memory has no room for it.
                survived(Box::pin(shared.get(key, !wanted.lifetime.stale_for.is_zero())).await)
            }
            _ => Ok(found),
        }
    }

    /// Fills entries in, and then ends the turn: beside the request if it takes a store, because its response is leaving.
    pub(crate) fn fill(self: &Arc<Self>, app: &AppHandle, filling: Filling, turn: Turn) {
        if self.shared.is_none() {
            return self.keep_in_memory(filling, &turn);
        }
        let entries = self.clone();
        app.add_background_task(async move || survived(entries.keep(filling, &turn).await));
    }

    /// Fills entries in, unless they were deleted since the turn began: what was made for them may be old.
    pub(crate) async fn keep(&self, filling: Filling, turn: &Turn) -> Result<(), Error> {
        let Some(shared) = &self.shared else {
            self.keep_in_memory(filling, turn);
            return Ok(());
        };
        if turn.is_outdated().await {
            return Ok(());
        }
        let Filling { entries, lifetime, known } = filling;
        let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
        for (key, content) in entries {
            self.set(key, content, lifetime).await?;
        }
        if let Some((key, known)) = known {
            shared.renew(&key, &known, lifetime).await?;
        }
        // Asked again, because a deletion may have come between the first question and the last entry.
        if turn.is_outdated().await {
            for key in keys {
                self.remove(&key).await?;
            }
        }
        Ok(())
    }

    fn keep_in_memory(&self, filling: Filling, turn: &Turn) {
        if turn.is_outdated_here() {
            return;
        }
        let Filling { entries, lifetime, known } = filling;
        let keys: Vec<_> = entries.iter().map(|(key, _)| key.clone()).collect();
        for (key, content) in entries {
            self.memory.set(key, content, lifetime);
        }
        if let Some((key, known)) = known {
            self.memory.renew(&key, &known, lifetime);
        }
        if turn.is_outdated_here() {
            for key in keys {
                self.memory.delete(&key);
            }
        }
    }
}

/// What one run fills in.
pub(crate) struct Filling {
    /// Contents with the keys of their entries.
    pub(crate) entries: Vec<(String, Content)>,
    pub(crate) lifetime: Lifetime,
    /// A note that the run knew, with its key. It is to last as long as the entries, but is not written if it is no longer there: it
    /// may have been deleted meanwhile, and with it all that it belongs to.
    pub(crate) known: Option<(String, Content)>,
}

/// The single entries, whatever asks for them.
impl Entries {
    /// Returns the value of `key`; `None` if there is none, or the entry is a page.
    pub(crate) async fn value(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let found = match &self.shared {
            Some(shared) => shared.get(key, false).await?,
            None => self.memory.get(key),
        };
        Ok(match found {
            Some(Found { content: Content::Value(value), is_stale: false }) => Some(value),
            _ => None,
        })
    }

    pub(crate) async fn set(&self, key: String, content: Content, lifetime: Lifetime) -> Result<(), Error> {
        match &self.shared {
            Some(shared) if !matches!(content, Content::Pass { .. }) => {
                self.memory.delete(&key);
                shared.set(&key, &content, lifetime).await
            }
            _ => {
                self.memory.set(key, content, lifetime);
                Ok(())
            }
        }
    }

    /// Sets an entry unless it is there. Returns whether it was not.
    pub(crate) async fn add(&self, key: String, content: Content, lifetime: Lifetime) -> Result<bool, Error> {
        match &self.shared {
            Some(shared) => shared.add(&key, &content, lifetime).await,
            None => Ok(self.memory.add(key, content, lifetime)),
        }
    }

    /// Deletes an entry, and keeps what is being made for it from being filled in. Returns whether it was there.
    pub(crate) async fn delete(&self, key: &str) -> Result<bool, Error> {
        // The copies of a page that varies have a space after its key.
        self.turns.outdate(|made| made.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')));
        self.remove(key).await
    }

    async fn remove(&self, key: &str) -> Result<bool, Error> {
        let in_memory = self.memory.delete(key);
        match &self.shared {
            Some(shared) => Ok(shared.delete(key).await? || in_memory),
            None => Ok(in_memory),
        }
    }

    /// Deletes what the app has set under `key`, and the page for which it has made `key`. Returns whether there was one.
    pub(crate) async fn delete_own(&self, key: &str) -> Result<bool, Error> {
        let had_page = !self.settings.is_compat && self.delete(&own_key(key)).await?;
        Ok(self.delete(key).await? || had_page)
    }

    /// Deletes the entries whose keys begin with `prefix`.
    pub(crate) async fn clear(&self, prefix: &str) -> Result<(), Error> {
        self.turns.outdate(|made| made.starts_with(prefix));
        self.memory.clear(prefix);
        match &self.shared {
            Some(shared) => shared.clear(prefix).await,
            None => Ok(()),
        }
    }

    /// The entries of this process alone, for code that can wait for no store.
    #[cfg(feature = "templates")]
    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }
}

impl Wanted {
    /// A value under `key`, which is for any request.
    pub(crate) fn value(key: String, lifetime: Lifetime) -> Self {
        Self { request: None, key, variant: None, varies: None, fills: true, lifetime }
    }

    /// Whether the request says nothing of who it is. Found out when it matters, because it looks at every header.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.request.as_ref().is_none_or(|request| request.aside(is_anonymous))
    }

    /// The key of the entry: that of the copy for this request, if the page is known to vary.
    pub(crate) fn entry_key(&self) -> &str {
        self.variant.as_ref().unwrap_or(&self.key)
    }

    /// Fills in a page that varies by the headers `names`.
    pub(crate) fn page(self, names: Vec<HeaderName>, kept: Kept, lifetime: Lifetime) -> Filling {
        let page = Content::Page(Arc::new(kept));
        let Some(request) = self.request.filter(|_| !names.is_empty()) else {
            return Filling { entries: vec![(self.key, page)], lifetime, known: None };
        };
        let known = self.varies.filter(|varies| varies.names == names);
        let is_known = known.is_some();
        let varies = known.unwrap_or_else(|| Arc::new(Varies { names, token: new_token(), lasts: lifetime.in_all() }));
        let variant = request.aside(|request| variant(&self.key, &varies, request));
        let note = (self.key, Content::Varies(varies));
        if is_known {
            return Filling { entries: vec![(variant, page)], lifetime, known: Some(note) };
        }
        // In this order, because a process that finds the note looks for the page at once.
        Filling { entries: vec![(variant, page), note], lifetime, known: None }
    }

    /// Fills in the note that the outcome may not be kept: for this client alone if it says who it is and the outcome for others
    /// may be kept.
    pub(crate) fn pass(self, anonymous_too: bool) -> Filling {
        let timeout = if self.lifetime.timeout.is_zero() { PASS_FOR } else { self.lifetime.timeout.min(PASS_FOR) };
        let key = self.variant.unwrap_or(self.key);
        let entries = vec![(key, Content::Pass { anonymous_too })];
        Filling { entries, lifetime: Lifetime { timeout, ..Lifetime::default() }, known: None }
    }
}

/// Returns what an entry is for a request; `None` if it is nothing that was asked for.
fn answer(content: Content, wanted: &Wanted) -> Option<Lookup> {
    match content {
        Content::Page(kept) if kept.only_for_anonymous && !wanted.is_anonymous() => Some(Lookup::Pass),
        Content::Page(kept) if wanted.request.is_some() => Some(Lookup::Page(kept)),
        Content::Value(value) if wanted.request.is_none() => Some(Lookup::Value(value)),
        Content::Pass { anonymous_too } => (anonymous_too || !wanted.is_anonymous()).then_some(Lookup::Pass),
        _ => None,
    }
}

/// Goes on without the entry if the store has failed, as Flask-Caching does, with a line in the log: but not in debug mode, and
/// not if the store says that requests are to be refused.
pub(crate) fn survived<T: Default>(result: Result<T, Error>) -> Result<T, Error> {
    result.or_else(|error| {
        if current_app().config().debug || matches!(error.kind(), ErrorKind::Status(_)) {
            return Err(error);
        }
        tracing::error!("the store of the cache failed, so the view runs: {error:?}");
        Ok(T::default())
    })
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("in_memory", &self.memory.len()).finish_non_exhaustive()
    }
}
