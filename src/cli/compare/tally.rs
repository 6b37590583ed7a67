//! Counting differences and telling them: by kind, with some examples of each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::differ::{Difference, Kind};
use super::questions::Question;
use super::response::Outcome;

/// What came of a comparison, as far as it has gone.
#[derive(Debug)]
pub(super) struct Tally {
    servers: [Server; 2],
    /// Examples of each kind that are kept.
    examples: usize,
    /// Questions that were compared.
    pub questions: u64,
    /// Those that differ.
    differing: u64,
    /// Those that differed, and did so no longer when asked again.
    passing: u64,
    kinds: BTreeMap<Kind, Counted>,
    /// Lines that were no question.
    pub unread_lines: u64,
    /// Questions that were not asked, having been asked before.
    pub repeated: u64,
    /// From the first question to the last answer.
    pub took: Duration,
    /// Whether it was ended before its end.
    pub interrupted: bool,
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    answered: u64,
}

/// The differences of a kind.
#[derive(Debug, Default)]
struct Counted {
    count: u64,
    examples: Vec<Example>,
}

#[derive(Debug)]
struct Example {
    question: String,
    against: String,
    with: String,
}

/// What came of one question.
#[derive(Debug)]
pub(super) struct Compared {
    pub question: Question,
    /// The last answers of both.
    pub outcomes: [Outcome; 2],
    /// What differed each time that it was asked.
    pub differences: Vec<Difference>,
    /// Whether something differed at first.
    pub differed_at_first: bool,
}

/// A record may have 65,535 octets; nobody reads so many.
fn excerpt(text: String) -> String {
    const SHOWN: usize = 400;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Tally {
    pub(super) fn new(servers: [SocketAddr; 2], examples: usize) -> Self {
        Self {
            servers: servers.map(|address| Server { address, answered: 0 }),
            examples,
            questions: 0,
            differing: 0,
            passing: 0,
            kinds: BTreeMap::new(),
            unread_lines: 0,
            repeated: 0,
            took: Duration::ZERO,
            interrupted: false,
        }
    }

    pub(super) fn add(&mut self, compared: Compared) {
        self.questions += 1;
        for (server, outcome) in self.servers.iter_mut().zip(&compared.outcomes) {
            server.answered += u64::from(matches!(outcome, Outcome::Answered(_)));
        }
        self.differing += u64::from(!compared.differences.is_empty());
        self.passing += u64::from(compared.differed_at_first && compared.differences.is_empty());
        for Difference { kind, against, with } in compared.differences {
            let counted = self.kinds.entry(kind).or_default();
            counted.count += 1;
            if counted.examples.len() < self.examples {
                let (against, with) = (excerpt(against), excerpt(with));
                counted.examples.push(Example { question: compared.question.to_string(), against, with });
            }
        }
    }

    /// Whether anything differs.
    pub(super) fn differ(&self) -> bool {
        self.differing > 0
    }

    /// A server that has answered nothing at all.
    pub(super) fn silent_server(&self) -> Option<SocketAddr> {
        self.servers.iter().find(|server| server.answered == 0).map(|server| server.address)
    }

    /// One line while it goes on.
    pub(super) fn progress(&self) -> String {
        format!("{} questions, {} differ", self.questions, self.differing)
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let [against, with] = &self.servers;
        let alike = self.questions - self.differing;
        let mut lines = vec![
            format!(
                "{} questions in {:.1} s to {} (A) and {} (B): {alike} answered alike, {} differ",
                self.questions,
                self.took.as_secs_f64(),
                against.address,
                with.address,
                self.differing
            ),
            format!("answers: {} of A, {} of B", against.answered, with.answered),
        ];
        for (count, what) in [
            (self.passing, "differed at first and no longer when asked again: a record that changes, or a late answer"),
            (self.repeated, "were not asked, having been asked before"),
            (self.unread_lines, "lines were no question"),
        ] {
            lines.extend((count > 0).then(|| format!("{count} {what}")));
        }
        lines.extend(self.interrupted.then(|| "interrupted: this is what was compared until then".to_owned()));
        for (kind, counted) in &self.kinds {
            lines.push(String::new());
            lines.push(format!("{kind}: {}", counted.count));
            for Example { question, against, with } in &counted.examples {
                lines.push(format!("  {question}"));
                lines.push(format!("    A  {against}"));
                lines.push(format!("    B  {with}"));
            }
        }
        lines
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let [against, with] = &self.servers;
        let server = |server: &Server| json!({ "address": server.address.to_string(), "answered": server.answered });
        let kinds = self.kinds.iter().map(|(kind, counted)| {
            let example = |e: &Example| json!({ "question": e.question, "against": e.against, "with": e.with });
            let examples: Vec<_> = counted.examples.iter().map(example).collect();
            json!({ "kind": kind.to_string(), "count": counted.count, "examples": examples })
        });
        json!({
            "against": server(against),
            "with": server(with),
            "questions": self.questions,
            "alike": self.questions - self.differing,
            "differing": self.differing,
            "passing": self.passing,
            "repeated": self.repeated,
            "unread_lines": self.unread_lines,
            "seconds": self.took.as_secs_f64(),
            "interrupted": self.interrupted,
            "differences": kinds.collect::<Vec<_>>(),
        })
    }
}
