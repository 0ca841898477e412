//! The check of a request: it is counted against its limits, all in one call of the store, or refused.

use std::slice;
use std::sync::Arc;

use costrel::http::response::Parts;
use costrel::{Error, Request, Response, abort, after_this_request, current_app};
use costrel_stores::{Charge, Counted};

use crate::counter::{Counter, Resolver};
use crate::headers::seconds_up;
use crate::ledger::Ledger;
use crate::limit::{Limit, OnBreach};
use crate::request_limit::RequestLimit;
use crate::state::State;

/// The limits that refuse a request, each with how it stands.
type Refusals = Vec<(Arc<Limit>, RequestLimit)>;

impl State {
    /// Counts a request against these limits; `line` is the line of a limit that a view enters.
    ///
    /// # Errors
    /// A 429 if a limit refuses the request, which passes through the app's error handlers like any other; or the response that a
    /// function of `on_breach` answers with.
    pub(crate) async fn check(
        &self,
        request: &Request,
        limits: Vec<Arc<Limit>>,
        line: Option<String>,
    ) -> Result<(), Error> {
        self.count(request, limits, line).await?.map_or(Ok(()), abort)
    }

    /// Counts a request against these limits; returns the response that a function of `on_breach` answers with.
    pub(crate) async fn count(
        &self,
        request: &Request,
        limits: Vec<Arc<Limit>>,
        line: Option<String>,
    ) -> Result<Option<Response>, Error> {
        // The key does not change the response, so what it looks at does not make the response one for this client alone.
        let watch = request.watch();
        let answer = self.count_watched(request, limits, line).await;
        watch.forget();
        answer
    }

    async fn count_watched(
        &self,
        request: &Request,
        limits: Vec<Arc<Limit>>,
        line: Option<String>,
    ) -> Result<Option<Response>, Error> {
        let ledger = Ledger::of(self.limiter);
        let mut resolver = Resolver::new(self, request, &ledger, line);
        let metas = resolver.counters(&self.meta_limits(request, &limits)).await?;
        let refusals = refusals(&metas, &self.ask(&metas, Charge::None).await?);
        if !refusals.is_empty() {
            return self.refuse(&ledger, refusals, self.options.on_meta_breach.as_ref()).await;
        }
        let (conditional, counters): (Vec<_>, Vec<_>) =
            resolver.counters(&limits).await?.into_iter().partition(|counter| counter.limit.deduct_when.is_some());
        let mut refusals = self.ask_and_note(&ledger, &conditional, Charge::None).await?;
        if refusals.is_empty() {
            refusals = self.ask_and_note(&ledger, &counters, self.charge()).await?;
        }
        if refusals.is_empty() {
            self.deduct_later(conditional);
            return Ok(None);
        }
        self.ask(&metas, Charge::Each).await?;
        self.refuse(&ledger, refusals, self.options.on_breach.as_ref()).await
    }

    fn charge(&self) -> Charge {
        match self.options.settings.fail_on_first_breach {
            _ if !self.options.is_compat => Charge::AllOrNone,
            Some(false) => Charge::Each,
            _ => Charge::InOrder,
        }
    }

    /// Asks the store, in one call, how these limits stand.
    async fn ask(&self, counters: &[Counter], charge: Charge) -> Result<Vec<RequestLimit>, Error> {
        if counters.is_empty() {
            return Ok(Vec::new());
        }
        let hits: Vec<_> = counters.iter().map(|counter| counter.hit(self.strategy)).collect();
        let now = self.options.clock.now();
        let stand = |(Counter { rate, name, limit, .. }, counted): (&Counter, Counted)| {
            RequestLimit::new(*rate, name, limit.is_shared, counted, now)
        };
        match self.store.count(&hits, charge).await {
            Ok(counts) => Ok(counters.iter().zip(counts).map(stand).collect()),
            Err(error) if self.swallows_errors() => {
                tracing::error!("Failed to count a request against its limits, so it passes: {error:?}");
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn ask_and_note(&self, ledger: &Ledger, counters: &[Counter], charge: Charge) -> Result<Refusals, Error> {
        let stands = self.ask(counters, charge).await?;
        ledger.note(&stands);
        Ok(refusals(counters, &stands))
    }

    /// Refuses a request: with the response of a function of `on_breach`, or with a 429.
    async fn refuse(
        &self,
        ledger: &Ledger,
        refusals: Refusals,
        on_breach: Option<&OnBreach>,
    ) -> Result<Option<Response>, Error> {
        let mut answer = None;
        ledger.note(refusals.iter().map(|(_, stand)| stand));
        for (limit, stand) in &refusals {
            for function in on_breach.into_iter().chain(&limit.on_breach) {
                match function.call(stand.clone()).await {
                    Ok(response) => answer = response.or(answer),
                    Err(error) if self.swallows_errors() => tracing::error!("Exception in on_breach: {error:?}"),
                    Err(error) => return Err(error),
                }
            }
        }
        // The client hears of the one that lasts longest, because then it gets through; of Flask-Limiter, of the first.
        let told =
            if self.options.is_compat { refusals.first() } else { refusals.iter().max_by_key(|(_, is)| is.retry_in) };
        match told {
            Some((limit, stand)) if answer.is_none() => Err(self.too_many(limit, stand).await?),
            _ => Ok(answer),
        }
    }

    async fn too_many(&self, limit: &Limit, stand: &RequestLimit) -> Result<Error, Error> {
        let seconds = seconds_up(stand.retry_in).max(1);
        let message = match &limit.error_message {
            Some(message) => message.get(|| stand.clone()).await?,
            None if self.options.is_compat => stand.limit.to_string(),
            None => format!("Too many requests: the limit here is {}. Try again in {seconds} s.", stand.limit),
        };
        let error = Error::status(429).with_message(message);
        Ok(if self.options.is_compat { error } else { self.headers.tell_when(error, seconds) })
    }

    /// Counts a request against limits with `deduct_when` when its response is there, as far as they want it counted.
    fn deduct_later(&self, counters: Vec<Counter>) {
        if counters.is_empty() {
            return;
        }
        let (limiter, counters) = (self.limiter, Arc::<[Counter]>::from(counters));
        after_this_request(move |response: Response| {
            let counters = counters.clone();
            async move {
                let (head, body) = response.into_parts();
                current_app().extension_of::<Self>(limiter)?.deduct(&counters, &head).await?;
                Ok::<_, Error>(Response::from_parts(head, body))
            }
        });
    }

    async fn deduct(&self, counters: &[Counter], head: &Parts) -> Result<(), Error> {
        for counter in counters {
            if let Some(deduct_when) = &counter.limit.deduct_when
                && deduct_when.call(head.clone()).await?
            {
                // A refusal changes nothing any more, because the response is there.
                let stands = self.ask(slice::from_ref(counter), self.charge()).await?;
                let passed: Vec<_> = stands.into_iter().map(|is| RequestLimit { breached: false, ..is }).collect();
                Ledger::of(self.limiter).note(&passed);
            }
        }
        Ok(())
    }
}

fn refusals(counters: &[Counter], stands: &[RequestLimit]) -> Refusals {
    let refused = counters.iter().zip(stands).filter(|(_, stand)| stand.breached);
    refused.map(|(counter, stand)| (counter.limit.clone(), stand.clone())).collect()
}
