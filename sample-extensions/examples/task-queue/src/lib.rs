//! A task queue beside the app for work that must not be lost: it is kept in a file and goes on after a restart.
//!
//! `add_background_task` is for work that may be lost with the process. Flask's documentation recommends a task queue
//! for other work; this one uses [apalis](https://docs.rs/apalis), which keeps the tasks in SQLite. For a message
//! broker, use another backend of apalis.

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

/// The queue's name in its file. A queue with another name would not find the waiting tasks.
const QUEUE: &str = "costrel";

/// The interval at which the worker looks for tasks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A task in the queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// The name of the item to process.
    pub name: String,
}

/// The queue as an extension keeps it for an app.
#[derive(Clone, Default)]
struct Queue {
    pool: Arc<OnceLock<SqlitePool>>,
}

/// Builds an app that queues a task in `file` for each `POST /process`, and does the tasks with `work`, sync or async,
/// while it serves. A task that was running when the process ended runs again, so `work` may get it twice.
///
/// # Errors
/// If the app has set-up errors.
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

/// Queues a task. The response is sent once the task is in the file, so a client with a response knows that it is
/// kept.
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

/// Does tasks until the app shuts down, beginning with those that an earlier process left unfinished.
async fn do_tasks(pool: SqlitePool, work: Callable<String, ()>, serving: Serving) -> Result<(), Error> {
    // Only this process uses the file, so a task that is marked as running was left by an earlier process.
    let left = reenqueue_orphaned(&pool, 0, QUEUE, &WorkerFilter::None).await?;
    tracing::info!("{left} tasks were left by an earlier process");
    // The time makes the worker's name unique to this process.
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
