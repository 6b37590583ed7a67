//! Every type both ways, what is refused and how that is told.

use proptest::prelude::*;

use super::super::mnemonic::type_number;
use super::*;

fn origin() -> Name {
    "example".parse().expect("a name of the test")
}

fn number(name: &str) -> u16 {
    type_number(name).unwrap_or_else(|| panic!("{name} is a type"))
}

fn hex(octets: &[u8]) -> String {
    let mut shown = String::new();
    unknown::hex(octets, &mut shown);
    shown
}

/// A type's name, a text of its RDATA below `example.`, their octets as BIND 9.18 has them, and the text as it is
/// shown, if it is another one.
type Case = (&'static str, &'static str, &'static str, Option<&'static str>);

const CASES: &[Case] = &[
    ("A", "192.0.2.1", "c0000201", None),
    ("NS", "Ns1", "034e7331076578616d706c6500", Some("Ns1.example.")),
    ("MD", "a.", "016100", None),
    ("MF", "a.", "016100", None),
    ("CNAME", "@", "076578616d706c6500", Some("example.")),
    (
        "SOA",
        "ns hostmaster.example. 4294967295 1h 15M 1w 1d",
        "026e73076578616d706c65000a686f73746d6173746572076578616d706c6500ffffffff00000e100000038400093a8000015180",
        Some("ns.example. hostmaster.example. 4294967295 3600 900 604800 86400"),
    ),
    ("MB", "a.", "016100", None),
    ("MG", "a.", "016100", None),
    ("MR", "a.", "016100", None),
    ("PTR", "a\\.b.c.", "03612e62016300", None),
    ("HINFO", "\"PC AT\" Linux", "055043204154054c696e7578", Some("\"PC AT\" \"Linux\"")),
    ("MINFO", "a. b.", "016100016200", None),
    ("MX", "10 mail", "000a046d61696c076578616d706c6500", Some("10 mail.example.")),
    ("TXT", "\"v=DKIM1; k=rsa\" p=x", "0e763d444b494d313b206b3d72736103703d78", Some("\"v=DKIM1; k=rsa\" \"p=x\"")),
    ("TXT", "a\\\"b\\\\\\255\\; \"\"", "066122625cff3b00", Some("\"a\\\"b\\\\\\255;\" \"\"")),
    ("RP", "a. b.", "016100016200", None),
    ("AFSDB", "1 a.", "0001016100", None),
    ("X25", "311061700956", "0c333131303631373030393536", Some("\"311061700956\"")),
    ("ISDN", "\"150\" \"004\"", "0331353003303034", None),
    ("ISDN", "\"150\"", "03313530", None),
    ("RT", "1 a.", "0001016100", None),
    ("NSAP-PTR", "a.", "016100", None),
    (
        "SIG",
        "A 8 2 3600 20300101000000 20200101000000 12345 example. AQID",
        "0001080200000e1070dbd8805e0be1003039076578616d706c6500010203",
        Some("A 8 2 3600 1893456000 1577836800 12345 example. AQID"),
    ),
    ("KEY", "256 3 8 AQID", "01000308010203", None),
    ("PX", "1 a. b.", "0001016100016200", None),
    ("AAAA", "2001:db8::1", "20010db8000000000000000000000001", None),
    ("AAAA", "::ffff:192.0.2.1", "00000000000000000000ffffc0000201", None),
    ("LOC", "52 0 0.000 N 5 0 0.000 E 0.00m 1.00m 10000.00m 10.00m", "001216138b2872008112a88000989680", None),
    (
        "LOC",
        "42 21 54 N 71 06 18 W -24m 30m",
        "0033161389172dd070be15f000988d20",
        Some("42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"),
    ),
    (
        "LOC",
        "32 7 19.5 S 116 2 25 E 10m 0.05m 20m 99999m",
        "00502396791b7b3498e6486800989a68",
        Some("32 7 19.500 S 116 2 25.000 E 10.00m 0.05m 20.00m 90000.00m"),
    ),
    ("SRV", "0 5 5060 sip", "0000000513c403736970076578616d706c6500", Some("0 5 5060 sip.example.")),
    (
        "NAPTR",
        "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
        "0064000a0175074532552b7369700e215e2e2a24217369703a6140622100",
        None,
    ),
    ("KX", "1 a.", "0001016100", None),
    ("CERT", "PKIX 12 8 AQID", "0001000c08010203", None),
    ("CERT", "65280 12 8 AQID", "ff00000c08010203", None),
    ("DNAME", "a.", "016100", None),
    (
        "DS",
        "12345 8 1 0102030405060708090A0B0C0D0E0F1011121314",
        "303908010102030405060708090a0b0c0d0e0f1011121314",
        None,
    ),
    ("SSHFP", "1 1 0102030405060708090A0B0C0D0E0F1011121314", "01010102030405060708090a0b0c0d0e0f1011121314", None),
    ("IPSECKEY", "10 1 2 192.0.2.1 AQID", "0a0102c0000201010203", None),
    ("IPSECKEY", "10 3 2 a. AQID", "0a0302016100010203", None),
    ("IPSECKEY", "10 0 2 . AQID", "0a0002010203", Some("\\# 6 0a0002010203")),
    (
        "RRSIG",
        "A 8 2 3600 20300101000000 20200101000000 12345 example. AQID",
        "0001080200000e1070dbd8805e0be1003039076578616d706c6500010203",
        Some("A 8 2 3600 1893456000 1577836800 12345 example. AQID"),
    ),
    ("NSEC", "b. A MX TYPE65280", "01620000024001ff0180", None),
    ("DNSKEY", "257 3 13 AQIDBA==", "0101030d01020304", None),
    ("DHCID", "AQID", "010203", None),
    (
        "NSEC3",
        "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG",
        "0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b0006400000000002",
        Some("1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG"),
    ),
    ("NSEC3PARAM", "1 0 0 -", "0100000000", None),
    ("TLSA", "3 1 1 0102", "0301010102", None),
    ("SMIMEA", "3 1 1 0102", "0301010102", None),
    ("NINFO", "\"a\"", "0161", None),
    ("RKEY", "0 3 8 AQID", "00000308010203", None),
    ("TALINK", "a. b.", "016100016200", None),
    ("CDS", "0 0 0 00", "0000000000", None),
    ("CDNSKEY", "0 3 0 AA==", "0000030000", None),
    ("OPENPGPKEY", "AQ ID", "010203", Some("AQID")),
    ("CSYNC", "66 3 A NS AAAA", "000000420003000460000008", None),
    (
        "ZONEMD",
        "2018031500 1 1 000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D0E0F000102030405060708090A0B0C0D\
         0E0F",
        "7848b78c0101000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0\
         f",
        None,
    ),
    ("SVCB", "0 a", "00000161076578616d706c6500", Some("0 a.example.")),
    ("HTTPS", "1 . alpn=h2,h3 port=8443", "000100000100060268320268330003000220fb", None),
    (
        "HTTPS",
        "1 a mandatory=port,alpn alpn=\"h2\" port=1 no-default-alpn ipv4hint=192.0.2.1,192.0.2.2 ech=AQID ipv6hint=2\
         001:db8::1 key667=\"x y\"",
        "00010161076578616d706c65000000000400010003000100030268320002000000030002000100040008c0000201c00002020005000\
         30102030006001020010db8000000000000000000000001029b0003782079",
        Some(
            "1 a.example. mandatory=alpn,port alpn=h2 no-default-alpn port=1 ipv4hint=192.0.2.1,192.0.2.2 ech=AQID i\
             pv6hint=2001:db8::1 key667=\"x y\"",
        ),
    ),
    (
        "SVCB",
        "1 a alpn=h2 dohpath=/dns-query{?dns}",
        "00010161076578616d706c650000010003026832000700102f646e732d71756572797b3f646e737d",
        Some("1 a.example. alpn=h2 dohpath=\"/dns-query{?dns}\""),
    ),
    ("SPF", "\"v=spf1 -all\"", "0b763d73706631202d616c6c", None),
    ("NID", "10 14:4fff:ff20:ee64", "000a00144fffff20ee64", None),
    ("L32", "10 10.1.2.0", "000a0a010200", None),
    ("L64", "10 2001:db8:1140:1000", "000a20010db811401000", None),
    ("LP", "10 l64.", "000a036c363400", None),
    ("EUI48", "00-00-5e-00-53-2a", "00005e00532a", None),
    ("EUI64", "00-00-5e-ef-10-00-00-2a", "00005eef1000002a", None),
    ("URI", "10 1 \"ftp://ftp.example/\"", "000a00016674703a2f2f6674702e6578616d706c652f", None),
    ("CAA", "0 issue \"ca.example.net; a=b\"", "0005697373756563612e6578616d706c652e6e65743b20613d62", None),
    ("AVC", "\"a\"", "0161", None),
    ("RESINFO", "\"qnamemin\"", "08716e616d656d696e", None),
    ("WALLET", "\"a\" \"b\"", "01610162", None),
    ("TA", "1 8 99 01", "0001086301", None),
    ("DLV", "1 8 99 01", "0001086301", None),
    ("TYPE65280", "\\# 3 010203", "010203", None),
    ("TYPE65280", "\\# 0", "", None),
    ("TYPE1", "\\# 4 c0000201", "c0000201", Some("192.0.2.1")),
    ("NULL", "\\# 1 ff", "ff", None),
    ("WKS", "\\# 5 c000020106", "c000020106", None),
];

