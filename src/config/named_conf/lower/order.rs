//! `rrset-order`: its elements, of which the first that is about an RRset counts.
//!
//! An element for everything ends the list; without one, RRsets that none is about are told as they are kept, as in named.

use super::Context;
use super::view::{Scope, find};
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::{Order, Value};
use crate::config::values::excerpt;
use crate::config::{OrderOfSome, RrsetOrder};
use crate::wire::Name;
use crate::wire::header::{class, rtype};
use crate::wire::mnemonic::{class_number, type_number};

/// The order for everything, and those of some types and names before it; `None`: there is no such statement.
pub(super) fn rrset_orders(context: &mut Context<'_>, scope: Scope<'_, '_>) -> Option<(RrsetOrder, Vec<OrderOfSome>)> {
    let Value::Orders(written) = &find(scope, "rrset-order")?.value else { return None };
    let (mut some, mut rest) = (Vec::new(), None);
    for element in written {
        let Some((order, is_in)) = read(context, element) else { continue };
        if rest.is_some() {
            let message = "this element of 'rrset-order' is never used: one before it holds for everything";
            context.report.warn(Some(&element.position), message);
        } else if !is_in {
            let message = "this element of 'rrset-order' has no effect: RRsets of other classes than IN have no order";
            context.report.warn(Some(&element.position), message);
        } else if order.rtype.is_none() && order.name.is_none() {
            rest = Some(order.order);
        } else {
            some.push(order);
        }
    }
    Some((rest.unwrap_or(RrsetOrder::Fixed), some))
}

/// An element, and whether it is about class IN; every fault in it is told.
fn read(context: &mut Context<'_>, element: &Order) -> Option<(OrderOfSome, bool)> {
    let mut told = |what: &str, text: &str, hint: &str| {
        let message = format!("rrset-order: invalid {what} '{}'", excerpt(text));
        context.report.problem(Problem::new(element.position.clone(), message).with_hint(hint));
    };
    let class = match element.class.as_deref() {
        None => Some(class::ANY),
        Some(text) => class_number(text).or_else(|| {
            told("class", text, "leave it out: IN is the only class here");
            None
        }),
    };
    let rtype = match element.rtype.as_deref() {
        None => Some(rtype::ANY),
        Some(text) => type_number(text).or_else(|| {
            told("type", text, "write A, MX or TYPE65280");
            None
        }),
    };
    let name = match element.name.as_deref() {
        None | Some("*") => Some(None),
        Some(text) => text.parse::<Name>().map(Some).map_err(|error| told("name", text, &error.to_string())).ok(),
    };
    let order = match element.order.to_ascii_lowercase().as_str() {
        "random" => Some(RrsetOrder::Random),
        "cyclic" => Some(RrsetOrder::Cyclic),
        "fixed" | "none" => Some(RrsetOrder::Fixed),
        _ => {
            told("order", &element.order, "one of: random, cyclic, fixed, none");
            None
        }
    };
    let is_in = matches!(class?, class::IN | class::ANY);
    let rtype = Some(rtype?).filter(|number| *number != rtype::ANY);
    Some((OrderOfSome { rtype, name: name?, order: order? }, is_in))
}
