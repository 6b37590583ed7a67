//! Master files read by us and by BIND and NSD: the same records, the same refusals.
//!
//! Files are generated from a seed: every type that BIND reads, escapes, parentheses, comments, origins, blank owners,
//! `$GENERATE` with modifiers, files that include others. What BIND has read is taken from its raw format, octet by
//! octet, so that no reader of ours stands between. Origins are in lower case: BIND keeps theirs in the names of RDATA,
//! which here begin with what is written and end in lower case.
//! Where we are stricter, or less strict, than BIND is listed with the reason ([`ONLY_OURS_REFUSES`],
//! [`ONLY_BIND_REFUSES`]).

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use tandem::config::files::Disk;
use tandem::config::{Diagnostic, Level};
use tandem::wire::Name;
use tandem::wire::mnemonic::type_name;
use tandem::zone::{Builder, Record, master};

use common::program;

/// Owner, type, TTL, RDATA.
type Row = (Vec<u8>, u16, u32, Vec<u8>);

const HEADER: &str = "$TTL 1h\n@ SOA ns host ( 1 1h 15M 1w 1d )\n@ NS ns\nns A 10.0.0.1\n";

/// A type and data that every reader of RDATA here takes.
const DATA: &[&str] = &[
    "A 192.0.2.1",
    "AAAA 2001:db8::1",
    "AAAA ::ffff:192.0.2.1",
    "AFSDB 1 a.b",
    "AVC \"a\"",
    "CAA 0 issue \"ca.example.net; a=b\"",
    "CAA 128 tbs x",
    "CDNSKEY 0 3 0 AA==",
    "CDS 0 0 0 00",
    "CERT PKIX 12 RSASHA256 AQID",
    "CERT 65280 12 8 AQ ID",
    "CNAME a.b.example.org.",
    "CSYNC 66 3 A NS AAAA",
    "DHCID AQID",
    "DLV 12345 8 2 000102030405060708090A0B0C0D0E0F 000102030405060708090a0b0c0d0e0f",
    "DNAME other.example.org.",
    "DNSKEY 257 3 ECDSAP256SHA256 AQIDBA==",
    "DS 12345 8 1 0102030405060708090A0B0C0D0E0F1011121314",
    "EUI48 00-00-5e-00-53-2a",
    "EUI64 00-00-5e-ef-10-00-00-2a",
    "HINFO \"PC AT\" Linux",
    "HTTPS 0 a",
    "HTTPS 1 . alpn=h2,h3 port=8443",
    "HTTPS 1 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
    "HTTPS 2 a mandatory=port,alpn alpn=\"h2\" port=1 no-default-alpn ipv4hint=192.0.2.1,192.0.2.2 ech=AQID \
     ipv6hint=2001:db8::1 key667=\"x y\" key999=z",
    "IPSECKEY 10 1 2 192.0.2.1 AQID",
    "IPSECKEY 10 3 2 gw.example.org. AQID",
    "ISDN \"150862028003217\" \"004\"",
    "KEY 256 3 8 AQID",
    "KX 1 a",
    "L32 10 10.1.2.0",
    "L64 10 2001:db8:1140:1000",
    "LOC 42 21 54 N 71 06 18 W -24m 30m",
    "LOC 52 14 05 N 00 08 50.123 E 10.25m 0.05m 20 99999m",
    "LP 10 l64",
    "MB a",
    "MG a",
    "MINFO a b.example.org.",
    "MR a",
    "MX 10 mail",
    "MX 0 .",
    "NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
    "NAPTR 100 10 S SIP+D2U \"\" _sip._udp",
    "NID 10 14:4fff:ff20:ee64",
    "NINFO \"a\" b",
    "NS ns.example.org.",
    "OPENPGPKEY AQ ID",
    "PTR Some.Host.example.org.",
    "PX 1 a b",
    "RKEY 0 3 8 AQID",
    "RP a.b .",
    "RT 1 a",
    "SMIMEA 3 1 1 0102",
    "SPF \"v=spf1 -all\"",
    "SRV 0 5 5060 sip",
    "SSHFP 1 2 000102030405060708090A0B0C0D0E0F 000102030405060708090A0B0C0D0E0F",
    "SVCB 1 a.example.org. alpn=h2",
    "TA 1 8 99 01",
    "TALINK a b",
    "TLSA 3 1 1 0102",
    "TXT \"v=DKIM1; k=rsa\" p=x",
    "TXT a\\\"b\\\\\\255\\; \"\"",
    "TXT \"(a)\\\"\\000\"",
    "TYPE1 \\# 4 c0000201",
    "TYPE15 10 mail",
    "TYPE65280 \\# 3 0102 03",
    "TYPE65281 \\# 0",
    "URI 10 1 \"ftp://ftp.example/\"",
    "X25 311061700956",
    "ZONEMD 2018031500 1 240 0102030405060708090A0B0C",
];

