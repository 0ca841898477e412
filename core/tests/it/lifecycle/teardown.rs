//! Teardown, which runs at the end of every request, whatever its outcome.

use std::sync::Arc;

use costrel::{App, Error, copy_current_request_context, copy_current_request_context_sync, create_task, g};
use rstest::rstest;
use tokio::runtime::Builder;
use tokio::sync::{Notify, Semaphore};

use crate::support::notes::Notes;
use crate::support::trace::Trace;
use crate::support::waiting::{in_time, receive};

/// A socket, which belongs to its event loop, is opened in a hook and used in the view and in teardown. In Flask
/// each of them has its own loop.
#[rstest]
fn a_socket_opened_in_a_hook_is_good_in_the_view_and_at_the_end(#[values(true, false)] sync_view: bool) {
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    type Socket = Arc<tokio::sync::Mutex<TcpStream>>;
    async fn ask(text: &str) -> Result<String, Error> {
        let socket = g().get::<Socket>("socket").ok_or_else(|| Error::status(500))?;
        let mut socket = socket.lock().await;
        socket.write_all(text.as_bytes()).await?;
        let mut answer = vec![0; text.len()];
        socket.read_exact(&mut answer).await?;
        Ok(String::from_utf8(answer)?)
    }
    let (tell, told) = std::sync::mpsc::channel();
    let mut app = App::new("test");
    app.before_request(async || {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let stream = TcpStream::connect(listener.local_addr()?).await?;
        tokio::spawn(async move {
            let (peer, _) = listener.accept().await?;
            let (mut from, mut to) = peer.into_split();
            tokio::io::copy(&mut from, &mut to).await
        });
        g().set("socket", Arc::new(tokio::sync::Mutex::new(stream)));
        Ok::<(), Error>(())
    });
    app.teardown_request(move || {
        let tell = tell.clone();
        async move { tell.send(ask("over").await).map_err(|_| Error::status(500)) }
    });
    if sync_view {
        app.route("/", || costrel::async_to_sync(ask)("view")?);
    } else {
        app.route("/", async || ask("view").await);
    }
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "view");
    assert_eq!(receive(&told).unwrap(), "over");
}

/// A client that disconnects during teardown does not cancel it.
#[rstest]
#[tokio::test]
async fn teardown_goes_on_when_the_client_leaves_during_it(#[values(true, false)] sync: bool) {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (trace, done) = (Trace::default(), Arc::new(Notify::new()));
    let (mut app, last, told) = (App::new("test"), trace.clone(), done.clone());
    app.teardown_request(move || {
        last.add("last");
        told.notify_one();
    });
    let (inside_begun, inside_gate, first) = (begun.clone(), gate.clone(), trace.clone());
    let slow = move || {
        let (begun, gate, trace) = (inside_begun.clone(), inside_gate.clone(), first.clone());
        async move {
            begun.add_permits(1);
            gate.acquire().await.unwrap().forget();
            trace.add("slow");
        }
    };
    if sync {
        app.teardown_request(move || drop(costrel::async_to_sync(|()| slow())(())));
    } else {
        app.teardown_request(slow);
    }
    app.route("/", async || "x");
    let leaving = tokio::spawn(app.test_client().get("/").into_future());
    in_time(begun.acquire()).await.unwrap().forget();
    leaving.abort();
    gate.add_permits(1);
    in_time(done.notified()).await;
    assert_eq!(trace.take(), "slow last");
}

