//! What must hold between the two apps.

use costrel::{Error, ErrorKind};
use reqwest::{Client, Method, Response};

/// The addresses of the two apps.
#[derive(Debug)]
pub(crate) struct Both {
    pub(crate) flask: String,
    pub(crate) costrel: String,
    pub(crate) client: Client,
}

/// One of the two apps; of Costrel's views, the one of a colour.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Flask,
    CostrelSync,
    CostrelAsync,
}

use Side::{CostrelAsync, CostrelSync, Flask};

pub(crate) const ONE_OF_EACH: [Side; 3] = [Flask, CostrelSync, CostrelAsync];

const STRATEGIES: [&str; 3] = ["fixed", "moving", "sliding"];

/// Runs all scenarios, and returns the number of those that fail.
pub(crate) async fn run(both: &Both) -> usize {
    let failed = [
        tell("three hits there and two here are five of five", both.five_of_five().await),
        tell("two limits count alike on both sides", both.two_limits().await),
        tell("of a hundred requests at a time, half of them there, five are admitted", both.at_a_time().await),
        tell("what one keeps, the other finds and removes", both.values().await),
        tell("a login or logout on one side is one on the other, and so is a remembered login", both.logins().await),
        tell("neither side believes a forged remember cookie", both.forged_cookies().await),
    ];
    failed.into_iter().filter(|failed| *failed).count()
}

/// Prints the outcome of a scenario; tells whether it failed.
pub(crate) fn tell(scenario: &str, outcome: Result<(), Error>) -> bool {
    println!("{} {scenario}", if outcome.is_ok() { "ok  " } else { "FAIL" });
    outcome.inspect_err(|error| println!("     {error:?}")).is_err()
}

/// The status and `X-RateLimit-Remaining` of an answer.
type Shown = (u16, String);

impl Both {
    /// The URL of a page on one side.
    pub(crate) fn url(&self, side: Side, path: &str) -> String {
        let (address, colour) = match side {
            Flask => (&self.flask, ""),
            CostrelSync => (&self.costrel, "/sync"),
            CostrelAsync => (&self.costrel, "/async"),
        };
        let colour = if path.starts_with("/cache") { "" } else { colour };
        format!("{address}{colour}{path}")
    }

    async fn send(&self, side: Side, method: Method, path: &str, client: &str, body: &str) -> Result<Response, Error> {
        let request = self.client.request(method, self.url(side, path));
        Ok(request.header("x-client", client).body(body.to_owned()).send().await?)
    }

    async fn get(&self, side: Side, path: &str, client: &str) -> Result<Shown, Error> {
        let response = self.send(side, Method::GET, path, client, "").await?;
        let remaining = response.headers().get("x-ratelimit-remaining").and_then(|value| value.to_str().ok());
        Ok((response.status().as_u16(), remaining.unwrap_or("no header").to_owned()))
    }

    /// Sends requests to these sides, one after the other.
    async fn get_all(&self, sides: &[Side], path: &str, client: &str) -> Result<Vec<Shown>, Error> {
        let mut shown = Vec::new();
        for side in sides {
            shown.push(self.get(*side, path, client).await?);
        }
        Ok(shown)
    }

    async fn five_of_five(&self) -> Result<(), Error> {
        let turns = [
            [Flask, Flask, Flask, CostrelSync, CostrelAsync, Flask, CostrelSync],
            [CostrelAsync, Flask, CostrelSync, Flask, CostrelAsync, CostrelAsync, Flask],
        ];
        let right = [(200, "4"), (200, "3"), (200, "2"), (200, "1"), (200, "0"), (429, "0"), (429, "0")];
        for strategy in STRATEGIES {
            for (n, turns) in turns.iter().enumerate() {
                let shown = self.get_all(turns, &format!("/{strategy}"), &format!("{strategy} five {n}")).await?;
                expect(strategy, &shown, &right)?;
            }
        }
        Ok(())
    }

    /// After the limit of a minute refuses, the limit of an hour has not counted on; and neither differs by the side.
    async fn two_limits(&self) -> Result<(), Error> {
        let turns = [Flask, CostrelAsync, CostrelSync, Flask, CostrelSync, Flask];
        let right = [(200, "2"), (200, "1"), (200, "0"), (429, "0"), (429, "0"), (429, "0")];
        for strategy in STRATEGIES {
            let shown = self.get_all(&turns, &format!("/{strategy}/two"), &format!("{strategy} two")).await?;
            expect(strategy, &shown, &right)?;
        }
        Ok(())
    }

    async fn at_a_time(&self) -> Result<(), Error> {
        for strategy in STRATEGIES {
            // The two other strategies have the same keys, and another type of value.
            let (path, client) = (format!("/{strategy}"), format!("{strategy} many"));
            let get = |n: usize| {
                let side = [Flask, CostrelSync, Flask, CostrelAsync][n % 4];
                self.get(side, &path, &client)
            };
            let mut admitted = 0;
            for shown in futures_util::future::join_all((0..100).map(get)).await {
                admitted += usize::from(shown?.0 == 200);
            }
            if admitted != 5 {
                return Err(broken(format!("{strategy}: {admitted} of 100 were admitted")));
            }
        }
        Ok(())
    }

    async fn values(&self) -> Result<(), Error> {
        for (writer, reader) in [(CostrelAsync, Flask), (Flask, CostrelSync)] {
            let path = format!("/cache/{reader:?}");
            self.send(writer, Method::PUT, &path, "", "42").await?;
            let found = self.send(reader, Method::GET, &path, "", "").await?.text().await?;
            let removed = self.send(reader, Method::DELETE, &path, "", "").await?.text().await?;
            let left = self.send(writer, Method::GET, &path, "", "").await?.status();
            if (found.as_str(), removed.as_str(), left.as_u16()) != ("42", "True", 404) {
                return Err(broken(format!("{writer:?} wrote 42, {reader:?} read {found:?}: {removed} {left}")));
            }
        }
        Ok(())
    }
}

fn expect(strategy: &str, shown: &[Shown], right: &[(u16, &str)]) -> Result<(), Error> {
    let is_right = shown.iter().map(|(status, remaining)| (*status, remaining.as_str())).eq(right.iter().copied());
    if is_right { Ok(()) } else { Err(broken(format!("{strategy}: {shown:?}, not {right:?}"))) }
}

pub(crate) fn broken(message: String) -> Error {
    Error::new(ErrorKind::Other, message)
}
