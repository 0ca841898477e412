//! Sessions that are opened when code looks at them, and saved after their response has left.

use std::sync::Arc;
use std::time::Duration;

use costrel::{
    App, Body, Error, IntoResponse, IntoView, Request, Response, Session, SessionInterface, View, Waiting, session,
    stream_with_context,
};
use futures_util::{future::join, stream};
use parking_lot::Mutex;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::notes::Notes;

/// A store of one session, of either colour, that notes what it is asked.
#[derive(Clone, Default)]
struct Store {
    sync: bool,
    fails: bool,
    is_for_new_clients: bool,
    asked: Notes,
    seen: Arc<Mutex<usize>>,
    data: Arc<Mutex<Map<String, Value>>>,
}

impl Store {
    fn note(&self, what: &str) {
        self.asked.note(what);
    }

    /// Returns what it was asked since the last time.
    fn asked(&self) -> Vec<String> {
        let all = self.asked.all();
        let seen = std::mem::replace(&mut *self.seen.lock(), all.len());
        all[seen..].to_vec()
    }

    fn run<T: Send + 'static>(&self, f: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Waiting<T> {
        if self.sync {
            return Waiting::from_sync(f);
        }
        Waiting::new(async move {
            // Once, so that a wait for it is a real one.
            tokio::task::yield_now().await;
            f()
        })
    }
}

impl SessionInterface for Store {
    fn open_session(&self, _: Request) -> Waiting<Map<String, Value>> {
        let store = self.clone();
        *session().note::<Mutex<u32>>().lock() += 1;
        self.run(move || {
            store.note("open");
            if store.fails { Err(Error::status(503)) } else { Ok(store.data.lock().clone()) }
        })
    }

    fn save_session(&self, session: Session, response: Response) -> Waiting<Response> {
        let store = self.clone();
        self.run(move || {
            assert_eq!(*session.note::<Mutex<u32>>().lock(), 1, "the note is the one of this session");
            if session.is_modified() {
                store.note(if session.wants_new_id() { "save anew" } else { "save" });
                let (changes, data) = (session.changes(), session.data());
                session.note_saved(changes, data.clone());
                *store.data.lock() = data;
            }
            Ok(response)
        })
    }

    fn opens_when_looked_at(&self) -> bool {
        true
    }

    fn saves_without_response(&self) -> bool {
        true
    }

    fn is_known_to_client(&self, _: &Session) -> bool {
        !self.is_for_new_clients
    }
}

/// Builds a view of the given colour.
fn view<R: IntoResponse + Send + 'static>(sync: bool, f: impl Fn() -> R + Clone + Send + Sync + 'static) -> View
where
    Result<Response, Error>: IntoResponse,
{
    let f = move || f().into_response();
    if sync { f.into_view() } else { (move || std::future::ready(f())).into_view() }
}

fn app(store: &Store) -> App {
    let mut app = App::new("test");
    app.set_session_interface(store.clone());
    app
}

fn read() -> String {
    session().get("name").unwrap_or_default()
}

#[rstest]
fn only_a_request_that_looks_at_its_session_opens_it(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_store: bool,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let store = Store { sync: sync_store, ..Store::default() };
    store.data.lock().insert("name".into(), json!("ada"));
    let mut app = app(&store);
    app.config.threads = threads;
    app.rule("/untouched").view(view(sync, || "untouched"));
    app.rule("/twice").view(view(sync, || format!("{} {}", read(), read())));
    app.rule("/write").view(view(sync, || session().set("name", "bob").map(|()| "written")));
    let client = app.test_client();
    let get = |path: &str| client.get(path).wait().unwrap().text();
    for _ in 0..3 {
        assert_eq!(get("/untouched"), "untouched");
        assert!(store.asked().is_empty());
        assert_eq!(get("/twice"), "ada ada");
        assert_eq!(store.asked(), ["open"]);
    }
    get("/write");
    assert_eq!(store.asked(), ["open", "save"]);
    assert_eq!(get("/twice"), "bob bob");
}