/// Numbers from a seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

/// Writes lines, each with an owner of its own.
struct Writer {
    draw: Draw,
    text: String,
    owners: usize,
    /// How many of the three files to be included are: each once, since its records would have two TTLs.
    included: usize,
}

impl Writer {
    fn owner(&mut self) -> String {
        self.owners += 1;
        let start = self.draw.one(&[
            "h",
            "*.w",
            "a.b",
            "A",
            "\\065",
            "x\\.y",
            "\\@",
            "sp\\ ace",
            "\\000\\255",
            "_sip._udp",
            "a\\;b",
        ]);
        format!("{start}{}", self.owners)
    }

    fn line(&mut self, depth: usize) {
        match self.draw.below(12) {
            0 => {
                let origin = self.draw.one(&["sub", "deep.er", "example.", "other.example.", "@", "mixed.case"]);
                writeln!(self.text, "$ORIGIN {origin}").expect("a String takes it");
            }
            1 => self.generate(),
            2 => {
                let comment = self.draw.one(&["", "; a comment (with \"both", " \t", "\r"]);
                writeln!(self.text, "{comment}").expect("a String takes it");
            }
            3 if depth == 0 && self.included < 3 => {
                let (file, origin) = (self.included, self.draw.one(&["", " sub", " inc.example."]));
                self.included += 1;
                writeln!(self.text, "$INCLUDE include{file}{origin} ; here").expect("a String takes it");
            }
            4 => {
                let ttl = self.draw.one(&["300", "1h30m", "1W", "0"]);
                // Records that follow have it, all of them.
                writeln!(self.text, "$ttl {ttl}").expect("a String takes it");
            }
            _ => self.record(),
        }
    }

    fn record(&mut self) {
        let owner = self.owner();
        let (rtype, data) = self.draw.one(DATA).split_once(' ').expect("a type and its data");
        // BIND refuses name servers of a wildcard (RFC 4592 §4.2), which is no matter of reading.
        let owner = if rtype == "NS" { owner.replace("*.", "") } else { owner };
        let head = self.draw.one(&["", "IN ", "5 ", "1h IN ", "IN 1w2d ", "CLASS1 ", "in\t7\t"]);
        let rtype = if self.draw.below(4) == 0 { rtype.to_lowercase() } else { rtype.to_owned() };
        let end = self.draw.one(&["", " ; comment", "\t", "\r"]);
        match self.draw.below(4) {
            0 => writeln!(self.text, "{owner} {head}{rtype} ( ; why\n {data}\n\t){end}"),
            1 => writeln!(self.text, "{owner} ( {head}{rtype} )\t{data}{end}"),
            _ => writeln!(self.text, "{owner}\t{head}{rtype} {data}{end}"),
        }
        .expect("a String takes it");
        if self.draw.below(3) == 0 && !["CNAME", "DNAME", "NS"].contains(&rtype.to_uppercase().as_str()) {
            let data = self.draw.one(&["GPOS", "LOC 1 N 2 E 3m", "RP . .", "TYPE65300 \\# 1 00"]);
            if data != "GPOS" && !data.starts_with(&rtype.to_uppercase()) {
                writeln!(self.text, "  {data}").expect("a String takes it");
            }
        }
    }

