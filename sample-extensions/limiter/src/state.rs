//! The state of a limiter on one app: its options after set-up, its store, and what they say of a request.

use std::sync::Arc;

use costrel::{App, Callable, Error, Instance, Request, g};
use costrel_stores::{Charge, Counters, Failover, LimitHeaders, MemoryCounters, Strategy, open_counters};
use serde_json::Value;

use crate::exempt::{Exempt, Notes};
use crate::ledger::Ledger;
use crate::limit::Limit;
use crate::limiter::{Limiter, Options};

/// The state of a limiter on one app.
pub(crate) struct State {
    pub(crate) limiter: Instance,
    pub(crate) key_func: Callable<Request, String>,
    pub(crate) options: Options,
    pub(crate) strategy: Strategy,
    pub(crate) headers: LimitHeaders,
    pub(crate) store: Arc<dyn Counters>,
    /// The beginning of the names of the limiter's counters.
    pub(crate) prefix: String,
    /// The beginning of the names of meta limits' counters, which in Flask-Limiter have no prefix of their own.
    meta_prefix: String,
    pub(crate) charge: Charge,
    /// The name on `g` of the limiter's ledgers.
    ledger: String,
}

/// The beginning of the names of counters, as in the Python package `limits`.
pub(crate) const PREFIX: &str = "LIMITER/";

impl State {
    pub(crate) fn new(limiter: &Limiter, app: &App) -> Result<Self, Error> {
        let options = limiter.options.clone().or(&app.config)?;
        let settings = &options.settings;
        let own_prefix = if settings.key_prefix.is_empty() { "" } else { &format!("{}/", settings.key_prefix) };
        let prefix = format!("{PREFIX}{own_prefix}");
        Ok(Self {
            limiter: limiter.instance,
            key_func: limiter.key_func.clone(),
            strategy: settings.strategy.as_deref().map_or(Ok(Strategy::default()), str::parse)?,
            headers: settings.headers(options.is_compat())?,
            store: store(&options)?,
            meta_prefix: if options.is_compat() { PREFIX.to_owned() } else { prefix.clone() },
            prefix,
            charge: match settings.fail_on_first_breach {
                _ if !options.is_compat() => Charge::AllOrNone,
                Some(false) => Charge::Each,
                _ => Charge::InOrder,
            },
            ledger: format!("_limiter {:?}", limiter.instance),
            options,
        })
    }

    /// The beginning of the name of a limit's counters.
    pub(crate) fn prefix_of(&self, limit: &Limit) -> &str {
        if limit.kind == Exempt::META { &self.meta_prefix } else { &self.prefix }
    }

    /// What the limiter knows of the request of this context so far.
    pub(crate) fn ledger(&self) -> Ledger {
        let g = g();
        g.get(&self.ledger).unwrap_or_else(|| g.set_default(self.ledger.clone(), Ledger::default()))
    }

    /// Whether the limiter passes a request by: it is off, or a filter says so.
    pub(crate) async fn passes_by(&self, request: &Request) -> Result<bool, Error> {
        if self.options.settings.enabled == Some(false) {
            return Ok(true);
        }
        for filter in &self.options.request_filters {
            if filter.call(request.clone()).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a request is exempt from, by its view, its blueprint and the blueprints around it.
    pub(crate) fn exemption(&self, request: &Request) -> Exempt {
        let names = request.blueprints();
        let blueprints = self.options.exempt_blueprints.iter().filter(|(name, exempt)| {
            let depth = names.iter().position(|known| known == name);
            depth == Some(0) || (depth.is_some() && exempt.intersects(Exempt::DESCENDENTS))
        });
        let view = Notes::of(self.limiter, request.marker()).flatten();
        view.chain(blueprints.map(|(_, exempt)| *exempt)).collect()
    }
}

/// Whether app-wide limits pass a request by: no rule fits it, or it is for a static file.
pub(crate) fn is_static(request: &Request) -> bool {
    request.endpoint().is_none_or(|endpoint| endpoint == "static" || endpoint.ends_with(".static"))
}

/// The store that the code or the config names, with the memory of this process in its absence if the config says so; the memory of
/// the app if neither names one.
fn store(options: &Options) -> Result<Arc<dyn Counters>, Error> {
    let settings = &options.settings;
    refuse(
        "STORAGE_OPTIONS",
        settings.storage_options.as_ref(),
        "write them into the URL, or give a store to `Limiter::store`",
    )?;
    refuse(
        "IN_MEMORY_FALLBACK",
        settings.in_memory_fallback.as_ref(),
        "give the limiter a `Failover` of costrel-stores, whose stand-in is `WithLimits`; or set RATELIMIT_IN_MEMORY_FALLBACK_ENABLED \
         for the limits as they are",
    )?;
    let memory = || {
        let memory = MemoryCounters::new().clock(options.clock.clone());
        settings.capacity.into_iter().fold(memory, MemoryCounters::capacity)
    };
    let store = match (&options.store, settings.storage_uri.as_deref()) {
        (Some(store), _) => store.clone(),
        (None, None | Some("memory://")) => return Ok(Arc::new(memory())),
        (None, Some(url)) => open_counters(url)?,
    };
    if settings.in_memory_fallback_enabled != Some(true) {
        return Ok(store);
    }
    Ok(Arc::new(Failover::new(store, memory()).clock(options.clock.clone())))
}

/// # Errors
/// If the config has a setting of Flask-Limiter's that has no meaning here.
fn refuse(key: &str, value: Option<&Value>, remedy: &str) -> Result<(), Error> {
    let is_empty = |value: &Value| match value {
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        other => other.is_null(),
    };
    match value {
        Some(value) if !is_empty(value) => {
            Err(Error::setup(format!("the setting RATELIMIT_{key} has no meaning here: {remedy}")))
        }
        _ => Ok(()),
    }
}
