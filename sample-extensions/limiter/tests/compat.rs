//! The compatibility suite over `limit`.

use costrel_compat::suite;
use costrel_limiter::compat::candidate;

suite!(suite_of_limit, candidate());
