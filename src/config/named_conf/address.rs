//! Reading addresses, prefixes, match lists and lists of forwarders.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV6};

use ipnet::IpNet;

use super::cursor::Cursor;
use super::lexer::{Kind, Token};
use super::report::Problem;
use super::{value, words};
use crate::config::Position;
use crate::config::values::excerpt;

/// An element of a match list as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) negated: bool,
    pub(super) what: Matched,
    pub(super) position: Position,
}

/// What an element names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Matched {
    Prefix(IpNet),
    /// A built-in list or an `acl`.
    Name(String),
    /// `key NAME`: who signs with it.
    Key(String),
    List(Vec<Element>),
}

/// The value of `forwarders`.
#[derive(Debug, Default)]
pub(super) struct Forwarders {
    pub(super) port: Option<u16>,
    pub(super) list: Vec<Forwarder>,
}

/// One address of `forwarders`.
#[derive(Debug)]
pub(super) struct Forwarder {
    pub(super) address: IpAddr,
    /// Of a link-local address: the interface's index, else 0.
    pub(super) scope_id: u32,
    pub(super) port: Option<u16>,
    pub(super) position: Position,
}

/// The value of `query-source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// `None`: `*`
    pub(super) address: Option<IpAddr>,
    /// A port is asked for.
    pub(super) port: Option<u16>,
}

/// What stands before a `/`, or alone.
enum Address {
    V6(IpAddr),
    /// With as many bits as were written: `10` has 8.
    V4(Ipv4Addr, u8),
}

/// `10`, `192.168` and whole addresses; `None` for what looks like no address, which may be a name.
fn parse_address(text: &str) -> Option<Address> {
    if text.contains(':') {
        return text.parse().ok().map(Address::V6);
    }
    let octets = text.split('.').count();
    let is_dotted = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
    if !is_dotted || octets > 4 {
        return None;
    }
    let whole = text.to_owned() + &".0".repeat(4 - octets);
    whole.parse().ok().map(|address| Address::V4(address, octets as u8 * 8))
}

/// `[port N] …` as named limits it.
fn port_of(token: &Token) -> Result<u16, Problem> {
    const EXPECTED: &str = "expected port number or '*'";
    let near =
        |message: &str| Problem::new(token.position.clone(), format!("{message} near '{}'", excerpt(token.shown())));
    let number = (token.kind == Kind::Word).then(|| words::number(&token.text)).flatten();
    let port = number.ok_or_else(|| near(EXPECTED))?.map_err(|_| near("port number out of range"))?;
    u16::try_from(port).map_err(|_| near("port number out of range"))
}

pub(super) fn optional_port(cursor: &mut Cursor<'_>) -> Result<Option<u16>, Problem> {
    if !cursor.take_word("port") {
        return Ok(None);
    }
    let token = cursor.word("expected port number or '*'")?;
    port_of(token).map(Some)
}

