//! Flaskr half moved from Flask to Costrel: what must hold.

use std::path::Path;

use costrel::{Application, Error};
use costrel_shadow::{Recorded, Rules, Shadow};
use futures_util::future::try_join_all;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::half_moved::{HalfMoved, session_of};
use crate::outage;
use crate::scenarios::{broken, tell};
use crate::servers::serve;

/// Runs all scenarios of the half-moved Flaskr, and returns the number of those that fail.
pub(crate) async fn run(redis: &str, gunicorn: &str, folder: &str) -> Result<usize, Error> {
    let mut flaskr = HalfMoved::start(redis, gunicorn, folder).await?;
    let failed = [
        tell(
            "shadow finds no difference between Flaskr in Flask and in Costrel",
            is_equal(&flaskr, &flaskr.moved).await,
        ),
        tell("nor between Flaskr in Flask and half moved", is_equal(&flaskr, &flaskr.app).await),
        tell("a user who logs in on one side is logged in on the other", logins(&flaskr).await),
        tell("of a hundred posts by turns to either side, the next is one too many", limits(&flaskr).await),
        tell(
            "Costrel's own pages lose nothing while Flask is killed and started again",
            outage::run(&mut flaskr).await,
        ),
        tell("what Costrel takes over at run time needs no Flask, and goes back", switching(&mut flaskr).await),
    ];
    Ok(failed.into_iter().filter(|failed| *failed).count())
}

/// Sends the requests of the comparison to the original and to `app`.
async fn is_equal(flaskr: &HalfMoved, app: &Application) -> Result<(), Error> {
    flaskr.fill_tables()?;
    let requests = requests()?;
    let rules = Rules::from_file(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/shadow.toml")))?;
    let shadow = Shadow::new(&flaskr.original.url).rules(rules).with_unsafe(true);
    let report = shadow.replay(app, &requests, |_| ()).await?;
    let equal: u64 = report.rules().iter().map(|rule| rule.equal).sum();
    if equal == requests.len() as u64 {
        return Ok(());
    }
    let examples: Vec<_> = report.rules().into_iter().flat_map(|rule| rule.examples).collect();
    Err(broken(format!("{equal} of {} are equal: {examples:#?}", requests.len())))
}

async fn logins(flaskr: &HalfMoved) -> Result<(), Error> {
    let moved = serve(flaskr.moved.clone()).await?;
    for [login, look] in [[&flaskr.front, &flaskr.front], [&flaskr.old.url, &flaskr.front], [&moved, &flaskr.old.url]] {
        let session = flaskr.log_in(login).await?;
        for url in [look, &flaskr.old.url, &moved] {
            let page = flaskr.get(url, "/", &session).await?.text().await?;
            if !page.contains("<span>test</span>") || !page.contains("/auth/logout") {
                return Err(broken(format!("logged in at {login} and not at {url}: {page}")));
            }
        }
        let left = session_of(&flaskr.get(login, "/auth/logout", &session).await?)?;
        let page = flaskr.get(look, "/create", &left).await?;
        if page.status() != 302 {
            return Err(broken(format!("logged out at {login}, and at {look} the answer is {}", page.status())));
        }
    }
    Ok(())
}

/// Half of the posts are counted by Flask-Limiter, the other half by Costrel's limiter.
async fn limits(flaskr: &HalfMoved) -> Result<(), Error> {
    let post = |n: usize| flaskr.post_from("203.0.113.7", ["/auth/login", "/create"][n % 2]);
    let admitted = try_join_all((0..100).map(post)).await?;
    let refused = [post(0).await?, post(1).await?];
    let another = flaskr.post_from("203.0.113.8", "/create").await?;
    if admitted.contains(&429) || refused != [429, 429] || another == 429 {
        return Err(broken(format!("{admitted:?}, then {refused:?}, and {another} for another client")));
    }
    Ok(())
}

async fn switching(flaskr: &mut HalfMoved) -> Result<(), Error> {
    let status =
        async |flaskr: &HalfMoved| flaskr.get(&flaskr.front, "/auth/login", "").await.map(|page| page.status());
    flaskr.old.kill();
    let away = status(flaskr).await?;
    flaskr.legacy.hand_over("auth.*").await?;
    let taken_over = status(flaskr).await?;
    let session = flaskr.log_in(&flaskr.front).await?;
    flaskr.legacy.take_back("auth.*").await?;
    let taken_back = status(flaskr).await?;
    flaskr.old.start_again()?;
    let page = flaskr.get(&flaskr.old.url, "/", &session).await?.text().await?;
    if (away, taken_over, taken_back) == (StatusCode::BAD_GATEWAY, StatusCode::OK, StatusCode::BAD_GATEWAY)
        && page.contains("<span>test</span>")
    {
        return Ok(());
    }
    Err(broken(format!("{away}, then {taken_over}, then {taken_back}, and {page}")))
}

/// The requests of the comparison of Flaskr with Flask, a client for each group.
fn requests() -> Result<Vec<Recorded>, Error> {
    let groups: Vec<Value> = serde_json::from_str(include_str!("../../flask-diff/flask/flaskr.json"))?;
    let steps = |group: Value| {
        let client = group["group"].as_str().unwrap_or_default().to_owned();
        let steps = group["steps"].as_array().cloned().unwrap_or_default();
        steps.into_iter().map(move |step| recorded(&step, &client))
    };
    groups.into_iter().flat_map(steps).collect()
}

fn recorded(step: &Value, client: &str) -> Result<Recorded, Error> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut recorded = Recorded::new(text(&step["method"]).parse::<Method>()?, &text(&step["path"]))?;
    for header in step["headers"].as_array().into_iter().flatten() {
        recorded.headers.push((text(&header[0]), text(&header[1])));
    }
    recorded.body = text(&step["body"]).into_bytes();
    client.clone_into(&mut recorded.client);
    Ok(recorded)
}
