//! In which order the records of RRsets are told, where that differs by type or name (`rrset-order`).
//!
//! Not here: one order for everything, which [`super::View::rrset_order`] says alone; putting records in order, which
//! [`crate::answer`] does.

use crate::config::{self, OrderOfSome, RrsetOrder};
use crate::wire::name;

/// The orders of some RRsets, and that of all others.
#[derive(Debug)]
pub struct Orders {
    /// The first that is about an RRset counts.
    some: Box<[OrderOfSome]>,
    rest: RrsetOrder,
}

impl Orders {
    /// `None`: one order holds for everything.
    pub(super) fn compile(view: &config::View) -> Option<Box<Self>> {
        let some: Box<[_]> = view.rrset_orders.as_slice().into();
        (!some.is_empty()).then(|| Box::new(Self { some, rest: view.rrset_order }))
    }

    /// The order of the RRset of this owner (uncompressed, in lower case) and type.
    pub fn of(&self, owner: &[u8], rtype: u16) -> RrsetOrder {
        let is_about = |one: &&OrderOfSome| {
            one.rtype.is_none_or(|own| own == rtype) && one.name.as_ref().is_none_or(|name| fits(owner, name.as_wire()))
        };
        self.some.iter().find(is_about).map_or(self.rest, |one| one.order)
    }
}

/// Whether a name is this one or, where that begins with a label `*`, below what follows it.
fn fits(owner: &[u8], pattern: &[u8]) -> bool {
    match pattern.strip_prefix(b"\x01*") {
        Some(above) => owner.len() > above.len() && name::is_within(owner, above),
        None => owner == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_about_an_rrset_counts() {
        use RrsetOrder::{Cyclic, Fixed, Random};
        let some = |rtype, name: Option<&str>, order| OrderOfSome {
            rtype,
            name: name.map(|name| name.parse().expect("a name")),
            order,
        };
        let view = config::View {
            rrset_order: Fixed,
            rrset_orders: vec![
                some(Some(1), Some("www.corp"), Cyclic),
                some(None, Some("*.app.corp"), Random),
                some(Some(15), None, Cyclic),
                some(Some(1), Some("www.corp"), Random),
            ],
            ..config::View::default()
        };
        let orders = Orders::compile(&view).expect("there are some");
        for (case, owner, rtype, order) in [
            ("name and type", "www.corp", 1, Cyclic),
            ("the name, another type", "www.corp", 28, Fixed),
            ("below the name", "a.www.corp", 1, Fixed),
            ("below a wildcard", "x.app.corp", 28, Random),
            ("far below a wildcard", "y.x.app.corp", 15, Random),
            ("the name above a wildcard", "app.corp", 1, Fixed),
            ("ends alike", "x-app.corp", 1, Fixed),
            ("the type, any name", "app.corp", 15, Cyclic),
            ("the root", ".", 15, Cyclic),
        ] {
            let owner: crate::wire::Name = owner.parse().expect("a name");
            assert_eq!(orders.of(owner.as_wire(), rtype), order, "{case}");
        }
        assert!(Orders::compile(&config::View::default()).is_none());
    }
}
