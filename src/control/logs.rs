//! Commands about the log.

use crate::logging::{self, Category, Severity};
use crate::office::Office;
use crate::office::reply::{Code, Done, Failure, Reply};

/// The deepest level that there is.
const MAX_LEVEL: u8 = 99;

/// One level more, or this one.
pub(super) fn trace(office: &Office, arguments: &[&str]) -> Reply {
    let level = match arguments.first() {
        None => office.logger.debug_level().saturating_add(1).min(MAX_LEVEL),
        Some(text) => {
            let level = text.parse::<u8>().ok().filter(|level| *level <= MAX_LEVEL);
            level.ok_or_else(|| Failure::with(Code::OutOfRange, format!("expected: a level from 0 to {MAX_LEVEL}")))?
        }
    };
    set(office, level)
}

/// No debugging.
pub(super) fn notrace(office: &Office, _: &[&str]) -> Reply {
    set(office, 0)
}

fn set(office: &Office, level: u8) -> Reply {
    office.logger.set_debug_level(level);
    logging::event!(Category::General, Severity::Info, "debug level is now {level}");
    Ok(Done::default())
}
