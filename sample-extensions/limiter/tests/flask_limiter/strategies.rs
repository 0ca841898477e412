//! The strategies, exactly as `limits` 5.8 counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use costrel::testing::TestClient;
use costrel::{Colour, Error, Request};
use costrel_ext_kit::Clock;
use costrel_limiter::{Limit, Strategy};
use rstest::rstest;

use crate::support::{COMPAT, client_of, get, limiter, seconds, statuses};

/// Sends a request at each of these times, in milliseconds; tells for each whether it got through.
fn admitted(client: &TestClient, clock: &Clock, times: impl IntoIterator<Item = u64>) -> Vec<bool> {
    let mut now = 0;
    let passes = times.into_iter().map(|at| {
        clock.advance(Duration::from_millis(at - now));
        now = at;
        get(client, "/").status() == 200
    });
    passes.collect()
}

/// The first request costs more than the limit; what it leaves decides on the second, which would fit.
#[rstest]
#[case(Strategy::FixedWindow, true, &[429, 429])]
#[case(Strategy::FixedWindow, false, &[429, 200])]
#[case(Strategy::MovingWindow, true, &[429, 200])]
#[case(Strategy::SlidingWindow, true, &[429, 200])]
fn r36_a_refused_request_counts_only_in_a_fixed_window_of_compat_mode(
    #[case] strategy: Strategy,
    #[case] is_compat: bool,
    #[case] expected: &[u16],
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, _) = limiter();
    let limiter = limiter.strategy(strategy);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let cost = AtomicU64::new(6);
    let limit = Limit::new("5/minute").cost(move |_: Request| cost.swap(1, Ordering::SeqCst));
    let client = client_of(&limiter, colour, limiter.limit(limit));
    assert_eq!(statuses(&client, ["/", "/"]), expected);
}

#[rstest]
fn r37_a_moving_window_counts_each_request_for_one_window(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, clock) = limiter();
    let limiter = limiter.strategy(Strategy::MovingWindow);
    let client = client_of(&limiter, colour, limiter.limit("10 per 2 seconds"));
    let times = [0, 100, 200, 300, 400].into_iter().chain([1_300; 5]);
    assert_eq!(admitted(&client, &clock, times), [true; 10]);
    assert_eq!(get(&client, "/").status(), 429);
    clock.advance(Duration::from_millis(701));
    assert_eq!(statuses(&client, ["/", "/"]), [200, 429], "the first is over");
}

/// The traces of `4 per 2 seconds` that real `limits` leaves.
#[rstest]
#[case(
    Strategy::MovingWindow,
    &[(0, true), (500, true), (1_000, true), (1_500, true), (2_010, true), (2_210, false), (2_610, true)]
)]
#[case(
    Strategy::SlidingWindow,
    &[
        (0, true), (0, true), (0, true), (0, true), (1, false), (1_000, false), (2_130, true), (2_630, true),
        (3_130, true), (3_640, true), (4_640, true), (7_650, true),
    ]
)]
fn r37_windows_move_as_in_limits(
    #[case] strategy: Strategy,
    #[case] trace: &[(u64, bool)],
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let (limiter, clock) = limiter();
    let limiter = limiter.strategy(strategy).compat(COMPAT);
    let client = client_of(&limiter, colour, limiter.limit("4 per 2 seconds"));
    let (times, expected): (Vec<_>, Vec<_>) = trace.iter().copied().unzip();
    assert_eq!(admitted(&client, &clock, times), expected);
}

#[rstest]
#[case(Strategy::MovingWindow)]
#[case(Strategy::SlidingWindow)]
fn r37_a_request_that_costs_more_than_the_limit_is_refused_and_leaves_no_trace(
    #[case] strategy: Strategy,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) {
    let (limiter, _) = limiter();
    let limiter = limiter.strategy(strategy).headers_enabled(true);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let client = client_of(&limiter, colour, limiter.limit(Limit::new("5/minute").cost(6)));
    for _ in 0..3 {
        let refused = get(&client, "/");
        assert_eq!((refused.status().as_u16(), refused.header("x-ratelimit-remaining")), (429, Some("5")));
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn r39_of_640_requests_at_once_exactly_the_limit_gets_through(
    #[values(Strategy::FixedWindow, Strategy::MovingWindow, Strategy::SlidingWindow)] strategy: Strategy,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
    #[values(false, true)] is_compat: bool,
) -> Result<(), Error> {
    let (limiter, _) = limiter();
    let limiter = limiter.strategy(strategy);
    let limiter = if is_compat { limiter.compat(COMPAT) } else { limiter };
    let client = client_of(&limiter, colour, limiter.limit("50/minute"));
    let requests: Vec<_> = (0..640).map(|_| tokio::spawn(client.get("/").into_future())).collect();
    let mut admitted = 0;
    for request in requests {
        admitted += usize::from(request.await??.status() == 200);
    }
    assert_eq!(admitted, 50);
    Ok(())
}

/// Sixteen threads send forty requests each.
#[rstest]
fn r39_sixteen_threads_get_exactly_the_limit_through(
    #[values(Strategy::FixedWindow, Strategy::MovingWindow, Strategy::SlidingWindow)] strategy: Strategy,
    #[values(Colour::Sync, Colour::Async)] colour: Colour,
) {
    let limiter = limiter().0.strategy(strategy);
    let client = client_of(&limiter, colour, limiter.limit("50/minute"));
    let send = || (0..40).filter(|_| get(&client, "/").status() == 200).count();
    let admitted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(send)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(admitted, 50);
}

#[rstest]
fn a_fixed_window_ends_a_window_after_its_first_request(#[values(Colour::Sync, Colour::Async)] colour: Colour) {
    let (limiter, clock) = limiter();
    let client = client_of(&limiter, colour, limiter.limit("2 per 2 seconds"));
    let times = [500, 600, 2_499, 2_500, 2_501, 2_502];
    assert_eq!(admitted(&client, &clock, times), [true, true, false, true, true, false]);
    clock.advance(seconds(2));
    assert_eq!(statuses(&client, ["/"]), [200]);
}
