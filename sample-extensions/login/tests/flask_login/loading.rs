//! How the user of a request is found.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use costrel::{IntoView, Request, View, request, sync_to_async};
use costrel_login::signals::{USER_ACCESSED, USER_LOADED_FROM_COOKIE, USER_LOADED_FROM_REQUEST};
use costrel_login::{CurrentUser, Login, current_user, encode_cookie, login_required};
use futures_util::future::join_all;
use rstest::rstest;

use crate::support::{Person, ada, app, count, find, get, login, session_of, taken, text, view};

/// A login whose loader, of either colour, counts its calls.
fn counted(sync: bool) -> (Login, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = calls.clone();
    let load = move |id: &str| {
        counter.fetch_add(1, Ordering::SeqCst);
        find(id)
    };
    let login = if sync {
        Login::new().user_loader(move |id: String| load(&id))
    } else {
        Login::new().user_loader(move |id: String| {
            let found = load(&id);
            async move {
                tokio::task::yield_now().await;
                found
            }
        })
    };
    (login, calls)
}

fn by_argument(request: &Request) -> Option<Person> {
    find(request.args().get("user_id")?)
}

fn with_request_loader(login: Login, sync: bool) -> Login {
    if sync {
        login.request_loader(|request: Request| by_argument(&request))
    } else {
        login.request_loader(async |request: Request| by_argument(&request))
    }
}

#[rstest]
fn l16_a_view_that_does_not_ask_for_the_user_loads_none(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let (login, calls) = counted(sync_callbacks);
    let mut app = app(login, sync);
    let asked = count(&mut app, &USER_ACCESSED, sync_callbacks);
    let client = app.test_client();
    get(&client, "/in");
    let page = get(&client, "/plain");
    assert_eq!((taken(&calls), taken(&asked), page.header("vary")), (0, 0, None));
    get(&client, "/me");
    assert_eq!((taken(&calls), taken(&asked)), (1, 1));
}

#[rstest]
fn l17_the_user_is_loaded_once_also_by_tasks_side_by_side(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let (login, calls) = counted(sync_callbacks);
    let mut app = app(login, sync);
    view!(app.rule("/twice"), sync, wait => format!("{}{}", wait!(current_user())?.get_id(), wait!(current_user())?.get_id()));
    app.route("/side-by-side", async || {
        let users = join_all((0..10).map(|_| current_user().into_future())).await;
        users.into_iter().map(|user| user.map(|user| user.get_id())).collect::<Result<String, _>>()
    });
    let on_threads = sync_to_async(|()| current_user().wait().map(|user| user.get_id()));
    app.route("/threads", move || {
        let on_threads = on_threads.clone();
        async move {
            join_all((0..8).map(|_| on_threads(()))).await.into_iter().map(|id| id?).collect::<Result<String, _>>()
        }
    });
    let client = app.test_client();
    get(&client, "/in");
    for (path, times) in [("/twice", 2), ("/side-by-side", 10), ("/threads", 8)] {
        assert_eq!((text(&client, path), taken(&calls)), ("42".repeat(times), 1), "{path}");
    }
}

#[rstest]
fn l18_a_user_is_found_by_the_request(#[values(true, false)] sync: bool, #[values(true, false)] sync_callbacks: bool) {
    let mut app = app(with_request_loader(login(sync_callbacks), sync_callbacks), sync);
    let told = count(&mut app, &USER_LOADED_FROM_REQUEST, sync_callbacks);
    let client = app.test_client();
    let page = get(&client, "/me?user_id=42");
    assert_eq!((page.text().as_str(), page.header("set-cookie"), taken(&told)), ("hello 42", None, 1));
    assert_eq!(get(&client, "/me").status(), 401);
    assert_eq!(taken(&told), 0);
    get(&client, "/in");
    assert_eq!(
        (text(&client, "/me?user_id=佐藤".replace("佐藤", "%E4%BD%90%E8%97%A4").as_str()), taken(&told)),
        ("hello 42".into(), 0)
    );
}

#[rstest]
fn l18_a_request_loader_alone_is_enough(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let client = app(with_request_loader(Login::new(), sync_callbacks), sync).test_client();
    assert_eq!(text(&client, "/me?user_id=42"), "hello 42");
    get(&client, "/in");
    assert_eq!(get(&client, "/me").status(), 401, "no loader knows the id in the session");
    assert_eq!(session_of(&client)["_user_id"], "42");
}

/// In Flask-Login a rotten cookie keeps a browser from showing a token.
#[rstest]
#[case::safe(None, 200)]
#[case::as_in_flask_login(Some("flask-login 0.6"), 401)]
fn a_forged_remember_cookie_and_a_token(
    #[case] compat: Option<&str>,
    #[case] status: u16,
    #[values(true, false)] sync: bool,
) {
    let login = with_request_loader(login(sync), sync);
    let client = app(compat.map_or(login.clone(), |version| login.compat(version)), sync).test_client();
    client.set_cookie("remember_token", "42|forged");
    assert_eq!(get(&client, "/me?user_id=42").status(), status);
}

