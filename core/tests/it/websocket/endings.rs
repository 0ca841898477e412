//! The ends of WebSocket conversations: by the handler, the client, a limit and the server.

use std::sync::Arc;
use std::time::Duration;

use costrel::{App, Bytes, Error, Response, websocket};
use futures_util::{SinkExt, StreamExt};
use rstest::rstest;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::conversations::{echo_async, echo_sync};
use crate::support::{notes::Notes, server::Server, waiting::in_time};

#[rstest]
#[case::end("end", 1000)]
#[case::error("error", 1011)]
#[case::panic("panic", 1011)]
#[case::own("own", 4001)]
#[case::twice("twice", 4001)]
#[case::wrong("wrong", 1011)]
fn the_close_code_says_how_it_ended(#[case] how: &'static str, #[case] code: u16, #[values(true, false)] sync: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let noting = notes.clone();
    let end = move |notes: Notes| async move {
        websocket().send("last words").await?;
        match how {
            "error" => Err(Error::from_boxed("broken".into())),
            "panic" => panic!("broken"),
            "own" => websocket().close(4001, "enough").await,
            "twice" => {
                websocket().close(4001, "enough").await?;
                notes.note(websocket().close(4002, "enough").await.unwrap_err().message());
                notes.note(websocket().send("more").await.unwrap_err().message());
                Ok(())
            }
            "wrong" => websocket().close(1005, "").await,
            _ => Ok::<(), Error>(()),
        }
    };
    if sync {
        app.websocket("/", move || costrel::async_to_sync(end)(noting.clone())?);
    } else {
        app.websocket("/", move || end(noting.clone()));
    }
    let socket = app.test_client().websocket("/").wait().unwrap();
    assert_eq!(socket.receive().wait().unwrap().text(), Some("last words"));
    assert_eq!(socket.closed().wait().unwrap(), Some(code));
    if how == "twice" {
        assert_eq!(notes.wait_for(2)[0], "Cannot close websocket multiple times.");
    }
}

/// When the client disconnects, the handler is dropped where it waits, and teardown runs. Earlier messages are
/// not lost.
#[rstest]
fn a_client_that_goes_ends_the_handler(#[values(true, false)] sync: bool, #[values(true, false)] says_so: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let (in_view, in_teardown) = (notes.clone(), notes.clone());
    app.teardown_websocket(move |error: Option<Error>| {
        in_teardown.note(format!("teardown {:?}", error.map(|error| error.kind())));
    });
    let listen = |notes: Notes| async move {
        let _over = notes.on_drop("over");
        loop {
            match websocket().receive().await {
                Ok(message) => notes.note(message.text().unwrap_or_default()),
                Err(error) => return Err::<(), Error>(error),
            }
        }
    };
    if sync {
        app.websocket("/", move || costrel::async_to_sync(listen)(in_view.clone())?);
    } else {
        app.websocket("/", move || listen(in_view.clone()));
    }
    let client = app.test_client();
    let socket = client.websocket("/").wait().unwrap();
    (0..3).for_each(|n| socket.send(format!("message {n}")).wait().unwrap());
    if says_so {
        socket.close(1001, "").wait().unwrap();
    }
    drop(socket);
    let noted = notes.wait_for(5);
    assert_eq!(noted[..4], ["message 0", "message 1", "message 2", "over"]);
    assert!(noted[4].starts_with("teardown"), "{noted:?}");
}

/// A client that goes ends the handler in one way, whether messages are left to read or not: it has no result, so that
/// `after_websocket` does not run.
#[rstest]
fn a_conversation_whose_client_goes_has_no_result(
    #[values(true, false)] sync: bool,
    #[values(0, 2)] unread: usize,
    #[values(true, false)] sends: bool,
) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (in_hook, in_teardown, in_view, opened) = (notes.clone(), notes.clone(), notes.clone(), gate.clone());
    app.after_websocket(move |response: Response| {
        in_hook.note("after");
        response
    });
    app.teardown_websocket(move || in_teardown.note("teardown"));
    let listen = move |()| {
        let (notes, gate) = (in_view.clone(), opened.clone());
        async move {
            websocket().accept();
            notes.note("accepted");
            drop(gate.acquire().await);
            loop {
                if sends {
                    websocket().send("?").await?;
                } else {
                    websocket().receive().await?;
                }
            }
            #[allow(unreachable_code, reason = "names the type of the error")]
            Ok::<(), Error>(())
        }
    };
    if sync {
        app.websocket("/", move || costrel::async_to_sync(&listen)(())?);
    } else {
        app.websocket("/", move || listen(()));
    }
    let socket = app.test_client().websocket("/").wait().unwrap();
    (0..unread).for_each(|n| socket.send(n.to_string()).wait().unwrap());
    notes.wait_for(1);
    drop(socket);
    gate.add_permits(1);
    assert_eq!(notes.wait_for(2), ["accepted", "teardown"]);
}

