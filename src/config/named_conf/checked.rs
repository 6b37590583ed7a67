//! Reading what a [`Form`] describes: nothing becomes of it, but what named would not take is an error here too.
//!
//! What was read is kept flat, with its places, for what `lower` checks beyond the words: names of lists, ranges.
//! Not here: the forms (`grammar`).

use super::address::Element;
use super::body::Parser;
use super::cursor::Cursor;
use super::grammar::Form;
use super::lexer::{Kind, Token};
use super::report::Problem;
use super::value;
use super::words;
use crate::config::Position;
use crate::config::values::{self, excerpt};

/// A piece that was read.
#[derive(Debug)]
pub(super) enum Part {
    /// Words and strings, whatever they mean.
    Word(Token),
    /// Numbers and durations in seconds.
    Number(u32, Position),
    /// A match list.
    Matches(Vec<Element>),
    /// An element of a list.
    Item(Vec<Part>),
}

impl Part {
    pub(super) fn word(&self) -> Option<&Token> {
        if let Self::Word(token) = self { Some(token) } else { None }
    }

    pub(super) fn item(&self) -> Option<&[Part]> {
        if let Self::Item(parts) = self { Some(parts) } else { None }
    }
}

type Read = Result<(), Problem>;

impl Parser<'_> {
    /// Reads what the form describes to the end of `parts`.
    pub(super) fn form(&mut self, form: &Form, cursor: &mut Cursor<'_>, parts: &mut Vec<Part>) -> Read {
        match form {
            Form::All(forms) => forms.iter().try_for_each(|form| self.form(form, cursor, parts)),
            Form::Or(known, form) => match take_one_of(cursor, known, parts) {
                true => Ok(()),
                false => self.form(form, cursor, parts),
            },
            Form::Keyed(word, form) => match take(cursor, word, parts) {
                true => self.form(form, cursor, parts),
                false => Ok(()),
            },
            Form::Options(options) => self.options(options, false, cursor, parts),
            Form::InOrder(options) => self.options(options, true, cursor, parts),
            Form::Choice(choices) => self.choice(choices, cursor, parts),
            Form::Perhaps(known) => {
                take_one_of(cursor, known, parts);
                Ok(())
            }
            Form::Maybe(form) if !cursor.is_done() => self.form(form, cursor, parts),
            Form::Maybe(_) => Ok(()),
            Form::IfBlock(block, other) => {
                let is_block = cursor.peek_token().is_none() && !cursor.is_done();
                self.form(if is_block { block } else { other }, cursor, parts)
            }
            Form::List(form) => self.items(form, cursor, parts),
            Form::Matches => {
                parts.push(Part::Matches(self.match_list(cursor)?));
                Ok(())
            }
            Form::Servers => self.servers(cursor, parts),
            Form::Unread => self.unread(cursor),
            _ => simple(form, cursor, parts),
        }
    }

    fn items(&mut self, form: &Form, cursor: &mut Cursor<'_>, parts: &mut Vec<Part>) -> Read {
        let items = self.list_by(cursor, &mut |parser, cursor| {
            let mut item = Vec::new();
            parser.form(form, cursor, &mut item)?;
            Ok(Part::Item(item))
        })?;
        parts.extend(items);
        Ok(())
    }

    fn options(
        &mut self,
        options: &'static [(&'static str, Form)],
        in_order: bool,
        cursor: &mut Cursor<'_>,
        parts: &mut Vec<Part>,
    ) -> Read {
        let mut taken = vec![false; options.len()];
        while let Some(token) = cursor.peek_word() {
            let at = options.iter().position(|(word, _)| word.eq_ignore_ascii_case(&token.text));
            let at = at.filter(|&at| !(taken[at] || in_order && taken[at..].contains(&true)));
            let Some(at) = at else {
                let message = format!("unexpected '{}'", excerpt(&token.text));
                let known: Vec<_> = options.iter().map(|(word, _)| *word).collect();
                let hint = format!("each at most once: {}", known.join(", "));
                return Err(Problem::new(token.position.clone(), message).with_hint(hint));
            };
            taken[at] = true;
            parts.push(Part::Word(token.clone()));
            cursor.skip();
            self.form(&options[at].1, cursor, parts)?;
        }
        Ok(())
    }

    fn choice(
        &mut self,
        choices: &'static [(&'static str, Form)],
        cursor: &mut Cursor<'_>,
        parts: &mut Vec<Part>,
    ) -> Read {
        let token = cursor.word(UNQUOTED)?;
        let chosen = choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(&token.text));
        let Some((_, form)) = chosen else {
            let known: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            return Err(value::unexpected(token, &known));
        };
        parts.push(Part::Word(token.clone()));
        self.form(form, cursor, parts)
    }

    /// `[port N] [dscp N] { … }`
    fn servers(&mut self, cursor: &mut Cursor<'_>, parts: &mut Vec<Part>) -> Read {
        for word in ["port", "dscp"] {
            if cursor.take_word(word) {
                value::number(cursor)?;
            }
        }
        let items = self.list_by(cursor, &mut |_, cursor| {
            let mut item = Vec::new();
            server(cursor, &mut item).map(|()| Part::Item(item))
        })?;
        parts.extend(items);
        Ok(())
    }

    fn unread(&mut self, cursor: &mut Cursor<'_>) -> Read {
        if cursor.peek_token().is_some() || cursor.is_done() {
            return Err(cursor.near("expected bracketed text"));
        }
        self.check_closed_within(cursor.block()?);
        Ok(())
    }
}

const UNQUOTED: &str = "expected unquoted string";

