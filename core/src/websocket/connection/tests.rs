//! Tests of the frame loop without a handler, on tokio's paused clock.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use http::HeaderMap;
use rstest::rstest;
use tokio::io::{DuplexStream, duplex};

use super::*;

const PING_INTERVAL: Duration = Duration::from_secs(20);

const LARGEST: usize = 1_000;

/// A conversation without its handler: both ends, and the signals that the handler has finished or the server stops.
struct Talk {
    socket: WebSocket,
    client: WebSocketStream<DuplexStream>,
    finish: oneshot::Sender<u16>,
    stopping: CancellationToken,
}

async fn talk() -> (Talk, BoxFuture<'static, ()>) {
    let (client, server) = duplex(1 << 16);
    let (socket, channels) = WebSocket::new(&HeaderMap::new());
    let server = Transport::new(Box::new(server), None);
    let server = WebSocketStream::from_raw_socket(server, Role::Server, None).await;
    let client = WebSocketStream::from_raw_socket(client, Role::Client, None).await;
    let (finish, finished) = oneshot::channel();
    let stopping = CancellationToken::new();
    let settings = ServerConfig {
        websocket_ping_interval: Some(PING_INTERVAL),
        websocket_max_message_size: LARGEST,
        ..ServerConfig::default()
    };
    let run = FrameLoop::new(server, None, channels, socket.clone(), &settings).run(finished, stopping.clone());
    (Talk { socket, client, finish, stopping }, Box::pin(run))
}

/// Returns the seconds that `run` takes beside `other`, which never ends; 600 means that `run` did not end.
async fn seconds(run: impl Future<Output = ()>, other: impl Future<Output = ()>) -> u64 {
    let began = Instant::now();
    tokio::select! {
        () = run => {}
        () = other => unreachable!("`other` never ends"),
        () = time::sleep(Duration::from_secs(600)) => {}
    }
    began.elapsed().as_secs()
}

async fn send_now_and_then(socket: WebSocket) {
    loop {
        time::sleep(Duration::from_secs(5)).await;
        let _ = socket.send("tick").await;
    }
}

#[rstest]
#[case::that_reads(true, 600)]
#[case::that_is_gone(false, 40)]
#[tokio::test(start_paused = true)]
async fn a_client_that_is_sent_to_must_answer_pings_too(#[case] reads: bool, #[case] until: u64) {
    let (mut talk, run) = talk().await;
    let reading = async {
        if reads {
            while let Some(frame) = talk.client.next().await {
                frame.unwrap();
            }
        }
        std::future::pending::<()>().await;
    };
    let both = async { tokio::join!(reading, send_now_and_then(talk.socket)).0 };
    assert_eq!(seconds(run, both).await, until);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_while_its_messages_wait_is_noticed() {
    let (mut talk, run) = talk().await;
    for n in 0..40 {
        talk.client.send(Frame::text(n.to_string())).await.unwrap();
    }
    drop(talk.client);
    // By the first ping, and then the handler has 5 seconds for what is left.
    assert_eq!(seconds(run, std::future::pending()).await, 25);
}

/// The answers to pings leave before more is read, so a client that takes none cannot send on for ever.
#[tokio::test(start_paused = true)]
async fn the_answers_to_pings_do_not_pile_up() {
    let (mut talk, run) = talk().await;
    let pinging = async {
        for _ in 0..10_000 {
            talk.client.send(Frame::Ping(vec![b'.'; 125].into())).await.unwrap();
        }
    };
    assert_eq!(seconds(run, pinging).await, 600);
}

/// Few large messages wait, as many small ones may.
#[rstest]
#[case::large(LARGEST, 1)]
#[case::half(LARGEST / 2, 2)]
#[case::small(1, 16)]
#[tokio::test(start_paused = true)]
async fn what_waits_for_the_handler_has_a_limit_in_bytes(#[case] size: usize, #[case] waiting: usize) {
    let (mut talk, mut run) = talk().await;
    for _ in 0..40 {
        talk.client.send(Frame::binary(vec![0; size])).await.unwrap();
    }
    assert_eq!(seconds(&mut run, std::future::pending()).await, 600);
    assert_eq!(talk.socket.shared.waiting_bytes.load(Ordering::SeqCst), waiting * size);
    let reading = async {
        for _ in 0..40 {
            assert_eq!(talk.socket.receive().await.unwrap().len(), size);
        }
    };
    tokio::select! {
        () = reading => {}
        () = run => panic!("the conversation ends before all messages were read"),
    }
    assert_eq!(talk.socket.shared.waiting_bytes.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_whose_messages_wait_for_the_handler_is_not_taken_for_dead() {
    let (mut talk, mut run) = talk().await;
    for n in 0..40 {
        talk.client.send(Frame::text(n.to_string())).await.unwrap();
    }
    assert_eq!(seconds(&mut run, std::future::pending()).await, 600);
    let reading = async {
        for n in 0..40 {
            assert_eq!(talk.socket.receive().await.unwrap().text(), Some(n.to_string().as_str()));
        }
    };
    tokio::select! {
        () = reading => {}
        () = run => panic!("the connection ended before all was read"),
    }
}

#[rstest]
#[case::the_handler_has_finished(|talk: Talk| { talk.finish.send(1000).unwrap(); (Some(talk.client), talk.socket) })]
#[case::the_server_stops(|talk: Talk| { talk.stopping.cancel(); (Some(talk.client), talk.socket) })]
#[tokio::test(start_paused = true)]
async fn a_close_frame_that_is_not_answered_is_not_waited_for_long(#[case] end: fn(Talk) -> Left) {
    let (talk, run) = talk().await;
    let _left = end(talk);
    assert_eq!(seconds(run, std::future::pending()).await, CLOSE_TIMEOUT.as_secs());
}

type Left = (Option<WebSocketStream<DuplexStream>>, WebSocket);

#[tokio::test(start_paused = true)]
async fn what_a_client_left_behind_is_not_kept_long_for_a_handler_that_does_not_read() {
    let (mut talk, run) = talk().await;
    talk.client.send(Frame::text("last words")).await.unwrap();
    drop(talk.client);
    assert_eq!(seconds(run, std::future::pending()).await, CLOSE_TIMEOUT.as_secs());
}
