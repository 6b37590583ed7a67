//! RDATA as people write them, both ways: the text of master files (RFC 1035 §5, RFC 3597 §5) and octets.
//!
//! [`rdata`] reads one record's data, [`show`] writes them; everything that takes records in text (master files, TOML,
//! journals, commands) goes through here. Most types are read by `domain`'s own readers over our words ([`scan`]), so
//! that a fault costs one record and says which word is wrong; what they lack is in [`more`], [`svcb`] and [`loc`], and
//! any type may be written as `\# LENGTH HEX`.
//! Invariants: what is read has at most 65,535 octets, its names are whole and in the case they were written in; what
//! is shown reads back as the same octets.
//! Not here: lines, owners, TTLs, directives (`zone::master`).

mod form;
mod loc;
mod more;
mod scan;
mod svcb;
mod units;
mod unknown;
pub mod words;

use domain::base::iana::Rtype;
use domain::base::name::Name as ScannedName;
use domain::base::rdata::ComposeRecordData;
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;

use super::Name;
use super::mnemonic::type_name;
use super::name::push_text;
use scan::{Fault, Scan};
pub use units::{MAX_TTL, seconds};
use words::Word;

/// Reads one record's RDATA from one line of master-file text: no comment, no parentheses, no line end.
///
/// Names that do not end with a dot are below `origin`; `@` is `origin` itself. The error says which word is wrong and
/// what would be right.
pub fn rdata(rtype: u16, text: &str, origin: &Name) -> Result<Box<[u8]>, String> {
    let mut found = Vec::new();
    words::split(text.as_bytes(), &mut found)?;
    read(rtype, &found, origin)
}

