//! The compatibility suite over `key_required`: every law, on every kind of view and every host.

use costrel_compat::{Candidate, suite};
use costrel_template::{Keys, key_required};

fn candidate() -> Candidate {
    Candidate::new(key_required)
        .setup(|app| app.init(Keys::new(async |key: String| key == "sesame")))
        .allow(async |visitor| Ok(visitor.with_header("x-key", "sesame")))
        .deny(async |visitor| Ok(visitor))
}

suite!(suite_of_key_required, candidate());
