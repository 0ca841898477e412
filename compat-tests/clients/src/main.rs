//! A server for the clients and proxies that others have written: each address once with a sync view, beneath `/sync`, and once
//! with an async one, beneath `/async`. It runs until its standard input ends, and prints its address.
//!
//! `costrel-clients FOLDER`: the folder holds the files that `/file/<name>` sends.

mod views;

use std::path::Path;

use costrel::{App, Colour, Error};
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// The most bytes that a body may have, after which the clients get a 413.
const LARGEST_BODY: u64 = 1 << 20;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let folder = std::env::args().nth(1).ok_or_else(|| Error::setup("name the folder of the files"))?;
    let application = app(folder.as_ref()).build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    io::stdout().write_all(format!("{}\n", listener.local_addr()?).as_bytes()).await?;
    application.serve(listener, input_ends()).await
}

fn app(folder: &Path) -> App {
    let mut app = App::new("clients");
    app.config.max_content_length = Some(LARGEST_BODY);
    let proxies = &mut app.config.server.proxy_fix;
    (proxies.x_for, proxies.x_proto, proxies.x_host) = (1, 1, 1);
    for colour in [Colour::Sync, Colour::Async] {
        app.register_blueprint(views::blueprint(colour, folder));
    }
    app
}

async fn input_ends() {
    let _ = io::stdin().read_to_end(&mut Vec::new()).await;
}
