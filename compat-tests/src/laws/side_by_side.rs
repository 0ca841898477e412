//! Laws about requests that come side by side, each of which must get what is its own.

use std::time::{Duration, Instant};

use costrel::{Body, Colour, Error, HeaderMap, IntoResponse, IntoView, Method, View};
use futures_util::{StreamExt, stream};
use tokio::task::yield_now;
use tokio::time::{advance, pause, resume, sleep, timeout};

use super::LawText;
use super::bodies::next_chunk;
use crate::fixture::{Cell, Client, Host, Probe, Reply, Stage};
use crate::verdict::{Checked, Failure, applies_if, expect};

pub(super) const EQUAL_REQUESTS_EACH_RUN_THE_VIEW: LawText = LawText {
    why: "Two orders with equal bodies are two orders, and two clients of one WebSocket are two conversations; a decorator that joins what looks equal loses one of them.",
    remedy: "Join requests only if the view says that they may share a response, and never those that change something.",
    how: "Two equal POSTs, and two openings of one WebSocket, come one after the other and at once; each must run the view and get the whole answer. GETs as well, unless the candidate shares runs.",
};

/// The timeout for a step; only a candidate that keeps a request from its view reaches it.
const COMES_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn equal_requests_each_run_the_view(cell: Cell) -> Checked {
    applies_if(cell.subject.is_plain() || cell.subject.is_socket(), "it is tried once for each colour")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let client = if cell.subject.is_socket() || client.has_body() { client } else { client.with_body("one=1") };
    for method in cell.methods().iter().filter(|method| *method != Method::HEAD) {
        if *method == Method::GET && cell.candidate.declared.shares_runs && !cell.subject.is_socket() {
            continue;
        }
        let earlier = stage.probe.runs();
        for n in 1..=2 {
            let reply = client.visit(method, "/subject/ada").await?;
            let what = format!("status and body of {method} number {n} of two equal ones");
            expect(&what, (reply.status, reply.text()), cell.expected("ada"))?;
        }
        expect(&format!("runs of the view for two equal {method}s"), stage.probe.runs() - earlier, 2)?;
        if cell.host != Host::Threaded {
            two_at_once(&cell, &stage, &client, method).await?;
        }
    }
    Ok(())
}

/// Sends two equal requests whose views are held until both have begun.
async fn two_at_once(cell: &Cell, stage: &Stage, client: &Client, method: &Method) -> Checked {
    let earlier = stage.probe.count("held");
    let both = [(); 2].map(|()| {
        let (client, method) = (client.clone(), method.clone());
        tokio::spawn(async move { client.visit(&method, "/subject/hold").await })
    });
    let begun = timeout(COMES_WITHIN, stage.probe.wait_for("held", earlier + 2)).await;
    let seen = stage.probe.count("held") - earlier;
    stage.probe.open(2);
    if begun.is_err() {
        return Err(Failure::new(format!("views that run at once for two equal {method}s"), 2, seen).into());
    }
    for request in both {
        let reply = request.await.map_err(Error::from)??;
        let what = format!("status and body of {method}, one of two equal ones at once");
        expect(&what, (reply.status, reply.text()), cell.expected("hold"))?;
    }
    Ok(())
}

pub(super) const STREAMS_READ_IN_TURNS_KEEP_APART: LawText = LawText {
    why: "A buffer, a counter or an encoder that the decorator keeps for the bodies of all requests mixes two downloads, or stops one when the other ends.",
    remedy: "Make what a body needs anew for each response, and move it into the body.",
    how: "Two clients read two streams in turns, chunk by chunk; each must get its own chunks, all of them and in order.",
};

