//! Signing in and out.

use costrel::{Body, Error, session, stream_with_context};
use costrel_login::signals::{USER_LOGGED_IN, USER_LOGGED_OUT, USER_LOGIN_CONFIRMED};
use costrel_login::{Login, current_user, login_fresh, login_user, logout_user};
use rstest::rstest;

use crate::support::{ada, app, count, find, get, login, session_of, taken, text, view};

#[rstest]
fn l11_a_user_is_signed_in_at_once_and_told_once(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let mut app = app(login(sync_callbacks), sync);
    view!(app.rule("/in-and-look"), sync, wait => {
        let done = wait!(login_user(ada()))?;
        let user = wait!(current_user())?;
        format!("{done} {} {} {}", user.get_id(), user.is_authenticated(), login_fresh())
    });
    let told = count(&mut app, &USER_LOGGED_IN, sync_callbacks);
    let client = app.test_client();
    assert_eq!(text(&client, "/in-and-look"), "true 42 true true");
    assert_eq!(taken(&told), 1);
    assert_eq!(text(&client, "/me"), "hello 42");
    assert_eq!(taken(&told), 0);
    let session = session_of(&client);
    assert_eq!((&session["_user_id"], &session["_fresh"]), (&"42".into(), &true.into()));
}

#[rstest]
fn l12_who_is_not_active_signs_in_by_force_alone(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let mut app = app(login(sync_callbacks), sync);
    for (path, force) in [("/try", false), ("/force", true)] {
        view!(app.rule(path).endpoint(path), sync, wait => {
            let done = wait!(login_user(find("banned").unwrap()).force(force))?;
            format!("{done} {:?}", wait!(current_user())?.get_id())
        });
    }
    let client = app.test_client();
    assert_eq!(text(&client, "/try"), "false \"\"");
    assert!(client.cookie("session").is_none());
    assert_eq!(text(&client, "/force"), "true \"banned\"");
    assert_eq!(session_of(&client)["_user_id"], "banned");
}

#[rstest]
fn l13_a_login_need_not_be_fresh(#[values(true, false)] sync: bool) {
    let mut app = app(login(sync), sync);
    view!(app.rule("/stale"), sync, wait => {
        wait!(login_user(ada()).fresh(false))?;
        login_fresh().to_string()
    });
    let client = app.test_client();
    assert_eq!(text(&client, "/stale"), "false");
    assert_eq!(text(&client, "/me"), "hello 42");
    assert_eq!(get(&client, "/secret").status(), 401);
}

#[rstest]
fn signing_out_is_told_with_the_user_and_leaves_a_visitor(
    #[values(true, false)] sync: bool,
    #[values(true, false)] sync_callbacks: bool,
) {
    let mut app = app(login(sync_callbacks), sync);
    app.connect(&USER_LOGGED_OUT, |user: costrel_login::CurrentUser| session().set("left", user.get_id()));
    view!(app.rule("/out-and-look"), sync, wait => {
        wait!(logout_user())?;
        wait!(current_user())?.is_anonymous().to_string()
    });
    let client = app.test_client();
    get(&client, "/in");
    assert_eq!(text(&client, "/out-and-look"), "true");
    assert_eq!(serde_json::to_string(&session_of(&client)).unwrap(), r#"{"left":"42"}"#);
    assert_eq!(get(&client, "/me").status(), 401);
}

/// A user who cannot be loaded must be able to sign out.
#[rstest]
fn signing_out_works_while_the_loader_fails(#[values(true, false)] sync: bool) {
    let broken =
        Login::new().user_loader(|_: String| Err::<Option<crate::support::Person>, _>(std::io::Error::other("down")));
    let client = app(broken, sync).test_client();
    get(&client, "/in");
    assert_eq!(get(&client, "/out").status(), 500);
    assert!(session_of(&client).get("_user_id").is_none());
}

#[rstest]
fn a_confirmed_login_is_told(#[values(true, false)] sync: bool, #[values(true, false)] sync_callbacks: bool) {
    let mut app = app(login(sync), sync);
    let told = count(&mut app, &USER_LOGIN_CONFIRMED, sync_callbacks);
    let client = app.test_client();
    get(&client, "/in");
    assert_eq!(taken(&told), 0);
    get(&client, "/confirm");
    assert_eq!(taken(&told), 1);
}

/// Where the session has been saved, as in a streamed body, a sign-out is an error that says so, and no silence.
#[rstest]
fn a_sign_out_that_comes_too_late_is_an_error(#[values(true, false)] sync: bool) {
    let mut app = app(login(sync), sync);
    let told = |outcome: Result<(), Error>| outcome.map_or_else(|error| error.message().to_owned(), |()| "done".into());
    if sync {
        app.route("/late", move || {
            stream_with_context(Body::from_iterator((0..1).map(move |_| Ok::<_, Error>(told(logout_user().wait())))))
        });
    } else {
        app.route("/late", move || {
            let steps = futures_util::stream::once(async move { Ok::<_, Error>(told(logout_user().await)) });
            std::future::ready(stream_with_context(Body::from_stream(steps)))
        });
    }
    let client = app.test_client();
    get(&client, "/in");
    let late = text(&client, "/late");
    assert!(late.contains("session"), "{late}");
    assert_eq!(text(&client, "/me"), "hello 42");
}
