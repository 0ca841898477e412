//! Endpoints that go back to the old app while the app runs.

use std::fs;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use costrel::testing::TestClient;
use costrel::{App, Blueprint};
use costrel_ext_kit::Clock;
use costrel_legacy::{LEGACY_SWITCHED, Legacy, Switched, legacy};
use rstest::rstest;

use crate::support::{Log, RawOld, Server, receive, response};

/// A front with moved views of both colours, and views that take them back.
fn front(old: &Legacy, is_sync: bool) -> App {
    let mut app = App::new("front");
    app.init(old).unwrap();
    if is_sync {
        app.rule("/").endpoint("index").view(|| "new");
    } else {
        app.rule("/").endpoint("index").view(async || "new");
    }
    let mut blog = Blueprint::new("blog");
    blog.rule("/blog").endpoint("posts").view(|| "new posts");
    app.register_blueprint(blog);
    let (back, over) = (old.clone(), old.clone());
    app.route("/switch/back/<name>", move |name: String| {
        let back = back.clone();
        async move { back.take_back(&name).await.map(|()| "done") }
    });
    app.route("/switch/over/<name>", move |name: String| over.hand_over(&name).wait().map(|()| "done"));
    app
}

fn get(client: &TestClient, path: &str) -> String {
    client.get(path).wait().unwrap().text()
}

#[rstest]
fn an_endpoint_goes_back_and_comes_again_without_a_restart(#[values(true, false)] is_sync: bool) {
    let (raw, _) = RawOld::answering(response("old"));
    let old = legacy(&raw.url);
    let (tell, told) = channel();
    let mut app = front(&old, is_sync);
    app.connect(&LEGACY_SWITCHED, move |switched: Switched| drop(tell.send((switched.endpoint, switched.taken_back))));
    let client = app.test_client();
    assert_eq!(get(&client, "/"), "new");
    assert_eq!(get(&client, "/switch/back/index"), "done");
    assert_eq!(
        (get(&client, "/"), get(&client, "/blog"), old.taken_back()),
        ("old".into(), "new posts".into(), vec!["index".into()])
    );
    assert_eq!(receive(&told), ("index".into(), true));
    // What is no change is not told.
    assert_eq!(get(&client, "/switch/back/index"), "done");
    assert_eq!(get(&client, "/switch/over/index"), "done");
    assert_eq!((get(&client, "/"), receive(&told)), ("new".into(), ("index".into(), false)));
    assert_eq!(get(&client, "/switch/back/blog.*"), "done");
    assert_eq!((get(&client, "/"), get(&client, "/blog")), ("new".into(), "old".into()));
    assert_eq!(receive(&told), ("blog.*".into(), true));
    assert!(told.try_recv().is_err());
}

#[rstest]
#[case("nothing", "no rule has this endpoint")]
#[case("*", "`blog.*`")]
#[case("bl*", "`blog.*`")]
#[case("socket", "is a WebSocket")]
fn a_name_that_means_nothing_is_an_error(#[case] name: &str, #[case] said: &str) {
    let old = legacy("http://127.0.0.1:1");
    let mut app = front(&old, true);
    app.rule("/socket").endpoint("socket").websocket(async || {});
    let application = app.build().unwrap();
    let error = application.app_context_sync(|| old.take_back(name).wait()).unwrap_err();
    assert!(error.message().contains(said), "{error}");
    assert_eq!(old.taken_back(), [""; 0]);
    let mut app = App::new("front");
    app.config.set("LEGACY_TAKE_BACK", [name]).unwrap();
    app.rule("/socket").endpoint("socket").websocket(async || {});
    app.init(&legacy("http://127.0.0.1:1")).unwrap();
    assert!(app.build().unwrap_err().message().contains(said));
}

#[test]
fn the_setting_takes_back_from_the_start() {
    let (raw, _) = RawOld::answering(response("old"));
    let mut app = App::new("front");
    app.config.set("LEGACY_TAKE_BACK", ["index"]).unwrap();
    app.init(&legacy(&raw.url)).unwrap();
    app.rule("/").endpoint("index").view(|| "new");
    app.rule("/b").endpoint("b").view(|| "new");
    let client = app.test_client();
    assert_eq!((get(&client, "/"), get(&client, "/b")), ("old".into(), "new".into()));
    let listed = client.application().test_cli_runner().invoke(["legacy"]).wait().unwrap();
    assert!(
        listed.output.contains("index     /          old app (taken back)\nb         /b         here\n"),
        "{listed:?}"
    );
}

