//! The packet in place: header, names, question, EDNS, responses.

pub mod name;

pub use name::Name;
