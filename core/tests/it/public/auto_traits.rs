use costrel::testing::TestClient;
use costrel::*;

#[test]
fn what_is_shared_between_threads_can_be() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Application>();
    shared::<AppHandle>();
    shared::<Error>();
    shared::<G>();
    shared::<Request>();
    shared::<Session>();
    shared::<TestClient>();
    shared::<View>();
}

#[test]
fn an_error_is_one_word_wide() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn debug_names_the_type_and_keeps_secrets() {
    let mut app = App::new("shop");
    app.config.secret_key = Some("hush".into());
    assert_eq!(format!("{app:?}"), "App { name: \"shop\", rules: 0, .. }");
    assert!(!format!("{:?}", app.config).contains("hush"));
    assert_eq!(format!("{:?}", (async || "x").into_view()), "View(async closure)");
    assert_eq!(format!("{:?}", Body::from("four")), "Body(4 bytes)");
}
