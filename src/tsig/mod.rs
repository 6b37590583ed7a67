//! Transaction signatures (RFC 8945): who sent a message, and that it is whole.
//!
//! Packets and the time in, a verdict or a signed packet out. [`verify`] reads the TSIG record of a request against the
//! [`Keys`]; what it gives, the [`Signer`], also signs the reply, by [`sign`]. The MACs are a library's.
//! Not here: what a key may do (`zone`'s grants), where keys are written (`config`), streams of several messages.

mod fuzz;
mod key;
mod sign;
mod variables;
mod verify;

pub use fuzz::fuzz;
pub use key::{Algorithm, Key, Keys, MAX_MAC_OCTETS, Tag};
pub use sign::{Signer, sign};
pub use verify::{Refused, Verified, verify};