/// A view whose async code has looked at a session that was not open gets it open from then on.
#[test]
fn a_session_is_open_before_an_async_view_that_is_known_to_look() {
    let store = Store::default();
    let mut app = app(&store);
    // A request that holds a thread may wait there.
    app.config.threads = None;
    let (hook, in_view) = (store.clone(), store.clone());
    app.before_request(move || hook.note("hook"));
    app.rule("/").view(view(false, move || {
        in_view.note("view");
        read()
    }));
    let client = app.test_client();
    client.get("/").wait().unwrap();
    assert_eq!(store.asked(), ["hook", "view", "open"]);
    client.get("/").wait().unwrap();
    assert_eq!(store.asked(), ["open", "hook", "view"]);
}

#[test]
fn async_code_can_open_the_session_by_itself() {
    let store = Store::default();
    let mut app = app(&store);
    app.route("/", async || {
        session().load().await?;
        Ok::<_, Error>(read())
    });
    app.route("/sync", || session().load().wait().map(|()| read()));
    let client = app.test_client();
    for path in ["/", "/", "/sync"] {
        client.get(path).wait().unwrap();
        assert_eq!(store.asked(), ["open"], "{path}");
    }
}

/// An event loop of one thread alone cannot wait in the middle of async code.
#[rstest]
#[tokio::test]
async fn an_event_loop_of_one_thread_opens_it_beforehand(#[values(true, false)] sync: bool) {
    let store = Store::default();
    store.data.lock().insert("name".into(), json!("ada"));
    let mut app = app(&store);
    app.rule("/").view(view(sync, read));
    let client = app.test_client();
    assert_eq!(client.get("/").await.unwrap().text(), "ada");
    assert_eq!(store.asked(), ["open"]);
}

#[rstest]
fn a_session_that_cannot_be_opened_fails_the_requests_that_look(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_store: bool,
) {
    let store = Store { sync: sync_store, fails: true, ..Store::default() };
    let mut app = app(&store);
    app.rule("/untouched").view(view(sync, || "untouched"));
    app.rule("/read").view(view(sync, read));
    app.rule("/write").view(view(sync, || {
        let error = session().set("name", "bob").unwrap_err();
        assert!(error.message().contains("could not be opened"), "{}", error.message());
        "written"
    }));
    app.config.testing = false;
    let client = app.test_client();
    let status = |path: &str| client.get(path).wait().unwrap().status().as_u16();
    assert_eq!([status("/untouched"), status("/read"), status("/read"), status("/write")], [200, 503, 503, 503]);
    assert_eq!(store.asked(), ["open"; 3], "each once, and nothing is saved");
}

/// A body that changes the session, from an iterator or a stream.
fn late(iterator: bool, change: fn() -> String) -> Body {
    if iterator {
        return stream_with_context(Body::from_iterator((0..1).map(move |_| Ok::<_, Error>(change()))));
    }
    stream_with_context(Body::from_stream(stream::unfold(true, move |first| async move {
        first.then(|| (Ok::<_, Error>(change()), false))
    })))
}

#[rstest]
fn a_change_in_a_streamed_body_is_saved_when_the_body_is_over(
    #[values(true, false)] sync: bool,
    #[values(true, false)] iterator: bool,
    #[values(true, false)] teardown: bool,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let store = Store::default();
    let mut app = app(&store);
    app.config.threads = threads;
    if teardown {
        let store = store.clone();
        app.teardown_request(move || store.note("teardown"));
    }
    app.rule("/").view(view(sync, move || {
        late(iterator, || {
            let changed = session().set("name", "late").is_ok();
            format!("{changed} {}", session().regenerate().is_err())
        })
    }));
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "true true");
    let mut due = vec!["open", "save"];
    due.extend(teardown.then_some("teardown"));
    assert_eq!(store.asked.wait_for(due.len()), due);
}

