//! Many users at once.

use std::sync::Arc;
use std::time::Duration;

use costrel::{App, current_app, flash, get_flashed_messages, session};
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

/// An app in which a user's page shows the user, three times, and the message that the page before has flashed.
fn app(sync: bool, threads: Option<usize>) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("secret".into());
    app.config.threads = threads;
    app.init(Login::new().user_loader(async |id: String| {
        tokio::task::yield_now().await;
        Some(Numbered(id))
    }))
    .unwrap();
    app.route("/in/<id>", async |id: String| login_user(Numbered(id)).await.map(|done| done.to_string()));
    view!(app.rule("/me").decorate(login_required), sync, wait => {
        let before = wait!(current_user())?.get_id();
        let flashed = get_flashed_messages().into_iter().map(|(_, message)| message).collect::<Vec<_>>().join(",");
        wait!(flash(before.clone(), "message"))?;
        assert_eq!(current_app().name(), "test");
        let in_session: String = session().get("_user_id").unwrap();
        format!("{before} {in_session} {} {flashed}", wait!(current_user())?.get_id())
    });
    app
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
            client.get(&format!("/in/{user}")).await?;
            assert_eq!(client.get("/me").await?.text(), format!("{user} {user} {user} "));
            for _ in 0..5 {
                assert_eq!(client.get("/me").await?.text(), format!("{user} {user} {user} {user}"));
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
    /// Sends a request with this session, which the response may replace. Returns the body.
    async fn get(&mut self, path: &str, session: &mut String) -> std::io::Result<String> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: session={session}\r\n\r\n");
        self.0.write_all(head.as_bytes()).await?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await?;
            match line.trim_end().split_once(": ") {
                Some(("content-length", number)) => length = number.parse().unwrap(),
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
        Ok(String::from_utf8_lossy(&body).into_owned())
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
                    let (path, wanted) = match round {
                        0 => (format!("/in/{user}"), "true".to_owned()),
                        1 => ("/me".to_owned(), format!("{user} {user} {user} ")),
                        _ => ("/me".to_owned(), format!("{user} {user} {user} {user}")),
                    };
                    assert_eq!(connection.get(&path, &mut session).await.unwrap(), wanted);
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
