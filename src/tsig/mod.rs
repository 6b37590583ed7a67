//! Transaction signatures (RFC 8945): who sent a message, and that it is whole.
//!
//! Packets and the time in, a verdict or a signed packet out; the MACs are a library's.
//! Not here: what a key may do (`zone`'s grants), where keys are written (`config`).
