//! Looking over each change before the first is made (RFC 2136 §3.3, §3.4.1).

use crate::wire::header::{class, rcode, rtype};
use crate::zone::build::is_meta;

use super::grants::Grants;
use super::line::Line;
use super::{Present, Refusal, Sender};

/// Whether a change can be meant at all.
pub(super) fn check(zone: &dyn Present, line: &Line) -> Result<(), Refusal> {
    if !line.owner.is_within(zone.apex()) {
        return Err(Refusal::about(rcode::NOTZONE, "the name is not in the zone", line));
    }
    let removes = line.raw_ttl == 0;
    let is_right = match line.class {
        class::IN => !is_meta(line.rtype),
        class::ANY => removes && line.rdata.is_empty() && (line.rtype == rtype::ANY || !is_meta(line.rtype)),
        class::NONE => removes && !is_meta(line.rtype),
        _ => false,
    };
    if is_right { Ok(()) } else { Err(Refusal::about(rcode::FORMERR, "no such change can be made", line)) }
}

/// Whether the sender may make a change. Who removes a name must be allowed to change each of its RRsets.
pub(super) fn permit(zone: &dyn Present, line: &Line, grants: &Grants, sender: Sender<'_>) -> Result<(), Refusal> {
    let is_whole_name = line.rtype == rtype::ANY;
    let types = if is_whole_name { zone.types(&line.owner) } else { vec![line.rtype] };
    if !types.iter().all(|&rtype| grants.permits(sender, &line.owner, rtype)) {
        return Err(Refusal::about(rcode::REFUSED, "no rule grants this change", line));
    }
    if types.iter().any(|&rtype| zone.is_chosen(&line.owner, rtype)) {
        return Err(Refusal::about(rcode::REFUSED, "a policy of the configuration chooses these records", line));
    }
    Ok(())
}
