//! The names of types, classes and RCODEs, as people write them (IANA's DNS parameters, RFC 3597 §5 for the rest).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use domain::base::iana::Rtype;

use super::header::{class, rcode};

/// The name of a type: `A`, `TYPE65280`.
pub fn type_name(rtype: u16) -> impl fmt::Display {
    Shown(rtype)
}

/// The number of a type's name, without regard to case; `TYPEn` for any.
pub fn type_number(name: &str) -> Option<u16> {
    if let Some(number) = strip_prefix(name, "TYPE") {
        return number;
    }
    // IANA's spelling; `domain` leaves the hyphen out.
    if name.eq_ignore_ascii_case("NSAP-PTR") {
        return Some(NSAP_PTR);
    }
    Rtype::from_str(name).ok().map(Rtype::to_int)
}

/// The number of a class's name, without regard to case; `CLASSn` for any.
pub fn class_number(name: &str) -> Option<u16> {
    const NAMES: [(&str, u16); 7] = [
        ("IN", class::IN),
        ("CH", class::CH),
        ("CHAOS", class::CH),
        ("HS", class::HS),
        ("HESIOD", class::HS),
        ("NONE", class::NONE),
        ("ANY", class::ANY),
    ];
    if let Some(number) = strip_prefix(name, "CLASS") {
        return number;
    }
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, number)| number)
}

/// The number behind a prefix in any case; `None`: the prefix is not there; `Some(None)`: what follows is no number.
fn strip_prefix(name: &str, prefix: &str) -> Option<Option<u16>> {
    let (start, digits) = name.split_at_checked(prefix.len())?;
    let number = || digits.bytes().all(|octet| octet.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    start.eq_ignore_ascii_case(prefix).then(number)
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

const NSAP_PTR: u16 = 23;

struct Shown(u16);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == NSAP_PTR {
            return f.write_str("NSAP-PTR");
        }
        match Rtype::from_int(self.0).to_mnemonic_str() {
            Some(name) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
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
        for (number, name) in [(1, "A"), (23, "NSAP-PTR"), (65, "HTTPS"), (255, "ANY"), (65_280, "TYPE65280")] {
            assert_eq!(type_name(number).to_string(), name);
        }
        for number in 0..=u16::MAX {
            assert_eq!(type_number(&type_name(number).to_string().to_lowercase()), Some(number));
            assert_eq!(type_number(&format!("TYPE{number}")), Some(number));
        }
        for name in ["TYPE65536", "TYPE", "TYPE+1", "TYPE-1", "nonsense", ""] {
            assert_eq!(type_number(name), None, "{name}");
        }
    }

    #[test]
    fn classes_have_names_both_ways() {
        for number in 0..=u16::MAX {
            assert_eq!(class_number(&class_name(number).to_lowercase()), Some(number));
        }
        assert_eq!((class_number("chaos"), class_number("CLASS1")), (Some(class::CH), Some(class::IN)));
        assert_eq!((class_number("CLASS"), class_number("A"), class_number("1h")), (None, None, None));
    }
}