/// As [`rdata`], of words that were cut already.
pub fn read(rtype: u16, found: &[Word<'_>], origin: &Name) -> Result<Box<[u8]>, String> {
    let mut scan = Scan::new(found, origin);
    let octets = match unknown::is_marked(found) {
        true => unknown::read(rtype, found),
        false => read_known(rtype, &mut scan).and_then(|octets| scan.finish().map(|()| octets)),
    };
    let octets = octets.map_err(|fault| explain(rtype, &scan, &fault))?;
    if octets.len() > usize::from(u16::MAX) {
        return Err(format!("{} has {} octets; a record takes 65535 at most", type_name(rtype), octets.len()));
    }
    Ok(octets.into())
}

fn read_known(rtype: u16, scan: &mut Scan<'_>) -> Result<Vec<u8>, Fault> {
    match rtype {
        1 => scan.address(|text| text.parse::<std::net::Ipv4Addr>().ok().map(|address| address.octets().to_vec())),
        28 => scan.address(|text| text.parse::<std::net::Ipv6Addr>().ok().map(|address| address.octets().to_vec())),
        6 => soa(scan),
        29 => loc::read(scan),
        64 | 65 => svcb::read(scan),
        _ => match more::read(rtype, scan) {
            Some(read) => read,
            None => by_domain(rtype, scan),
        },
    }
}

/// SOA, whose timers may have units (BIND's; RFC 1035 has numbers alone).
fn soa(scan: &mut Scan<'_>) -> Result<Vec<u8>, Fault> {
    let mut octets = Vec::new();
    scan.name_into(&mut octets)?;
    scan.name_into(&mut octets)?;
    octets.extend(scan.number::<u32>()?.to_be_bytes());
    for _ in 0..4 {
        octets.extend(scan.seconds()?.to_be_bytes());
    }
    Ok(octets)
}

fn by_domain(rtype: u16, scan: &mut Scan<'_>) -> Result<Vec<u8>, Fault> {
    scan.expect_algorithm(more::algorithm_at(rtype));
    let data = ZoneRecordData::<Vec<u8>, ScannedName<Vec<u8>>>::scan(Rtype::from_int(more::twin(rtype)), scan)?;
    let mut octets = Vec::new();
    match data.compose_rdata(&mut octets) {
        Ok(()) => {}
        Err(never) => match never {},
    }
    // The usual ones are names, numbers and texts alone, which cannot come out wrong.
    let is_usual = matches!(rtype, 2 | 5 | 12 | 15 | 16 | 33);
    more::check_digest(rtype, &octets)?;
    if is_usual || composes_to_itself(rtype, &octets) {
        Ok(octets)
    } else {
        Err(Fault::new("such data cannot be sent"))
    }
}

/// What is wrong, where, and the form that is right.
fn explain(rtype: u16, scan: &Scan<'_>, fault: &Fault) -> String {
    let name = type_name(rtype);
    let at = scan.at_fault().map(|word| format!(" at '{}'", words::excerpt(word))).unwrap_or_default();
    match form::of(rtype) {
        Some(form) => format!("bad {name}: {fault}{at} (write {name} {form})"),
        None => format!("bad {name}: {fault}{at} (write {name} \\# LENGTH HEX, RFC 3597)"),
    }
}

/// Whether octets are RDATA of this type: whole fields, names uncompressed, nothing left over. Of a type whose form is
/// not known here, anything is.
pub fn is_valid(rtype: u16, rdata: &[u8]) -> bool {
    match rtype {
        1 => rdata.len() == 4,
        28 => rdata.len() == 16,
        29 => loc::is_valid(rdata),
        64 | 65 => svcb::show(rdata).is_some(),
        _ if more::is_known(rtype) => more::show(rtype, rdata).is_some(),
        _ if is_of_domain(rtype) => composes_to_itself(rtype, rdata) && more::check_digest(rtype, rdata).is_ok(),
        _ => true,
    }
}

/// Whether `domain` reads the type's text, or that of its twin.
fn is_of_domain(rtype: u16) -> bool {
    form::of(rtype).is_some()
}

fn parse(rtype: u16, rdata: &[u8]) -> Option<ZoneRecordData<&[u8], domain::base::ParsedName<&[u8]>>> {
    let mut parser = Parser::from_ref(rdata);
    let parsed =
        domain::base::rdata::ParseRecordData::parse_rdata(Rtype::from_int(more::twin(rtype)), &mut parser).ok()??;
    (parser.remaining() == 0).then_some(parsed)
}

fn composes_to_itself(rtype: u16, rdata: &[u8]) -> bool {
    let mut composed = Vec::with_capacity(rdata.len());
    parse(rtype, rdata).is_some_and(|parsed| parsed.compose_rdata(&mut composed).is_ok()) && composed == rdata
}

/// RDATA as text that [`rdata`] reads back, names with their trailing dot; `\# LENGTH HEX` where the type has no form
/// here, or the octets are none of it.
pub fn show(rtype: u16, rdata: &[u8]) -> String {
    let shown = match rtype {
        1 => <[u8; 4]>::try_from(rdata).ok().map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
        28 => <[u8; 16]>::try_from(rdata).ok().map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        29 => loc::show(rdata),
        64 | 65 => svcb::show(rdata),
        _ if more::is_known(rtype) => more::show(rtype, rdata),
        _ if is_of_domain(rtype) && composes_to_itself(rtype, rdata) => {
            parse(rtype, rdata).map(|parsed| parsed.display_zonefile(DisplayKind::Simple).to_string())
        }
        _ => None,
    };
    // Whatever a writer forgets to escape shows itself in the reading.
    let reads_back = |shown: &String| self::rdata(rtype, shown, &Name::root()).is_ok_and(|octets| *octets == *rdata);
    shown.filter(reads_back).unwrap_or_else(|| unknown::show(rdata))
}

/// A name in master-file text: below `origin` unless it ends with a dot, `@` for `origin` itself.
pub fn name(text: &[u8], origin: &Name) -> Result<Name, super::name::NameError> {
    let mut octets = Vec::with_capacity(text.len() + 2 + origin.as_wire().len());
    push_text(text, origin, &mut octets)?;
    Ok(Name::from_wire(&octets).expect("push_text writes one whole name"))
}

#[cfg(test)]
mod tests;
