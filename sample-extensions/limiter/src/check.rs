//! The check of a request: it is counted against its limits, all in one call of the store, or refused.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use costrel::{Error, Instance, Request, Response, after_this_request, current_app};
use costrel_stores::{Charge, Counts, Hit};
use smallvec::SmallVec;

use crate::due::{Rates, Resolver};
use crate::ledger::Ledger;
use crate::limit::{OnBreach, RequestLimit};
use crate::state::{State, is_static};

/// The limits that a request is counted against: those that wait on its ledger, and more.
pub(crate) enum Asked {
    /// No more.
    Waiting,
    /// Unless a limit that waits overrides them, the blueprint's and the default ones.
    View,
    /// No more; what waits is the limit that a view enters at this line, which it counts by.
    Entered(&'static Location<'static>),
}

/// The response that a function of `on_breach` answers with; `None` if the request passes.
type Answer = Result<Option<Response>, Error>;

impl State {
    /// Counts a request against its limits.
    ///
    /// # Errors
    /// A 429 if a limit refuses the request, which passes through the app's error handlers like any other.
    pub(crate) async fn count(&self, request: &Request, ledger: &Ledger, asked: Asked) -> Answer {
        // The key does not change the response, so what it looks at does not make the response one for this client alone.
        let watch = request.watch();
        let answer = self.count_watched(request, ledger, asked).await;
        watch.forget();
        answer
    }

    async fn count_watched(&self, request: &Request, ledger: &Ledger, asked: Asked) -> Answer {
        let (mut limits, mut with_defaults) = (ledger.take_waiting(), matches!(asked, Asked::View));
        if is_static(request) {
            // A limit that was written for this view holds whatever its name is; to Flask-Limiter the name is enough.
            limits.retain(|limit| limit.kind.is_empty() && !self.options.is_compat());
            with_defaults = false;
        }
        if limits.is_empty() && !with_defaults || self.passes_by(request).await? {
            return Ok(None);
        }
        let place = if let Asked::Entered(line) = asked { Some(line.to_string()) } else { None };
        let is_entered = place.is_some();
        let mut resolver = Resolver { state: self, request, ledger, place, is_entered, key: None, exempt: None };
        let mut due = resolver.due(&limits, with_defaults).await?;
        let mut meta = resolver.meta(&due).await?;
        self.ask(&mut meta, Charge::None).await?;
        if meta.iter().any(|limit| limit.breached) {
            meta.retain(|limit| limit.breached);
            return Box::pin(self.refuse(ledger, meta, self.options.on_meta_breach.as_ref())).await;
        }
        let conditional: Vec<_> = due.extract_if(.., |limit| limit.origin.deduct_when.is_some()).collect();
        for (mut limits, charge) in [(conditional.clone(), Charge::None), (due, self.charge)] {
            self.ask(&mut limits, charge).await?;
            if limits.iter().any(|limit| limit.breached) {
                self.ask(&mut meta, Charge::Each).await?;
                return Box::pin(self.refuse(ledger, limits, self.options.on_breach.as_ref())).await;
            }
            ledger.note(limits);
        }
        if !conditional.is_empty() {
            let (limiter, limits) = (self.limiter, Arc::<[_]>::from(conditional));
            after_this_request(move |response| deduct(limiter, limits.clone(), response));
        }
        Ok(None)
    }

    /// Asks the store, in one call, how these limits stand; those that it did not try are left out then.
    async fn ask(&self, limits: &mut Rates, charge: Charge) -> Result<(), Error> {
        if limits.is_empty() {
            return Ok(());
        }
        let hits: SmallVec<[Hit<'_>; 2]> = limits.iter().map(|limit| limit.hit(self.strategy)).collect();
        let counts = match self.store.count(&hits, charge).await {
            Err(error) if self.options.settings.swallow_errors => {
                tracing::error!("Failed to count a request against its limits, so it passes: {error:?}");
                Counts::new()
            }
            counts => counts?,
        };
        drop(hits);
        limits.truncate(counts.len());
        let now = self.headers.is_any().then(|| self.options.clock.now());
        limits.iter_mut().zip(counts).for_each(|(limit, counted)| limit.update(counted, now));
        Ok(())
    }

    /// Refuses a request: with the response of a function of `on_breach`, or with a 429. Called in a box, so that the future of a
    /// request that passes has no room for it.
    async fn refuse(&self, ledger: &Ledger, mut by: Rates, on_breach: Option<&OnBreach>) -> Answer {
        ledger.note(by.clone());
        by.retain(|limit| limit.breached);
        let (mut answer, swallows_errors) = (None, self.options.settings.swallow_errors);
        for limit in &by {
            for function in on_breach.into_iter().chain(&limit.origin.on_breach) {
                match function.call(limit.clone()).await {
                    Ok(response) => answer = response.or(answer),
                    Err(error) if swallows_errors => tracing::error!("Exception in on_breach: {error:?}"),
                    Err(error) => return Err(error),
                }
            }
        }
        // The client hears of the one that lasts longest, because then it gets through; of Flask-Limiter, of the first.
        let longest = || by.iter().max_by_key(|limit| limit.retry_in);
        match if self.options.is_compat() { by.first() } else { longest() } {
            Some(limit) if answer.is_none() => Err(self.too_many(limit).await?),
            _ => Ok(answer),
        }
    }

    async fn too_many(&self, limit: &RequestLimit) -> Result<Error, Error> {
        // Rounded up, so that a client that waits so long gets through.
        let (rate, wait) = (&limit.limit, limit.retry_in + Duration::from_nanos(999_999_999));
        let wait = Duration::from_secs(wait.as_secs().max(1));
        let message = match &limit.origin.error_message {
            Some(message) => message.call(limit.clone()).await?,
            None if self.options.is_compat() => rate.to_string(),
            None => format!("Too many requests: the limit here is {rate}. Try again in {} s.", wait.as_secs()),
        };
        let error = Error::status(429).with_message(message);
        let (name, value) = self.headers.retry_after(wait);
        Ok(if self.options.is_compat() { error } else { error.with_header(name, value) })
    }
}

/// Counts a request against those of these limits that want its response counted.
async fn deduct(limiter: Instance, limits: Arc<[RequestLimit]>, response: Response) -> Result<Response, Error> {
    let (state, (head, body)) = (current_app().extension_of::<State>(limiter)?, response.into_parts());
    for limit in limits.iter() {
        if let Some(deduct_when) = &limit.origin.deduct_when
            && deduct_when.call(head.clone()).await?
        {
            let mut counted = vec![limit.clone()];
            state.ask(&mut counted, state.charge).await?;
            // A refusal changes nothing any more, because the response is there.
            for limit in &mut counted {
                limit.breached = false;
            }
            state.ledger().note(counted);
        }
    }
    Ok(Response::from_parts(head, body))
}
