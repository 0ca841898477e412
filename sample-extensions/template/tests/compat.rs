//! The compatibility suite over `key_required`: every law, on every kind of view and every host.

use costrel_compat::{Candidate, suite};
use costrel_template::{Keys, key_required};

fn candidate() -> Candidate {
    let sync = with(|| Keys::new(|key: String| key == "sesame"));
    with(|| Keys::new(async |key: String| key == "sesame")).twin(sync)
}

fn with(keys: impl Fn() -> Keys + Send + Sync + 'static) -> Candidate {
    Candidate::new(key_required)
        .setup(move |app| app.init(keys()))
        .allow(async |client| Ok(client.with_header("x-key", "sesame")))
        .deny(async |client| Ok(client))
}

suite!(suite_of_key_required, candidate());
