//! The old app is killed and started again while requests run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use costrel::Error;
use costrel::http::header::COOKIE;
use reqwest::{Client, Method};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::half_moved::{FORM, HalfMoved};
use crate::scenarios::broken;
use crate::servers::{PATIENCE, client};

/// A request that is sent over and over.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind {
    method: &'static str,
    path: &'static str,
    /// The status that the app gives which answers.
    status: u16,
    is_proxied: bool,
}

const READING: Kind = Kind { method: "GET", path: "/create", status: 200, is_proxied: false };
const WRITING: Kind = Kind { method: "POST", path: "/create", status: 302, is_proxied: false };
const OLD_PAGE: Kind = Kind { method: "GET", path: "/auth/login", status: 200, is_proxied: true };
const OLD_FORM: Kind = Kind { method: "POST", path: "/auth/login", status: 200, is_proxied: true };

/// The longest time for an answer that comes at once, on a machine that is busy: less than the limit for a connection to the
/// old app.
const AT_ONCE: Duration = Duration::from_secs(4);

/// What came of a request: its status, or why there is none.
type Answer = (Kind, Result<u16, String>);

pub(crate) async fn run(flaskr: &mut HalfMoved) -> Result<(), Error> {
    let posts = flaskr.posts()?;
    let mut load = Load::start(&flaskr.front, &flaskr.log_in(&flaskr.front).await?)?;
    load.until("both sides answer", |answers| has(answers, READING, 200, 50) && has(answers, OLD_PAGE, 200, 50))
        .await?;
    flaskr.old.kill();
    load.until("the old app is missed", |answers| {
        let is_missed = [OLD_PAGE, OLD_FORM].iter().all(|kind| has(answers, *kind, 502, 50));
        is_missed && has(answers, READING, 200, 50) && has(answers, WRITING, 302, 50)
    })
    .await?;
    flaskr.old.start_again()?;
    load.until("the old app is back", |answers| {
        let mut last = answers.iter().rev().filter(|(kind, _)| kind.is_proxied).take(50);
        answers.len() > 50 && last.all(|(kind, status)| *status == Ok(kind.status))
    })
    .await?;
    let answers = load.stop().await;
    let wrong: Vec<_> = answers.iter().filter(|answer| !is_right(answer)).collect();
    let written = i64::try_from(answers.iter().filter(|(kind, _)| *kind == WRITING).count())?;
    if wrong.is_empty() && flaskr.posts()? == posts + written {
        return Ok(());
    }
    Err(broken(format!("of {} wrong ones, {wrong:?}; {written} written, {} there", answers.len(), flaskr.posts()?)))
}

/// Whether at least `count` answers to requests of a kind have this status.
fn has(answers: &[Answer], kind: Kind, status: u16, count: usize) -> bool {
    answers.iter().filter(|answer| **answer == (kind, Ok(status))).count() >= count
}

fn is_right((kind, status): &Answer) -> bool {
    *status == Ok(kind.status) || kind.is_proxied && *status == Ok(502)
}

/// Requests of each kind, one after the other, until they are stopped.
struct Load {
    senders: JoinSet<()>,
    is_stopped: Arc<AtomicBool>,
    coming: UnboundedReceiver<Answer>,
    answers: Vec<Answer>,
}

impl Load {
    fn start(front: &str, session: &str) -> Result<Self, Error> {
        let client = client(AT_ONCE)?;
        let (is_stopped, mut senders) = (Arc::<AtomicBool>::default(), JoinSet::new());
        let (told, coming) = unbounded_channel();
        for kind in [READING, WRITING, OLD_PAGE, OLD_PAGE, OLD_FORM, OLD_FORM] {
            let sender = Sender {
                kind,
                url: format!("{front}{}", kind.path),
                session: session.to_owned(),
                client: client.clone(),
                told: told.clone(),
            };
            senders.spawn(sender.run(is_stopped.clone()));
        }
        Ok(Self { senders, is_stopped, coming, answers: Vec::new() })
    }

    /// Waits until the answers that come from now on are as wanted.
    async fn until(&mut self, event: &str, is_so: impl Fn(&[Answer]) -> bool) -> Result<(), Error> {
        let began = self.answers.len();
        let waiting = async {
            while !is_so(&self.answers[began..]) {
                self.answers.extend(self.coming.recv().await);
            }
        };
        timeout(PATIENCE, waiting).await.map_err(|_| {
            let last: Vec<_> = self.answers.iter().rev().take(12).collect();
            broken(format!("{event}: not within {PATIENCE:?}; the last answers are {last:?}"))
        })
    }

    async fn stop(mut self) -> Vec<Answer> {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.senders.join_all().await;
        while let Ok(answer) = self.coming.try_recv() {
            self.answers.push(answer);
        }
        self.answers
    }
}

struct Sender {
    kind: Kind,
    url: String,
    session: String,
    client: Client,
    told: UnboundedSender<Answer>,
}

impl Sender {
    async fn run(self, is_stopped: Arc<AtomicBool>) {
        let mut sent = 0_u16;
        while !is_stopped.load(Ordering::Relaxed) {
            let [high, low] = sent.to_be_bytes();
            let status = self.send(&format!("198.18.{high}.{low}")).await.map_err(|error| format!("{error:?}"));
            sent = sent.wrapping_add(1);
            if self.told.send((self.kind, status)).is_err() {
                return;
            }
        }
    }

    /// Sends the request from an address of its own, because posts are limited.
    async fn send(&self, address: &str) -> Result<u16, reqwest::Error> {
        let method = if self.kind.method == "GET" { Method::GET } else { Method::POST };
        let request = self.client.request(method, &self.url).header("x-forwarded-for", address);
        let form = "title=written&body=once&username=nobody&password=no";
        let request = request.header(COOKIE, &self.session).header("content-type", FORM).body(form);
        Ok(request.send().await?.status().as_u16())
    }
}
