//! A share of the live traffic of one view, compared beside its requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use costrel::http::header::{CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, LAST_MODIFIED};
use costrel::{Application, Bytes, Error, Method, Request, Response, StatusCode, View, current_app, g};
use costrel_ext_kit::{Clock, Decorator};
use tokio::sync::Semaphore;

use crate::compare::{Answer, compare};
use crate::difference::{Difference, NONE};
use crate::recorded::{DROPPED, Recorded};
use crate::report::{Outcome, Report};
use crate::rules::Rules;
use crate::side::ask;

/// The number of requests that are at the old app at once.
const AT_ONCE: usize = 16;

/// The largest body that is compared, in bytes.
const MOST: usize = 1 << 20;

/// Where the time of the view is kept until the response leaves.
const TIME: &str = "costrel-shadow";

/// The old app behind a view, which gets a share of its requests.
#[derive(Clone)]
pub(crate) struct Mirror {
    old: Application,
    rules: Arc<Rules>,
    report: Report,
    share: f64,
    /// The requests so far, of which each that brings the share to a whole number is compared.
    count: Arc<AtomicU64>,
    permits: Arc<Semaphore>,
}

impl Mirror {
    pub(crate) fn new(old: &Application, rules: &Arc<Rules>, report: &Report, share: f64) -> Self {
        let (rules, report, permits) = (Arc::clone(rules), report.clone(), Arc::new(Semaphore::new(AT_ONCE)));
        Self { old: old.clone(), rules, report, share: share.clamp(0.0, 1.0), count: Arc::default(), permits }
    }

    /// Whether this request is one of the share.
    #[allow(clippy::cast_precision_loss, reason = "no app has 2^52 requests")]
    fn is_chosen(&self) -> bool {
        let before = self.count.fetch_add(1, Ordering::Relaxed) as f64;
        ((before + 1.0) * self.share).floor() > (before * self.share).floor()
    }

    /// Compares a response that is about to leave with the old app's, beside the request.
    fn compare(&self, request: &Request, response: &Response) {
        if *request.method() != Method::GET || !self.is_chosen() {
            return;
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let rule = format!("GET {}", request.endpoint().unwrap_or(request.path()));
        let asked = format!("GET {}", request.full_path());
        let is_plain = !response.headers().contains_key(CONTENT_ENCODING);
        let body = response.body().as_bytes().filter(|body| is_plain && body.len() <= MOST);
        let (Ok(permit), Some(body), Ok(recorded)) = (permit, body, copy(request)) else {
            return self.report.note(&rule, &asked, Outcome::Skipped, [None; 2]);
        };
        let new = as_sent(response, body.clone());
        let (mirror, time) = (self.clone(), g().get::<Duration>(TIME));
        let url = format!("{}://{}{}", request.scheme(), host_of(request), recorded.path);
        current_app().add_background_task(async move || {
            let _permit = permit;
            let answered = ask(&mirror.old.test_client_without_cookies(), &url, &recorded).await;
            let old_time = answered.as_ref().ok().map(|(_, time, _)| *time);
            let outcome = match answered {
                Ok((old, ..)) => Outcome::Compared(compare(&old, &new, &mirror.rules)),
                Err(error) => Outcome::Unanswered(Difference::new("no answer", error.message(), NONE)),
            };
            mirror.report.note(&rule, &asked, outcome, [old_time, time]);
        });
    }
}

/// Compares a share of the view's requests.
pub(crate) fn live(view: View, mirror: Result<Mirror, Error>) -> View {
    let mirror = match mirror {
        Ok(mirror) => mirror,
        Err(error) => return view.with_setup_error(error),
    };
    let timed = Decorator::new(view).wrap_async(|next, request| async move {
        let clock = Clock::system();
        let began = clock.now();
        let outcome = next.call(request).await;
        g().set(TIME, clock.now() - began);
        outcome
    });
    timed.on_response(move |request, response| mirror.compare(request, response))
}

/// The response as clients get it: the server adds date and length, and a response that may have no body loses what would
/// describe it.
fn as_sent(response: &Response, mut body: Bytes) -> Answer {
    let (status, mut headers) = (response.status(), response.headers().clone());
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        body.clear();
    } else {
        headers.insert(CONTENT_LENGTH, body.len().into());
    }
    if status == StatusCode::NOT_MODIFIED {
        for name in [CONTENT_TYPE, CONTENT_LANGUAGE, LAST_MODIFIED] {
            headers.remove(name);
        }
    }
    Answer { status, headers, body, error: None }.with_date()
}

/// The request as the old app gets it.
fn copy(request: &Request) -> Result<Recorded, Error> {
    let mut recorded = Recorded::new(Method::GET, request.full_path())?;
    recorded.client = request.remote_addr().map(|address| address.ip().to_string()).unwrap_or_default();
    let headers = request.headers().iter().filter(|(name, _)| !DROPPED.contains(&name.as_str()));
    recorded.headers =
        headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect();
    Ok(recorded)
}

fn host_of(request: &Request) -> &str {
    Some(request.host()).filter(|host| !host.is_empty()).unwrap_or("localhost")
}
