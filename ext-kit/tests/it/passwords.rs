//! Hashes of passwords, against those that Python has made.

use std::thread;

use costrel::{App, Error};
use costrel_ext_kit::passwords::{check_password_hash, generate_password_hash, generate_password_hash_with};
use rstest::rstest;

#[rstest]
#[case::scrypt(
    "scrypt:32768:8:1$a1B2c3D4e5F6g7H8$9d5f7355c366555fbf8c4628290cd8ea036c6557025c2d08d3e8629aab8ffd14152e39931750598d26d4fb3a31ce23f155e329cb08ef167bb89372a10eb5662b"
)]
#[case::sha1("pbkdf2:sha1:1000$a1B2c3D4e5F6g7H8$2d0d22c144da1c22cc0be4efd4948f4b9adf888e")]
#[case::sha224("pbkdf2:sha224:1000$a1B2c3D4e5F6g7H8$5c118b50196d18bcd7cfe802a1e47ed025f4688527ffcee98adaf7e3")]
#[case::sha256("pbkdf2:sha256:1000$a1B2c3D4e5F6g7H8$81aebc463c107b6ae343bf1e6abe4ee7934d8f0da6de6c1f47f9f959c79bc12b")]
#[case::sha384(
    "pbkdf2:sha384:1000$a1B2c3D4e5F6g7H8$f0c50f1d590551d5378316c7a4f8a2ff64b1ad529ac5d12f1842c8ace563e6ff623e5479b641be903099c35244e87ec1"
)]
#[case::sha512(
    "pbkdf2:sha512:1000$a1B2c3D4e5F6g7H8$745b0d61512080af922a7d3a2f2d1e07c54e2459fd76fd33de399599567f5f114669bcb0ce2868fc4db7bc31208b0abaa087c2c0490d303daa7bdb080bf399b2"
)]
fn a_hash_of_werkzeugs_is_checked(#[case] hash: &str) {
    assert!(check_password_hash(hash, "correct horse").wait().unwrap());
    assert!(!check_password_hash(hash, "correct horse ").wait().unwrap());
    let (rest, last) = hash.split_at(hash.len() - 1);
    let other = if last == "0" { "1" } else { "0" };
    assert!(!check_password_hash(&format!("{rest}{other}"), "correct horse").wait().unwrap());
}

#[test]
fn numbers_and_letters_of_any_kind_are_right() {
    let hash = "scrypt:1024:4:2$salt$52fa1acc6e35e97fc9a4434526059c18753119d709ba44a2b1ea837ab015cb713d3410c4783397fc6489a60317159baf71ac94be8ba8afa85417c70c27fe09a2";
    assert!(check_password_hash(hash, "pässwörd").wait().unwrap());
    let hash = "scrypt:16384:8:1$saltsalt$853502563d615b82b01f6a6eee3e0fb90a49124ea41e0f96c059f3987dda472ae906c6307098538583b639959e9f86b49dd2d662119dc432370c67ab1140349c";
    assert!(check_password_hash(hash, "").wait().unwrap());
}

#[rstest]
#[case("scrypt", "scrypt:32768:8:1$")]
#[case("scrypt:1024:8:1", "scrypt:1024:8:1$")]
#[case("pbkdf2", "pbkdf2:sha256:1000000$")]
#[case("pbkdf2:sha512", "pbkdf2:sha512:1000000$")]
#[case("pbkdf2:sha1:10", "pbkdf2:sha1:10$")]
#[case("argon2", "$argon2id$v=19$m=19456,t=2,p=1$")]
fn a_hash_that_is_made_is_checked(#[case] method: &str, #[case] start: &str) {
    let hash = generate_password_hash_with(method, "secret").wait().unwrap();
    assert!(hash.starts_with(start), "{hash}");
    assert!(check_password_hash(&hash, "secret").wait().unwrap());
    assert!(!check_password_hash(&hash, "Secret").wait().unwrap());
}

#[test]
fn a_salt_is_sixteen_letters_and_another_each_time() {
    let salt = || {
        let hash = generate_password_hash_with("pbkdf2:sha256:1", "").wait().unwrap();
        hash.split('$').nth(1).unwrap().to_owned()
    };
    let (one, other) = (salt(), salt());
    assert!(one.len() == 16 && one.chars().all(|letter| letter.is_ascii_alphanumeric()), "{one}");
    assert_ne!(one, other);
}

/// Werkzeug returns false for a text that is no hash, and raises an error for a method that it does not know.
#[rstest]
#[case("", Some(false))]
#[case("scrypt:32768:8:1", Some(false))]
#[case("no$hash", Some(false))]
#[case("md5$salt$00", None)]
#[case("pbkdf2:md4:1$salt$00", None)]
#[case("pbkdf2:sha256:0$salt$00", None)]
#[case("pbkdf2:sha256:-1$salt$00", None)]
#[case("scrypt:1000:8:1$salt$00", None)]
#[case("scrypt:0:8:1$salt$00", None)]
#[case("scrypt:1024:0:1$salt$00", None)]
#[case("scrypt:1024:8$salt$00", None)]
#[case("$argon2id$v=19$", None)]
fn what_is_no_hash_fits_no_password(#[case] hash: &str, #[case] fits: Option<bool>) {
    assert_eq!(check_password_hash(hash, "secret").wait().ok(), fits);
}

/// The work would hold up every request of the event loop.
#[rstest]
fn an_async_view_hashes_on_a_worker(#[values(None, Some(2))] threads: Option<usize>) {
    let mut app = App::new("test");
    app.config.threads = threads;
    app.route("/async", async || {
        let hash = generate_password_hash_with("scrypt:1024:8:1", "secret").await?;
        check_password_hash(&hash, "secret").await.map(|fits| fits.to_string())
    });
    app.route("/sync", || {
        let before = thread::current().id();
        let hash = generate_password_hash("secret").wait()?;
        let fits = check_password_hash(&hash, "secret").wait()?;
        Ok::<_, Error>(format!("{fits} {}", thread::current().id() == before))
    });
    let client = app.test_client();
    let crossings = || client.application().handle().crossings();
    assert_eq!(client.get("/async").wait().unwrap().text(), "true");
    assert_eq!(crossings(), if threads.is_none() { 2 } else { crossings() });
    let before = crossings();
    assert_eq!(client.get("/sync").wait().unwrap().text(), "true true");
    assert!(crossings() - before <= 1);
}
