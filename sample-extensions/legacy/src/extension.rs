//! The set-up on an app: the fallback, and the endpoints that went back.

use std::sync::Arc;

use costrel::cli::echo;
use costrel::{App, Error, Extension, Response, RuleInfo, current_app, request};

use crate::forward::{Proxy, forward, leave};
use crate::legacy::Legacy;
use crate::switch::{Switch, check};

/// The old app gets the requests that no rule takes, and those of the endpoints that went back. The command `legacy` lists
/// which app answers what.
impl Extension for &Legacy {
    fn init_app(self, app: &mut App) -> Result<(), Error> {
        let (proxy, switch) = (self.proxy()?, self.switch.clone());
        let from_the_start: Vec<String> = app.config.try_get("LEGACY_TAKE_BACK")?.unwrap_or_default();
        for name in &from_the_start {
            switch.set(name, true);
        }
        app.on_build(move |app| from_the_start.iter().try_for_each(|name| check(name, app.rules())));
        app.set_extension(switch.clone());
        app.fallback(self);
        app.on_response(leave);
        let old = Arc::new(self.clone());
        let listed = Arc::clone(&old);
        app.before_request(move || answer_if_taken_back(Arc::clone(&proxy), Arc::clone(&old)));
        app.command("legacy", "List which app answers each endpoint.", move || {
            let listed = Arc::clone(&listed);
            async move {
                listed.follow_file().await?;
                echo(table(&listed.switch, current_app().rules()));
                Ok::<_, Error>(())
            }
        });
        Ok(())
    }
}

async fn answer_if_taken_back(proxy: Arc<Proxy>, old: Arc<Legacy>) -> Result<Option<Response>, Error> {
    old.follow_file().await?;
    let switch = &old.switch;
    if switch.is_empty() {
        return Ok(None);
    }
    let request = request();
    if request.endpoint().is_some_and(|endpoint| switch.has(endpoint)) {
        // Boxed, so that requests that do not go back have no room for it.
        return Box::pin(forward(proxy, request)).await.map(Some);
    }
    Ok(None)
}

/// A line for each rule, with the app that answers it.
fn table(switch: &Switch, rules: &[RuleInfo]) -> String {
    let side = |rule: &RuleInfo| if switch.has(&rule.endpoint) { "old app (taken back)" } else { "here" };
    let mut rows: Vec<_> = rules.iter().map(|rule| [&*rule.endpoint, &*rule.rule, side(rule)]).collect();
    rows.push(["fallback", "(no rule)", "old app"]);
    rows.insert(0, ["Endpoint", "Rule", "Answered by"]);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let [endpoints, paths] = [width(0), width(1)];
    let lines = rows.iter().map(|[name, rule, side]| format!("{name:endpoints$}  {rule:paths$}  {side}"));
    lines.collect::<Vec<_>>().join("\n")
}
