//! `cargo run -p costrel-task-queue`, then `curl --json '"something"' localhost:5000/process`.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

fn main() -> ExitCode {
    costrel::cli::main(|| {
        costrel_task_queue::create_app("tasks.sqlite", |name: String| {
            tracing::info!("doing {name}; stop the process now and start it again");
            thread::sleep(Duration::from_secs(5)); // sync, so it runs on a worker
            tracing::info!("did {name}");
        })
    })
}