pub(super) async fn streams_read_in_turns_keep_apart(cell: Cell) -> Checked {
    applies_if(!cell.candidate.changes_answers(), "the candidate makes another body of it")?;
    applies_if(cell.host != Host::Threaded, "one thread has one request at a time")?;
    let stage = cell
        .stage_with(|app, probe| {
            app.rule("/turns/<name>")
                .methods(["GET", "POST"])
                .view(cell.decorate(in_turns(cell.subject.colour(), probe)).named("turns"));
        })
        .await?;
    let client = stage.allowed().await?.with_header("accept-encoding", "identity");
    let both = async {
        Ok::<_, Error>((
            client.begin(client.verb(), "/turns/ada").await?,
            client.begin(client.verb(), "/turns/bob").await?,
        ))
    };
    let begun = timeout(COMES_WITHIN, both).await;
    let late = |_| Failure::sentence("the heads of two streams", "to come before their bodies are made", "none came");
    let ((ada, _ada_connection), (bob, _bob_connection)) = begun.map_err(late)??;
    let mut streams = [("ada", ada.into_body(), String::new()), ("bob", bob.into_body(), String::new())];
    for round in 0..CHUNKS {
        stage.probe.open(2);
        for (name, body, seen) in &mut streams {
            let chunk = timeout(COMES_WITHIN, next_chunk(body)).await;
            let chunk =
                chunk.map_err(|_| Failure::sentence(format!("chunk {round} of `{name}`"), "to come", "none"))??;
            seen.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
    for (name, body, mut seen) in streams {
        seen.push_str(&String::from_utf8_lossy(&body.collect().await?));
        let own = (0..CHUNKS).fold(String::new(), |own, n| own + &format!("{name} {n} "));
        expect(&format!("the stream `{name}`, read in turns with another"), seen, own)?;
    }
    Ok(())
}

/// The number of chunks of a stream.
const CHUNKS: usize = 3;

/// Builds a view whose body is a stream of chunks with its name, each made when the gate opens.
fn in_turns(colour: Colour, probe: &Probe) -> View {
    let probe = probe.clone();
    let answer = move |name: String| {
        let probe = probe.clone();
        let chunks = stream::iter(0..CHUNKS).then(move |n| {
            let (probe, chunk) = (probe.clone(), format!("{name} {n} "));
            async move {
                probe.hold().await;
                Ok::<_, Error>(chunk)
            }
        });
        Body::from_stream(chunks).into_response()
    };
    match colour {
        Colour::Sync => answer.into_view(),
        Colour::Async => (move |name: String| std::future::ready(answer(name))).into_view(),
    }
}

pub(super) const A_TIME_IS_OF_ITS_OWN_REQUEST: LawText = LawText {
    why: "A start time kept in the decorator is another request's as soon as two run at once: the dashboard shows milliseconds for a request that took seconds.",
    remedy: "Keep the start time in a variable of the wrapper.",
    how: "A view is held for 40 ms. A number in a header that shows this time, in any unit, must show it too if another request comes and goes meanwhile, and that one must show no more than it took.",
};

/// The time for which a view is held.
const HELD: Duration = Duration::from_millis(40);

pub(super) async fn a_time_is_of_its_own_request(cell: Cell) -> Checked {
    applies_if(cell.host != Host::Threaded, "one thread has one request at a time")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let quick = client.ask("/subject/quick").await?;
    applies_if(!numbers(&quick.headers).is_empty(), "no header has a number")?;
    let alone = held(&stage, &client, 1, std::future::ready(Ok(()))).await?;
    let mut times = times(&numbers(&quick.headers), &numbers(&alone.headers));
    // A counter, or a number by chance, is not small again.
    let quick = client.ask("/subject/quick").await?;
    times.retain(|time| time.in_seconds(&quick.headers) < HELD.as_secs_f64());
    applies_if(!times.is_empty(), "no header has a time")?;
    let mut other = (Duration::ZERO, None);
    let visit = async {
        let began = Instant::now();
        let reply = client.ask("/subject/other").await?;
        other = (began.elapsed(), Some(reply));
        Ok(())
    };
    let beside = held(&stage, &client, 2, visit).await?;
    for time in times {
        let shown = time.in_seconds(&beside.headers);
        if shown < HELD.as_secs_f64() {
            let expected = format!("{HELD:?} at least");
            let what = format!("the time in `{}` of a held request, while another came and went", time.name);
            return Err(Failure::sentence(what, &expected, format!("{shown} s")).into());
        }
        let (took, shown) = (other.0 + SLACK, other.1.as_ref().map_or(0.0, |reply| time.in_seconds(&reply.headers)));
        if shown > took.as_secs_f64() {
            let what = format!("the time in `{}` of a request that came while another was held", time.name);
            return Err(Failure::sentence(what, &format!("{took:?} at most"), format!("{shown} s")).into());
        }
    }
    Ok(())
}

/// What a rounded time may show above the real one.
const SLACK: Duration = Duration::from_millis(2);

/// Sends a request whose view is held until `meanwhile` is over; `times` views have been held by then.
async fn held(
    stage: &Stage,
    client: &Client,
    times: usize,
    meanwhile: impl Future<Output = Result<(), Error>>,
) -> Checked<Reply> {
    let client = client.clone();
    let request = tokio::spawn(async move { client.ask("/subject/hold").await });
    let comes = timeout(COMES_WITHIN, stage.probe.wait_for("held", times)).await;
    comes
        .map_err(|_| Failure::sentence("the request that the view is to hold", "to come to the view", "it did not"))?;
    sleep(HELD).await;
    meanwhile.await?;
    stage.probe.open(1);
    Ok(request.await.map_err(Error::from)??)
}

/// A number in a header: the header's name, the number's position in it, and its value.
pub(super) type Number = (String, usize, f64);

/// Headers whose numbers are no times of a request.
const NO_TIMES: [&str; 12] = [
    "age",
    "content-length",
    "content-security-policy",
    "date",
    "etag",
    "expires",
    "last-modified",
    "set-cookie",
    "traceparent",
    "x-correlation-id",
    "x-request-id",
    "x-trace-id",
];

/// The numbers in headers, with their places.
pub(super) fn numbers(headers: &HeaderMap) -> Vec<Number> {
    let mut found = Vec::new();
    for (name, value) in headers.iter().filter(|(name, _)| !NO_TIMES.contains(&name.as_str())) {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let words = text.split(|letter: char| !letter.is_alphanumeric() && !['.', '-', '_'].contains(&letter));
        found.extend(words.filter_map(number).enumerate().map(|(at, value)| (name.to_string(), at, value)));
    }
    found
}

/// Reads a word that is a number, with a unit of time or without. Digits in an identifier are none.
fn number(word: &str) -> Option<f64> {
    let digits = word.trim_end_matches(char::is_alphabetic);
    let is_time = ["", "s", "ms", "us", "µs", "ns"].contains(&&word[digits.len()..]);
    digits
        .trim_end_matches('.')
        .parse()
        .ok()
        .filter(|_| is_time && digits.starts_with(|first: char| first.is_ascii_digit()))
}

/// A number in a header that shows how long the request took.
struct Time {
    name: String,
    at: usize,
    /// The number of its units in a second.
    units: f64,
}

impl Time {
    fn in_seconds(&self, headers: &HeaderMap) -> f64 {
        let own = |(name, at, _): &Number| (name, at) == (&self.name, &self.at);
        numbers(headers).into_iter().find(own).map_or(0.0, |(.., value)| value / self.units)
    }
}

/// The numbers that are below the time a view was held when it was not held, and not below it when it was.
fn times(quick: &[Number], held: &[Number]) -> Vec<Time> {
    let mut found = Vec::new();
    for (name, at, value) in held {
        let before = quick.iter().find(|(other, position, _)| (other, position) == (name, at));
        let before = before.map_or(0.0, |(.., value)| *value);
        let fits =
            |units: &f64| (HELD.as_secs_f64()..3.0).contains(&(value / units)) && before / units < HELD.as_secs_f64();
        found.extend([1.0, 1e3, 1e6, 1e9].into_iter().find(fits).map(|units| Time {
            name: name.clone(),
            at: *at,
            units,
        }));
    }
    found
}

pub(super) const A_SLOW_VIEW_IS_RUN_ONCE: LawText = LawText {
    why: "A decorator that loses patience and asks again places an order twice, whenever the database is slow.",
    remedy: "A timeout ends in an answer, not in another run; what fails may be tried again, what is slow may not.",
    how: "A view is held for two seconds of a clock that is wound on, by GET and by POST; it must run once, and be answered, unless the candidate has ended it.",
};

/// The time for which a slow view is held: longer than a decorator is patient. The clock of the check is wound on over it.
const SLOW: Duration = Duration::from_secs(2);

/// A part of that time in which other clocks than tokio's go on too.
const REAL: Duration = Duration::from_millis(250);

pub(super) async fn a_slow_view_is_run_once(cell: Cell) -> Checked {
    applies_if(cell.host == Host::InProcess, "it is tried where nothing else is between them")?;
    let stage = cell.stage().await?;
    let client = stage.allowed().await?;
    let both = [Method::GET, Method::POST].map(|method| {
        let client = client.clone();
        tokio::spawn(async move { client.visit(&method, "/subject/hold").await })
    });
    let come = timeout(COMES_WITHIN, stage.probe.wait_for("held", 2)).await;
    come.map_err(|_| Failure::sentence("two requests that are to be held", "to come to the view", "they did not"))?;
    sleep(REAL).await;
    wind_on(SLOW).await;
    expect("runs of a slow view for one GET and one POST", stage.probe.runs(), 2)?;
    stage.probe.open(2);
    for request in both {
        request.await.map_err(Error::from)??;
    }
    expect("runs of a slow view for one GET and one POST", stage.probe.runs(), 2)?;
    Ok(())
}

/// Winds tokio's clock on, step by step, and lets every task go on after each.
async fn wind_on(time: Duration) {
    const STEP: Duration = Duration::from_millis(50);
    pause();
    for _ in 0..time.as_millis() / STEP.as_millis() {
        advance(STEP).await;
        for _ in 0..10 {
            yield_now().await;
        }
    }
    resume();
}
