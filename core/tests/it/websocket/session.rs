//! What a WebSocket's hooks and handler keep for the client: before the handshake is answered, and after.

use std::sync::Arc;

use costrel::{
    App, Error, Request, Response, Session, SessionInterface, Waiting, after_this_request, flash, get_flashed_messages,
    session, testing::TestClient, websocket,
};
use parking_lot::Mutex;
use rstest::rstest;
use serde_json::{Map, Value};

use crate::support::notes::Notes;

fn app() -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("dev".into());
    app.route("/", || session().get::<String>("name").unwrap_or_default());
    app.route("/flashes", || get_flashed_messages().into_iter().map(|(_, text)| text).collect::<String>());
    app
}

/// Adds the handler `f` in either colour.
fn talk<F: Future<Output = Result<(), Error>> + Send + 'static>(
    app: &mut App,
    sync: bool,
    f: impl Fn(()) -> F + Clone + Send + Sync + 'static,
) {
    if sync {
        app.websocket("/talk", move || costrel::async_to_sync(f.clone())(())?);
    } else {
        app.websocket("/talk", move || f(()));
    }
}

fn page(client: &TestClient, path: &str) -> String {
    client.get(path).wait().unwrap().text()
}

#[rstest]
#[case::hook(true)]
#[case::handler(false)]
fn what_is_set_before_the_handshake_goes_with_it(#[case] in_hook: bool, #[values(true, false)] sync: bool) {
    let mut app = app();
    let keep = async || {
        session().set("name", "ada")?;
        flash("welcome", "message").await?;
        after_this_request(|mut response: Response| {
            assert_eq!(response.status(), 101);
            response.headers_mut().insert("x-after", "1".parse().unwrap());
            response
        });
        Ok::<(), Error>(())
    };
    if in_hook && sync {
        app.before_websocket(move || costrel::async_to_sync(move |()| keep())(())?);
    } else if in_hook {
        app.before_websocket(keep);
    }
    talk(&mut app, sync, move |()| async move {
        if !in_hook {
            keep().await?;
        }
        websocket().send("hello").await
    });
    let client = app.test_client();
    let socket = client.websocket("/talk").wait().unwrap();
    assert_eq!((socket.status().as_u16(), socket.header("x-after")), (101, Some("1")));
    assert!(socket.header("set-cookie").unwrap().starts_with("session="));
    assert_eq!(socket.receive().wait().unwrap().text(), Some("hello"));
    assert_eq!(socket.closed().wait().unwrap(), Some(1000));
    assert_eq!((page(&client, "/"), page(&client, "/flashes")), ("ada".into(), "welcome".into()));
}

#[rstest]
#[case::accepted("accept")]
#[case::received("receive")]
#[case::sent("send")]
fn what_is_set_after_the_handshake_is_an_error_with_the_remedy(
    #[case] how: &'static str,
    #[values(true, false)] sync: bool,
) {
    let (mut app, notes) = (app(), Notes::default());
    let in_view = notes.clone();
    talk(&mut app, sync, move |()| {
        let notes = in_view.clone();
        async move {
            session().set("name", "before")?;
            match how {
                "accept" => websocket().accept(),
                "receive" => drop(websocket().receive().await?),
                _ => websocket().send("hello").await?,
            }
            notes.note(session().set("name", "after").unwrap_err().message());
            notes.note(flash("late", "message").await.unwrap_err().message());
            notes.note(session().get::<String>("name").unwrap());
            session().clear();
            assert_eq!(session().remove("name"), None);
            after_this_request(|response: Response| response);
            Ok(())
        }
    });
    let client = app.test_client();
    let socket = client.websocket("/talk").wait().unwrap();
    socket.send("go on").wait().unwrap();
    let noted = notes.wait_for(3);
    for message in &noted[..2] {
        assert!(message.contains("so can a WebSocket once it is accepted"), "{message}");
    }
    assert_eq!(noted[2], "before");
    if how == "send" {
        socket.receive().wait().unwrap();
    }
    // `after_this_request` panics, because its function would never run.
    assert_eq!(socket.closed().wait().unwrap(), Some(1011));
    assert_eq!(page(&client, "/"), "before");
}

/// A session that nothing touches costs the handshake no cookie.
#[rstest]
fn a_handshake_without_a_session_has_no_cookie(#[values(true, false)] sync: bool) {
    let mut app = app();
    talk(&mut app, sync, |()| async { websocket().send("hello").await });
    let socket = app.test_client().websocket("/talk").wait().unwrap();
    assert_eq!((socket.header("set-cookie"), socket.header("vary")), (None, None));
}

#[rstest]
fn a_function_that_fails_refuses_the_handshake(#[values(true, false)] sync: bool) {
    let (mut app, notes) = (app(), Notes::default());
    let (in_view, in_teardown) = (notes.clone(), notes.clone());
    app.teardown_websocket(move || in_teardown.note("teardown"));
    talk(&mut app, sync, move |()| {
        let notes = in_view.clone();
        async move {
            after_this_request(|_: Response| -> Result<Response, Error> { Err(Error::from_boxed("broken".into())) });
            let _over = notes.on_drop("over");
            websocket().receive().await.map(drop)
        }
    });
    assert_eq!(app.test_client().websocket("/talk").wait().unwrap().status(), 500);
    assert_eq!(notes.wait_for(2), ["over", "teardown"]);
}

/// A store on the server. It counts how often it saves, and names the client in a cookie.
#[derive(Clone, Default)]
struct Store {
    data: Arc<Mutex<Map<String, Value>>>,
    saved: Notes,
    without_response: bool,
}

impl SessionInterface for Store {
    fn open_session(&self, _: Request) -> Waiting<Map<String, Value>> {
        Waiting::ready(Ok(self.data.lock().clone()))
    }

    fn save_session(&self, session: Session, mut response: Response) -> Waiting<Response> {
        if session.is_modified() {
            *self.data.lock() = session.data();
            self.saved.note(session.get::<String>("name").unwrap_or_default());
            response.headers_mut().insert("set-cookie", "id=1".parse().unwrap());
        }
        Waiting::ready(Ok(response))
    }

    fn saves_without_response(&self) -> bool {
        self.without_response
    }
}

#[rstest]
#[case::can(true, &["before", "after"])]
#[case::cannot(false, &["before"])]
fn a_store_that_can_saves_what_comes_later(
    #[case] without_response: bool,
    #[case] saved: &[&str],
    #[values(true, false)] sync: bool,
) {
    let (mut app, notes) = (app(), Notes::default());
    let store = Store { without_response, ..Store::default() };
    app.set_session_interface(store.clone());
    let in_teardown = notes.clone();
    app.teardown_websocket(move || in_teardown.note("teardown"));
    talk(&mut app, sync, move |()| async move {
        session().set("name", "before")?;
        // The client answers when it has the response to the handshake.
        websocket().receive().await?;
        assert_eq!(session().set("name", "after").is_ok(), without_response);
        Ok(())
    });
    let socket = app.test_client().websocket("/talk").wait().unwrap();
    assert_eq!(socket.header("set-cookie"), Some("id=1"));
    socket.send("go on").wait().unwrap();
    assert_eq!(socket.closed().wait().unwrap(), Some(1000));
    notes.wait_for(1);
    assert_eq!(store.saved.all(), saved);
}
