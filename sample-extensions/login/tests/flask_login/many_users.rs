//! Many users at once, each with a page, messages, a cached page and limits of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use costrel::{App, Request, current_app, flash, get_flashed_messages, session};
use costrel_cache::Cache;
use costrel_limiter::Limiter;
use costrel_login::{Login, User, current_user, login_required, login_user};
use futures_util::future::try_join_all;
use rstest::rstest;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Mutex, oneshot};

use crate::support::view;

struct Numbered(String);

impl User for Numbered {
    fn get_id(&self) -> String {
        self.0.clone()
    }
}

/// The most requests for a page that a user may send.
const LIMIT: usize = 1_000;

/// The number of runs of `/kept` for each user.
struct Runs([AtomicUsize; USERS]);

/// The user of a request, for the limiter and the cache.
async fn user(_: Request) -> String {
    tokio::task::yield_now().await;
    let id = current_user().await.map(|user| user.get_id()).unwrap_or_default();
    if id.is_empty() { "a visitor".to_owned() } else { id }
}

/// An app in which `/me` shows the user, three times, and the message that the one before has flashed, if that showed none; and
/// `/kept`, which is cached for each user, the number of its runs for the user too.
fn app(sync: bool, threads: Option<usize>) -> App {
    let (mut app, cache) = (App::new("test"), Cache::new().capacity(USERS));
    app.config.secret_key = Some("secret".into());
    app.config.threads = threads;
    app.init(Login::new().user_loader(async |id: String| {
        tokio::task::yield_now().await;
        Some(Numbered(id))
    }))
    .unwrap();
    app.init(&Limiter::new(user).default_limits([format!("{LIMIT}/day")]).headers_enabled(true)).unwrap();
    app.init(&cache).unwrap();
    app.set_extension(Runs([const { AtomicUsize::new(0) }; USERS]));
    app.route("/in/<id>", async |id: String| login_user(Numbered(id)).await.map(|done| done.to_string()));
    view!(app.rule("/me").decorate(login_required), sync, wait => {
        let before = wait!(current_user())?.get_id();
        let flashed = get_flashed_messages().into_iter().map(|(_, message)| message).collect::<Vec<_>>().join(",");
        if flashed.is_empty() {
            wait!(flash(before.clone(), "message"))?;
        }
        assert_eq!(current_app().name(), "test");
        let in_session: String = session().get("_user_id").unwrap();
        format!("{before} {in_session} {} {flashed}", wait!(current_user())?.get_id())
    });
    let kept = app.rule("/kept").decorate(login_required).decorate(cache.cached_by(Duration::from_secs(3_600), user));
    view!(kept, sync, wait => {
        let user = wait!(current_user())?.get_id();
        let runs = current_app().extension::<Runs>()?;
        let run = runs.0[user.parse::<usize>().unwrap()].fetch_add(1, Ordering::Relaxed);
        format!("run {run} for {user}")
    });
    app
}

/// What a user asks for in one round after the other, the text that is due, and what remains of the limit then.
fn request(user: usize, round: usize) -> (String, String, usize) {
    let visit = round.saturating_sub(1) / 3;
    match (round, round % 3) {
        (0, _) => (format!("/in/{user}"), "true".to_owned(), 0),
        (_, 1) => ("/me".to_owned(), format!("{user} {user} {user} "), LIMIT - 2 * visit - 1),
        (_, 2) => ("/me".to_owned(), format!("{user} {user} {user} {user}"), LIMIT - 2 * visit - 2),
        _ => ("/kept".to_owned(), format!("run 0 for {user}"), LIMIT - visit - 1),
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l45_no_user_sees_another_one(
    #[values(true, false)] sync: bool,
    #[values(None, Some(4))] threads: Option<usize>,
) {
    let application = app(sync, threads).build().unwrap();
    let users = (0..100).map(|user| {
        let client = application.test_client();
        async move {
            for round in 0..=9 {
                let (path, text, remaining) = request(user, round);
                let page = client.get(&path).await?;
                assert_eq!(page.text(), text);
                assert!(round == 0 || page.header("x-ratelimit-remaining") == Some(&*remaining.to_string()), "{path}");
            }
            Ok::<_, costrel::Error>(())
        }
    });
    try_join_all(users).await.unwrap();
}

const USERS: usize = 100;
const CONNECTIONS: usize = 8;
const ROUNDS: usize = 100;

/// A connection that is kept, and reads one response after the other.
struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Sends a request with this session, which the response may replace. Returns the body, and what remains of the limit.
    async fn get(&mut self, path: &str, session: &mut String) -> std::io::Result<(String, usize)> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: session={session}\r\n\r\n");
        self.0.write_all(head.as_bytes()).await?;
        let (mut length, mut remaining) = (0, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await?;
            match line.trim_end().split_once(": ") {
                Some(("content-length", number)) => length = number.parse().unwrap(),
                Some(("x-ratelimit-remaining", number)) => remaining = number.parse().unwrap(),
                Some(("set-cookie", cookie)) => {
                    let value = cookie.strip_prefix("session=").unwrap().split(';').next();
                    value.unwrap().clone_into(session);
                }
                Some(_) => {}
                None if line.starts_with("HTTP/1.1 200") => {}
                None if line.trim_end().is_empty() => break,
                None => panic!("{line:?}"),
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok((String::from_utf8_lossy(&body).into_owned(), remaining))
    }
}

/// A hundred users take turns on eight connections of a server, each round on another one.
#[rstest]
#[case::event_loop(true, None)]
#[case::threads(false, Some(4))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l45_no_user_sees_another_one_over_10_000_requests(#[case] sync: bool, #[case] threads: Option<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, application) = (listener.local_addr().unwrap(), app(sync, threads).build().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move { application.serve(listener, async { drop(stopped.await) }).await });
    let sessions: Arc<Vec<_>> = Arc::new((0..USERS).map(|_| Mutex::new(String::new())).collect());
    let barrier = Arc::new(Barrier::new(CONNECTIONS));
    let clients = (0..CONNECTIONS).map(|number| {
        let (sessions, barrier) = (sessions.clone(), barrier.clone());
        tokio::spawn(async move {
            let mut connection = Connection(BufReader::new(TcpStream::connect(address).await.unwrap()));
            for round in 0..ROUNDS {
                for user in (0..USERS).filter(|user| (user + round) % CONNECTIONS == number) {
                    let mut session = sessions[user].lock().await;
                    let (path, text, remaining) = request(user, round);
                    let page = connection.get(&path, &mut session).await.unwrap();
                    assert_eq!(page.0, text);
                    assert!(round == 0 || page.1 == remaining, "{path} {user}: {} for {remaining}", page.1);
                }
                // The next round is on other connections.
                barrier.wait().await;
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        tokio::time::timeout(Duration::from_secs(120), client).await.unwrap().unwrap();
    }
    drop(stop);
    server.await.unwrap().unwrap();
}
