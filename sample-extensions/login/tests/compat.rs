//! The compatibility suite over `login_required`.

use costrel_compat::suite;
use costrel_login::compat::candidate;

suite!(suite_of_login_required, candidate());
