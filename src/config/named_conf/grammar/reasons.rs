//! What several rows say: values that are moot, and why statements are ignored or refused.

pub(super) const NO: &[&str] = &["no", "false", "0"];
pub(super) const YES: &[&str] = &["yes", "true", "1"];

pub(super) const UNVALIDATED: &str = "answers are not validated here: DO and CD pass through, AD is cleared";
pub(super) const NO_TRANSFER: &str = "no zone is transferred from or to this server yet";
pub(super) const ASK_PRIMARIES: &str =
    "zones are not transferred yet: write type forward, and these addresses as forwarders";
pub(super) const UNSIGNED: &str = "no zone is signed here: records are served as the file has them";
pub(super) const WOULD_SIGN: &str = "no zone is signed here: validators would see an unsigned zone";
pub(super) const CHECKED: &str =
    "files are always checked: what contradicts itself is an error, what is only odd a warning";
pub(super) const NO_LIMIT: &str = "the size of a zone is not bounded";
pub(super) const OF_UPDATES: &str =
    "an update leaves no name with more than 100 types, no type with more than 100 records; files may";
pub(super) const READ_ONLY: &str = "zone files are read and never written: updates stand in the journal";
pub(super) const HINTS: &str = "no root server is ever asked";
pub(super) const NEVER_ITERATES: &str = "this server only forwards, it never asks authoritative servers itself";
pub(super) const NO_MEMORY_FILE: &str =
    "memory is told by statistics-channels and by the system, not in a file at the end";
pub(super) const BY_VIEW: &str = "zones are listed in the statistics and counted by view, as with terse";
pub(super) const NO_SUCH_FILE: &str = "this server writes no such file";
pub(super) const BY_SYSTEM: &str = "the limits that the system gives the process hold (systemd: Limit…=)";
pub(super) const NOT_YET_SAFE: &str = "it is not implemented yet, and answers without it would not be what it promises";
