//! The limits that are due for a request, each with the name of its counter.

use std::borrow::Cow;
use std::sync::Arc;

use costrel::{Callable, Error, ErrorKind, Method, Request};
use costrel_ext_kit::key;
use costrel_stores::{Rate, name_part};

use crate::exempt::Exempt;
use crate::ledger::{Ledger, Limits};
use crate::limit::{Limit, RequestLimit};
use crate::state::State;

/// The rates of limits, as they stand for one request.
pub(crate) type Rates = Vec<RequestLimit>;

/// Finds the limits that are due for one request.
pub(crate) struct Resolver<'r> {
    pub(crate) state: &'r State,
    pub(crate) request: &'r Request,
    pub(crate) ledger: &'r Ledger,
    /// What the request is for, if a limit asked: its route, or the line of a limit that a view enters.
    pub(crate) place: Option<String>,
    /// Whether a view enters the limit, which counts each time.
    pub(crate) is_entered: bool,
    /// What the limiter's key function gave, if a limit asked.
    pub(crate) key: Option<String>,
    /// What the request is exempt from, if a limit asked.
    pub(crate) exempt: Option<Exempt>,
}

impl Resolver<'_> {
    /// The rates of these limits, in the order in which they are tried; `with_defaults` with those of the blueprint and then the
    /// default ones, unless a limit before them overrides them.
    pub(crate) async fn due(&mut self, limits: &[Arc<Limit>], with_defaults: bool) -> Result<Rates, Error> {
        let mut due = Rates::new();
        if !self.add(limits, &mut due).await? && with_defaults {
            let of_blueprint = self.blueprint_limits();
            if !self.add(&of_blueprint, &mut due).await? {
                let default: Limits = self.state.options.of_kind(Exempt::DEFAULT).cloned().collect();
                self.add(&default, &mut due).await?;
            }
        }
        due.sort_by_key(|due| due.limit.rank());
        Ok(due)
    }

    /// The limits on how often a client may be refused: the limiter's, and those of these limits.
    pub(crate) async fn meta(&mut self, of: &Rates) -> Result<Rates, Error> {
        let own = of.iter().flat_map(|limit| &limit.origin.meta_limits);
        let limits: Limits = self.state.options.of_kind(Exempt::META).chain(own).cloned().collect();
        if limits.is_empty() { Ok(Rates::new()) } else { self.due(&limits, false).await }
    }

    /// The limits of the request's blueprint, and of the blueprints around it unless one of its own overrides them.
    fn blueprint_limits(&mut self) -> Limits {
        let mut limits = Limits::new();
        for (depth, name) in self.request.blueprints().into_iter().enumerate() {
            let overrides = |limits: &Limits| limits.iter().any(|limit| !limit.keeps_defaults);
            if depth == 1 && (self.is_exempt_from(Exempt::ANCESTORS) || overrides(&limits)) {
                break;
            }
            let own = self.state.options.blueprints.iter().filter(|(of, _)| of == name);
            limits.extend(own.map(|(_, limit)| limit.clone()));
        }
        limits
    }

    /// Adds the rates of limits. Returns whether one of the limits takes the place of those that come after them.
    async fn add(&mut self, limits: &[Arc<Limit>], due: &mut Rates) -> Result<bool, Error> {
        let mut overrides = false;
        for limit in limits {
            if limit.exempts_method(self.request.method(), self.method()) || self.is_exempt_from(limit.kind) {
                continue;
            }
            let rates = self.rates(limit).await?;
            overrides |= !rates.is_empty() && !limit.keeps_defaults;
            if !rates.is_empty() && self.ask(limit.exempt_when.as_ref()).await? != Some(true) {
                self.add_rates(limit, &rates, due).await?;
            }
        }
        Ok(overrides)
    }

    /// The method as which the request counts: HEAD runs the view for GET. Flask-Limiter tells them apart.
    fn method(&self) -> &Method {
        match self.request.method() {
            &Method::HEAD if !self.state.options.is_compat() => &Method::GET,
            method => method,
        }
    }

    fn is_exempt_from(&mut self, limits: Exempt) -> bool {
        !limits.is_empty() && self.exempt.get_or_insert_with(|| self.state.exemption(self.request)).intersects(limits)
    }

    /// What a function of the app says of the request; `None` if there is no function.
    async fn ask<T: Send + 'static>(&self, function: Option<&Callable<Request, T>>) -> Result<Option<T>, Error> {
        match function {
            Some(function) => function.call(self.request.clone()).await.map(Some),
            None => Ok(None),
        }
    }

    /// The rates of a limit; none if its function gave none.
    async fn rates(&self, limit: &Limit) -> Result<Arc<[Rate]>, Error> {
        let Some(text) = self.ask(limit.rates_by.as_ref()).await? else {
            return limit.rates.clone().unwrap_or_else(|| Ok(Arc::default()));
        };
        if text.trim().is_empty() {
            Ok(Arc::default())
        } else {
            Rate::parse_all(&text).or_else(|error| self.skip(error))
        }
    }

    /// Adds those rates of a limit whose counters have not counted the request.
    async fn add_rates(&mut self, limit: &Arc<Limit>, rates: &[Rate], due: &mut Rates) -> Result<(), Error> {
        let own_key = self.ask(limit.key_func.as_ref()).await?;
        if own_key.is_none() && self.key.is_none() {
            self.key = Some(self.state.key_func.call(self.request.clone()).await?);
        }
        if self.place.is_none() {
            let named = self.ask(self.state.options.request_identifier.as_ref()).await?;
            self.place = Some(named.unwrap_or_else(|| key::route(self.request)));
        }
        let scope = self.scope(limit).await?;
        let key = own_key.as_deref().or(self.key.as_deref()).unwrap_or_default();
        if key.is_empty() || scope.is_empty() {
            let message = "the key or the scope of a limit is empty: let its function return a text for each client, or exempt \
                           requests without one by `exempt_when`";
            return self.skip(Error::new(ErrorKind::Other, message));
        }
        let cost = self.ask(limit.cost.as_ref()).await?.unwrap_or(1);
        // In Flask-Limiter's names the parts are as they are, so that `a/b` and `c` count as `a` and `b/c`.
        let part = |text| if self.state.options.is_compat() { Cow::Borrowed(text) } else { name_part(text) };
        let (key, scope) = (part(key), part(&scope));
        // No other part begins so, and a name that the client sends is no address, whatever it is.
        let kind = if own_key.is_some() && !self.state.options.is_compat() { "%k" } else { "" };
        for rate in rates {
            let name = [self.state.prefix_of(limit), kind, &key, "/", &scope, "/", rate.name()].concat();
            let is_counted = !self.is_entered && self.ledger.has(&name);
            if !is_counted && due.iter().all(|known| known.key != name) {
                due.push(RequestLimit::new(rate.clone(), name, limit.clone(), cost));
            }
        }
        Ok(())
    }

    /// What a limit counts together: what the request is for, or the limit's scope, or its scope of that.
    async fn scope(&self, limit: &Limit) -> Result<Cow<'_, str>, Error> {
        let place = self.place.as_deref().unwrap_or_default();
        let scope = match &limit.scope {
            None => Cow::Borrowed(place),
            Some(scope) => match scope.call(place.to_owned()).await? {
                scope if limit.is_shared || scope.is_empty() => scope.into(),
                scope => format!("{place}:{scope}").into(),
            },
        };
        let is_per_method = limit.per_method && !scope.is_empty();
        Ok(if is_per_method { format!("{scope}:{}", self.method()).into() } else { scope })
    }

    /// Refuses to count a request against a limit that makes no sense for it, because a free pass for one would be one for everyone.
    /// Flask-Limiter skips the limit.
    fn skip<T: Default>(&self, error: Error) -> Result<T, Error> {
        if !self.state.options.is_compat() {
            return Err(error);
        }
        tracing::error!("Skipping a limit of {:?}: {error}", self.request);
        Ok(T::default())
    }
}