/// A request whose event loop is shut down is torn down too, once.
#[rstest]
fn teardown_runs_when_the_loop_is_shut_down(#[values(true, false)] multi_thread: bool) {
    let (begun, (tell, told)) = (Arc::new(Notify::new()), std::sync::mpsc::channel());
    let (mut app, inside) = (App::new("test"), begun.clone());
    app.route("/", move || {
        inside.notify_one();
        std::future::pending::<&str>()
    });
    app.teardown_request(move || {
        let tell = tell.clone();
        async move { tell.send("teardown").unwrap() }
    });
    let client = app.test_client();
    let mut builder = if multi_thread { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    let event_loop = builder.enable_all().build().unwrap();
    event_loop.block_on(in_time(async {
        tokio::spawn(client.get("/").into_future());
        begun.notified().await;
    }));
    drop(event_loop);
    assert_eq!(receive(&told), "teardown");
    assert!(told.try_recv().is_err(), "once");
}

/// Code beside a request keeps a connection on the `g` of its own context, and it is torn down at the end of that context: once,
/// beside the request's own.
#[rstest]
#[case::copied(Beside::Copied, "view's task's")]
#[case::copied_sync(Beside::CopiedSync, "view's task's")]
#[case::task(Beside::Task, "view's task's")]
#[case::failing(Beside::Failing, "view's task's(broken)")]
#[case::panicking(Beside::Panicking, "view's task's(panicked)")]
#[case::cancelled(Beside::Cancelled, "view's task's(cancelled)")]
#[case::background(Beside::Background, "view's task's")]
#[case::never_run(Beside::NeverRun, "view's")]
fn what_is_on_a_copied_g_is_torn_down(
    #[case] beside: Beside,
    #[case] expected: &str,
    #[values(true, false)] sync_hook: bool,
    #[values(None, Some(1))] threads: Option<usize>,
) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.threads = threads;
    let closing = notes.clone();
    let close = move |error: Option<Error>| {
        let why = error.map(|error| format!("({})", error.message().split(':').next().unwrap_or_default()));
        if let Some(connection) = g().get::<String>("connection") {
            closing.note(connection + &why.unwrap_or_default());
        }
    };
    if sync_hook {
        app.teardown_appcontext(close);
    } else {
        app.teardown_appcontext(move |error| {
            close(error);
            std::future::ready(())
        });
    }
    let requests = notes.clone();
    app.teardown_request(move || requests.note("request"));
    app.route("/", move || async move {
        g().set("connection", "view's".to_owned());
        beside.run().await;
        "done"
    });
    let client = app.test_client();
    assert_eq!(client.get("/").wait().unwrap().text(), "done");
    let wanted: std::collections::BTreeSet<_> = expected.split(' ').chain(["request"]).map(str::to_owned).collect();
    let seen = notes.wait_for(wanted.len());
    assert_eq!((seen.len(), seen.into_iter().collect()), (wanted.len(), wanted));
}

/// Code that a view starts beside itself.
#[derive(Clone, Copy)]
enum Beside {
    Copied,
    CopiedSync,
    Task,
    Failing,
    Panicking,
    Cancelled,
    Background,
    NeverRun,
}

impl Beside {
    async fn run(self) {
        let connect = || g().set("connection", "task's".to_owned());
        match self {
            Self::Copied => tokio::spawn(copy_current_request_context(async move { connect() })).await.unwrap(),
            Self::CopiedSync => {
                let on_a_thread = copy_current_request_context_sync(connect);
                tokio::task::spawn_blocking(|| std::thread::spawn(on_a_thread).join()).await.unwrap().unwrap();
            }
            Self::Task => {
                let task = create_task(async move {
                    connect();
                    Ok::<_, Error>(())
                });
                task.await.unwrap();
            }
            Self::Failing => {
                let failing = create_task(async move {
                    connect();
                    Err::<(), _>(std::io::Error::other("broken"))
                });
                assert_eq!(failing.await.unwrap_err().message(), "broken");
            }
            Self::Panicking => {
                let panicking = copy_current_request_context(async move {
                    connect();
                    panic!("as it should");
                });
                assert!(tokio::spawn(panicking).await.is_err_and(|error| error.is_panic()));
            }
            Self::Cancelled => {
                let (begun, has_begun) = tokio::sync::oneshot::channel();
                let task = create_task(async move {
                    connect();
                    let _ = begun.send(());
                    std::future::pending::<Result<(), Error>>().await
                });
                has_begun.await.unwrap();
                task.cancel();
                assert_eq!(task.await.unwrap_err().kind(), costrel::ErrorKind::Cancelled);
            }
            Self::Background => {
                let (tell, told) = tokio::sync::oneshot::channel();
                costrel::current_app().add_background_task(async move || {
                    connect();
                    let _ = tell.send(());
                });
                told.await.unwrap();
            }
            Self::NeverRun => drop(copy_current_request_context(async move { connect() })),
        }
    }
}
