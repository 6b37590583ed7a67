//! Deciding who may ask: address match lists, DNS cookies, bounds on what one client may use.
//!
//! The third step of a query's walk: `blackhole`, the view's `match-clients`, `allow-query` and its kin, the cookie,
//! then (for questions that must wait) the quotas. Pure: addresses, octets and `now` in, a verdict out.
//! Not here: which list applies to which question (`answer`), the RCODE of a refusal, the host's interfaces.

pub mod compiled;
pub mod cookie;
pub mod quota;
mod explain;
mod interval;
mod lists;
mod lookup;

pub use compiled::{Acl, Host, Verdict};
pub use cookie::{CLIENT_LEN, ClientCookie, CookieCheck, CookieVerdict, Secret, ServerCookies};
pub use explain::{Explanation, Link};
pub use lists::Lists;
pub use quota::{Bounds, Exceeded, Permit, Quota, Source};
