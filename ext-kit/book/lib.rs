#![doc = include_str!(concat!(env!("OUT_DIR"), "/introduction.md"))]

// The pages, in the order of `src/SUMMARY.md`. The guides are tried where they are, in the documentation of their crates.

/// Where to begin.
pub mod start {
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/start/install.md"))]
    pub mod install {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/start/quickstart.md"))]
    pub mod quickstart {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/start/sync-and-async.md"))]
    pub mod sync_and_async {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/start/from-flask.md"))]
    pub mod from_flask {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/start/moving.md"))]
    pub mod moving {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/start/from-axum.md"))]
    pub mod from_axum {}
}

/// Flaskr, a blog, from an empty folder.
pub mod tutorial {
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/tutorial/factory.md"))]
    pub mod factory {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/tutorial/database.md"))]
    pub mod database {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/tutorial/users.md"))]
    pub mod users {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/tutorial/templates.md"))]
    pub mod templates {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/tutorial/blog.md"))]
    pub mod blog {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/tutorial/tests.md"))]
    pub mod tests {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/tutorial/deploy.md"))]
    pub mod deploy {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/tutorial/extensions.md"))]
    pub mod extensions {}
}

/// The guides of the crates.
#[cfg(not(doctest))]
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "they link to the reference of their crates, which the book does not depend on"
)]
pub mod guide {
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/guide/app.md"))]
    pub mod app {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/guide/serving.md"))]
    pub mod serving {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/guide/write.md"))]
    pub mod write {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/guide/port.md"))]
    pub mod port {}
}

#[doc = include_str!(concat!(env!("OUT_DIR"), "/routing.md"))]
pub mod routing {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/requests.md"))]
pub mod requests {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/templates.md"))]
pub mod templates {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/json.md"))]
pub mod json {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/sessions.md"))]
pub mod sessions {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/context.md"))]
pub mod context {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/blueprints.md"))]
pub mod blueprints {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/class-views.md"))]
pub mod class_views {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/hooks.md"))]
pub mod hooks {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/errors.md"))]
pub mod errors {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/database.md"))]
pub mod database {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/streams.md"))]
pub mod streams {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/websockets.md"))]
pub mod websockets {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/background.md"))]
pub mod background {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/commands.md"))]
pub mod commands {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/config.md"))]
pub mod config {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/testing.md"))]
pub mod testing {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/logging.md"))]
pub mod logging {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/security.md"))]
pub mod security {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/deploy.md"))]
pub mod deploy {}
#[doc = include_str!(concat!(env!("OUT_DIR"), "/performance.md"))]
pub mod performance {}

/// Extensions: to use and to write.
pub mod ext {
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/ext/use.md"))]
    pub mod using {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/ext/whole-app.md"))]
    pub mod whole_app {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/ext/suite.md"))]
    pub mod suite {}
    // The wrong code there is compiled where it is from.
    #[cfg(not(doctest))]
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/ext/laws.md"))]
    pub mod laws {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/ext/publish.md"))]
    pub mod publish {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/ext/tower.md"))]
    pub mod tower {}
}

/// What is in the folder of the suite.
pub mod compat_tests {
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/compat-tests/ZOO.md"))]
    pub mod zoo {}
}

// Their code is compiled where they are.
#[cfg(not(doctest))]
#[allow(clippy::doc_markdown, reason = "a paper names products as they are written")]
#[allow(
    rustdoc::broken_intra_doc_links,
    reason = "they link to the reference of their crates, which the book does not depend on"
)]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/README.md"))]
pub mod sample_extensions {
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/template/README.md"))]
    pub mod template {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/limiter/README.md"))]
    pub mod limiter {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/cache/README.md"))]
    pub mod cache {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/cors/README.md"))]
    pub mod cors {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/compress/README.md"))]
    pub mod compress {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/csrf/README.md"))]
    pub mod csrf {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/form/README.md"))]
    pub mod form {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/httpauth/README.md"))]
    pub mod httpauth {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/jwt/README.md"))]
    pub mod jwt {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/legacy/README.md"))]
    pub mod legacy {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/session/README.md"))]
    pub mod session {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/shadow/README.md"))]
    pub mod shadow {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/login/README.md"))]
    pub mod login {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/stores/README.md"))]
    pub mod stores {}

    /// Example apps.
    pub mod examples {
        #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/examples/showcase/README.md"))]
        pub mod showcase {}
        #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/examples/flaskr/README.md"))]
        pub mod flaskr {}
        #[doc = include_str!(concat!(env!("OUT_DIR"), "/sample-extensions/examples/task-queue/README.md"))]
        pub mod task_queue {}
    }
}

#[allow(clippy::doc_markdown, reason = "a message stands there as it is printed")]
#[doc = include_str!(concat!(env!("OUT_DIR"), "/messages.md"))]
pub mod messages {}

/// For those who change Costrel.
#[cfg(not(doctest))]
#[allow(clippy::doc_markdown, reason = "a paper names products as they are written")]
pub mod project {
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/project/ARCHITECTURE.md"))]
    pub mod architecture {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/project/COMPATIBILITY.md"))]
    pub mod compatibility {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/project/CONTRIBUTING.md"))]
    pub mod contributing {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/project/SECURITY.md"))]
    pub mod security {}
    #[doc = include_str!(concat!(env!("OUT_DIR"), "/project/CHANGELOG.md"))]
    pub mod changelog {}
}
