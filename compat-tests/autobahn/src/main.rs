//! A server with two WebSockets that send back what they receive, `/sync` and `/async`. It runs until its standard input
//! ends, and prints its address.

use costrel::{App, Error, websocket};
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    io::stdout().write_all(format!("{}\n", listener.local_addr()?).as_bytes()).await?;
    app(std::env::args().any(|argument| argument == "--context-takeover")).build()?.serve(listener, input_ends()).await
}

fn app(keeps_context: bool) -> App {
    let mut app = App::new("autobahn");
    app.config.server.websocket_context_takeover = keeps_context;
    app.websocket("/sync", || -> Result<(), Error> {
        loop {
            let message = websocket().receive().wait()?;
            websocket().send(message).wait()?;
        }
    });
    app.websocket("/async", async || -> Result<(), Error> {
        loop {
            let message = websocket().receive().await?;
            websocket().send(message).await?;
        }
    });
    app
}

async fn input_ends() {
    let _ = io::stdin().read_to_end(&mut Vec::new()).await;
}