/// A task that outlives the conversation gets an error where it waits for a message.
#[rstest]
fn a_task_that_outlives_its_conversation_gets_an_error(#[values(true, false)] accepts: bool) {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let in_view = notes.clone();
    app.websocket("/", move || {
        let (socket, notes) = (websocket(), in_view.clone());
        if accepts {
            socket.accept();
        }
        tokio::spawn(async move { notes.note(format!("{:?}", socket.receive().await.unwrap_err().kind())) });
        async {}
    });
    let client = app.test_client();
    drop(client.websocket("/").wait().unwrap());
    assert_eq!(notes.wait_for(1), ["Cancelled"]);
}

/// A handler that never reads is dropped too.
#[test]
fn a_client_that_goes_ends_a_handler_that_only_waits() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    let in_view = notes.clone();
    app.websocket("/", move || {
        let over = in_view.on_drop("over");
        async move {
            let _over = over;
            websocket().accept();
            std::future::pending::<()>().await;
        }
    });
    let client = app.test_client();
    drop(client.websocket("/").wait().unwrap());
    assert_eq!(notes.wait_for(1), ["over"]);
}

#[test]
fn a_message_that_is_too_long_closes_with_1009() {
    let mut app = App::new("test");
    app.config.server.websocket_max_message_size = 10;
    app.websocket("/", echo_async);
    let socket = app.test_client().websocket("/").wait().unwrap();
    socket.send("0123456789").wait().unwrap();
    assert_eq!(socket.receive().wait().unwrap().text(), Some("0123456789"));
    socket.send("01234567890").wait().unwrap();
    assert_eq!(socket.closed().wait().unwrap(), Some(1009));
}

/// Pings detect a client that has disappeared without a close frame.
#[test]
fn a_client_that_answers_no_ping_is_gone() {
    let (mut app, notes) = (App::new("test"), Notes::default());
    app.config.server.websocket_ping_interval = Some(Duration::from_millis(5));
    let in_view = notes.clone();
    app.websocket("/", move || {
        let over = in_view.on_drop("over");
        async move {
            let _over = over;
            websocket().receive().await.map(drop)
        }
    });
    // The client reads nothing, so it answers no ping.
    let socket = app.test_client().websocket("/").wait().unwrap();
    assert_eq!(notes.wait_for(1), ["over"]);
    drop(socket);
}

/// A third-party client is served over a socket, and gets a close frame when the server stops.
#[rstest]
fn a_real_client_is_served_and_gets_a_close_frame_when_the_server_stops(#[values("/sync", "/async")] path: &str) {
    let mut app = App::new("test");
    app.websocket("/sync", echo_sync).websocket("/async", echo_async);
    let mut server = Server::start(app);
    let event_loop = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (url, address) = (format!("ws://localhost{path}"), server.address);
    let mut socket = event_loop.block_on(in_time(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut socket, response) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        assert_eq!(response.status().as_u16(), 101);
        socket.send(Frame::binary(Bytes::from_static(b"bytes"))).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Frame::binary(Bytes::from_static(b"bytes")));
        socket.send(Frame::Ping(Bytes::from_static(b"?"))).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Frame::Pong(Bytes::from_static(b"?")));
        socket
    }));
    server.begin_to_stop();
    let goodbye = event_loop.block_on(in_time(async {
        let goodbye = socket.next().await.unwrap().unwrap();
        // The client's reply to the close frame is sent with its next read.
        assert!(socket.next().await.is_none());
        goodbye
    }));
    assert!(matches!(goodbye, Frame::Close(Some(frame)) if u16::from(frame.code) == 1001));
    server.end().unwrap();
}
