//! Walking over a statement's items, and saying what was expected where, in named's words.

use super::lexer::{Kind, Token};
use super::report::Problem;
use super::tree::{Block, End, Item, Statement};
use crate::config::Position;
use crate::config::values::excerpt;

/// What is left of a statement.
pub(super) struct Cursor<'a> {
    items: &'a [Item],
    end: &'a End,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(statement: &'a Statement) -> Self {
        Self { items: &statement.items, end: &statement.end }
    }

    pub(super) fn rest(&self) -> &'a [Item] {
        self.items
    }

    pub(super) fn end(&self) -> &'a End {
        self.end
    }

    pub(super) fn is_done(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn skip(&mut self) {
        self.items = self.items.get(1..).unwrap_or_default();
    }

    pub(super) fn peek_token(&self) -> Option<&'a Token> {
        match self.items.first()? {
            Item::Token(token) => Some(token),
            Item::Block(_) => None,
        }
    }

    /// The next item if it is a word without quotes.
    pub(super) fn peek_word(&self) -> Option<&'a Token> {
        self.peek_token().filter(|token| token.kind == Kind::Word)
    }

    /// Passes over this word, if it comes next.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.peek_word().is_some_and(|token| token.text.eq_ignore_ascii_case(word));
        if is_next {
            self.skip();
        }
        is_next
    }

    /// Passes over this special, if it comes next.
    pub(super) fn take_special(&mut self, special: u8) -> bool {
        let is_next = self.peek_token().is_some_and(|token| token.is_special(special));
        if is_next {
            self.skip();
        }
        is_next
    }

    /// A word without quotes, or the problem of what else is there.
    pub(super) fn word(&mut self, expected: &str) -> Result<&'a Token, Problem> {
        let token = self.peek_word().ok_or_else(|| self.near(expected))?;
        self.skip();
        Ok(token)
    }

    /// A word or a string in quotes.
    pub(super) fn text(&mut self) -> Result<&'a Token, Problem> {
        let is_text = |token: &&Token| matches!(token.kind, Kind::Word | Kind::Quoted);
        let token = self.peek_token().filter(is_text).ok_or_else(|| self.near("expected string"))?;
        self.skip();
        Ok(token)
    }

    /// A string in quotes.
    pub(super) fn quoted(&mut self) -> Result<&'a Token, Problem> {
        match self.peek_token() {
            Some(token) if token.kind == Kind::Quoted => {
                self.skip();
                Ok(token)
            }
            Some(token) if token.kind == Kind::Word => {
                Err(self.near("expected quoted string").with_hint(format!("write \"{}\"", token.text)))
            }
            _ => Err(self.near("expected quoted string")),
        }
    }

    /// A block.
    pub(super) fn block(&mut self) -> Result<&'a Block, Problem> {
        let Some(Item::Block(block)) = self.items.first() else { return Err(self.near("'{' expected")) };
        self.skip();
        Ok(block)
    }

    /// `… near 'x'`, at what comes next.
    pub(super) fn near(&self, message: &str) -> Problem {
        self.show_next(&format!("{message} near"))
    }

    /// `missing ';' before 'x'`, at what comes next.
    pub(super) fn missing_semicolon(&self) -> Problem {
        self.show_next("missing ';' before")
    }

    fn show_next(&self, message: &str) -> Problem {
        let (position, shown) = match (self.items.first(), self.end) {
            (Some(Item::Token(token)), _) => (&token.position, token.shown()),
            (Some(Item::Block(block)), _) => (&block.open, "{"),
            (None, End::Semicolon(position)) => (position, ";"),
            (None, End::Brace(position)) => (position, "}"),
            (None, End::File(position) | End::Reported(position)) => {
                return Problem::new(position.clone(), format!("{message} end of file"));
            }
        };
        Problem::new(position.clone(), format!("{message} '{}'", excerpt(shown)))
    }

    /// Where the next item stands, or where the statement ends.
    pub(super) fn position(&self) -> &'a Position {
        match (self.items.first(), self.end) {
            (Some(Item::Token(token)), _) => &token.position,
            (Some(Item::Block(block)), _) => &block.open,
            (None, End::Semicolon(at) | End::Brace(at) | End::File(at) | End::Reported(at)) => at,
        }
    }
}
