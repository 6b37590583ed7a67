//! `rrset_order` and `rrset_orders`: how RRsets are handed out.

use super::keys::Place;
use super::walk::{Field, Reader, Table};
use crate::config::values::excerpt;
use crate::config::{OrderOfSome, RrsetOrder, View};
use crate::wire::header::rtype;
use crate::wire::mnemonic::type_number;

const ORDERS: [(&str, RrsetOrder); 4] = [
    ("random", RrsetOrder::Random),
    ("cyclic", RrsetOrder::Cyclic),
    ("fixed", RrsetOrder::Fixed),
    ("none", RrsetOrder::Fixed),
];

/// Sets what the table says.
pub(super) fn read<'i>(reader: &mut Reader<'i>, table: &Table<'_, 'i>, view: &mut View) {
    reader.set(table, "rrset_order", &mut view.rrset_order, |reader, field| reader.word(field, &ORDERS));
    if let Some(field) = table.field("rrset_orders") {
        view.rrset_orders = orders_of_some(reader, field);
    }
}

/// Tables of `type`, `name` and `order`; the first that is about an RRset counts.
fn orders_of_some<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Vec<OrderOfSome> {
    let mut orders = Vec::new();
    for table in reader.tables(Place::RrsetOrder, Some(field)) {
        let (mut of, mut name, mut order) = (None, None, None);
        reader.set(&table, "type", &mut of, |reader, field| rtype(reader, field).map(Some));
        reader.set(&table, "name", &mut name, |reader, field| reader.name(field, "\"www.corp\"").map(Some));
        reader.set(&table, "order", &mut order, |reader, field| reader.word(field, &ORDERS).map(Some));
        if !table.has("order") || !(table.has("type") || table.has("name")) {
            let hint = Some("write { type = \"MX\", name = \"corp\", order = \"cyclic\" }".to_owned());
            reader.error(&table.span, "rrset_orders without order, or without type and name", hint);
        }
        orders.extend(order.map(|order| OrderOfSome { rtype: of, name, order }));
    }
    orders
}

fn rtype<'i>(reader: &mut Reader<'i>, field: Field<'_, 'i>) -> Option<u16> {
    let text = reader.string(field, "\"MX\"")?;
    let number = type_number(text).filter(|number| *number != rtype::ANY);
    if number.is_none() {
        let message = format!("type: unknown value '{}'", excerpt(text));
        let hint = "a type such as A, MX or TYPE65280; leave it out for all";
        reader.error(&field.value.span(), message, Some(hint.to_owned()));
    }
    number
}
