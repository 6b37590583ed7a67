//! Finding the statement that each comment belongs to.
//!
//! A comment behind a statement in its line is the statement's; one before a statement is that one's; what comes last in a
//! block is the block's. The first block of comments of a file is the file's, if an empty line parts it from what follows.

use std::collections::HashMap;

use crate::config::Position;
use crate::config::named_conf::body::{Body, Setting, Trivia};
use crate::config::named_conf::lexer::Comment;
use crate::config::named_conf::value::Value;

/// The comments of one statement, each group in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) before: Vec<Comment>,
    /// Between its words.
    pub(super) inner: Vec<Comment>,
    pub(super) behind: Vec<Comment>,
}

/// All comments; each is taken once.
#[derive(Debug, Default)]
pub(super) struct Comments {
    /// By the place of the statement's name.
    of_statements: HashMap<Position, Notes>,
    /// By the place of the block's closing brace.
    of_blocks: HashMap<Position, Vec<Comment>>,
    /// At the beginning and at the end.
    pub(super) header: Vec<Comment>,
    pub(super) footer: Vec<Comment>,
}

impl Comments {
    pub(super) fn new(top: &Body, trivia: &Trivia) -> Self {
        let mut comments = Self::default();
        let mut rest = &trivia.comments[..];
        if let (Some(first), Some(statement)) = (rest.first(), top.settings.first()) {
            // Lines that follow each other without a gap.
            let mut count = 1;
            while count < rest.len() && rest[count].position.line <= rest[count - 1].last_line + 1 {
                count += 1;
            }
            let last = rest[count - 1].last_line;
            let is_first =
                place(&first.position) < place(&statement.position) && first.position.file == statement.position.file;
            let next =
                rest.get(count).map_or(statement.position.line, |next| next.position.line.min(statement.position.line));
            if is_first && last + 1 < next {
                comments.header = rest[..count].to_vec();
                rest = &rest[count..];
            }
        }
        for comment in rest {
            comments.assign(comment, top);
        }
        comments
    }

    /// Those of a statement.
    pub(super) fn take(&mut self, setting: &Setting) -> Notes {
        self.of_statements.remove(&setting.position).unwrap_or_default()
    }

    /// Those at the end of a block.
    pub(super) fn take_end(&mut self, body: &Body) -> Vec<Comment> {
        body.braces.as_ref().and_then(|(_, close)| self.of_blocks.remove(close)).unwrap_or_default()
    }

    fn assign(&mut self, comment: &Comment, top: &Body) {
        let Some((body, owner)) = innermost(top, None, &comment.position) else {
            return self.footer.push(comment.clone());
        };
        let at = place(&comment.position);
        let same_file = || body.settings.iter().filter(|setting| setting.position.file == comment.position.file);
        let within = same_file().find(|setting| place(&setting.position) < at && at < place(&setting.end));
        if let Some(setting) = within {
            return self.notes(setting).inner.push(comment.clone());
        }
        let before = same_file().rfind(|setting| place(&setting.end) < at);
        if let Some(setting) = before.filter(|setting| setting.end.line == comment.position.line) {
            return self.notes(setting).behind.push(comment.clone());
        }
        let is_of_head = body.braces.as_ref().is_some_and(|(open, _)| {
            before.is_none() && (&open.file, open.line) == (&comment.position.file, comment.position.line)
        });
        if let Some(owner) = owner.filter(|_| is_of_head) {
            return self.notes(owner).behind.push(comment.clone());
        }
        match (same_file().find(|setting| place(&setting.position) > at), &body.braces) {
            (Some(next), _) => self.notes(next).before.push(comment.clone()),
            (None, Some((_, close))) => self.of_blocks.entry(close.clone()).or_default().push(comment.clone()),
            (None, None) => self.footer.push(comment.clone()),
        }
    }

    fn notes(&mut self, setting: &Setting) -> &mut Notes {
        self.of_statements.entry(setting.position.clone()).or_default()
    }
}

fn place(position: &Position) -> (u32, u32) {
    (position.line, position.column)
}

/// The block of statements that a place is in, and the statement whose it is: by its braces, or, in an included file, by
/// what else is in that file.
fn innermost<'b>(body: &'b Body, owner: Option<&'b Setting>, at: &Position) -> Option<(&'b Body, Option<&'b Setting>)> {
    let blocks = || body.settings.iter().filter_map(|setting| Some((block(&setting.value)?, setting)));
    let holds = |(inner, _): &(&Body, &Setting)| {
        let Some((open, close)) = &inner.braces else { return false };
        open.file == at.file && place(open) < place(at) && place(at) < place(close)
    };
    if let Some((inner, owner)) = blocks().find(holds) {
        return innermost(inner, Some(owner), at);
    }
    if body.settings.iter().any(|setting| setting.position.file == at.file) {
        return Some((body, owner));
    }
    // Of a block that holds nothing else.
    let is_within = body
        .braces
        .as_ref()
        .is_some_and(|(open, close)| open.file == at.file && place(open) < place(at) && place(at) < place(close));
    if is_within {
        return Some((body, owner));
    }
    blocks().find_map(|(inner, owner)| innermost(inner, Some(owner), at))
}

/// The statements within a statement.
pub(super) fn block(value: &Value) -> Option<&Body> {
    match value {
        Value::Body(body) | Value::Named { body, .. } | Value::Server { body, .. } => Some(body),
        _ => None,
    }
}

/// A comment as TOML has it, a line each.
pub(super) fn lines(comment: &Comment) -> Vec<String> {
    let text = comment.text.as_str();
    let lines: Vec<&str> = match text.strip_prefix("/*") {
        Some(inner) => {
            let inner = inner.strip_suffix("*/").unwrap_or(inner);
            let lines: Vec<_> = inner.lines().map(|line| line.trim().trim_start_matches('*').trim_end()).collect();
            let first = lines.iter().position(|line| !line.is_empty()).unwrap_or(lines.len());
            let last = lines.iter().rposition(|line| !line.is_empty()).map_or(first, |last| last + 1);
            lines[first..last].to_vec()
        }
        None => vec![text.strip_prefix("//").or_else(|| text.strip_prefix('#')).unwrap_or(text)],
    };
    lines.into_iter().map(line).collect()
}

/// TOML's comments hold no control characters but tabs.
fn line(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
    match text.trim_end() {
        "" => "#".to_owned(),
        text if text.starts_with([' ', '\t', '#', '/']) => format!("#{text}"),
        text => format!("# {text}"),
    }
}
