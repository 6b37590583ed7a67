//! What several rows say: values that are moot, and why statements are ignored or refused.

pub(super) const NO: &[&str] = &["no", "false", "0"];
pub(super) const YES: &[&str] = &["yes", "true", "1"];

pub(super) const UNVALIDATED: &str = "answers are not validated here: DO and CD pass through, AD is cleared";
pub(super) const NO_TRANSFER: &str = "no zone is transferred from or to this server yet";
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
pub(super) const NO_SUCH_FILE: &str = "this server writes no such file";
pub(super) const BY_SYSTEM: &str = "the limits that the system gives the process hold (systemd: Limit…=)";
pub(super) const NOT_YET_SAFE: &str = "it is not implemented yet, and answers without it would not be what it promises";
pub(super) const AS_THEY_ARE: &str = "names are passed on as they are";
pub(super) const SYSTEM_PORTS: &str = "every port above 1023 may be drawn, against forged answers";
pub(super) const NO_DNSTAP: &str = "no dnstap is written";
pub(super) const NO_HTTP: &str = "DNS over HTTPS is not served";
pub(super) const NO_IPV4ONLY: &str = "ipv4only.arpa is forwarded as any other name";
pub(super) const NO_SESSION_KEY: &str = "no session key is made";
pub(super) const BY_KERNEL: &str = "the system's sizes hold (sysctl net.core)";
pub(super) const NOT_ONE_COOKIE: &str = "cookies are spoken as RFC 7873 has them";
