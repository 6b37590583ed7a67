//! Taking events: from [`event!`](crate::event) and from other crates, through `tracing`, into the ring.
//!
//! What happens on the caller's thread is all here: the gate, the text, one attempt to queue it. The text is bounded;
//! nothing waits. A category is its event's target; the severity's rank is a field, for `tracing` has no word for
//! critical, notice and the levels of debug. Events of other crates are general, with the target before the text.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span;
use tracing::subscriber::Interest;

use super::logger::Shared;
use super::{Category, Severity};

/// The longest text of a message, in octets; what is longer is cut. named's bound.
const TEXT_BOUND: usize = 8 * 1024;

/// The field that carries a severity's rank.
const RANK: &str = "severity";

/// Logs a message: a constant category, a constant severity, then what `format!` takes.
///
/// ```
/// use tandem::logging::{self, Category, Severity};
///
/// let reason = "no free port";
/// logging::event!(Category::Network, Severity::Notice, "not listening: {reason}");
/// ```
#[macro_export]
macro_rules! event {
    ($category:expr, $severity:expr, $($message:tt)+) => {{
        const CATEGORY: $crate::logging::Category = $category;
        const SEVERITY: $crate::logging::Severity = $severity;
        const TARGET: &str = CATEGORY.word();
        const LEVEL: $crate::logging::tracing::Level = SEVERITY.level();
        $crate::logging::tracing::event!(target: TARGET, LEVEL, severity = SEVERITY.rank(), $($message)+)
    }};
}

/// Logs a message whose category and severity are values, to the logger that this thread's events go to.
///
/// The text is made only if the message is written somewhere. Dearer than [`event!`](crate::event) when it is not: not for
/// the hit path.
///
/// ```
/// use tandem::logging::{self, Category, Severity};
///
/// let severity = if cfg!(test) { Severity::Info } else { Severity::Notice };
/// logging::at(Category::General, severity, format_args!("running"));
/// ```
pub fn at(category: Category, severity: Severity, message: fmt::Arguments<'_>) {
    tracing::dispatcher::get_default(|dispatch| {
        if let Some(subscriber) = dispatch.downcast_ref::<Subscriber>() {
            subscriber.log(category, severity, message);
        }
    });
}

/// One message on its way to the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// When it was logged.
    pub(super) time: SystemTime,
    /// What it is about.
    pub(super) category: Category,
    /// How grave it is.
    pub(super) severity: Severity,
    /// At most [`TEXT_BOUND`] octets; may hold control characters, which the line does not.
    pub(super) text: String,
}

/// The `tracing` subscriber of a [`Logger`](super::Logger).
#[derive(Debug)]
pub struct Subscriber {
    shared: Arc<Shared>,
}

impl Subscriber {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Subscriber { shared }
    }

    fn log(&self, category: Category, severity: Severity, message: fmt::Arguments<'_>) {
        if self.shared.admits(category, severity) {
            let mut text = String::with_capacity(128);
            // An error of a bounded string says only that it is full.
            let _ = Bounded(&mut text).write_fmt(message);
            self.shared.queue(Record { time: SystemTime::now(), category, severity, text });
        }
    }
}

