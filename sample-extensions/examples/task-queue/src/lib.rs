//! Work that must not be lost: a task queue beside the app, kept in a file, that goes on after a restart.
//!
//! `add_background_task` is for what may be lost with the process. This is what documentation of Flask means by "use a task
//! queue instead", with [apalis](https://docs.rs/apalis) for the queue and SQLite for its memory; a broker of one's own is
//! another backend of apalis.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis::prelude::{BoxDynError, Data, TaskSink, WorkerBuilder};
use apalis_core::backend::WorkerFilter;
use apalis_core::backend::ext::BackendExt;
use apalis_sqlite::queries::reenqueue_orphaned;
use apalis_sqlite::{Config, SqliteStorage};
use costrel::{App, Callable, Error, Serving, convert::IntoCallable, current_app, request};
use serde::{Deserialize, Serialize};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};

/// The queue's name in its file. Another name would not find the tasks that wait there.
const QUEUE: &str = "costrel";

/// How often the worker looks for tasks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A task: what is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// On what.
    pub name: String,
}

/// The queue as an extension keeps it for an app.
#[derive(Clone, Default)]
struct Queue {
    pool: Arc<OnceLock<SqlitePool>>,
}

/// An app that queues a task for each `POST /process`, in `file`, and does them with `work`, sync or async, while it serves.
/// A task that was being done when the process ended is done anew, so `work` may see it twice.
///
/// # Errors
/// If the app has mistakes.
pub fn create_app<M>(file: impl Into<PathBuf>, work: impl IntoCallable<M, String, ()>) -> Result<App, Error> {
    let (file, work, queue) = (file.into(), work.into_callable(), Queue::default());
    let mut app = App::new("task-queue");
    app.set_extension(queue.clone());
    app.post("/process", process);
    app.while_serving(move |serving: Serving| {
        let (file, work, queue) = (file.clone(), work.clone(), queue.clone());
        async move {
            let pool = open(&file).await?;
            let _ = queue.pool.set(pool.clone());
            do_tasks(pool, work, serving).await
        }
    });
    Ok(app)
}

/// Queues a task. The answer comes when it is in the file, so a client that has it can rely on it.
async fn process() -> Result<(&'static str, u16), Error> {
    let name = request().get_json().await?;
    let queue = current_app().extension::<Queue>()?;
    let pool = queue.pool.get().ok_or_else(|| Error::status(503).with_message("The app does not serve yet."))?;
    storage(pool).push(Task { name }).await.map_err(|error| Error::from_boxed(error.to_string().into()))?;
    Ok(("queued", 202))
}

async fn open(file: &Path) -> Result<SqlitePool, Error> {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
    SqliteStorage::<()>::migrations().run(&pool).await?;
    Ok(pool)
}

fn storage(pool: &SqlitePool) -> SqliteStorage<Task> {
    SqliteStorage::new(pool).with_config(Config::default().queue(QUEUE).batch_size(1))
}

/// Does tasks until the app is to stop; those of a process that has ended first.
async fn do_tasks(pool: SqlitePool, work: Callable<String, ()>, serving: Serving) -> Result<(), Error> {
    // Nobody else works on this file, so what is being done is being done by nobody.
    let left = reenqueue_orphaned(&pool, 0, QUEUE, &WorkerFilter::None).await?;
    tracing::info!("{left} tasks were left by an earlier process");
    // A worker's name is its own in each process.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let worker = WorkerBuilder::new(format!("{QUEUE}-{now}"))
        .backend(storage(&pool).poll_with_interval(LOOK_EVERY))
        .data(work)
        .build(do_task);
    let stopped = async move { serving.until_stopped().await.map_err(std::io::Error::other) };
    worker.run_until(stopped).await.map_err(|error| Error::from_boxed(error.to_string().into()))
}

async fn do_task(task: Task, work: Data<Callable<String, ()>>) -> Result<(), BoxDynError> {
    work.call(task.name).await.map_err(|error| error.to_string().into())
}