#[derive(Debug)]
struct Guest {
    language: &'static str,
}

#[rstest]
fn l41_a_visitor_is_a_value_of_the_apps_own(#[values(true, false)] sync: bool) {
    let login = login(sync).anonymous_user(|| Guest { language: "en" });
    let mut app = app(login, sync);
    let show = |user: CurrentUser| format!("{:?} {:?}", user.get::<Guest>().map(|guest| guest.language), user.get_id());
    view!(app.rule("/guest"), sync, wait => show(wait!(current_user())?));
    let client = app.test_client();
    assert_eq!(text(&client, "/guest"), "Some(\"en\") \"\"");
    assert_eq!(get(&client, "/me").status(), 401);
    get(&client, "/in");
    assert_eq!(text(&client, "/guest"), "None \"42\"");
    get(&client, "/out");
    assert_eq!(text(&client, "/guest"), "Some(\"en\") \"\"");
}

/// In Flask the wrapper around an async helper is sync, and an async view cannot await it.
#[rstest]
fn l44_a_decorated_helper_is_called_from_code_of_its_colour(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_helper: bool,
) {
    let mut app = app(login(sync), sync);
    let helper: View = if sync_helper { (|| "helped").into_view() } else { (async || "helped").into_view() };
    // For both closures, which may copy it.
    let helper: &'static View = Box::leak(Box::new(login_required(helper)));
    view!(app.rule("/helped"), sync, wait => wait!(helper.call(request()))?);
    let client = app.test_client();
    assert_eq!(get(&client, "/helped").status(), 401);
    get(&client, "/in");
    assert_eq!(text(&client, "/helped"), "helped");
}

#[rstest]
fn l46_a_subscriber_may_ask_for_the_user(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let (login, calls) = counted(sync_callbacks);
    let mut app = app(with_request_loader(login, sync_callbacks), sync);
    let seen = Arc::new(AtomicUsize::new(0));
    for signal in [&USER_ACCESSED, &USER_LOADED_FROM_COOKIE, &USER_LOADED_FROM_REQUEST] {
        let seen = seen.clone();
        if sync_callbacks {
            app.connect(signal, move |told: CurrentUser| {
                let user = current_user().wait()?;
                seen.fetch_add(usize::from(user.get_id() == told.get_id()), Ordering::SeqCst);
                Ok::<_, costrel::Error>(())
            });
        } else {
            app.connect(signal, move |told: CurrentUser| {
                let seen = seen.clone();
                async move {
                    let user = current_user().await?;
                    seen.fetch_add(usize::from(user.get_id() == told.get_id()), Ordering::SeqCst);
                    Ok::<_, costrel::Error>(())
                }
            });
        }
    }
    let client = app.test_client();
    assert_eq!((text(&client, "/me?user_id=42"), taken(&seen)), ("hello 42".into(), 2));
    client.set_cookie("remember_token", &encode_cookie("42", b"dev-secret-key"));
    assert_eq!((text(&client, "/me"), taken(&seen), taken(&calls)), ("hello 42".into(), 2, 1));
}

/// A loader that asks for the user whom it is to find would wait for itself.
#[rstest]
fn a_loader_that_asks_for_the_current_user_is_an_error(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let login = if sync_callbacks {
        Login::new().user_loader(|_: String| current_user().wait().map(|_| Some(ada())))
    } else {
        Login::new().user_loader(async |_: String| current_user().await.map(|_| Some(ada())))
    };
    let client = app(login, sync).test_client();
    get(&client, "/in");
    let page = get(&client, "/me");
    assert!(page.error().unwrap().message().contains("A user loader asked for the current user"), "{page:?}");
}

/// A user that is gone is no longer in the session; in Flask-Login the id stays there.
#[rstest]
#[case::safe(None, false)]
#[case::as_in_flask_login(Some("flask-login 0.6"), true)]
fn a_user_who_is_gone(#[case] compat: Option<&str>, #[case] stays: bool, #[values(true, false)] sync: bool) {
    let login = login(sync);
    let client = app(compat.map_or(login.clone(), |version| login.compat(version)), sync).test_client();
    get(&client, "/in");
    client.session_transaction(|session| session.set("_user_id", "gone")).wait().unwrap();
    assert_eq!(get(&client, "/me").status(), 401);
    assert_eq!(session_of(&client).contains_key("_user_id"), stays);
}

/// An id that another app wrote as a number is that of no user.
#[rstest]
fn an_id_that_is_no_text_is_no_user(#[values(true, false)] sync: bool) {
    let client = app(login(sync), sync).test_client();
    client.session_transaction(|session| session.set("_user_id", 42)).wait().unwrap();
    assert_eq!(get(&client, "/me").status(), 401);
}
