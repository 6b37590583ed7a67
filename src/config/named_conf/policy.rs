//! Reading `update-policy`: rules as they were written.
//!
//! Not here: what a rule means, and which are refused (`lower`).

use super::cursor::Cursor;
use super::lexer::Token;
use super::report::Problem;
use super::value::one_of;
use crate::config::Position;

/// One rule of `update-policy`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) deny: bool,
    /// Whose updates: a key's name.
    pub(super) identity: Token,
    /// One of [`MATCHINGS`].
    pub(super) matching: &'static str,
    /// What the matching compares with; `zonesub` has none.
    pub(super) name: Option<Token>,
    pub(super) types: Vec<Token>,
    /// Of `grant` or `deny`.
    pub(super) position: Position,
}

/// The rules that named knows.
pub(super) const MATCHINGS: &[&str] = &[
    "6to4-self",
    "external",
    "krb5-self",
    "krb5-selfsub",
    "krb5-subdomain",
    "krb5-subdomain-self-rhs",
    "ms-self",
    "ms-selfsub",
    "ms-subdomain",
    "ms-subdomain-self-rhs",
    "name",
    "self",
    "selfsub",
    "selfwild",
    "subdomain",
    "tcp-self",
    "wildcard",
    "zonesub",
];

/// Passes over `local`; `false`: a block has to follow.
pub(super) fn local(cursor: &mut Cursor<'_>) -> Result<bool, Problem> {
    let is_local = cursor.take_word("local");
    if !is_local && cursor.peek_token().is_some() {
        let hint = "'local', or rules in braces: { grant KEY zonesub ANY; }";
        return Err(Problem::new(cursor.position().clone(), "parsing failed: unexpected token").with_hint(hint));
    }
    Ok(is_local)
}

/// `( grant | deny ) IDENTITY RULE [NAME] TYPE…`
pub(super) fn rule(cursor: &mut Cursor<'_>) -> Result<Rule, Problem> {
    let position = cursor.position().clone();
    let deny = one_of(cursor, &["grant", "deny"])? == "deny";
    let identity = cursor.text()?.clone();
    let matching = one_of(cursor, MATCHINGS)?;
    let name = match matching {
        "zonesub" => None,
        _ => Some(cursor.text()?.clone()),
    };
    let mut types = Vec::new();
    while !cursor.is_done() {
        types.push(cursor.text()?.clone());
    }
    Ok(Rule { deny, identity, matching, name, types, position })
}
