//! Updating a small zone by any octets: a body for `cargo fuzz` and for the corpus test.

use std::net::{IpAddr, Ipv4Addr};

use crate::wire::header::{rtype, u32_at};
use crate::wire::query::{Fault, Query};
use crate::wire::{Name, Update, whole};
use crate::zone::build::may_stand_beside_cname;
use crate::zone::{Record, serial};

use super::{Grants, Names, Plain, Rule, Sender, Types, Who, apply};

const APEX: &[u8] = b"\x04corp\0";
const KEY: &[u8] = b"\x01k\0";

fn name(wire: &[u8]) -> Name {
    Name::from_wire(wire).expect("a name")
}

/// The zone of the corpus: `corp` with two name servers, addresses, an alias, a text below an empty name.
fn zone() -> Plain {
    let record = |owner: &[u8], rtype, rdata: &[u8]| Record {
        owner: name(owner),
        rtype,
        ttl: 60,
        rdata: rdata.into(),
        position: None,
    };
    Plain::new(
        name(APEX),
        [
            record(
                APEX,
                rtype::SOA,
                b"\x02ns\x04corp\0\x01h\x04corp\0\0\0\0\x07\0\0\x0e\x10\0\0\x02\x58\0\x01\0\0\0\0\0\x3c",
            ),
            record(APEX, rtype::NS, b"\x02ns\x04corp\0"),
            record(APEX, rtype::NS, b"\x03ns2\x04corp\0"),
            record(b"\x02ns\x04corp\0", rtype::A, &[10, 0, 0, 2]),
            record(b"\x01a\x04corp\0", rtype::A, &[10, 0, 0, 1]),
            record(b"\x05alias\x04corp\0", rtype::CNAME, b"\x01a\x04corp\0"),
            record(b"\x01x\x03ent\x04corp\0", rtype::TXT, b"\x04text"),
        ],
    )
}

fn serial_of(zone: &Plain) -> u32 {
    let soa = zone.records().find(|&(owner, rtype, ..)| owner == APEX && rtype == rtype::SOA);
    let (.., rdata) = soa.expect("the zone keeps its SOA");
    u32_at(rdata, rdata.len() - 20)
}

/// An update by a key that may change everything. Whatever it says, what comes out is a zone: one SOA with a serial
/// that was raised, a name server, nothing beside an alias, RDATA that is what its type says.
pub fn fuzz(packet: &[u8]) {
    let Err(Fault::Opcode(_, Some(end))) = Query::read(packet) else { return };
    let Ok(update) = Update::read(packet, end) else { return };
    let rule = Rule { deny: false, who: Who::Key(name(KEY)), names: Names::Zone, types: Types::Every };
    let grants = Grants { rules: vec![rule] };
    let (signer, client) = (name(KEY), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut after = zone();
    let nobody = apply(&after, &update, &grants, Sender { signer: None, client });
    assert!(nobody.is_err(), "nobody may change it unsigned");
    let Ok(Some(delta)) = apply(&after, &update, &grants, Sender { signer: Some(&signer), client }) else { return };
    let before = serial_of(&after);
    after.apply(&delta);
    assert!(serial::is_greater(serial_of(&after), before), "the serial is raised");
    let records: Vec<_> = after.records().collect();
    let count = |owner: &[u8], wanted: u16| {
        records.iter().filter(|(other, rtype, ..)| *other == owner && *rtype == wanted).count()
    };
    assert!(count(APEX, rtype::SOA) == 1 && count(APEX, rtype::NS) >= 1);
    for &(owner, rtype, ttl, rdata) in &records {
        assert!(name(owner).is_within(&name(APEX)) && ttl >> 31 == 0);
        assert!(whole::is_whole(rtype, rdata), "{rtype}");
        assert!(rtype != rtype::SOA || owner == APEX, "one SOA, at the apex");
        if rtype == rtype::CNAME {
            let mut beside = records.iter().filter(|(other, there, ..)| *other == owner && *there != rtype);
            assert!(beside.all(|&(_, there, ..)| may_stand_beside_cname(there)), "an alias stands alone");
            assert_eq!(count(owner, rtype), 1, "an alias has one target");
        }
    }
}
