//! The cache in a browser: `cargo run -p costrel-cache --example cache-demo`, then open <http://127.0.0.1:5000> and reload the pages.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use costrel::{App, Error, Request, cli, context, redirect, render_template_string};
use costrel_cache::{Cache, timeout};

const TEN_SECONDS: Duration = Duration::from_secs(10);

const INDEX: &str = r#"<h1>Each page says how often its code ran</h1>
<ul>
<li><a href="/sync">a sync view</a>, <a href="/async">an async view</a>: once in ten seconds
<li><a href="/live?live">unless</a> <code>?live</code> is asked for; <a href="/live">without it</a> from the cache
<li><a href="/new?new">forced_update</a> by <code>?new</code>; <a href="/new">without it</a> the page that this has left
<li><a href="/square/7">memoize</a>: a function of a number, from a sync view; <a href="/square/async/7">from an async one</a>
<li><a href="/fragment/ada">a fragment</a> of a template, for ada; <a href="/fragment/bob">for bob</a>
</ul>
<form method="post" action="/delete"><button>delete /sync</button></form>
<form method="post" action="/forget"><button>delete_memoized</button></form>
<form method="post" action="/clear"><button>clear</button></form>"#;

const FRAGMENT: &str = "<p>{{ page }}\
    {% call cache(10, 'greeting', name) %}<p>hello {{ name }}, this is {{ run('fragment') }}{% endcall %}";

static RUNS: AtomicU32 = AtomicU32::new(0);

fn main() -> ExitCode {
    cli::main(create_app)
}

fn create_app() -> Result<App, Error> {
    let (cache, mut app) = (Cache::new(), App::new("cache demo"));
    app.init(&cache)?;
    app.templates(|templates| templates.add_function("run", |what: String| run(&what)));
    app.route("/", || INDEX);
    app.rule("/sync").decorate(cache.cached(TEN_SECONDS)).view(|| run("sync code"));
    app.rule("/async").decorate(cache.cached(TEN_SECONDS)).view(async || run("async code"));

    let unless = timeout(TEN_SECONDS).unless(|request: Request| request.args().get("live").is_some());
    app.rule("/live").decorate(cache.cached(unless)).view(|| run("live"));
    let forced = async |request: Request| request.args().get("new").is_some();
    let forced_update = timeout(TEN_SECONDS).forced_update(forced).query_string(false);
    app.rule("/new").decorate(cache.cached(forced_update)).view(async || run("new"));

    let square = cache.memoize(TEN_SECONDS, square);
    let [in_async, forgotten] = [square.clone(), square.clone()];
    app.route("/square/<int:n>", move |n: u32| square.call(n).wait());
    app.route("/square/async/<int:n>", move |n: u32| in_async.call(n));
    app.route("/fragment/<name>", |name: String| {
        render_template_string(FRAGMENT, context! { name, page => run("page") }).wait()
    });

    let [deleting, forgetting] = [cache.clone(), cache.clone()];
    app.post("/delete", move || deleting.delete_cached("/sync").wait().and_then(|()| redirect("/")));
    app.post("/forget", move || forgetting.delete_memoized(&forgotten).wait().and_then(|()| redirect("/")));
    app.post("/clear", move || cache.clear().wait().and_then(|()| redirect("/")));
    Ok(app)
}

fn square(n: u32) -> String {
    format!("{n} squared is {}, {}", u64::from(n).pow(2), run("square"))
}

fn run(what: &str) -> String {
    format!("run {} of all, of {what}", RUNS.fetch_add(1, Ordering::Relaxed) + 1)
}
