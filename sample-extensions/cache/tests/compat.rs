//! The compatibility suite over `cached` and `cached_by`.

use costrel_cache::compat::{candidate, candidate_with_owner};
use costrel_compat::suite;

suite!(suite_of_cached, candidate());
suite!(suite_of_cached_by, candidate_with_owner());
