//! Grouping tokens into statements and blocks, before anybody knows what they mean.
//!
//! A statement runs to its `;`; a `{ … }` within it is a block of statements. How a statement or block really ended is
//! kept, so that whoever knows the grammar can say what is missing, in named's words and in the text's order.
//! Invariant: depth is at most [`MAX_DEPTH`], so that no walk over a tree can exhaust the stack.

use super::lexer::{Kind, Lexer, Token};
use super::report::Problem;
use crate::config::Position;

/// Blocks within blocks. A real file needs five.
pub(super) const MAX_DEPTH: usize = 32;

/// A token or a block.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Token(Token),
    Block(Block),
}

/// `{ … }`
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// Where its `{` stands.
    pub(super) open: Position,
    pub(super) statements: Vec<Statement>,
    pub(super) close: Close,
}

/// How a block ended.
#[derive(Clone, Debug)]
pub(super) enum Close {
    Brace(Position),
    /// By the end of the file; only the innermost open block is complained about.
    Missing(Position),
    /// Another error says it already.
    Reported,
}

/// What stands before a `;`.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    pub(super) items: Vec<Item>,
    pub(super) end: End,
}

/// How a statement ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    Semicolon(Position),
    /// By the `}` of its block.
    Brace(Position),
    File(Position),
    /// Another error says it already.
    Reported(Position),
}

/// Reads a whole file. What cannot be read any further comes back beside what could.
pub(super) fn read(text: &str, file: &str) -> (Vec<Statement>, Option<Problem>) {
    let mut lexer = Lexer::new(text, file.into());
    let mut builder = Builder { open: Vec::new(), level: Level::default() };
    loop {
        let step = lexer.next().and_then(|token| match token.kind {
            Kind::End => Ok(Some(token.position)),
            _ => builder.add(token).map(|()| None),
        });
        match step {
            Ok(None) => {}
            Ok(Some(end)) => return (builder.finish(end, false), None),
            Err(problem) => return (builder.finish(problem.position.clone(), true), Some(problem)),
        }
    }
}

/// The statements of one block so far, and the items of the statement that is not ended yet.
#[derive(Default)]
struct Level {
    statements: Vec<Statement>,
    items: Vec<Item>,
}

impl Level {
    fn end_statement(&mut self, end: End) {
        self.statements.push(Statement { items: std::mem::take(&mut self.items), end });
    }
}

struct Builder {
    /// The levels around the present one, each with the position of the `{` that left it.
    open: Vec<(Level, Position)>,
    level: Level,
}

impl Builder {
    fn add(&mut self, token: Token) -> Result<(), Problem> {
        match token.kind {
            Kind::Special(b';') => self.level.end_statement(End::Semicolon(token.position)),
            Kind::Special(b'{') if self.open.len() >= MAX_DEPTH => {
                return Err(Problem::new(token.position, format!("blocks are nested deeper than {MAX_DEPTH}")));
            }
            Kind::Special(b'{') => self.open.push((std::mem::take(&mut self.level), token.position)),
            Kind::Special(b'}') => match self.open.pop() {
                Some((parent, open)) => {
                    self.close(parent, open, End::Brace(token.position.clone()), Close::Brace(token.position))
                }
                None => self.level.items.push(Item::Token(token)),
            },
            _ => self.level.items.push(Item::Token(token)),
        }
        Ok(())
    }

    fn close(&mut self, parent: Level, open: Position, end: End, close: Close) {
        if !self.level.items.is_empty() {
            self.level.end_statement(end);
        }
        let level = std::mem::replace(&mut self.level, parent);
        self.level.items.push(Item::Block(Block { open, statements: level.statements, close }));
    }

    /// Closes what is open. Only the innermost is an error of its own, and none if the text was cut by an error.
    fn finish(mut self, end: Position, mut reported: bool) -> Vec<Statement> {
        let missing = |reported: bool| if reported { End::Reported(end.clone()) } else { End::File(end.clone()) };
        while let Some((parent, open)) = self.open.pop() {
            let close = if reported { Close::Reported } else { Close::Missing(end.clone()) };
            self.close(parent, open, missing(reported), close);
            reported = true;
        }
        if !self.level.items.is_empty() {
            self.level.end_statement(missing(reported));
        }
        self.level.statements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `;` `}` `<EOF>` `~` for the ends of statements, `{…}` `{…<EOF>` `{…~` for those of blocks.
    fn draw(statements: &[Statement]) -> String {
        let draw_item = |item: &Item| match item {
            Item::Token(token) => token.text.clone(),
            Item::Block(block) => {
                let close = match block.close {
                    Close::Brace(_) => "}",
                    Close::Missing(_) => "<EOF>",
                    Close::Reported => "~",
                };
                format!("{{{}{close}", draw(&block.statements))
            }
        };
        let draw_end = |end: &End| match end {
            End::Semicolon(_) => ";",
            End::Brace(_) => "|",
            End::File(_) => "<EOF>",
            End::Reported(_) => "~",
        };
        let one = |s: &Statement| s.items.iter().map(draw_item).collect::<Vec<_>>().join(" ") + draw_end(&s.end);
        statements.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn how_things_end_is_kept() {
        for (case, text, expected) in [
            ("nothing", "", ""),
            ("blocks within blocks", "a b { c; d { e; }; };", "a b {c; d {e;};};"),
            ("a statement may go on behind its block", "a { b; } c { d; };", "a {b;} c {d;};"),
            ("a missing semicolon before a brace", "a { b };", "a {b|};"),
            ("a missing semicolon at the end", "a { b; }", "a {b;}<EOF>"),
            ("only the innermost open block complains", "a { b { c", "a {b {c<EOF><EOF>~~~"),
            ("a brace too many is an item", "a; } ;", "a; };"),
            ("empty statements are kept", ";;", "; ;"),
        ] {
            let (statements, problem) = read(text, "x");
            assert_eq!((draw(&statements).as_str(), problem), (expected, None), "{case}");
        }
    }

    #[test]
    fn hostile_depth_is_an_error_and_no_overflow() {
        let (statements, problem) = read(&"{".repeat(1_000_000), "x");
        assert_eq!(problem.map(|p| p.message), Some("blocks are nested deeper than 32".to_owned()));
        assert_eq!(statements.len(), 1);
    }
}