/// One element of a match list; nested blocks are read by `nested`.
pub(super) fn element(
    cursor: &mut Cursor<'_>,
    nested: &mut dyn FnMut(&mut Cursor<'_>) -> Result<Vec<Element>, Problem>,
) -> Result<Element, Problem> {
    let negated = cursor.take_special(b'!');
    let position = cursor.position().clone();
    let what = match cursor.peek_token() {
        None if !cursor.is_done() => Matched::List(nested(cursor)?),
        Some(token) if token.kind == Kind::Quoted => Matched::Name(cursor.text()?.text.clone()),
        Some(token) if token.kind == Kind::Word => named_or_prefix(cursor, &token.text)?,
        _ => return Err(cursor.near("expected IP match list element")),
    };
    Ok(Element { negated, what, position })
}

fn named_or_prefix(cursor: &mut Cursor<'_>, text: &str) -> Result<Matched, Problem> {
    if cursor.take_word("key") {
        return Ok(Matched::Key(cursor.text()?.text.clone()));
    }
    if text.eq_ignore_ascii_case("geoip") {
        return Err(cursor
            .near("'geoip' elements are not implemented")
            .with_hint("write the prefixes: an element that matches nobody would be unsafe behind '!'"));
    }
    if text.contains('%') && text.contains(':') {
        return Err(cursor
            .near("an address with a zone cannot be matched")
            .with_hint("write the address without what follows '%'"));
    }
    match parse_address(text) {
        Some(address) => prefix_behind(cursor, address).map(Matched::Prefix),
        None => Ok(Matched::Name(cursor.text()?.text.clone())),
    }
}

/// A prefix of `server`.
pub(super) fn prefix(cursor: &mut Cursor<'_>) -> Result<IpNet, Problem> {
    let token = cursor.peek_word().ok_or_else(|| cursor.near("expected IP address or prefix"))?;
    let address = parse_address(&token.text).ok_or_else(|| cursor.near("expected IP address or prefix"))?;
    prefix_behind(cursor, address)
}

/// Passes over the address and its `/LENGTH`.
fn prefix_behind(cursor: &mut Cursor<'_>, address: Address) -> Result<IpNet, Problem> {
    let written = cursor.text()?;
    let (address, given, whole) = match address {
        Address::V6(address) => (address, 128, 128),
        Address::V4(address, bits) => (address.into(), bits, 32),
    };
    if !cursor.take_special(b'/') {
        if given < whole {
            let hint = format!("{address}/{given}, or all four octets");
            return Err(cursor.near("incomplete IPv4 address or prefix").with_hint(hint));
        }
        return Ok(IpNet::from(address));
    }
    let token = cursor.peek_word().ok_or_else(|| cursor.near("expected prefix length"))?;
    let length = words::number(&token.text).ok_or_else(|| cursor.near("expected prefix length"))?;
    let length = length.ok().and_then(|length| u8::try_from(length).ok()).filter(|&length| length <= whole);
    let net = length.and_then(|length| IpNet::new(address, length).ok()).ok_or_else(|| {
        Problem::new(token.position.clone(), format!("invalid prefix length '{}'", excerpt(&token.text)))
            .with_hint(format!("0..{whole}"))
    })?;
    cursor.skip();
    if net.trunc() != net {
        let text = &written.text;
        let message = format!("'{text}/{0}': address/prefix length mismatch '{0}'", net.prefix_len());
        return Err(Problem::new(token.position.clone(), message).with_hint(format!("did you mean {}?", net.trunc())));
    }
    Ok(net)
}

/// One element of `forwarders`.
pub(super) fn forwarder(cursor: &mut Cursor<'_>) -> Result<Forwarder, Problem> {
    const EXPECTED: &str = "expected IP address";
    let token = cursor.peek_word().ok_or_else(|| cursor.near(EXPECTED))?;
    let (address, scope_id) = parse_scoped(&token.text).ok_or_else(|| match token.text.contains('%') {
        true => cursor.near(EXPECTED).with_hint("the interface is given by its number, as in fe80::1%2"),
        false => cursor.near(EXPECTED),
    })?;
    cursor.skip();
    let mut port = optional_port(cursor)?;
    skip_dscp(cursor)?;
    if port.is_none() {
        port = optional_port(cursor)?;
    }
    Ok(Forwarder { address, scope_id, port, position: token.position.clone() })
}

/// A whole address; an IPv6 one may name its interface by number.
fn parse_scoped(text: &str) -> Option<(IpAddr, u32)> {
    match text.contains('%') {
        true => format!("[{text}]:0").parse().ok().map(|v6: SocketAddrV6| (IpAddr::V6(*v6.ip()), v6.scope_id())),
        false => text.parse().ok().map(|address| (address, 0)),
    }
}

/// An address, and of a link-local one the interface's index, else 0; `None`: `*`
pub(super) type Scoped = Option<(IpAddr, u32)>;

/// `( ADDRESS | * ) [port ( N | * )]` of a control channel; a port of `None` is the usual one.
pub(super) fn control(cursor: &mut Cursor<'_>) -> Result<(Scoped, Option<u16>), Problem> {
    const EXPECTED: &str = "expected IP address or '*'";
    let address = match cursor.take_word("*") {
        true => None,
        false => {
            let token = cursor.peek_word().ok_or_else(|| cursor.near(EXPECTED))?;
            let address = parse_scoped(&token.text).ok_or_else(|| cursor.near(EXPECTED))?;
            cursor.skip();
            Some(address)
        }
    };
    if !cursor.take_word("port") {
        return Ok((address, None));
    }
    let port = match cursor.take_word("*") {
        true => None,
        false => Some(port_of(cursor.word("expected port number or '*'")?)?),
    };
    Ok((address, port))
}

/// `[port N]` before the block of `forwarders`.
pub(super) fn forwarders_port(cursor: &mut Cursor<'_>) -> Result<Option<u16>, Problem> {
    let port = if cursor.take_word("port") { Some(whole_port(cursor)?) } else { None };
    skip_dscp(cursor)?;
    refuse_transport(cursor)?;
    Ok(port)
}

/// A port that is read as a number first, as named does.
fn whole_port(cursor: &mut Cursor<'_>) -> Result<u16, Problem> {
    let at = cursor.position().clone();
    let port = value::number(cursor)?;
    u16::try_from(port).map_err(|_| Problem::new(at, format!("port value '{port}' is out of range")))
}

/// `[dscp N]`: `body` says that packets are not marked.
fn skip_dscp(cursor: &mut Cursor<'_>) -> Result<(), Problem> {
    if cursor.take_word("dscp") {
        value::number(cursor)?;
    }
    Ok(())
}

/// `[port N]` before the block of `listen-on`; its range is checked later, as named does.
pub(super) fn listen_port(cursor: &mut Cursor<'_>) -> Result<Option<u32>, Problem> {
    let port = if cursor.take_word("port") { Some(value::number(cursor)?) } else { None };
    skip_dscp(cursor)?;
    refuse_transport(cursor)?;
    match cursor.peek_word() {
        Some(token) => {
            let message = format!("unexpected '{}'", excerpt(&token.text));
            let hint = "in this order: [port N] { ADDRESS; … }";
            Err(Problem::new(token.position.clone(), message).with_hint(hint))
        }
        None => Ok(port),
    }
}

/// Clear text where secrecy was asked for would be unsafe.
fn refuse_transport(cursor: &mut Cursor<'_>) -> Result<(), Problem> {
    for word in ["tls", "http"] {
        let position = cursor.position().clone();
        if cursor.take_word(word) {
            if word == "tls" && cursor.take_word("none") {
                continue;
            }
            let message = format!(
                "'{word}' is refused here: it is not implemented yet, and clear text instead would not be safe"
            );
            return Err(Problem::new(position, message));
        }
    }
    Ok(())
}

/// `( ADDRESS | * ) [port ( N | * )]`; `None`: a star, or no port.
pub(super) fn inet(cursor: &mut Cursor<'_>) -> Result<(Option<IpAddr>, Option<u16>), Problem> {
    const EXPECTED: &str = "expected IP address or '*'";
    let mut address = None;
    if !cursor.take_word("*") {
        let token = cursor.peek_word().ok_or_else(|| cursor.near(EXPECTED))?;
        address = Some(token.text.parse().map_err(|_| cursor.near(EXPECTED))?);
        cursor.skip();
    }
    let mut port = None;
    if cursor.take_word("port") && !cursor.take_word("*") {
        port = Some(port_of(cursor.word("expected port number or '*'")?)?);
    }
    if cursor.peek_word().is_some_and(|token| token.text.eq_ignore_ascii_case("port")) {
        return Err(Problem::new(cursor.position().clone(), "expected at most one port"));
    }
    Ok((address, port))
}

/// `( ADDRESS | * ) [port ( N | * )] [dscp N]`, or in any order if the word `address` is there.
pub(super) fn source(cursor: &mut Cursor<'_>, is_v6: bool) -> Result<Source, Problem> {
    let begin = cursor.position().clone();
    let expected = if is_v6 { "expected IPv6 address or '*'" } else { "expected IPv4 address or '*'" };
    let mut source = Source { address: None, port: None };
    let (mut addresses, mut ports, mut dscps) = (0, 0, 0);
    let is_bare = cursor
        .peek_word()
        .is_some_and(|word| !["address", "port", "dscp"].iter().any(|it| word.text.eq_ignore_ascii_case(it)));
    if is_bare {
        addresses += 1;
        source.address = address_or_star(cursor, is_v6).ok_or_else(|| cursor.near(expected))?;
    }
    loop {
        if cursor.take_word("dscp") {
            dscps += 1;
            value::number(cursor)?;
        } else if cursor.take_word("port") {
            ports += 1;
            source.port = if cursor.take_word("*") { None } else { Some(port_or_star(cursor)?) };
        } else if !is_bare && cursor.take_word("address") {
            addresses += 1;
            source.address = address_or_star(cursor, is_v6).ok_or_else(|| cursor.near(expected))?;
        } else if !is_bare && cursor.peek_word().is_some() {
            return Err(cursor.near("expected 'address' or 'port'"));
        } else {
            break;
        }
    }
    match (addresses, ports, dscps) {
        (0, 0, _) | (2.., ..) => Err(Problem::new(begin, "expected one address and/or port")),
        (_, 2.., _) if is_bare => Err(Problem::new(begin, "expected at most one port")),
        (_, 2.., _) => Err(Problem::new(begin, "expected one address and/or port")),
        (_, _, 2..) => Err(Problem::new(begin, "expected at most one dscp")),
        _ => Ok(source),
    }
}

/// `ADDRESS | *`, of one family; `Some(None)`: a star.
fn address_or_star(cursor: &mut Cursor<'_>, is_v6: bool) -> Option<Option<IpAddr>> {
    if cursor.take_word("*") {
        return Some(None);
    }
    let address = cursor.peek_word()?.text.parse::<IpAddr>().ok().filter(|address| address.is_ipv6() == is_v6)?;
    cursor.skip();
    Some(Some(address))
}

/// A port, where `*` would do too.
pub(super) fn port_or_star(cursor: &mut Cursor<'_>) -> Result<u16, Problem> {
    port_of(cursor.word("expected port number or '*'")?)
}
