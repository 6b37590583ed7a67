//! The header and the numbers of the protocol (RFC 1035 §4.1.1 and IANA's DNS parameters).

/// Octets of a message header.
pub const HEADER_OCTETS: usize = 12;
/// Octets of the longest message, the bound that TCP's length prefix sets (RFC 1035 §4.2.2).
pub const MAX_MESSAGE_OCTETS: usize = 65_535;
/// Octets that any client takes by UDP (RFC 1035 §4.2.1).
pub const PLAIN_UDP_OCTETS: usize = 512;

/// Bits of the header's third and fourth octet.
pub mod flag {
    /// A response.
    pub const QR: u16 = 0x8000;
    /// The four bits of the opcode.
    pub const OPCODE: u16 = 0x7800;
    /// Authoritative answer.
    pub const AA: u16 = 0x0400;
    /// Truncated.
    pub const TC: u16 = 0x0200;
    /// Recursion desired.
    pub const RD: u16 = 0x0100;
    /// Recursion available.
    pub const RA: u16 = 0x0080;
    /// Authentic data (RFC 4035).
    pub const AD: u16 = 0x0020;
    /// Checking disabled (RFC 4035).
    pub const CD: u16 = 0x0010;
    /// The four bits of the RCODE.
    pub const RCODE: u16 = 0x000f;
}

/// Opcodes.
pub mod opcode {
    /// A standard query.
    pub const QUERY: u8 = 0;
    /// Zone change notification (RFC 1996).
    pub const NOTIFY: u8 = 4;
    /// Dynamic update (RFC 2136).
    pub const UPDATE: u8 = 5;
}

/// RCODEs; those above 15 need EDNS.
pub mod rcode {
    /// No error.
    pub const NOERROR: u16 = 0;
    /// The message cannot be understood.
    pub const FORMERR: u16 = 1;
    /// The question could not be answered.
    pub const SERVFAIL: u16 = 2;
    /// The name does not exist.
    pub const NXDOMAIN: u16 = 3;
    /// Not implemented.
    pub const NOTIMP: u16 = 4;
    /// Not allowed, or nothing is known of it here.
    pub const REFUSED: u16 = 5;
    /// A name became too long by a DNAME (RFC 6672 §2.2).
    pub const YXDOMAIN: u16 = 6;
    /// An RRset exists that should not (RFC 2136).
    pub const YXRRSET: u16 = 7;
    /// An RRset that should exist does not (RFC 2136).
    pub const NXRRSET: u16 = 8;
    /// Not authoritative for the zone, or not authorised (RFC 8945).
    pub const NOTAUTH: u16 = 9;
    /// A name of an update is not in its zone (RFC 2136).
    pub const NOTZONE: u16 = 10;
    /// EDNS version not supported (RFC 6891).
    pub const BADVERS: u16 = 16;
    /// A TSIG record's MAC is wrong (RFC 8945); an error of that record, never of a header.
    pub const BADSIG: u16 = 16;
    /// A TSIG record's key is not known; likewise.
    pub const BADKEY: u16 = 17;
    /// A TSIG record was signed too long ago, or in the future; likewise.
    pub const BADTIME: u16 = 18;
    /// A TSIG record's MAC is shorter than its key demands; likewise.
    pub const BADTRUNC: u16 = 22;
    /// Bad or missing cookie (RFC 7873).
    pub const BADCOOKIE: u16 = 23;
}

