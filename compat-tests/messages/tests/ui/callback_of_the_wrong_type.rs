//! A callback takes and returns what its extension says.

use costrel::Callable;
use costrel_ext_kit::IntoCallback;

async fn by_port(port: u16) -> String {
    port.to_string()
}

fn main() {
    let _key: Callable<costrel::Request, String> = by_port.into_callback();
}