/// A path of which one method has moved is the old app's for the others.
#[test]
fn other_methods_of_a_moved_path_are_the_old_apps() {
    let (raw, heads) = RawOld::answering(response("old"));
    let server = Server::start(front(&legacy(&raw.url), true));
    let answer = server.exchange("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert!(answer.ends_with("old"), "{answer}");
    assert!(receive(&heads).starts_with("POST / "));
    assert!(server.get("/").ends_with("new"));
}

#[test]
fn a_second_old_app_on_one_app_is_a_set_up_error() {
    let old = legacy("http://127.0.0.1:1");
    let mut app = App::new("front");
    app.init(&old).unwrap();
    assert!(app.init(&old).unwrap_err().message().contains("initialised twice"));
}

/// A file of names, with a front that follows it by a clock that the test moves.
struct Followed {
    folder: tempfile::TempDir,
    clock: Clock,
}

impl Followed {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: Clock::manual() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("old-app.txt")
    }

    /// Writes the file as if it were old, and lets a second pass.
    fn write(&self, text: &str, age: Duration) {
        fs::write(self.path(), text).unwrap();
        let file = fs::File::options().write(true).open(self.path()).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        self.clock.advance(Duration::from_secs(1));
    }

    /// The client of a process that reads the file.
    fn client(&self, raw: &RawOld, is_sync: bool) -> TestClient {
        let old = legacy(&raw.url).switch_file(self.path()).clock(self.clock.clone());
        front(&old, is_sync).test_client()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[rstest]
fn processes_follow_one_file(#[values(true, false)] is_sync: bool) {
    let (raw, _) = RawOld::answering(response("old"));
    let followed = Followed::new();
    let clients = [followed.client(&raw, is_sync), followed.client(&raw, is_sync)];
    let pages = |path: &str| clients.each_ref().map(|client| get(client, path));
    assert_eq!(pages("/"), ["new", "new"], "there is no file");
    followed.write("# while the prices are wrong\n\n  index \nblog.*", 4 * HOUR);
    assert_eq!((pages("/"), pages("/blog")), (["old".into(), "old".into()], ["old".into(), "old".into()]));
    followed.write("blog.*\n", 3 * HOUR);
    assert_eq!((pages("/"), pages("/blog")), (["new".into(), "new".into()], ["old".into(), "old".into()]));
    fs::remove_file(followed.path()).unwrap();
    followed.clock.advance(Duration::from_secs(1));
    assert_eq!(pages("/blog"), ["new posts", "new posts"]);
}

#[rstest]
fn a_file_is_read_when_its_time_stamp_changes(#[values(true, false)] is_sync: bool) {
    let (raw, _) = RawOld::answering(response("old"));
    let followed = Followed::new();
    let client = followed.client(&raw, is_sync);
    followed.write("index", 4 * HOUR);
    assert_eq!(get(&client, "/"), "old");
    fs::write(followed.path(), "").unwrap();
    assert_eq!(get(&client, "/"), "old", "a second has not passed");
    followed.write("other", HOUR);
    assert_eq!(get(&client, "/"), "new");
    // A file that has just changed may change once more in the same tick of its time stamp.
    followed.write("index", Duration::ZERO);
    assert_eq!(get(&client, "/"), "old");
    let stamp = fs::metadata(followed.path()).unwrap().modified().unwrap();
    followed.write("other", stamp.elapsed().unwrap());
    fs::File::options().write(true).open(followed.path()).unwrap().set_modified(stamp).unwrap();
    assert_eq!(get(&client, "/"), "new");
}

/// What the switch and the setting have taken back is not the file's to hand over.
#[test]
fn a_file_hands_over_its_own_lines_alone() {
    let (raw, _) = RawOld::answering(response("old"));
    let followed = Followed::new();
    let client = followed.client(&raw, true);
    assert_eq!(get(&client, "/switch/back/index"), "done");
    followed.write("blog.*", 4 * HOUR);
    assert_eq!((get(&client, "/"), get(&client, "/blog")), ("old".into(), "old".into()));
    followed.write("", 3 * HOUR);
    assert_eq!((get(&client, "/"), get(&client, "/blog")), ("old".into(), "new posts".into()));
}

#[rstest]
fn a_line_that_means_nothing_is_said_once(#[values(true, false)] is_sync: bool) {
    let (raw, _) = RawOld::answering(response("old"));
    let followed = Followed::new();
    let old = legacy(&raw.url).switch_file(followed.path()).clock(followed.clock.clone());
    let (tell, told) = channel();
    let mut app = front(&old, is_sync);
    app.connect(&LEGACY_SWITCHED, move |switched: Switched| drop(tell.send((switched.endpoint, switched.taken_back))));
    let client = app.test_client();
    let (log, _kept) = Log::of_this_thread();
    followed.write("nothing\nindex\nbl*", Duration::ZERO);
    for _ in 0..3 {
        assert_eq!((get(&client, "/"), get(&client, "/blog")), ("old".into(), "new posts".into()));
        followed.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(log.count("no rule has this endpoint"), 1);
    assert_eq!(log.count("a `*` stands for the endpoints of a blueprint"), 1);
    followed.write("index", 3 * HOUR);
    assert_eq!((get(&client, "/"), old.taken_back()), ("old".into(), vec!["index".into()]));
    assert_eq!((told.try_iter().collect::<Vec<_>>(), log.count("changes nothing")), (vec![("index".into(), true)], 2));
}

/// What a file took back stays so while it cannot be read.
#[test]
fn a_file_that_cannot_be_read_changes_nothing() {
    let (raw, _) = RawOld::answering(response("old"));
    let followed = Followed::new();
    let client = followed.client(&raw, true);
    followed.write("index", 4 * HOUR);
    assert_eq!(get(&client, "/"), "old");
    fs::remove_file(followed.path()).unwrap();
    fs::create_dir(followed.path()).unwrap();
    let (log, _kept) = Log::of_this_thread();
    for _ in 0..2 {
        followed.clock.advance(Duration::from_secs(1));
        assert_eq!(get(&client, "/"), "old");
    }
    assert_eq!(log.count("cannot read"), 1);
}

#[test]
fn the_command_follows_the_file_too() {
    let followed = Followed::new();
    let old = legacy("http://127.0.0.1:1").switch_file(followed.path());
    followed.write("index", HOUR);
    let listed = front(&old, true).build().unwrap().test_cli_runner().invoke(["legacy"]).wait().unwrap();
    assert!(listed.output.contains("/                    old app (taken back)\nblog.posts"), "{}", listed.output);
}
