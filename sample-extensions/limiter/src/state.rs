//! The state of a limiter on one app: its options after set-up, its store, and the limits that apply to a request.

use std::sync::Arc;

use costrel::{App, Callable, Error, Instance, Request};
use costrel_stores::{Counters, MemoryCounters, Rate, Strategy};

use crate::exempt::{Exempt, Note, Notes};
use crate::headers::Headers;
use crate::limit::Limit;
use crate::limiter::{Limiter, Options};

/// The state of a limiter on one app.
pub(crate) struct State {
    pub(crate) limiter: Instance,
    pub(crate) key_func: Callable<Request, String>,
    pub(crate) options: Options,
    pub(crate) strategy: Strategy,
    pub(crate) headers: Headers,
    pub(crate) store: Arc<dyn Counters>,
    /// The beginning of the names of the limiter's counters.
    pub(crate) prefix: String,
}

/// The beginning of the names of counters, as in the Python package `limits`.
pub(crate) const PREFIX: &str = "LIMITER/";

impl State {
    pub(crate) fn new(limiter: &Limiter, app: &App) -> Result<Self, Error> {
        let options = limiter.options.clone().or(&app.config)?;
        let memory = || MemoryCounters::new().clock(options.clock.clone());
        let memory = || Arc::new(options.capacity.into_iter().fold(memory(), MemoryCounters::capacity)) as _;
        let prefix = options.settings.key_prefix.iter().filter(|prefix| !prefix.is_empty());
        Ok(Self {
            limiter: limiter.instance,
            key_func: limiter.key_func.clone(),
            strategy: options.settings.strategy.as_deref().map_or(Ok(Strategy::default()), str::parse)?,
            headers: Headers::new(&options.settings, options.is_compat)?,
            store: options.store.clone().unwrap_or_else(memory),
            prefix: prefix.fold(PREFIX.to_owned(), |all, prefix| format!("{all}{prefix}/")),
            options,
        })
    }

    /// Whether app-wide limits count OPTIONS, which Costrel mostly answers itself.
    pub(crate) fn counts_options(&self) -> bool {
        self.options.settings.counts_options.unwrap_or(self.options.is_compat)
    }

    pub(crate) fn swallows_errors(&self) -> bool {
        self.options.settings.swallow_errors == Some(true)
    }

    /// Whether the limiter passes a request by: it is off, no rule fits the request, it is for a static file, or a filter
    /// says so.
    pub(crate) async fn passes_by(&self, request: &Request) -> Result<bool, Error> {
        let endpoint = request.endpoint().unwrap_or("static");
        if self.options.settings.enabled == Some(false) || endpoint.rsplit('.').next() == Some("static") {
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
    fn exemption(&self, request: &Request) -> Exempt {
        let names = request.blueprints();
        let blueprints = self.options.exempt_blueprints.iter().filter(|(name, exempt)| {
            let depth = names.iter().position(|known| known == name);
            depth == Some(0) || (depth.is_some() && exempt.contains(Exempt::DESCENDENTS))
        });
        let view = Notes::of(self.limiter, request.marker()).filter_map(|note| match note {
            Note::Exempt(exempt) => Some(exempt),
            Note::Limited => None,
        });
        view.chain(blueprints.map(|(_, exempt)| *exempt)).fold(Exempt::default(), |all, exempt| all | exempt)
    }

    /// The application limits that apply to a request.
    pub(crate) fn application_limits(&self, request: &Request) -> Vec<Arc<Limit>> {
        let limits = &self.options.application;
        if self.exemption(request).contains(Exempt::APPLICATION) { Vec::new() } else { limits.clone() }
    }

    /// The limits that apply to a view with these of its own: with those of its blueprint, and then the default ones, unless a
    /// limit for this method overrides them.
    pub(crate) async fn view_limits(&self, request: &Request, own: Vec<Arc<Limit>>) -> Result<Vec<Arc<Limit>>, Error> {
        let exempt = self.exemption(request);
        let default = if exempt.contains(Exempt::DEFAULT) { &[][..] } else { &self.options.default };
        let mut limits = Vec::new();
        for limit in own {
            let rates = self.rates(request, &limit).await?;
            limits.extend((!rates.is_empty()).then(|| limit.with_rates(rates)));
        }
        for further in [&self.blueprint_limits(request, exempt)[..], default] {
            let overrides = |limit: &Arc<Limit>| limit.override_defaults && !limit.exempts_method(request.method());
            if !limits.iter().any(overrides) {
                limits.extend(further.iter().cloned());
            }
        }
        Ok(limits)
    }

    /// The limits of a request's blueprint, and of the blueprints around it unless one of its own overrides them.
    fn blueprint_limits(&self, request: &Request, exempt: Exempt) -> Vec<Arc<Limit>> {
        let mut limits: Vec<Arc<Limit>> = Vec::new();
        for (depth, name) in request.blueprints().into_iter().enumerate() {
            let is_overridden = || limits.iter().any(|limit| limit.override_defaults);
            if depth == 1 && (exempt.contains(Exempt::ANCESTORS) || is_overridden()) {
                break;
            }
            let own = self.options.blueprints.iter().filter(|(of, _)| of == name);
            limits.extend(own.map(|(_, limit)| limit.clone()));
        }
        limits
    }

    /// The limits on how often a client may be refused: the limiter's, and those of these limits.
    pub(crate) fn meta_limits(&self, request: &Request, limits: &[Arc<Limit>]) -> Vec<Arc<Limit>> {
        let all = self.options.meta.iter().chain(limits.iter().flat_map(|limit| &limit.meta_limits));
        let all: Vec<_> = all.cloned().collect();
        if all.is_empty() || self.exemption(request).contains(Exempt::META) { Vec::new() } else { all }
    }

    /// The rates of a limit for a request; none if its function gave none.
    pub(crate) async fn rates(&self, request: &Request, limit: &Limit) -> Result<Arc<[Rate]>, Error> {
        match limit.rates.get(|| request.clone()).await? {
            Err(error) if self.options.is_compat => {
                tracing::error!("Skipping a limit: {error}");
                Ok([].into())
            }
            rates => rates,
        }
    }
}
