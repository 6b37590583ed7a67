//! The names of types, classes and RCODEs, as people write them (IANA's DNS parameters, RFC 3597 §5 for the rest).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use hickory_proto::rr::RecordType;

use super::header::class;

use super::header::rcode;

/// The name of a type: `A`, `TYPE65280`.
pub fn type_name(rtype: u16) -> impl fmt::Display {
    Shown(rtype)
}

/// The number of a type's name, without regard to case; `TYPEn` for any.
pub fn type_number(name: &str) -> Option<u16> {
    let name = name.to_ascii_uppercase();
    match name.strip_prefix("TYPE") {
        Some(number) => number.parse().ok(),
        None => RecordType::from_str(&name).ok().map(u16::from),
    }
}

/// The name of a class: `IN`, `CLASS7`.
pub fn class_name(number: u16) -> String {
    match number {
        class::IN => "IN".to_owned(),
        class::CH => "CH".to_owned(),
        class::HS => "HS".to_owned(),
        class::NONE => "NONE".to_owned(),
        class::ANY => "ANY".to_owned(),
        other => format!("CLASS{other}"),
    }
}

/// The name of an RCODE, extended ones too: `REFUSED`, `RCODE24`.
pub fn rcode_name(rcode: u16) -> Cow<'static, str> {
    const NAMES: [&str; 11] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE",
    ];
    match (NAMES.get(usize::from(rcode)), rcode) {
        (Some(&name), _) => name.into(),
        (None, rcode::BADVERS) => "BADVERS".into(),
        (None, rcode::BADCOOKIE) => "BADCOOKIE".into(),
        (None, other) => format!("RCODE{other}").into(),
    }
}

struct Shown(u16);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match RecordType::from(self.0) {
            RecordType::Unknown(number) => write!(f, "TYPE{number}"),
            known => write!(f, "{known}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rcodes_have_names() {
        for (number, name) in [(0, "NOERROR"), (2, "SERVFAIL"), (10, "NOTZONE"), (11, "RCODE11"), (23, "BADCOOKIE")] {
            assert_eq!(rcode_name(number), name);
        }
    }

    #[test]
    fn types_have_names_both_ways() {
        for (number, name) in [(1, "A"), (28, "AAAA"), (65, "HTTPS"), (255, "ANY"), (65_280, "TYPE65280")] {
            assert_eq!(type_name(number).to_string(), name);
            assert_eq!(type_number(&name.to_lowercase()), Some(number));
        }
        assert_eq!(type_number("TYPE65536"), None);
        assert_eq!(type_number("nonsense"), None);
    }
}
