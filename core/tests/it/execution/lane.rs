//! The thread-sensitive lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use costrel::{App, Error, Lane, async_to_sync, g, sync_to_async};
use futures_util::FutureExt;
use futures_util::future::join_all;
use rstest::rstest;
use tokio::sync::Notify;

use crate::support::waiting::receive;

fn here() -> String {
    format!("{:?}", thread::current().id())
}

/// All work on a lane runs on one thread, one job after the other.
#[tokio::test]
async fn work_on_a_lane_runs_on_one_thread_in_order() {
    let (lane, running) = (Lane::new("lane").unwrap(), Arc::new(AtomicUsize::new(0)));
    let work = (0..50).map(|n| {
        let running = running.clone();
        lane.run(move || {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0, "alone");
            running.fetch_sub(1, Ordering::SeqCst);
            (n, here())
        })
        .into_future()
    });
    let done: Vec<_> = join_all(work).await.into_iter().map(Result::unwrap).collect();
    assert!(done.iter().map(|(n, _)| *n).eq(0..50));
    assert!(done.iter().all(|(_, thread)| *thread == done[0].1));
}

/// Code on a lane runs further lane work, and other sync code, in place instead of deadlocking.
#[rstest]
fn work_beneath_the_lane_stays_on_it(#[values(true, false)] sync_view: bool) {
    let lane = Lane::new("lane").unwrap();
    let nested = move || {
        let again = lane.clone();
        lane.run(move || {
            let on_lane = here();
            let deeper = again.run(here).wait()?;
            let through_async = async_to_sync(|()| async { sync_to_async(|()| here())(()).await })(())??;
            Ok::<_, Error>((on_lane == deeper && deeper == through_async).to_string())
        })
    };
    let mut app = App::new("test");
    if sync_view {
        app.route("/", move || nested().wait()?);
    } else {
        app.route("/", move || {
            let answer = nested();
            async move { answer.await? }
        });
    }
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "true");
}

/// While work on a lane waits, the lane runs the work it waits for.
#[tokio::test]
async fn a_lane_that_waits_does_other_work() {
    let (lane, bell) = (Lane::new("lane").unwrap(), Arc::new(Notify::new()));
    let waiting = bell.clone();
    let first = lane.run(move || {
        async_to_sync(|()| {
            let bell = waiting.clone();
            async move { bell.notified().await }
        })(())
    });
    let second = lane.run(move || bell.notify_one());
    let both = tokio::join!(first.into_future(), second.into_future());
    both.0.unwrap().unwrap();
    both.1.unwrap();
}

/// A panic reaches the code that awaits the work, and the lane survives.
#[tokio::test]
async fn a_lane_survives_panics() {
    let lane = Lane::new("lane").unwrap();
    let work = lane.run(|| std::panic::panic_any(7_u8)).into_future();
    let payload = std::panic::AssertUnwindSafe(work).catch_unwind().await.unwrap_err();
    assert_eq!(payload.downcast_ref::<u8>(), Some(&7));
    assert_eq!(lane.run(|| "alive").await.unwrap(), "alive");
}

#[tokio::test]
async fn work_cancelled_before_its_turn_never_runs() {
    let lane = Lane::new("lane").unwrap();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let mut first = lane.run(move || receive(&gate)).into_future();
    assert!(futures_util::poll!(&mut first).is_pending(), "the first job blocks the lane");
    let given_up = lane.run(|| panic!("this must not run")).into_future();
    assert!(given_up.now_or_never().is_none());
    go.send(()).unwrap();
    first.await.unwrap();
    assert_eq!(lane.run(|| "next").await.unwrap(), "next");
}

/// The context goes along with the work, and the caller sees what the work writes to it.
#[test]
fn the_context_goes_along() {
    let lane = Lane::new("lane").unwrap();
    let mut app = App::new("test");
    app.route("/", move || {
        let work = lane.run(|| g().set("n", 1));
        async move {
            work.await?;
            Ok::<_, Error>(format!("{:?}", g().get::<i32>("n")))
        }
    });
    assert_eq!(app.test_client().get("/").wait().unwrap().text(), "Some(1)");
}

/// Dropping a lane does not block, and queued work still runs.
#[tokio::test]
async fn dropping_a_lane_does_not_lose_its_work() {
    let lane = Lane::new("lane").unwrap();
    let work = lane.run(|| "done");
    drop(lane);
    assert_eq!(work.await.unwrap(), "done");
}
