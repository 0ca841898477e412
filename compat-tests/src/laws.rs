//! The laws: what every decorator owes to the view beneath it, to the app around it and to the client.

mod answers;
mod context;
mod endings;
mod errors;
mod execution;
mod layers;
mod refusal;
mod reuse;
mod sharing;

use std::fmt;

use costrel::Error;
use futures_util::future::BoxFuture;

use crate::finding::Finding;
use crate::stage::Cell;

/// One rule of the suite.
#[derive(Clone, Copy)]
pub struct Law {
    /// Its name, a sentence.
    pub name: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// What to do about a decorator that breaks it.
    pub mend: &'static str,
    /// How it is checked.
    pub how: &'static str,
    check: fn(Cell) -> BoxFuture<'static, Finding>,
}

impl Law {
    /// The same law with a check that finds nothing: what the zoo must notice.
    #[doc(hidden)]
    #[must_use]
    pub fn hollow(self) -> Self {
        Self { check: |_| Box::pin(std::future::ready(Ok(()))), ..self }
    }

    pub(crate) async fn check(self, cell: Cell) -> Finding {
        (self.check)(cell).await
    }

    /// The law of this name.
    ///
    /// # Errors
    /// If there is none; the message lists the laws.
    pub fn named(name: &str) -> Result<Self, Error> {
        ALL.iter().find(|law| law.name == name).copied().ok_or_else(|| {
            let known: Vec<_> = ALL.iter().map(|law| law.name).collect();
            Error::setup(format!("there is no law {name:?}; the laws are {}", known.join(", ")))
        })
    }
}