    fn generate(&mut self) {
        let owner = self.owner();
        let range = self.draw.one(&["1-5", "0-20/7", "10-10", "250-260/3"]);
        let with = self
            .draw
            .one(&["$", "${1}", "${-10,3}", "${0,4,x}", "${8,0,o}", "${0,2,X}", "${0,5,n}", "${3,1,N}", "$-$"]);
        let data = self.draw.one(&[
            "A 10.0.0.${-10}",
            "A 192.0.2.1",
            "5 IN PTR host-$.example.org.",
            "CNAME a${0,3}.b",
            "TXT \"\\\"x y\\\" $ $$ \\$ ${1,2,X}\"",
            "MX \"$ mail$\"",
            "AAAA 2001:db8::${0,0,x}",
        ]);
        let data = if data.contains("${-10}") { "A 10.0.${0,0,d}.1" } else { data };
        let data = if range == "250-260/3" { "PTR h$" } else { data };
        writeln!(self.text, "$GENERATE {range} {owner}-{with} {data}").expect("a String takes it");
    }
}

/// A file's text with `lines` lines.
fn generated(seed: u64, lines: usize, depth: usize) -> String {
    let mut writer =
        Writer { draw: Draw(seed), text: String::new(), owners: (seed % 100_000) as usize * 1000, included: 0 };
    for _ in 0..lines {
        writer.line(depth);
    }
    writer.text
}

/// What we read of a file.
fn ours(directory: &Path, file: &str) -> (BTreeSet<Row>, Vec<Diagnostic>) {
    let path = directory.join(file);
    let text = fs::read(&path).expect("the file was written");
    let apex: Name = "example".parse().expect("a name");
    let (mut rows, mut builder) = (BTreeSet::new(), Builder::new(apex.clone()));
    let mut each = |record: Record| {
        rows.insert((record.owner.as_wire().to_vec(), record.rtype, record.ttl, record.rdata.to_vec()));
        builder.add(record);
    };
    let mut told = master::read(&path.to_string_lossy(), &text, &apex, None, &Disk, &mut each);
    told.extend(builder.finish().map_or_else(|faults| faults, |(_, warnings)| warnings));
    told.retain(|diagnostic| diagnostic.level == Level::Error);
    (rows, told)
}

/// What BIND reads of a file, from its raw format; `Err`: why it refuses it.
fn binds(directory: &Path, file: &str) -> Result<BTreeSet<Row>, String> {
    let output = Command::new(program("named-checkzone", "bind9-utils"))
        .args(["-k", "ignore", "-i", "none", "-M", "ignore", "-S", "ignore", "-F", "raw", "-o", "raw", "example", file])
        .current_dir(directory)
        .output()
        .expect("named-checkzone can be started");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned());
    }
    Ok(raw_rows(&fs::read(directory.join("raw")).expect("named-checkzone has written it")))
}

/// The records of BIND's raw format: a header, then for each RRset its length, class, type, what it covers, TTL, count,
/// owner and data, lengths in front of these.
fn raw_rows(raw: &[u8]) -> BTreeSet<Row> {
    let short = |at: usize| usize::from(u16::from_be_bytes([raw[at], raw[at + 1]]));
    let long = |at: usize| u32::from_be_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
    assert_eq!((long(0), long(4)), (2, 1), "raw format, version 1");
    let (mut rows, mut at) = (BTreeSet::new(), 24);
    while at < raw.len() {
        let end = at + long(at) as usize;
        let (rtype, ttl, count, name) = (short(at + 6), long(at + 10), long(at + 14), short(at + 18));
        let owner = raw[at + 20..at + 20 + name].to_ascii_lowercase();
        at += 20 + name;
        for _ in 0..count {
            let data = raw[at + 2..at + 2 + short(at)].to_vec();
            at += 2 + data.len();
            rows.insert((owner.clone(), rtype as u16, ttl, data));
        }
        assert_eq!(at, end, "an RRset of the raw format");
    }
    rows
}

fn shown(rows: &BTreeSet<Row>, without: &BTreeSet<Row>) -> String {
    let only = rows.difference(without).take(5);
    let rows: Vec<_> = only
        .map(|(owner, rtype, ttl, data)| {
            format!("{:?} {ttl} {} {data:02x?}", String::from_utf8_lossy(owner), type_name(*rtype))
        })
        .collect();
    rows.join("\n")
}

