//! An app with users, for tests of either colour.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::signals::Signal;
use costrel::testing::{TestClient, TestResponse};
use costrel::{App, current_app};
use costrel_login::{
    Login, User, confirm_login, current_user, fresh_login_required, login_fresh, login_remembered, login_required,
    login_user, logout_user,
};
use serde::Serialize;
use serde_json::{Map, Value};

/// Registers a view of either colour on a rule: `$wait!(x)` in its body is `x.wait()` in the sync one and `x.await` in the
/// async one.
macro_rules! view {
    ($rule:expr, $sync:expr, $wait:ident => $body:expr) => { view!(@ ($) $rule, $sync, $wait => $body) };
    (@ ($d:tt) $rule:expr, $sync:expr, $wait:ident => $body:expr) => {
        if $sync {
            #[allow(unused_macros, reason = "not every view waits")]
            macro_rules! $wait { ($d e:expr) => { $d e.wait() }; }
            $rule.view(move || Ok::<_, costrel::Error>($body))
        } else {
            #[allow(unused_macros, reason = "not every view waits")]
            macro_rules! $wait { ($d e:expr) => { $d e.await }; }
            $rule.view(move || async move { Ok::<_, costrel::Error>($body) })
        }
    };
}
pub(crate) use view;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) name: &'static str,
    #[serde(skip)]
    pub(crate) active: bool,
}

impl User for Person {
    fn get_id(&self) -> String {
        self.id.clone()
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

/// The users of the app: 42 is Ada, 佐藤 is Sato, `banned` is not active.
pub(crate) fn find(id: &str) -> Option<Person> {
    let name = match id {
        "42" => "Ada",
        "佐藤" => "Sato",
        "banned" => "Bob",
        _ => return None,
    };
    Some(Person { id: id.into(), name, active: id != "banned" })
}

pub(crate) fn ada() -> Person {
    find("42").unwrap()
}

/// The extension with a user loader of either colour.
pub(crate) fn login(sync: bool) -> Login {
    if sync {
        Login::new().user_loader(|id: String| find(&id))
    } else {
        Login::new().user_loader(async |id: String| find(&id))
    }
}

/// An app with pages of one colour: `/in` signs Ada in, `/stay` remembers her, `/out` signs out, `/confirm` confirms the
/// login; `/who` says who is there, `/me` is behind `login_required`, `/secret` behind `fresh_login_required`; `/plain` does
/// not ask for the user.
pub(crate) fn app(login: Login, sync: bool) -> App {
    app_with(login, sync, false)
}

/// Such an app, with a remember cookie that may be refreshed with each response.
pub(crate) fn app_with(login: Login, sync: bool, refreshes: bool) -> App {
    let mut app = App::new("test");
    app.config.secret_key = Some("dev-secret-key".into());
    app.config.set("REMEMBER_COOKIE_REFRESH_EACH_REQUEST", refreshes).unwrap();
    app.init(login).unwrap();
    view!(app.rule("/in"), sync, wait => wait!(login_user(ada()))?.to_string());
    view!(app.rule("/stay"), sync, wait => wait!(login_user(ada()).remember(true))?.to_string());
    view!(app.rule("/out"), sync, wait => wait!(logout_user()).map(|()| "out")?);
    view!(app.rule("/confirm"), sync, wait => wait!(confirm_login()).map(|()| "confirmed")?);
    view!(app.rule("/who"), sync, wait => {
        let user = wait!(current_user())?;
        format!("{:?} fresh={} remembered={}", user.get_id(), login_fresh(), login_remembered()?)
    });
    let me = app.rule("/me").methods(["GET", "OPTIONS"]).endpoint("me").decorate(login_required);
    view!(me, sync, wait => format!("hello {}", wait!(current_user())?.get_id()));
    let secret = app.rule("/secret").methods(["GET", "OPTIONS"]).endpoint("secret").decorate(fresh_login_required);
    view!(secret, sync, wait => format!("secret of {}", wait!(current_user())?.get_id()));
    view!(app.rule("/plain"), sync, wait => "plain");
    view!(app.rule("/login").endpoint("login"), sync, wait => format!("login page for {:?}", wait!(current_user())?.get_id()));
    view!(app.rule("/refresh-view").endpoint("refresh"), sync, wait => "refresh page");
    app
}

pub(crate) fn get(client: &TestClient, path: &str) -> TestResponse {
    client.get(path).wait().unwrap()
}

pub(crate) fn text(client: &TestClient, path: &str) -> String {
    get(client, path).text()
}

/// Asks as another browser than the test client's, which sends no `User-Agent`.
pub(crate) fn get_as(client: &TestClient, browser: &str, path: &str) -> TestResponse {
    client.get(path).header("user-agent", browser).wait().unwrap()
}

/// The data in the client's session.
pub(crate) fn session_of(client: &TestClient) -> Map<String, Value> {
    client.session_transaction(|session| Ok(session.data())).wait().unwrap()
}

/// The cookies of this name that a response sets.
pub(crate) fn set_cookies(response: &TestResponse, name: &str) -> Vec<String> {
    let all = response.headers().get_all("set-cookie").into_iter().map(|value| value.to_str().unwrap().to_owned());
    all.filter(|cookie| cookie.starts_with(&format!("{name}="))).collect()
}

/// The number of times that a signal is sent in the app, to a subscriber of either colour.
pub(crate) fn count<T: Clone + Send + Sync + 'static>(
    app: &mut App,
    signal: &Signal<T>,
    sync: bool,
) -> Arc<AtomicUsize> {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    if sync {
        app.connect(signal, move |_: T| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
    } else {
        app.connect(signal, move |_: T| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { assert!(!current_app().name().is_empty()) }
        });
    }
    sent
}

/// Takes the number counted so far.
pub(crate) fn taken(counter: &AtomicUsize) -> usize {
    counter.swap(0, Ordering::SeqCst)
}