impl fmt::Debug for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Hands the list of laws, in the order in which they are tried, to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! each_law {
    ($then:path { $($args:tt)* }) => {
        $then! { $($args)*
            execution::the_loop_is_never_blocked_for_long:
                "A tenth of a second on the loop is a tenth of a second for everybody (axum#2187, tokio's own guide)."
                => "Make it sync and call it by `Callback`, or `sync_to_async(f)(x).await`: then it has a worker."
                by "Three requests go straight into the app, and each step of their futures is timed, let in or refused; the best of the three may hold the thread for 100 ms at most.",
            refusal::the_candidate_lets_in_whom_it_should:
                "The suite visits as somebody who is let in, and as somebody who is not: the candidate must say how."
                => "Tell the suite how a visitor gets in, with `Candidate::allow`."
                by "The visitor that `allow` prepares asks for the view, which must have run.",
            context::the_context_is_the_same_before_in_and_after:
                "`g` and `request` are gone in a spawned task (tokio#2396), and with them the user and the database."
                => "Call the view where you are; what must be a task of its own takes the context along with `copy_current_request_context`."
                by "A hook puts a name on `g`, the view looks for it and leaves another, a hook after it looks for that.",
            execution::a_sync_view_never_runs_on_the_loop:
                "A sync view may block, and a blocked loop stops every other request (axum#2187)."
                => "Use `next.call(request).await`, not `call_sync`, in async code."
                by "The view notes the thread it runs on, and an iterator the one it is dropped on; the loop's threads are known.",
            answers::the_response_passes_through_untouched:
                "A decorator that rebuilds the response loses what it does not know of: a status, a header, a cookie."
                => "Change the response you were given instead of making one: `response.headers_mut().insert(..)`."
                by "The view answers 202 with a body, a header and two cookies; status, text and all four must arrive.",
            answers::view_arguments_arrive:
                "In Flask a wrapper that forgets `*args, **kwargs` breaks every rule with a variable."
                => "Pass the request on that you were given; arguments travel in it."
                by "Two requests with different names in the path, one of them not ASCII; the view must have been called with both.",
            answers::the_endpoint_name_is_kept:
                "In Flask a wrapper without `functools.wraps` makes two views collide, or `url_for` fail."
                => "Wrap the view with a form of `Decorate` instead of making a `View` of your own."
                by "The rule's endpoint is asked for after the decorator is on.",
            answers::head_and_options_behave:
                "Preflight and HEAD requests must not run the view for nothing or bring a body."
                => "Leave HEAD and OPTIONS to the view beneath and to the framework."
                by "OPTIONS must name the methods without running the view, HEAD must have the headers and no body.",
            reuse::an_allowed_request_runs_the_view_exactly_once:
                "Flask-Login's `fresh_login_required` runs a view twice when it raises AttributeError: orders are placed twice."
                => "Call `next.call(request)` once; keep its outcome if you need it again."
                by "GET, POST and HEAD of one path, and the runs are counted after each.",
            layers::inner_readiness_is_honoured:
                "A service that is full says so by not being ready; one that is called all the same, or a clone of it, panics or is overrun (tower's buffer and limits)."
                => "Call the service that `poll_ready` was asked of: put a clone in its place and move the ready one into the future."
                by "Beneath the layer is a service that is not ready at first, and of which each clone must be asked anew; calls too early are counted.",
            sharing::a_limit_holds_over_all_connections:
                "A limit that is counted in each clone, thread or connection, or looked at before it is counted, lets more in than it says."
                => "Keep one count per app, an extension's state or an `Arc`, and decide and count in one step."
                by "More visitors come at once than are to be let in, each over a connection of its own; the runs of the view must be as many as were allowed.",
            sharing::requests_at_once_share_one_run:
                "A cache that lets all run who find nothing brings the view down when a page is asked for most (a stampede)."
                => "Let the first fill in the page and the others wait for it, without blocking a thread."
                by "Four ask for one page, three of them while its view is held; all must get it, and the view have run once.",
            sharing::a_lost_run_leaves_nobody_waiting:
                "When the one who makes the page panics or leaves, those who wait for it wait for ever."
                => "Let what the others wait for be a guard that tells them when it is dropped."
                by "Three wait for the page of a fourth, whose view panics or whose client leaves; all three must be answered, be it with an error.",
            sharing::a_shared_answer_goes_to_nobody_else:
                "A page of one visitor's, kept by a key that leaves out whose it is, is shown to the next (Flask-Caching's `cached` with `current_user`)."
                => "Keep by method, path and query, and do not keep what was made from the session or a cookie."
                by "Another path, another query, a POST, and a page made from the session by somebody else must each run the view; what is kept must have its headers.",
            refusal::a_denied_request_does_not_run_the_view:
                "A refusal that comes after the view has run refuses nothing."
                => "Decide before `next.call(request)`, and return."
                by "After somebody was let in, the visitor that `deny` prepares tries each method; no run may be counted, no success answered.",
            refusal::hooks_still_run_around_a_denied_request:
                "CORS headers missing on 401 and 429 hide the refusal from the browser's code."
                => "Return the refusal, as a response or an error; do not end the request by other means."
                by "The runs of the hooks before, after and at teardown are counted around one refused request.",
            refusal::a_denied_request_never_touches_a_worker:
                "A flood of requests that are refused must not use up the threads of those that are not."
                => "Refuse in a guard or an async wrapper, without sync code that crosses."
                by "The app counts the pieces of sync code that crossed; one refused request may add none.",
            reuse::callbacks_of_either_colour_behave_alike:
                "Every extension takes functions from its users: loaders, keys, filters. In Flask an async one is a coroutine that nobody awaits, and true."
                => "Take them as `IntoCallback` and call them by `Callback::call(..).await`."
                by "The twin that `also_as` names gets the same requests, allowed and refused; status, headers, body and runs must be the same, but for digits.",
            errors::errors_reach_the_handlers:
                "A decorator that turns errors into responses of its own cuts the app's error handlers off."
                => "Pass errors on with `?`; catch only those that are yours."
                by "The view fails with an error of the app's own, then with `abort(409)` and a header; the app's handlers must have answered.",
            errors::a_panic_is_a_500_and_the_next_request_works:
                "In axum and actix a panic closes the connection; with a lock held it poisons every request after it."
                => "Hold no lock across the call of the view that a panic could poison."
                by "The view panics once; the app's 500 handler must answer, teardown run, and the next request be answered.",
            context::no_context_leaks_to_the_next_request:
                "What is kept on the thread or in the decorator shows one visitor's data to the next (flask#6123)."
                => "Keep what belongs to a request on `g`, not in the decorator, a static or a thread-local."
                by "A visitor with a name, then one without, who must find an empty `g`.",
            context::interleaved_requests_never_mix:
                "What is safe for one request at a time may not be for a hundred on one loop."
                => "Keep what belongs to a request on `g`; share only what is meant for all."
                by "Forty requests at once, each with its own path and name; each answer and each note must be its own.",
            context::the_session_is_kept:
                "Flask-Login and others write the session around the view: what the view has put there must stay."
                => "Change your own keys of the session; never replace or clear all of it."
                by "One request in which the view writes to the session, one in which it must find that.",
            reuse::the_decorated_view_can_be_called_from_either_colour:
                "In Flask a decorated async helper can no longer be awaited: all three great extensions break there."
                => "Wrap the view with a form of `Decorate`; it can be awaited and waited for."
                by "Views of either colour, and a thread of its own, call the decorated view; waiting for it on the loop must be refused.",
            execution::an_async_view_never_leaves_the_loop:
                "An async view driven by a thread of its own ties up that thread: Flask's whole trouble with async."
                => "Await the view in an async wrapper."
                by "The view notes the thread it runs on; the loop's threads are known.",
            execution::at_most_one_crossing:
                "A crossing costs some 10 us; one per decorator is asgiref's classic mistake."
                => "Do what need not block in place, or do all of it on the one worker."
                by "The app counts crossings, for the candidate alone and in the middle of four decorators of both colours.",
            execution::a_waiting_view_does_not_delay_others:
                "A decorator that holds a lock around the view, or blocks the loop, serves one request at a time."
                => "Hold no lock or permit while the view runs, unless that is what the decorator is for."
                by "One request's view is held; another must be answered before it is let go.",
            execution::one_worker_is_enough:
                "A decorator that holds its worker while it waits for another locks up (asgiref#348, #249)."
                => "Wait with `ensure_sync`, `.wait()` or `async_to_sync`, which give the worker's place to others."
                by "With one worker and six layers of both colours a view is held, and eight others must be answered meanwhile.",
            reuse::stacking_it_twice_works:
                "Blueprints and class views add decorators of their own, so one comes twice sooner or later."
                => "Make what the decorator keeps its own, per view, or harmless to do twice."
                by "The candidate is put on a view twice; answer and number of runs must be as if it were there once.",
            answers::the_request_arrives_whole:
                "A decorator that makes a request anew, or reads the body, leaves the view without what the client sent."
                => "Pass the request on that you were given; `get_data()` keeps the body for those who come after."
                by "The view must see the query, the header and the body that were sent.",
            execution::a_slow_body_holds_nobody_up:
                "A client that sends its body byte by byte must hold a connection, not a worker; and a view may begin before."
                => "Leave the body to the view; what must read it in sync code reads it with `get_data().wait()`."
                by "With one worker, a body stops half way; others must be answered before the rest comes, an async view have begun, unless the candidate needs the body, and a sync one not.",
            endings::a_streamed_body_is_not_buffered:
                "A decorator that collects the body holds back events and fills the memory."
                => "Leave the body alone, or map it frame by frame."
                by "The second chunk is made only when the first has arrived.",
            endings::a_broken_body_stays_broken:
                "Half a file that looks like a whole one is kept by every cache on the way."
                => "Pass the error of a body on as you pass its chunks on."
                by "A stream fails after its first chunk; the client must not get a success with a body that ends well.",
            endings::trailers_arrive:
                "gRPC's status and many checksums come after the body, in a frame that is not data."
                => "Map the frames of a body, not its data: `http_body_util::BodyExt::map_frame`."
                by "A stream ends with a trailer, which must come after its data.",
            endings::a_client_that_leaves_ends_the_view_once:
                "A view that goes on for nobody wastes the server; a teardown that runs twice closes what is not open."
                => "Call the view where you are: a task of its own goes on for nobody."
                by "A client leaves while the view waits; view and teardown must each end once, and the next request be answered.",
            errors::nothing_is_used_up_by_failures:
                "A permit, a lock or a connection that is given back only when all goes well is gone after a bad day."
                => "Hold what you take in a guard that gives it back when it is dropped, not in a line after the call."
                by "44 requests whose view fails, 44 whose view panics, 44 whose client leaves; and after each 44 one that must be answered as ever.",
        }
    };
}

macro_rules! table_of_laws {
    ($($family:ident::$name:ident: $why:literal => $mend:literal by $how:literal,)*) => {
        /// Every law, in the order in which they are tried:
        ///
        $(
            #[doc = concat!("- `", stringify!($name), "`: ", $why, " *Checked*: ", $how)]
        )*
        pub const ALL: &[Law] = &[$(
            Law { name: stringify!($name), why: $why, mend: $mend, how: $how, check: |cell| Box::pin($family::$name(cell)) },
        )*];
    };
}

each_law! { table_of_laws {} }
