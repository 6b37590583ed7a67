//! How each type's RDATA are written, for messages: a flat table.

/// The form of a type whose text can be read; `None`: only `\# LENGTH HEX`.
pub(super) fn of(rtype: u16) -> Option<&'static str> {
    Some(match rtype {
        // A
        1 => "ADDRESS, as in 192.0.2.1",
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, NSAP-PTR, DNAME
        2..=5 | 7..=9 | 12 | 23 | 39 => "NAME, with a trailing dot or below the origin",
        // SOA
        6 => "MNAME RNAME SERIAL REFRESH RETRY EXPIRE MINIMUM",
        // HINFO
        13 => "CPU OS",
        // MINFO, RP, TALINK
        14 => "RMAILBX EMAILBX",
        17 => "MBOX TXTDNAME",
        58 => "PREVIOUS NEXT",
        // MX
        15 => "PREFERENCE NAME, as in 10 mail",
        // TXT, NINFO, SPF, AVC, RESINFO, WALLET
        16 | 56 | 99 | 258 | 261 | 262 => "\"TEXT\" …, each of 255 octets at most",
        // AFSDB, RT, KX, LP
        18 => "SUBTYPE NAME",
        21 | 36 | 107 => "PREFERENCE NAME",
        // X25, ISDN
        19 => "ADDRESS",
        20 => "ADDRESS [SUBADDRESS]",
        // SIG, RRSIG
        24 | 46 => "TYPE ALGORITHM LABELS TTL EXPIRATION INCEPTION KEYTAG SIGNER BASE64",
        // KEY, DNSKEY, RKEY, CDNSKEY
        25 | 48 | 57 | 60 => "FLAGS PROTOCOL ALGORITHM BASE64",
        // PX
        26 => "PREFERENCE MAP822 MAPX400",
        // AAAA
        28 => "ADDRESS, as in 2001:db8::1",
        // LOC
        29 => "D [M [S]] N|S D [M [S]] E|W ALTITUDE[m] [SIZE[m] [HORIZONTAL[m] [VERTICAL[m]]]]",
        // SRV
        33 => "PRIORITY WEIGHT PORT NAME",
        // NAPTR
        35 => "ORDER PREFERENCE \"FLAGS\" \"SERVICES\" \"REGEXP\" NAME",
        // CERT
        37 => "TYPE KEYTAG ALGORITHM BASE64",
        // DS, CDS, TA, DLV
        43 | 59 | 32_768 | 32_769 => "KEYTAG ALGORITHM DIGESTTYPE HEX",
        // SSHFP
        44 => "ALGORITHM TYPE HEX",
        // IPSECKEY
        45 => "PRECEDENCE GATEWAYTYPE ALGORITHM GATEWAY BASE64",
        // NSEC
        47 => "NEXT TYPE …",
        // DHCID, OPENPGPKEY
        49 | 61 => "BASE64",
        // NSEC3, NSEC3PARAM
        50 => "ALGORITHM FLAGS ITERATIONS SALT NEXT TYPE …",
        51 => "ALGORITHM FLAGS ITERATIONS SALT",
        // TLSA, SMIMEA
        52 | 53 => "USAGE SELECTOR MATCHING HEX",
        // CSYNC
        62 => "SERIAL FLAGS TYPE …",
        // ZONEMD
        63 => "SERIAL SCHEME ALGORITHM HEX",
        // SVCB, HTTPS
        64 | 65 => "PRIORITY TARGET [KEY=VALUE …], as in 1 . alpn=h2,h3 port=8443",
        // NID, L64, L32
        104 | 106 => "PREFERENCE H:H:H:H",
        105 => "PREFERENCE ADDRESS",
        // EUI48, EUI64
        108 => "XX-XX-XX-XX-XX-XX",
        109 => "XX-XX-XX-XX-XX-XX-XX-XX",
        // URI
        256 => "PRIORITY WEIGHT \"TARGET\"",
        // CAA
        257 => "FLAGS TAG \"VALUE\", as in 0 issue \"ca.example.net\"",
        _ => return None,
    })
}
