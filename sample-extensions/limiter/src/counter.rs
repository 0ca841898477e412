//! From a limit to the counters of one request: its key, its scope, its cost.

use std::sync::Arc;

use costrel::{Error, ErrorKind, Request};
use costrel_ext_kit::key;
use costrel_stores::{Hit, Rate, Strategy};
use sha1::{Digest, Sha1};

use crate::ledger::Ledger;
use crate::limit::Limit;
use crate::state::{PREFIX, State};

/// The longest key, in bytes, that is part of a counter's name as it is; of a longer one, which a client may have sent, the
/// name has a hash.
const LONGEST: usize = 128;

/// A counter that counts a request.
#[derive(Clone)]
pub(crate) struct Counter {
    pub(crate) limit: Arc<Limit>,
    pub(crate) rate: Rate,
    pub(crate) name: String,
    cost: u64,
}

impl Counter {
    pub(crate) fn hit(&self, strategy: Strategy) -> Hit<'_> {
        Hit::new(&self.name, self.rate.amount, self.rate.window()).strategy(strategy).cost(self.cost)
    }
}

/// Finds the counters of one request.
pub(crate) struct Resolver<'r> {
    state: &'r State,
    request: &'r Request,
    ledger: &'r Ledger,
    /// The line of a limit that a view enters.
    line: Option<String>,
    /// What the limiter's key function gave, which is called once for a request.
    key: Option<String>,
}

impl<'r> Resolver<'r> {
    pub(crate) fn new(state: &'r State, request: &'r Request, ledger: &'r Ledger, line: Option<String>) -> Self {
        Self { state, request, ledger, line, key: None }
    }

    /// The counters of these limits that have not counted the request, each once, in the order in which limits are tried.
    pub(crate) async fn counters(&mut self, limits: &[Arc<Limit>]) -> Result<Vec<Counter>, Error> {
        let mut all = Vec::<Counter>::new();
        for limit in limits {
            if limit.exempts_method(self.request.method()) || self.is_exempt(limit).await? {
                continue;
            }
            for counter in self.counters_of(limit).await? {
                if !self.ledger.has(&counter.name) && !all.iter().any(|known| known.name == counter.name) {
                    all.push(counter);
                }
            }
        }
        all.sort_by_key(|counter| counter.rate.rank());
        Ok(all)
    }

    async fn is_exempt(&self, limit: &Limit) -> Result<bool, Error> {
        match &limit.exempt_when {
            Some(exempt_when) => exempt_when.call(self.request.clone()).await,
            None => Ok(false),
        }
    }

    async fn counters_of(&mut self, limit: &Arc<Limit>) -> Result<Vec<Counter>, Error> {
        let rates = self.state.rates(self.request, limit).await?;
        let (key, scope) = (self.key(limit).await?, self.scope(limit).await?);
        if key.is_empty() || scope.is_empty() {
            return self.without_key();
        }
        let scope = if limit.per_method { format!("{scope}:{}", self.request.method()) } else { scope };
        let cost = limit.cost.get(|| self.request.clone()).await?;
        // The names are those of the Python package `limits`, where meta limits have no prefix.
        let prefix = if limit.is_meta && self.state.options.is_compat { PREFIX } else { &self.state.prefix };
        let name = |rate: Rate| format!("{prefix}{}/{}/{}", self.part(&key), self.part(&scope), rate.name());
        let counter = |rate: &Rate| Counter { limit: limit.clone(), rate: *rate, name: name(*rate), cost };
        Ok(rates.iter().map(counter).collect())
    }

    async fn key(&mut self, limit: &Limit) -> Result<String, Error> {
        if let Some(own) = &limit.key_func {
            return own.call(self.request.clone()).await;
        }
        if self.key.is_none() {
            self.key = Some(self.state.key_func.call(self.request.clone()).await?);
        }
        Ok(self.key.clone().unwrap_or_default())
    }

    async fn scope(&self, limit: &Limit) -> Result<String, Error> {
        let place = match (&self.line, &self.state.options.request_identifier) {
            (Some(line), _) => line.clone(),
            (None, Some(identifier)) => identifier.call(self.request.clone()).await?,
            (None, None) => key::route(self.request),
        };
        let Some(scope) = &limit.scope else { return Ok(place) };
        let scope = scope.get(|| place.clone()).await?;
        Ok(if limit.is_shared || scope.is_empty() { scope } else { format!("{place}:{scope}") })
    }

    /// A part of a counter's name. In Flask-Limiter's names it is as it is, so that `a/b` and `c` count as `a` and `b/c`.
    fn part(&self, text: &str) -> String {
        match text.len() {
            _ if self.state.options.is_compat => text.to_owned(),
            ..=LONGEST => text.replace('%', "%25").replace('/', "%2F"),
            _ => format!("%{:x}", Sha1::digest(text).iter().fold(0_u128, |hash, byte| hash << 8 | u128::from(*byte))),
        }
    }

    /// Refuses to count a request that no client can be named for, because a free pass for it would be one for everyone.
    /// Flask-Limiter lets it through.
    fn without_key(&self) -> Result<Vec<Counter>, Error> {
        let message = "the key or the scope of a limit is empty: let its function return a text for each client, or exempt \
                       requests without one by `exempt_when`";
        if !self.state.options.is_compat {
            return Err(Error::new(ErrorKind::Other, message));
        }
        tracing::error!("Skipping a limit of {:?}: {message}", self.request);
        Ok(Vec::new())
    }
}