#[rstest]
fn a_change_in_a_streamed_body_is_an_error_if_the_client_has_no_id(
    #[values(true, false)] sync: bool,
    #[values(true, false)] iterator: bool,
) {
    let store = Store { is_for_new_clients: true, ..Store::default() };
    let mut app = app(&store);
    app.rule("/")
        .view(view(sync, move || late(iterator, || session().set("name", "late").unwrap_err().message().to_owned())));
    let text = app.test_client().get("/").wait().unwrap().text();
    assert!(text.contains("the head of the response has left already"), "{text}");
    assert!(!store.asked().contains(&"save".to_owned()));
}

/// A handle that has left its request cannot open the session, and says so.
#[rstest]
fn a_session_cannot_be_opened_outside_its_request(#[values(true, false)] sync: bool) {
    let store = Store::default();
    let mut app = app(&store);
    app.rule("/").view(view(sync, || {
        let session = session();
        let (changed, opened) =
            std::thread::spawn(move || (session.set("n", 1), session.load().wait())).join().unwrap();
        format!("{} {}", changed.is_err(), opened.is_err())
    }));
    app.config.testing = false;
    let response = app.test_client().get("/").wait().unwrap();
    assert_eq!(response.status(), 500);
    assert!(store.asked().is_empty());
}

#[rstest]
fn a_new_id_is_asked_for_once(#[values(true, false)] sync: bool) {
    let store = Store::default();
    let mut app = app(&store);
    app.rule("/").view(view(sync, || {
        session().regenerate()?; // of nothing
        session().set("name", "ada")?;
        session().regenerate().map(|()| "renewed")
    }));
    let client = app.test_client();
    client.get("/").wait().unwrap();
    assert_eq!(store.asked(), ["open", "save anew"]);
}

/// What is put into a session that was cleared goes under the new id that was asked for before.
#[rstest]
fn a_session_that_is_cleared_gets_its_new_id(#[values(true, false)] sync: bool) {
    let store = Store::default();
    store.data.lock().insert("name".into(), json!("ada"));
    let mut app = app(&store);
    app.rule("/").view(view(sync, || {
        session().clear();
        session().regenerate()?;
        session().set("name", "bob").map(|()| "renewed")
    }));
    app.test_client().get("/").wait().unwrap();
    assert_eq!(store.asked(), ["open", "save anew"]);
}

/// A look that blocks the thread of a load that is under way opens the session in its place.
#[rstest]
fn a_look_beside_a_load_does_not_wait_for_it(
    #[values(true, false)] sync_store: bool,
    #[values(None, Some(2))] threads: Option<usize>,
) {
    let store = Store { sync: sync_store, ..Store::default() };
    store.data.lock().insert("name".into(), json!("ada"));
    let mut app = app(&store);
    app.config.threads = threads;
    app.route("/", async || {
        let (loaded, name) = join(session().load(), async { read() }).await;
        loaded.map(|()| name)
    });
    let client = app.test_client();
    let (answered, answer) = std::sync::mpsc::channel();
    std::thread::spawn(move || answered.send(client.get("/").wait().unwrap().text()));
    assert_eq!(answer.recv_timeout(Duration::from_secs(5)).unwrap(), "ada");
    assert_eq!(store.asked(), ["open"]);
}

#[rstest]
#[case::set(|| session().set("mine", 2).unwrap(), json!({"mine": 2, "other": 1, "kept": 1}))]
#[case::removed(|| drop(session().remove("kept")), json!({"other": 1}))]
#[case::both(|| { session().set("kept", 3).unwrap(); session().remove("kept"); }, json!({"other": 1}))]
#[case::read_only(|| assert!(session().contains("kept")), json!({"other": 1, "kept": 1}))]
#[case::cleared(|| { session().clear(); session().set("mine", 2).unwrap(); }, json!({"mine": 2}))]
fn changes_of_two_requests_are_put_together(#[case] change: fn(), #[case] due: Value) {
    let store = Store::default();
    store.data.lock().insert("kept".into(), json!(1));
    let mut app = app(&store);
    app.route("/", move || {
        change();
        let other = json!({"kept": 1, "other": 1}).as_object().cloned().unwrap_or_default();
        Value::Object(session().merged_into(other)).to_string()
    });
    let text = app.test_client().get("/").wait().unwrap().text();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), due);
}
