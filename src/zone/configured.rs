//! The records of a zone that the configuration itself holds, its SOA and NS among them.
//!
//! Not here: what is chosen of several records by policies and health, master files.

use super::{Record, policy};
use crate::config::LocalZone;
use crate::wire::Name;
use crate::wire::header::rtype;

/// The records that are written in the configuration and always given out, of this serial. Of a zone with a master file, which has its own SOA
/// and NS, only those that are written.
///
/// `host` is who is named as the primary where the configuration names nobody.
pub fn records(zone: &LocalZone, serial: u32, host: &Name) -> Vec<Record> {
    let mut records = if zone.file.is_none() { apex(zone, serial, host) } else { Vec::new() };
    for record in zone.records.iter().filter(|record| !policy::is_chosen(zone, record)) {
        let ttl = record.ttl.unwrap_or(zone.settings.ttl);
        records.extend(record.values.iter().map(|value| Record {
            owner: record.name.clone(),
            rtype: record.rtype,
            ttl,
            rdata: value.clone(),
            position: Some(record.position.clone()),
        }));
    }
    records
}

/// SOA and NS.
fn apex(zone: &LocalZone, serial: u32, host: &Name) -> Vec<Record> {
    let record = |rtype, rdata: Box<[u8]>| Record {
        owner: zone.name.clone(),
        rtype,
        ttl: zone.settings.ttl,
        rdata,
        position: zone.position.clone(),
    };
    let servers = zone.name_servers(host).into_iter().map(|server| record(rtype::NS, server.as_wire().into()));
    std::iter::once(record(rtype::SOA, zone.soa_rdata(host, serial))).chain(servers).collect()
}
