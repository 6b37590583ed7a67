//! Reading `[[control]]`: where rndc and `tandem ctl` may connect by TCP.

use std::collections::HashSet;

use super::super::control::{CONTROL_PORT, Control};
use super::super::values::{self, ValueError, excerpt};
use super::super::{Match, MatchElement, MatchList};
use super::acl::Acls;
use super::grant::known_key;
use super::keys::Place;
use super::walk::{Field, Reader, Table};
use crate::wire::Name;

/// The channels in the order of the text; those that cannot be read are reported and left out.
pub(super) fn controls<'a, 'i>(
    reader: &mut Reader<'i>,
    field: Option<Field<'a, 'i>>,
    acls: &mut Acls<'a, 'i>,
    keys: &HashSet<Name>,
) -> Vec<Control> {
    let mut found: Vec<Control> = Vec::new();
    for table in reader.tables(Place::Control, field) {
        let Some(control) = control(reader, &table, acls, keys) else { continue };
        if found.iter().any(|other| other.address == control.address) {
            let hint = Some("give each an address or port of its own".to_owned());
            reader.error(&table.span, format!("[[control]] at {}: another is there", control.address), hint);
            continue;
        }
        found.push(control);
    }
    found
}

fn control<'a, 'i>(
    reader: &mut Reader<'i>,
    table: &Table<'a, 'i>,
    acls: &mut Acls<'a, 'i>,
    keys: &HashSet<Name>,
) -> Option<Control> {
    const EXAMPLE: &str = "\"127.0.0.1:953\"";
    let localhost = MatchElement { negated: false, what: Match::Localhost, position: None };
    let mut allow = MatchList { elements: vec![localhost] };
    let (mut named, mut read_only) = (None, false);
    reader.set(table, "allow", &mut allow, |reader, field| acls.list(reader, field));
    reader.set(table, "read_only", &mut read_only, Reader::boolean);
    reader.set(table, "keys", &mut named, |reader, field| {
        let elements = reader.elements(field);
        Some(Some(elements.into_iter().filter_map(|element| known_key(reader, element, keys)).collect()))
    });
    let Some(field) = table.field("address") else {
        reader.error(&table.span, "[[control]] without address", Some(format!("write address = {EXAMPLE}")));
        return None;
    };
    let text = reader.string(field, EXAMPLE)?;
    let address = match values::socket_address(text, CONTROL_PORT) {
        Ok(address) => address,
        Err(ValueError::Port(port)) => {
            reader.wrong(field, &ValueError::Port(port));
            return None;
        }
        Err(_) => {
            let message = format!("address: expected IP address near '{}'", excerpt(text));
            reader.error(&field.value.span(), message, Some(format!("write {EXAMPLE} or \"[::1]:953\"")));
            return None;
        }
    };
    let position = Some(reader.position(&table.span));
    Some(Control { address, allow, keys: named, read_only, position })
}
