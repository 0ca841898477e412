//! A callback takes and returns what its extension says.

use costrel_ext_kit::Callback;

async fn by_port(port: u16) -> String {
    port.to_string()
}

fn main() {
    let _key: Callback<costrel::Request, String> = Callback::new(by_port);
}