impl tracing::Subscriber for Subscriber {
    fn register_callsite(&self, metadata: &'static tracing::Metadata<'static>) -> Interest {
        // "Sometimes", so that a reload or a new debug level needs no word to `tracing`: the gate is asked each time.
        if metadata.is_event() { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        let category = Category::of_target(metadata.target()).unwrap_or(Category::General);
        metadata.is_event() && self.shared.admits(category, Severity::gravest_of_level(*metadata.level()))
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let metadata = event.metadata();
        let own = Category::of_target(metadata.target());
        let mut text = Text::new(own.is_none().then_some(metadata.target()));
        event.record(&mut text);
        let severity = match text.rank {
            Some(rank) if own.is_some() => Severity::from_rank(rank),
            _ => Severity::of_level(*metadata.level()),
        };
        let category = own.unwrap_or(Category::General);
        if self.shared.admits(category, severity) {
            self.shared.queue(Record { time: SystemTime::now(), category, severity, text: text.finish() });
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        // No span is enabled; an ID must not be zero.
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Collects an event's message and fields: `target: message key=value …`.
struct Text {
    /// `text.len() <= TEXT_BOUND`
    text: String,
    /// Fields other than the message, which may come before it.
    fields: String,
    /// Of [`event!`](crate::event).
    rank: Option<u8>,
}

impl Text {
    fn new(prefix: Option<&str>) -> Self {
        let mut text = String::with_capacity(128);
        if let Some(prefix) = prefix {
            text.push_str(prefix);
            text.push(':');
        }
        Text { text, fields: String::new(), rank: None }
    }

    fn finish(mut self) -> String {
        let _ = Bounded(&mut self.text).write_str(&self.fields);
        self.text
    }
}

impl Visit for Text {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match u8::try_from(value) {
            Ok(rank) if field.name() == RANK => self.rank = Some(rank),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.record_debug(field, &format_args!("{value}"));
        } else {
            self.record_debug(field, &value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // An error of a bounded string says only that it is full.
        let _ = match field.name() {
            "message" if self.text.is_empty() => write!(Bounded(&mut self.text), "{value:?}"),
            "message" => write!(Bounded(&mut self.text), " {value:?}"),
            name => write!(Bounded(&mut self.fields), " {name}={value:?}"),
        };
    }
}

/// A string that takes no more than [`TEXT_BOUND`] octets and says so.
struct Bounded<'a>(&'a mut String);

impl Write for Bounded<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = TEXT_BOUND.saturating_sub(self.0.len());
        if part.len() <= room {
            self.0.push_str(part);
            return Ok(());
        }
        let cut = (0..=room).rev().find(|&at| part.is_char_boundary(at)).unwrap_or(0);
        self.0.push_str(&part[..cut]);
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::logger::tests::captured;

    #[test]
    fn events_carry_category_severity_and_text() {
        let records = captured(|| {
            let peer = "127.0.0.7#35518";
            crate::event!(Category::Security, Severity::Info, "client {peer}: query denied");
            crate::event!(Category::General, Severity::Notice, "running");
            crate::event!(Category::Config, Severity::Critical, "no configuration: {}", "file not found");
            crate::event!(Category::Resolver, Severity::Debug(7), "too deep");
            tracing::info!(target: "hickory_server::server", port = 53, "registered UDP socket");
            tracing::warn!(target: "other", name = "a\nb", severity = 1);
            tracing::debug!(target: "other", "hidden");
            let span = tracing::info_span!("a span costs nothing");
            let _entered = span.enter();
        });
        let told: Vec<_> = records.iter().map(|r| (r.category, r.severity, r.text.as_str())).collect();
        assert_eq!(
            told,
            [
                (Category::Security, Severity::Info, "client 127.0.0.7#35518: query denied"),
                (Category::General, Severity::Notice, "running"),
                (Category::Config, Severity::Critical, "no configuration: file not found"),
                (Category::General, Severity::Info, "hickory_server::server: registered UDP socket port=53"),
                (Category::General, Severity::Warning, "other: name=\"a\\nb\" severity=1"),
            ]
        );
    }

    #[test]
    fn a_severity_may_be_a_value() {
        let severities = [Severity::Critical, Severity::Notice, Severity::Info, Severity::Debug(1)];
        let records = captured(|| {
            for severity in severities {
                super::at(Category::Resolver, severity, format_args!("as {severity}"));
            }
            super::at(Category::General, Severity::Error, format_args!("{}", "ä".repeat(TEXT_BOUND)));
        });
        let told: Vec<_> = records.iter().map(|r| (r.category, r.severity, r.text.len())).collect();
        let [critical, notice, info, _] = severities.map(|severity| (Category::Resolver, severity));
        assert_eq!(
            told,
            [
                (critical.0, critical.1, "as critical".len()),
                (notice.0, notice.1, "as notice".len()),
                (info.0, info.1, "as info".len()),
                (Category::General, Severity::Error, TEXT_BOUND),
            ]
        );
        super::at(Category::General, Severity::Error, format_args!("to nobody"));
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ä".repeat(TEXT_BOUND);
        let records = captured(|| {
            crate::event!(Category::General, Severity::Info, "{long}");
            crate::event!(Category::General, Severity::Info, "x{long}{long}");
        });
        let lengths: Vec<_> = records.iter().map(|r| r.text.len()).collect();
        assert_eq!(lengths, [TEXT_BOUND, TEXT_BOUND - 1]);
    }

    #[test]
    fn arguments_are_not_evaluated_for_nobody() {
        let mut asked = 0;
        let records = captured(|| {
            let mut costly = || {
                asked += 1;
                "text"
            };
            crate::event!(Category::Resolver, Severity::Debug(1), "{}", costly());
            crate::event!(Category::Resolver, Severity::Info, "{}", costly());
        });
        assert_eq!((records.len(), asked), (1, 1));
    }
}
