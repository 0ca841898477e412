//! Attacks with frames of HTTP/2 that no library writes: each is limited, and another client is served meanwhile.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use costrel::App;
use rstest::rstest;

use crate::support::DEADLINE;
use crate::support::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GET, GOAWAY, HEADERS, PING, POST, PREFACE, PRIORITY,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, frame,
};
use crate::support::server::Server;

const ENHANCE_YOUR_CALM: u32 = 11;

/// The number of the `n`th stream of a client.
fn stream(n: u32) -> u32 {
    2 * n + 1
}

/// What became of an attack.
#[derive(Debug)]
struct End {
    /// Whether the server ended the connection before the attack was over.
    is_cut: bool,
    /// The codes of the server's GOAWAY frames.
    goaway: Vec<u32>,
}

/// Sends a preface, `opening`, and what `next` makes of 0, 1, 2, ..., as long as the server takes it. Meanwhile and
/// afterwards another client gets its response.
fn attack(opening: &[u8], frames: u32, next: fn(u32) -> Vec<u8>) -> End {
    let mut app = App::new("test");
    app.rule("/").methods(["GET", "POST"]).view(async || "served");
    let server = Server::start(app);
    let mut client = server.connect();
    client.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).unwrap();
    client.write_all(opening).unwrap();
    let answers = client.try_clone().unwrap();
    let is_over = AtomicBool::new(false);
    let end = thread::scope(|scope| {
        let reader = scope.spawn(move || goaways(answers));
        let writer = scope.spawn(|| {
            // In pieces, because a write for each frame would be the slower side.
            let is_cut = (0..frames / 100).any(|hundred| {
                let piece: Vec<u8> = (100 * hundred..100 * hundred + 100).flat_map(next).collect();
                client.write_all(&piece).is_err()
            });
            is_over.store(true, Ordering::Release);
            let _ = client.shutdown(std::net::Shutdown::Write);
            is_cut
        });
        while !is_over.load(Ordering::Acquire) {
            assert!(server.get("/").ends_with("served"), "another client is served meanwhile");
        }
        End { is_cut: writer.join().unwrap(), goaway: reader.join().unwrap() }
    });
    assert!(server.get("/").ends_with("served"), "another client is served afterwards");
    end
}

/// Reads frames to the end of the connection. Returns the codes of the GOAWAY frames.
fn goaways(mut answers: TcpStream) -> Vec<u32> {
    answers.set_read_timeout(Some(DEADLINE)).unwrap();
    let frames = std::iter::from_fn(|| Frame::read(&mut answers));
    frames.filter(|frame| frame.kind == GOAWAY).filter_map(|frame| frame.error_code()).collect()
}

#[rstest]
#[case::continuation_without_end(frame(HEADERS, END_STREAM, 1, GET), |_| frame(CONTINUATION, 0, 1, b"\0\x01a\x01b"))]
#[case::large_continuation(frame(HEADERS, END_STREAM, 1, GET), |_| frame(CONTINUATION, 0, 1, &b"\0\x01a\x01b".repeat(3_000)))]
#[case::empty_continuation(frame(HEADERS, END_STREAM, 1, GET), |_| frame(CONTINUATION, 0, 1, b""))]
#[case::rapid_reset(Vec::new(), |n| {
    let open = frame(HEADERS, END_STREAM | END_HEADERS, stream(n), GET);
    [open, frame(RST_STREAM, 0, stream(n), &8_u32.to_be_bytes())].concat()
})]
#[case::made_you_reset_by_a_window(Vec::new(), |n| {
    let open = frame(HEADERS, END_HEADERS, stream(n), POST);
    [open, frame(WINDOW_UPDATE, 0, stream(n), &0_u32.to_be_bytes())].concat()
})]
#[case::made_you_reset_by_an_overflow(Vec::new(), |n| {
    let open = frame(HEADERS, END_HEADERS, stream(n), POST);
    [open, frame(WINDOW_UPDATE, 0, stream(n), &0x7fff_ffff_u32.to_be_bytes())].concat()
})]
fn a_flood_ends_its_connection(#[case] opening: Vec<u8>, #[case] next: fn(u32) -> Vec<u8>) {
    let end = attack(&opening, 50_000, next);
    assert!(end.is_cut || end.goaway.contains(&ENHANCE_YOUR_CALM), "{end:?}");
}

/// Frames that have to be answered, or ignored, cost their sender as much as the server.
#[rstest]
#[case::ping(|_| frame(PING, 0, 0, b"12345678"))]
#[case::settings(|_| frame(SETTINGS, 0, 0, b"\0\x03\0\0\0\x64"))]
#[case::settings_of_the_window(|n: u32| frame(SETTINGS, 0, 0, &[&[0, 4][..], &(n % 2 * 65_535).to_be_bytes()].concat()))]
#[case::priority(|n| frame(PRIORITY, 0, stream(n), b"\0\0\0\0\x10"))]
#[case::empty_data(|_| frame(DATA, 0, 1, b""))]
#[case::unknown(|_| frame(99, 0, 0, b"what"))]
fn a_flood_of_small_frames_holds_up_no_other_client(#[case] next: fn(u32) -> Vec<u8>) {
    attack(&frame(HEADERS, END_HEADERS, 1, POST), 50_000, next);
}

/// A header that is kept in the decompression table and repeated is counted each time.
#[test]
fn a_head_that_unpacks_to_too_much_is_refused() {
    // The literal that is kept in the table has index 62 afterwards.
    let kept = [&b"\x40\x01a\x7f\xa1\x1e"[..], &[b'v'; 4_000]].concat();
    let bomb = [GET, &kept, &[0xbe; 12_000]].concat();
    let opening = frame(HEADERS, END_STREAM | END_HEADERS, 1, &bomb);
    let end = attack(&opening, 100, |n| frame(HEADERS, END_STREAM | END_HEADERS, stream(n + 1), &[0xbe; 16_000]));
    assert!(end.goaway.iter().all(|code| *code != 2), "no internal error: {end:?}");
}
