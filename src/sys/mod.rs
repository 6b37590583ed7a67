//! The system calls that nothing safer offers, and the only place where `unsafe` is allowed.
//!
//! One call a block; each `SAFETY` note answers the conditions of that call. Beside them [`state_directory`]: what files
//! need so that they outlive a crash.

pub mod batch;
pub mod cores;
pub mod host;
pub mod inherited;
pub mod limits;
pub mod local_time;
pub mod memory;
pub mod parent;
pub mod prefetch;
pub mod priority;
pub mod privileges;
pub mod process;
pub mod rename;
pub mod sockets;
pub mod state_directory;