/// RR types and QTYPEs that something here treats specially.
pub mod rtype {
    /// An IPv4 address.
    pub const A: u16 = 1;
    /// A name server.
    pub const NS: u16 = 2;
    /// An alias.
    pub const CNAME: u16 = 5;
    /// The start of a zone of authority.
    pub const SOA: u16 = 6;
    /// Services of a host (RFC 1035 §3.4.2).
    pub const WKS: u16 = 11;
    /// A mail exchange.
    pub const MX: u16 = 15;
    /// Text.
    pub const TXT: u16 = 16;
    /// An IPv6 address.
    pub const AAAA: u16 = 28;
    /// A server of a service (RFC 2782).
    pub const SRV: u16 = 33;
    /// A rule that leads to a service (RFC 3403).
    pub const NAPTR: u16 = 35;
    /// An alias for a subtree (RFC 6672).
    pub const DNAME: u16 = 39;
    /// An old form of a public key (RFC 2535).
    pub const KEY: u16 = 25;
    /// EDNS.
    pub const OPT: u16 = 41;
    /// The delegation's signer, kept by the parent.
    pub const DS: u16 = 43;
    /// A signature.
    pub const RRSIG: u16 = 46;
    /// A proof of absence.
    pub const NSEC: u16 = 47;
    /// A hashed proof of absence.
    pub const NSEC3: u16 = 50;
    /// A certificate of a service (RFC 6698).
    pub const TLSA: u16 = 52;
    /// How to reach a service (RFC 9460).
    pub const SVCB: u16 = 64;
    /// The same of the Web's.
    pub const HTTPS: u16 = 65;
    /// Key agreement (RFC 2930).
    pub const TKEY: u16 = 249;
    /// A transaction's signature (RFC 8945).
    pub const TSIG: u16 = 250;
    /// An incremental transfer.
    pub const IXFR: u16 = 251;
    /// A transfer.
    pub const AXFR: u16 = 252;
    /// Obsolete.
    pub const MAILB: u16 = 253;
    /// Obsolete.
    pub const MAILA: u16 = 254;
    /// Every type.
    pub const ANY: u16 = 255;
}

/// Classes.
pub mod class {
    /// No class (RFC 6895 §3.2).
    pub const RESERVED: u16 = 0;
    /// Internet.
    pub const IN: u16 = 1;
    /// Chaos: questions about the server itself.
    pub const CH: u16 = 3;
    /// Hesiod.
    pub const HS: u16 = 4;
    /// QCLASS NONE (RFC 2136).
    pub const NONE: u16 = 254;
    /// QCLASS ANY.
    pub const ANY: u16 = 255;
}

/// INFO-CODEs of Extended DNS Errors (RFC 8914).
pub mod ede {
    /// Something that has no code of its own.
    pub const OTHER: u16 = 0;
    /// An answer whose TTL has ended (RFC 8767).
    pub const STALE_ANSWER: u16 = 3;
    /// The server is not able to answer yet.
    pub const NOT_READY: u16 = 14;
    /// The client is not allowed to ask.
    pub const PROHIBITED: u16 = 18;
    /// That a name is not there, though the TTL of that word has ended.
    pub const STALE_NXDOMAIN_ANSWER: u16 = 19;
    /// The server answers no such name.
    pub const NOT_AUTHORITATIVE: u16 = 20;
    /// No upstream answered.
    pub const NO_REACHABLE_AUTHORITY: u16 = 22;
    /// An upstream could not be reached, or answered with an error.
    pub const NETWORK_ERROR: u16 = 23;
    /// What the upstream sent cannot be used.
    pub const INVALID_DATA: u16 = 24;
}

/// The 16 bits at `at`, in network order. The caller has checked that they are there.
#[inline]
pub fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

/// The 32 bits at `at`, in network order. The caller has checked that they are there.
#[inline]
pub fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

/// Writes 16 bits at `at`, in network order. The caller has checked that there is room.
#[inline]
pub fn put_u16(octets: &mut [u8], at: usize, value: u16) {
    octets[at..at + 2].copy_from_slice(&value.to_be_bytes());
}

/// Writes 32 bits at `at`, in network order. The caller has checked that there is room.
#[inline]
pub fn put_u32(octets: &mut [u8], at: usize, value: u32) {
    octets[at..at + 4].copy_from_slice(&value.to_be_bytes());
}
