//! The sizes of the futures on the path of every request, because each is moved and takes memory as long as it waits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "`-- --nocapture` shows the sizes")]

use super::*;
use crate::app::App;

fn entered(application: &Application) -> EnteredRequest {
    application.enter(http::Request::new(Body::empty()))
}

#[test]
fn the_futures_of_a_request_stay_small() {
    let mut app = App::new("test");
    app.route("/", async || "hello");
    let application = app.build().unwrap();
    let (request, mut responses) = (entered(&application), [(); 4].map(|()| Response::default()));
    let [in_answer, in_time, in_finalize, in_respond] = &mut responses;
    let mut hooks = AfterHooks::new();
    let sizes = [
        ("call", size_of_val(&application.call(http::Request::new(Body::empty()))), 64),
        ("answer", size_of_val(&answer(&request, in_answer)), 256),
        ("answer_in_time", size_of_val(&answer_in_time(&request, in_time)), 320),
        ("finalize", size_of_val(&finalize(&request, &mut hooks, in_finalize)), 256),
        ("respond", size_of_val(&respond(&request, in_respond)), 448),
        ("run_request", size_of_val(&run_request(entered(&application))), 1_024),
    ];
    for (name, size, most) in sizes {
        println!("{name:<16} {size:>6} bytes, at most {most}");
        assert!(size <= most, "the future of {name} takes {size} bytes, {most} are allowed");
    }
}