#[test]
fn every_type_is_read_and_shown() {
    let mut wrong = Vec::new();
    for &(rtype, text, octets, shown) in CASES {
        let rtype = number(rtype);
        let read = rdata(rtype, text, &origin()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(hex(&read), octets, "{rtype} {text}");
        let seen = show(rtype, &read);
        if seen != shown.unwrap_or(text) {
            wrong.push(format!("{text}|{seen}"));
        }
        assert!(is_valid(rtype, &read), "{rtype} {text}");
        let unknown = unknown::show(&read);
        assert_eq!(rdata(rtype, &unknown, &origin()).as_deref(), Ok(&*read), "{unknown}");
    }
    assert!(wrong.is_empty(), "shown otherwise:\n{}", wrong.join("\n"));
}

#[test]
fn every_type_with_a_form_has_a_case() {
    for rtype in 0..=u16::MAX {
        if form::of(rtype).is_some() {
            assert!(CASES.iter().any(|case| number(case.0) == rtype), "{rtype}");
        }
    }
}

#[test]
fn what_is_wrong_is_told_with_its_word_and_the_right_form() {
    for (rtype, text, expected) in [
        ("A", "10.0.0", "bad A: no address of this kind at '10.0.0' (write A ADDRESS, as in 192.0.2.1)"),
        ("A", "\"10.0.0.1\"", "bad A: quotes where none belong at '10.0.0.1' (write A ADDRESS, as in 192.0.2.1)"),
        ("A", "10.0.0.1 10.0.0.2", "bad A: too much at '10.0.0.2' (write A ADDRESS, as in 192.0.2.1)"),
        ("MX", "10", "bad MX: something is missing at the end (write MX PREFERENCE NAME, as in 10 mail)"),
        ("MX", "ten mail", "bad MX: expected decimal number at 'ten' (write MX PREFERENCE NAME, as in 10 mail)"),
        (
            "NS",
            "a..b",
            "bad NS: empty label (two dots in a row, or a leading dot) at 'a..b' \
             (write NS NAME, with a trailing dot or below the origin)",
        ),
        ("TXT", "a ; b", "';' begins a comment: write '\\;', or put the text in quotes"),
        (
            "WKS",
            "192.0.2.1 tcp smtp",
            "bad WKS: unknown record type with concrete data (write WKS \\# LENGTH HEX, RFC 3597)",
        ),
        (
            "TYPE65280",
            "\\# 2 010203",
            "bad TYPE65280: the length is not that of the octets (write TYPE65280 \\# LENGTH HEX, RFC 3597)",
        ),
    ] {
        assert_eq!(rdata(number(rtype), text, &origin()), Err(expected.to_owned()), "{rtype} {text}");
    }
}

#[test]
fn wrong_rdata_are_refused() {
    let long = format!("\"{}\"", "x".repeat(256));
    let longer = "\"0123456789\" ".repeat(6000);
    for (rtype, text) in [
        ("A", ""),
        ("A", "256.0.0.1"),
        ("A", "010.0.0.1"),
        ("A", "2001:db8::1"),
        ("AAAA", "192.0.2.1"),
        ("AAAA", "::1%eth0"),
        ("NS", "a b"),
        ("NS", "\"a\""),
        ("NS", "\\256."),
        ("SOA", "a. b. 1 2 3 4"),
        ("SOA", "a. b. 1 2 3 4 5 6"),
        ("SOA", "a. b. 1h 2 3 4 5"),
        ("SOA", "a. b. 4294967296 2 3 4 5"),
        ("MX", "65536 a"),
        ("MX", "-1 a"),
        ("TXT", ""),
        ("TXT", &long),
        ("TXT", &longer),
        ("HINFO", "a"),
        ("SRV", "0 0 a"),
        ("CAA", "256 issue x"),
        ("CAA", "0 is-sue x"),
        ("DS", "1 8 1 00"),
        ("DS", "1 8 2"),
        ("SSHFP", "1 2 0102"),
        ("TLSA", "3 1 1"),
        ("TLSA", "3 1 1 0"),
        ("URI", "1 1 \"\""),
        ("EUI48", "00-00-5e-00-53"),
        ("EUI48", "00-00-5e-00-53-2g"),
        ("NID", "1 0:0:0"),
        ("L64", "1 0:0:0:00000"),
        ("X25", ""),
        ("CERT", "PKIX 1 8"),
        ("CSYNC", "1 1 NONSENSE"),
        ("A", "\\# 3 010203"),
        ("NS", "\\# 2 c000"),
        ("NS", "\\# 1"),
        ("NS", "\\# x 00"),
        ("NS", "\\#"),
        ("NS", "\\# 1 0g"),
        ("MX", "\\# 4 000a0000"),
        ("HTTPS", "\\# 2 0001"),
    ] {
        assert!(rdata(number(rtype), text, &origin()).is_err(), "{rtype} {text}");
    }
}

#[test]
fn names_are_whole_and_keep_their_case_and_algorithms_have_names() {
    for (text, octets) in [
        ("WWW.Example.", &b"\x03WWW\x07Example\0"[..]),
        ("Www", b"\x03Www\x07example\0"),
        ("@", b"\x07example\0"),
        (".", b"\0"),
        ("\\@", b"\x01@\x07example\0"),
        ("a\\032b.", b"\x03a b\0"),
    ] {
        assert_eq!(rdata(2, text, &origin()).as_deref(), Ok(octets), "{text}");
    }
    assert_eq!(rdata(48, "257 3 ED25519 AQID", &origin()), rdata(48, "257 3 15 AQID", &origin()));
    assert_eq!(rdata(43, "1 ed448 9 01", &origin()), rdata(43, "1 16 9 01", &origin()));
    assert!(rdata(43, "1 16 ed448 01", &origin()).is_err(), "a digest is no algorithm");
    assert_eq!(name(b"WwW", &origin()), Ok("www.example".parse().unwrap()));
}

/// Types whose RDATA are checked, so that most octets are none.
fn checked_types() -> Vec<u16> {
    (0..=u16::MAX).filter(|&rtype| form::of(rtype).is_some()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Any octets can be shown and read back, as the type's own or as unknown ones.
    #[test]
    fn what_is_shown_reads_back(at in 0usize..200, octets in proptest::collection::vec(any::<u8>(), 0..80)) {
        let types = checked_types();
        let rtype = types[at % types.len()];
        let shown = show(rtype, &octets);
        match rdata(rtype, &shown, &Name::root()) {
            Ok(read) => prop_assert_eq!(&*read, &octets[..]),
            Err(error) => prop_assert!(!is_valid(rtype, &octets), "{}: {}", shown, error),
        }
    }

    /// Octets near to right ones are read or refused alike by what reads wire and what reads text.
    #[test]
    fn changed_octets_show_and_read_back(at in 0usize..200, change in any::<(usize, u8)>(), cut in 0usize..20) {
        let case = CASES[at % CASES.len()];
        let rtype = number(case.0);
        let mut octets = rdata(rtype, case.1, &origin()).expect("a case").to_vec();
        if !octets.is_empty() {
            let place = change.0 % octets.len();
            octets[place] = change.1;
            octets.truncate(octets.len().saturating_sub(cut / 15));
        }
        let shown = show(rtype, &octets);
        match rdata(rtype, &shown, &Name::root()) {
            Ok(read) => prop_assert_eq!(&*read, &octets[..]),
            Err(error) => prop_assert!(!is_valid(rtype, &octets), "{}: {}", shown, error),
        }
    }

    /// Text becomes octets, these become text, and that the same octets.
    #[test]
    fn texts_go_there_and_back(texts in proptest::collection::vec("[ -~]{0,40}", 1..5), name in "[a-z!-~]{1,20}") {
        let quoted: Vec<_> = texts.iter().map(|text| text.replace('\\', "\\\\").replace('"', "\\\"")).collect();
        let octets = rdata(16, &format!("\"{}\"", quoted.join("\" \"")), &origin()).expect("quoted texts");
        let expected: Vec<u8> = texts.iter().flat_map(|text| [&[text.len() as u8], text.as_bytes()].concat()).collect();
        prop_assert_eq!(&*octets, &expected[..]);
        prop_assert_eq!(rdata(16, &show(16, &octets), &origin()), Ok(octets));
        if let Ok(octets) = rdata(5, &name, &origin()) {
            prop_assert_eq!(rdata(5, &show(5, &octets), &Name::root()), Ok(octets));
        }
    }
}
