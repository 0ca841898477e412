//! Users of Flask-Login and of costrel-login: one session, one remember cookie.

use std::collections::BTreeMap;

use costrel::http::header::{COOKIE, SET_COOKIE};
use costrel::{App, Error, View, request};
use costrel_login::{Login, User, current_user, fresh_login_required, login_required, login_user, logout_user};
use reqwest::Method;

use crate::scenarios::{Both, ONE_OF_EACH, Side, broken};

/// The ids of users; that of the second is quoted in its cookie.
const NAMES: [&str; 2] = ["ada", "佐藤"];

struct Person(String);

impl User for Person {
    fn get_id(&self) -> String {
        self.0.clone()
    }
}

/// Adds the twins of the Flask app's pages, for sync and for async code.
pub(crate) fn add_users(app: &mut App) -> Result<(), Error> {
    app.config.secret_key = Some("live".into());
    app.init(Login::new().user_loader(async |id: String| Some(Person(id))).compat("flask-login 0.6"))?;
    app.post("/sync/login/<name>", |name: String| {
        login_user(Person(name)).remember(is_to_be_remembered()).wait().map(|_| "")
    });
    app.post("/async/login/<name>", async |name: String| {
        login_user(Person(name)).remember(is_to_be_remembered()).await.map(|_| "")
    });
    app.post("/sync/logout", || logout_user().wait().map(|()| ""));
    app.post("/async/logout", async || logout_user().await.map(|()| ""));
    let decorate: [fn(View) -> View; 2] = [login_required, fresh_login_required];
    for (path, decorate) in ["me", "secret"].into_iter().zip(decorate) {
        let rule = app.rule(&format!("/sync/{path}")).endpoint(&format!("sync_{path}")).decorate(decorate);
        rule.view(|| current_user().wait().map(|user| user.get_id()));
        let rule = app.rule(&format!("/async/{path}")).endpoint(&format!("async_{path}")).decorate(decorate);
        rule.view(async || current_user().await.map(|user| user.get_id()));
    }
    Ok(())
}

fn is_to_be_remembered() -> bool {
    request().args().get("remember").is_some()
}

/// A browser, which sends its cookies to both apps.
struct Browser<'b> {
    both: &'b Both,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    /// Returns the text of a page, or its status if that is an error.
    async fn send(&mut self, method: Method, side: Side, path: &str) -> Result<String, Error> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.both.client.request(method, self.both.url(side, path));
        let page = request.header(COOKIE, cookies.join("; ")).send().await?;
        for cookie in page.headers().get_all(SET_COOKIE) {
            self.keep(&String::from_utf8_lossy(cookie.as_bytes()));
        }
        let status = page.status();
        if status.is_success() { Ok(page.text().await?) } else { Ok(status.as_str().to_owned()) }
    }

    fn keep(&mut self, cookie: &str) {
        let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
        let Some((name, value)) = pair.split_once('=') else { return };
        if attributes.contains("01 Jan 1970") || attributes.contains("Max-Age=0") {
            self.cookies.remove(name);
        } else {
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
    }

    /// Asks each side for the page of any login, and for that of a fresh one.
    async fn expect(&mut self, sides: &[Side], me: &str, secret: &str, when: &str) -> Result<(), Error> {
        for side in sides {
            let pages = (self.send(Method::GET, *side, "/me").await?, self.send(Method::GET, *side, "/secret").await?);
            if (pages.0.as_str(), pages.1.as_str()) != (me, secret) {
                return Err(broken(format!("{when}, {side:?} says {pages:?}, not {me:?} and {secret:?}")));
            }
        }
        Ok(())
    }
}

impl Both {
    /// A login on one side is a login on the other; it is remembered there, and a logout on either side ends it on both.
    pub(crate) async fn logins(&self) -> Result<(), Error> {
        for (login, logout) in ONE_OF_EACH.into_iter().flat_map(|login| ONE_OF_EACH.map(|logout| (login, logout))) {
            for name in NAMES {
                self.login(name, login, logout).await?;
            }
        }
        Ok(())
    }

    async fn login(&self, name: &str, login: Side, logout: Side) -> Result<(), Error> {
        let mut browser = Browser { both: self, cookies: BTreeMap::new() };
        browser.expect(&ONE_OF_EACH, "401", "401", "before the login").await?;
        browser.send(Method::POST, login, &format!("/login/{name}?remember")).await?;
        browser.expect(&ONE_OF_EACH, name, name, &format!("after {name} has logged in at {login:?}")).await?;
        for side in ONE_OF_EACH {
            browser.cookies.remove("session");
            let when = format!("with {login:?}'s remember cookie alone, first at {side:?}");
            browser.expect(&[side], name, "401", &when).await?;
            browser.expect(&ONE_OF_EACH, name, "401", &when).await?;
        }
        browser.send(Method::POST, logout, "/logout").await?;
        browser.expect(&ONE_OF_EACH, "401", "401", &format!("after a logout at {logout:?}")).await?;
        browser.cookies.remove("session");
        browser.expect(&ONE_OF_EACH, "401", "401", &format!("after a logout at {logout:?}, without its session")).await
    }

    /// A remember cookie that another key has signed, or one for another user, is believed by neither side.
    pub(crate) async fn forged_cookies(&self) -> Result<(), Error> {
        let mut browser = Browser { both: self, cookies: BTreeMap::new() };
        browser.send(Method::POST, Side::Flask, "/login/ada?remember").await?;
        let remembered = browser.cookies.remove("remember_token").unwrap_or_default();
        for forged in [remembered.replace("ada", "bob"), remembered.to_uppercase(), "ada|".to_owned(), "ada".to_owned()]
        {
            browser.cookies = BTreeMap::from([("remember_token".to_owned(), forged.clone())]);
            browser.expect(&ONE_OF_EACH, "401", "401", &format!("with the cookie {forged}")).await?;
        }
        Ok(())
    }
}
