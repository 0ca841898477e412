//! Recorded requests, to both sides.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use costrel::http::uri::Authority;
use costrel::testing::TestClient;
use costrel::{Application, Error, View};

use crate::compare::compare;
use crate::decorator::{Mirror, live};
use crate::difference::{Difference, NONE};
use crate::recorded::{LeftOut, Recorded};
use crate::report::{Outcome, Report};
use crate::rules::Rules;
use crate::side::{app_at, ask};

/// The comparison of a new app with the old one at an address.
#[derive(Clone)]
pub struct Shadow {
    old: Result<Application, Error>,
    rules: Arc<Rules>,
    host: Result<Option<Authority>, Error>,
    with_unsafe: bool,
    report: Report,
}

impl Shadow {
    /// Compares with the old app at `address`, as [`legacy`](costrel_legacy::legacy) takes it. One that is none is a
    /// set-up error, at this line, or the error of a replay.
    #[track_caller]
    pub fn new(address: &str) -> Self {
        let (old, report) = (app_at(address), Report::new(100));
        Self { old, rules: Arc::default(), host: Ok(None), with_unsafe: false, report }
    }

    /// Sets what may differ. Default: dates, and headers of the connection.
    #[must_use]
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = Arc::new(rules);
        self
    }

    /// Sets the host that both apps see in a replay, such as `shop.example`. Default: the new app's `server_name`, or
    /// `localhost`. A text that is no host is the error of the replay.
    #[must_use]
    #[track_caller]
    pub fn host(mut self, host: &str) -> Self {
        let authority = host.parse().ok().filter(|_| !host.contains('@'));
        let wrong = || Error::setup(format!("{host:?} is no host: write {:?}", "shop.example"));
        self.host = authority.ok_or_else(wrong).map(Some);
        self
    }

    /// Adds to the report what was [left out](crate::Recording::left_out) of the record. Default: nothing.
    #[must_use]
    pub fn left_out(mut self, left_out: Vec<LeftOut>) -> Self {
        self.report = self.report.with_left_out(left_out);
        self
    }

    /// Sets the number of equal requests in a row after which a rule is ready to switch. Default: 100.
    #[must_use]
    pub fn ready_after(mut self, requests: u64) -> Self {
        self.report = Report::new(requests).with_left_out(self.report.left_out().to_vec());
        self
    }

    /// Sets whether [`replay`](Self::replay) sends requests that change something to both apps, for apps with data of their
    /// own. Default: no, they are skipped.
    #[must_use]
    pub fn with_unsafe(mut self, sends: bool) -> Self {
        self.with_unsafe = sends;
        self
    }

    /// The comparison so far.
    pub fn report(&self) -> Report {
        self.report.clone()
    }

    /// Returns a decorator that compares a share, from 0 to 1, of the GET requests of a view with the old app, beside the
    /// requests: the client gets the new app's response, and does not wait. It compares what leaves the app, with what hooks
    /// and error handlers have done. At most 16 requests at a time go to the old app, others are skipped.
    pub fn live(&self, share: f64) -> impl Fn(View) -> View + Clone + use<> {
        let mirror =
            self.old.as_ref().map(|old| Mirror::new(old, &self.rules, &self.report, share)).map_err(Clone::clone);
        move |view| live(view, mirror.clone())
    }

    /// Sends the requests to both apps, one after the other, and calls `told` after each. Each client of the record has a
    /// cookie jar for each app, so that what an app has set goes back to it.
    ///
    /// # Errors
    /// If the address of the old app is none, or the [`host`](Self::host).
    pub async fn replay(
        &self,
        new: &Application,
        requests: &[Recorded],
        mut told: impl FnMut(&Report),
    ) -> Result<Report, Error> {
        let (old, host) = (self.old.clone()?, self.host.clone()?);
        let host = host.as_ref().map(Authority::as_str);
        let mut clients = HashMap::<&str, [TestClient; 2]>::new();
        for recorded in requests {
            let pair = clients
                .entry(&recorded.client)
                .or_insert_with(|| [&old, new].map(|app| client_of(app, recorded, host)));
            self.compare_both(pair, recorded, host).await;
            told(&self.report);
        }
        Ok(self.report())
    }

    async fn compare_both(&self, [old, new]: &[TestClient; 2], recorded: &Recorded, host: Option<&str>) {
        let request = format!("{} {}", recorded.method, recorded.path);
        if !recorded.is_safe() && !self.with_unsafe {
            return self.report.note(&pattern(recorded), &request, Outcome::Skipped, [None; 2]);
        }
        let recorded = Recorded { headers: without_cookies(recorded), ..recorded.clone() };
        let url = host.map_or_else(|| recorded.path.clone(), |host| format!("http://{host}{}", recorded.path));
        let (left, right) = (ask(old, &url, &recorded).await, ask(new, &url, &recorded).await);
        let times = [&left, &right].map(|answer| answer.as_ref().ok().map(|(_, time, _)| *time));
        let endpoint = right.as_ref().ok().and_then(|(.., endpoint)| endpoint.clone());
        let rule = endpoint.map_or_else(|| pattern(&recorded), |endpoint| format!("{} {endpoint}", recorded.method));
        let outcome = match (left, right) {
            (Ok((left, ..)), Ok((right, ..))) => Outcome::Compared(compare(&left, &right, &self.rules)),
            (left, right) => {
                let said =
                    |answer: Result<_, Error>| answer.err().map_or(NONE.to_owned(), |error| error.message().to_owned());
                Outcome::Unanswered(Difference::new("no answer", &said(left), &said(right)))
            }
        };
        self.report.note(&rule, &request, outcome, times);
    }
}

/// A client of one app, with the cookies that the recorded client began with.
fn client_of(app: &Application, recorded: &Recorded, host: Option<&str>) -> TestClient {
    let client = app.test_client();
    for (_, cookies) in recorded.headers.iter().filter(|(name, _)| is_cookie(name)) {
        for (name, value) in cookies.split(';').filter_map(|pair| pair.trim().split_once('=')) {
            match host {
                Some(host) => client.set_cookie_of(host, name, value),
                None => client.set_cookie(name, value),
            }
        }
    }
    client
}

fn without_cookies(recorded: &Recorded) -> Vec<(String, String)> {
    recorded.headers.iter().filter(|(name, _)| !is_cookie(name)).cloned().collect()
}

fn is_cookie(name: &str) -> bool {
    name.eq_ignore_ascii_case("cookie")
}

/// The method and the path, with numbers left out, for a request that no rule of the new app is known to have taken.
pub(crate) fn pattern(recorded: &Recorded) -> String {
    let path = recorded.path.split('?').next().unwrap_or_default();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<_> = path.split('/').map(|part| if is_number(&part) { "<n>" } else { part }).collect();
    format!("{} {}", recorded.method, parts.join("/"))
}

impl fmt::Debug for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shadow").field("rules", &self.rules).finish_non_exhaustive()
    }
}