#[test]
fn generated_files_have_the_records_that_bind_reads() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let (mut records, mut types) = (0, BTreeSet::new());
    for seed in 1..=150u64 {
        for include in 0..3 {
            let text = generated(seed * 7 + include + 1_000_000, 6, 1);
            fs::write(directory.path().join(format!("include{include}")), text).expect("a file can be written");
        }
        // The last line has no end in every other file.
        let text =
            format!("{HEADER}{}last A 10.0.0.9{}", generated(seed, 40, 0), if seed % 2 == 0 { "\n" } else { "" });
        fs::write(directory.path().join("zone"), &text).expect("a file can be written");
        let (rows, told) = ours(directory.path(), "zone");
        assert!(told.is_empty(), "seed {seed}: {}\n{text}", told[0]);
        let bind = binds(directory.path(), "zone").unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert!(rows == bind, "seed {seed}\nours:\n{}\nBIND's:\n{}", shown(&rows, &bind), shown(&bind, &rows));
        records += rows.len();
        types.extend(rows.iter().map(|row| row.1));
    }
    println!("{records} records of {} types", types.len());
    let all = DATA
        .iter()
        .filter_map(|data| data.split_once(' '))
        .filter_map(|(name, _)| tandem::wire::mnemonic::type_number(name));
    let missing: Vec<_> = all.filter(|rtype| !types.contains(rtype)).collect();
    assert!(missing.is_empty() && records > 5000, "{records} records, without types {missing:?}");
}

/// Lines that both refuse.
const BOTH_REFUSE: &[&str] = &[
    "a A 10.0.0",
    "a A 10.0.0.1 10.0.0.2",
    "a A \"10.0.0.1\"",
    "a A 010.0.0.1",
    "a AAAA 10.0.0.1",
    "a AAAA ::1%lo",
    "a NS \"b\"",
    "a NS b c",
    "a NS b..c",
    "a NS",
    "a MX mail",
    "a MX 65536 mail",
    "a MX -1 mail",
    "a TXT",
    "a TXT \"x",
    "a TXT \\256",
    "a HINFO x",
    "a SRV 0 0 b",
    "a CAA 256 issue x",
    "a CAA 0 is-sue x",
    "a DS 1 8 1 00",
    "a DS 1 8 2",
    "a DS x 8 1 0102030405060708090A0B0C0D0E0F1011121314",
    "a SSHFP 1 2 0102",
    "a TLSA 3 1 1",
    "a TLSA 3 1 1 0",
    "a TLSA 3 1 1 0g",
    "a EUI48 00-00-5e-00-53",
    "a NID 1 0:0:0",
    "a LOC 91 N 1 E 1m",
    "a LOC 1 N 1 E",
    "a CERT PKIX 1 8",
    "a OPENPGPKEY A",
    "a HTTPS 1 . port=65536",
    "a HTTPS 1 . port=1 port=2",
    "a HTTPS 1 . alpn=h2,,h3",
    "a HTTPS 1 . mandatory=port",
    "a HTTPS 1 . no-default-alpn",
    "a HTTPS 1 . quux=1",
    "a HTTPS 1 . ipv4hint=::1",
    "a NSEC3PARAM 1 0 0 -a",
    "a NOSUCHTYPE x",
    "a TYPE65536 \\# 0",
    "a TYPE65280 x",
    "a TYPE65280 \\# 2 00",
    "a TYPE65280 \\# 1 0g",
    "a A \\# 3 010203",
    "a NS \\# 2 c000",
    "a \"A\" 10.0.0.1",
    "a CH A 10.0.0.1",
    "a 5 5 A 10.0.0.1",
    "a IN IN A 10.0.0.1",
    "a",
    "a 5",
    "a IN",
    "a..b A 10.0.0.1",
    "a\\25 A 10.0.0.1",
    "a;b A 10.0.0.1",
    "a A 10.0.0.1 )",
    "a A ( 10.0.0.1",
    "$FOO x",
    "$TTL",
    "$TTL 1x",
    "$TTL 1 2",
    "$ORIGIN",
    "$ORIGIN a b",
    "$ORIGIN a..b",
    "$INCLUDE",
    "$INCLUDE nosuchfile",
    "$INCLUDE zone",
    " $TTL 5",
    "$GENERATE 3-1 a$ A 10.0.0.$",
    "$GENERATE 1-3/0 a$ A 10.0.0.$",
    "$GENERATE 1 a$ A 10.0.0.$",
    "$GENERATE 1-3 a${ A 10.0.0.$",
    "$GENERATE 1-3 a${} A 10.0.0.$",
    "$GENERATE 1-3 a${0,1,q} A 10.0.0.$",
    "$GENERATE 1-3 a$ MX 10 mail$",
    "$GENERATE 255-256 a$ A 10.0.0.$",
    "$GENERATE 1-3 a$ NOSUCHTYPE x",
    "$GENERATE 1-3 a$",
    "@ SOA ns host 2 1 1 1 1",
    "a SOA ns host 2 1 1 1 1",
    "a CNAME b\na A 10.0.0.1",
    "a CNAME b\na CNAME c",
    "@ CNAME a",
    "a DNAME b\na DNAME c",
];

