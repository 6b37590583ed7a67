//! Commands about the log.

use super::Context;
use super::reply::{Code, Done, Failure, Reply};
use crate::logging::{self, Category, Severity};

/// The deepest level that there is.
const MAX_LEVEL: u8 = 99;

/// One level more, or this one.
pub(super) fn trace(context: &Context, arguments: &[&str]) -> Reply {
    let level = match arguments.first() {
        None => context.logger.debug_level().saturating_add(1).min(MAX_LEVEL),
        Some(text) => {
            let level = text.parse::<u8>().ok().filter(|level| *level <= MAX_LEVEL);
            level.ok_or_else(|| Failure::with(Code::OutOfRange, format!("expected: a level from 0 to {MAX_LEVEL}")))?
        }
    };
    set(context, level)
}

/// No debugging.
pub(super) fn notrace(context: &Context, _: &[&str]) -> Reply {
    set(context, 0)
}

fn set(context: &Context, level: u8) -> Reply {
    context.logger.set_debug_level(level);
    logging::event!(Category::General, Severity::Info, "debug level is now {level}");
    Ok(Done::default())
}