/// `( LIST | ADDRESS [port N] ) [key NAME] [tls NAME]`
fn server(cursor: &mut Cursor<'_>, parts: &mut Vec<Part>) -> Read {
    const EXPECTED: &str = "expected IP address or remote servers list name";
    let token = cursor.text().map_err(|_| cursor.near(EXPECTED))?;
    if token.kind == Kind::Word && is_address(&token.text) {
        super::address::optional_port(cursor)?;
    }
    parts.push(Part::Word(token.clone()));
    for word in ["key", "tls"] {
        if take(cursor, word, parts) {
            parts.push(Part::Word(cursor.text()?.clone()));
        }
    }
    Ok(())
}

/// An address, with an interface or without.
pub(super) fn is_address(text: &str) -> bool {
    let bare = text.split_once('%').map_or(text, |(address, _)| address);
    bare.parse::<std::net::IpAddr>().is_ok()
}

fn take(cursor: &mut Cursor<'_>, word: &str, parts: &mut Vec<Part>) -> bool {
    let token = cursor.peek_word();
    let is_next = cursor.take_word(word);
    if let Some(token) = token.filter(|_| is_next) {
        parts.push(Part::Word(token.clone()));
    }
    is_next
}

fn take_one_of(cursor: &mut Cursor<'_>, known: &'static [&'static str], parts: &mut Vec<Part>) -> bool {
    known.iter().any(|word| take(cursor, word, parts))
}

/// Forms of one value.
fn simple(form: &Form, cursor: &mut Cursor<'_>, parts: &mut Vec<Part>) -> Read {
    let (token, at) = (cursor.peek_token(), cursor.position().clone());
    let number = match form {
        Form::Number => Some(value::number(cursor)?),
        Form::Duration => Some(value::duration(cursor)?),
        Form::Percent => Some(percent(cursor)?),
        Form::Boolean => value::boolean(cursor).map(|_| None)?,
        Form::Octets => octets(cursor).map(|()| None)?,
        Form::FixedPoint => matching(cursor, "expected fixed point number", is_fixed_point).map(|()| None)?,
        Form::Quoted => cursor.quoted().map(|_| None)?,
        Form::V6 => matching(cursor, "expected IPv6 address", |text| text.parse::<std::net::Ipv6Addr>().is_ok())
            .map(|()| None)?,
        Form::Address => matching(cursor, "expected IP address", is_address).map(|()| None)?,
        Form::SourceV4 => source(cursor, false).map(|()| None)?,
        Form::SourceV6 => source(cursor, true).map(|()| None)?,
        Form::PortRange => port_range(cursor).map(|()| None)?,
        Form::OneOf(known) => value::one_of(cursor, known).map(|_| None)?,
        Form::Is(word) => match cursor.take_word(word) {
            true => None,
            false => return Err(cursor.near(&format!("expected '{word}'"))),
        },
        _ => cursor.text().map(|_| None)?,
    };
    match (number, token) {
        (Some(number), _) => parts.push(Part::Number(number, at)),
        (None, Some(token)) => parts.push(Part::Word(token.clone())),
        (None, None) => {}
    }
    Ok(())
}

fn matching(cursor: &mut Cursor<'_>, expected: &str, is_right: impl Fn(&str) -> bool) -> Read {
    match cursor.peek_word().is_some_and(|token| is_right(&token.text)) {
        true => cursor.skip(),
        false => return Err(cursor.near(expected)),
    }
    Ok(())
}

fn percent(cursor: &mut Cursor<'_>) -> Result<u32, Problem> {
    let digits = cursor.peek_word().and_then(|token| token.text.strip_suffix('%'));
    let number = digits.and_then(|digits| digits.parse().ok());
    let number = number.ok_or_else(|| cursor.near("expected percentage").with_hint("such as 50%"))?;
    cursor.skip();
    Ok(number)
}

fn octets(cursor: &mut Cursor<'_>) -> Read {
    matching(cursor, "expected integer and optional unit", |text| values::size(text).is_ok())
}

/// `1`, `0.25`
fn is_fixed_point(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    !whole.is_empty() && digits(whole) && digits(fraction) && fraction.len() <= 2
}

/// `( ADDRESS | * ) [port ( N | * )] [dscp N]`
fn source(cursor: &mut Cursor<'_>, is_v6: bool) -> Read {
    let expected = if is_v6 { "expected IPv6 address or '*'" } else { "expected IPv4 address or '*'" };
    let is_right = |text: &str| {
        let bare = text.split_once('%').filter(|_| is_v6).map_or(text, |(address, _)| address);
        text == "*" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_ipv6() == is_v6)
    };
    matching(cursor, expected, is_right)?;
    if cursor.take_word("port") && !cursor.take_word("*") {
        super::address::port_or_star(cursor)?;
    }
    if cursor.take_word("dscp") {
        value::number(cursor)?;
    }
    Ok(())
}

/// `N`, `range LOW HIGH`
fn port_range(cursor: &mut Cursor<'_>) -> Read {
    if !cursor.take_word("range") {
        let is_number = cursor.peek_word().is_some_and(|token| words::number(&token.text).is_some());
        if !is_number {
            return Err(cursor.near("expected integer or 'range'"));
        }
        return port(cursor).map(|_| ());
    }
    let at = cursor.position().clone();
    let (low, high) = (port(cursor)?, port(cursor)?);
    if low > high {
        let message = format!("low port '{low}' must not be larger than high port '{high}'");
        return Err(Problem::new(at, message));
    }
    Ok(())
}

fn port(cursor: &mut Cursor<'_>) -> Result<u16, Problem> {
    let wrong = cursor.near("invalid port");
    u16::try_from(value::number(cursor)?).map_err(|_| wrong)
}