/// Lines that BIND takes and we refuse, with the reason.
const ONLY_OURS_REFUSES: &[(&str, &str)] = &[
    ("a.other. A 10.0.0.1", "BIND passes over what is out of zone; the operator should know"),
    ("$GENERATE 1-3x a$ A 10.0.0.$", "BIND does not look behind a range"),
    ("$GENERATE 0-65536 a$ A 10.0.0.1", "a bound on what one line makes"),
    ("$DATE 20200101000000", "BIND's own, for dumps of its cache"),
    ("a TXT \\# x", "BIND reads what is no length as texts"),
    ("a URI 1 1 \"\"", "RFC 7553 §4.4: the target is not empty"),
];

/// Lines that BIND refuses and we take, with the reason.
const ONLY_BIND_REFUSES: &[(&str, &str)] = &[
    ("a IPSECKEY 10 0 0 .", "RFC 4025 §2.5: no key with algorithm 0"),
    ("a NAPTR 1 1 \"u\" \"x\" \"!a\" .", "BIND looks at the regular expression; clients do as well"),
];

/// Whether we and BIND refuse a file that ends with these lines.
fn refused(directory: &Path, lines: &str) -> (bool, bool) {
    fs::write(directory.join("zone"), format!("{HEADER}{lines}\n")).expect("a file can be written");
    let refused_by_bind = binds(directory, "zone").is_err();
    (!ours(directory, "zone").1.is_empty(), refused_by_bind)
}

#[test]
fn what_bind_refuses_is_refused() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut wrong = Vec::new();
    for lines in BOTH_REFUSE {
        let (ours, bind) = refused(directory.path(), lines);
        if !(ours && bind) {
            wrong.push(format!("both refuse: {lines:?}: ours {ours}, BIND {bind}"));
        }
    }
    for (listed, expected) in [(ONLY_OURS_REFUSES, (true, false)), (ONLY_BIND_REFUSES, (false, true))] {
        for (lines, why) in listed {
            let found = refused(directory.path(), lines);
            if found != expected {
                wrong.push(format!("{why}: {lines:?}: ours {}, BIND {}", found.0, found.1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Types that NSD 4.6 does not read.
const NOT_NSDS: &[&str] = &["NINFO", "RKEY", "TA", "TALINK"];

#[test]
fn nsd_takes_what_we_take() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    for data in DATA {
        let rtype = data.split(' ').next().expect("a type");
        if NOT_NSDS.contains(&rtype) {
            continue;
        }
        let path = directory.path().join("zone");
        fs::write(&path, format!("{HEADER}a 5 IN {data}\n")).expect("a file can be written");
        let output = Command::new(program("nsd-checkzone", "nsd"))
            .arg("example")
            .arg(&path)
            .output()
            .expect("nsd-checkzone can be started");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{data}: {said}");
        assert!(ours(directory.path(), "zone").1.is_empty(), "{data}");
    }
}
