//! Whole files in memory: records, faults with their lines, includes, `$GENERATE`, stock files of distributions.

use std::collections::HashMap;

use super::*;
use crate::wire::present::show;
use crate::zone::Builder;

/// Files in memory.
#[derive(Default)]
struct Memory(HashMap<PathBuf, String>);

impl Memory {
    fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|&(path, text)| (path.into(), text.to_owned())).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &Path, max_octets: u64) -> std::io::Result<Vec<u8>> {
        let text = self.0.get(path).ok_or(std::io::ErrorKind::NotFound)?;
        if text.len() as u64 > max_octets {
            Err(std::io::Error::other("too long"))
        } else {
            Ok(text.clone().into_bytes())
        }
    }

    fn list(&self, _: &Path) -> std::io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

fn apex() -> Name {
    "example".parse().expect("a name of the test")
}

/// Each record as `FILE:LINE OWNER TTL TYPE DATA`, and each diagnostic.
fn read_with(text: &str, files: &Memory) -> (Vec<String>, Vec<String>) {
    let mut records = Vec::new();
    let mut each = |record: Record| {
        let (position, rtype) = (record.position.expect("a place"), type_name(record.rtype).to_string());
        let data = show(record.rtype, &record.rdata);
        records.push(format!("{position} {} {} {rtype} {data}", record.owner, record.ttl));
    };
    let told = read("dir/x.db", text.as_bytes(), &apex(), None, files, &mut each);
    (records, told.iter().map(ToString::to_string).collect())
}

/// Records without the file's name, of a text that has no fault.
fn good(text: &str) -> Vec<String> {
    let (records, told) = read_with(text, &Memory::default());
    assert_eq!(told, Vec::<String>::new(), "{text}");
    records.iter().map(|record| record.replace("dir/x.db:", "")).collect()
}

/// What is told, without the file's name.
fn told(text: &str) -> Vec<String> {
    read_with(text, &Memory::default()).1.iter().map(|text| text.replace("dir/x.db:", "")).collect()
}

#[test]
fn records_are_read() {
    for (case, text, expected) in [
        (
            "TTL and class in any order",
            "$TTL 1h\na 5 IN A 10.0.0.1\nb IN 6 A 10.0.0.2\nc A 10.0.0.3",
            &["2 a.example 5 A 10.0.0.1", "3 b.example 6 A 10.0.0.2", "4 c.example 3600 A 10.0.0.3"][..],
        ),
        (
            "blank owners and the apex",
            "@ 5 A 10.0.0.1\n 6 A 10.0.0.2\n\n\tTXT x ; y\n",
            &["1 example 5 A 10.0.0.1", "2 example 6 A 10.0.0.2", "4 example 6 TXT \"x\""],
        ),
        (
            "origins, each below the last",
            "$ORIGIN sub\n@ 5 A 10.0.0.1\n$origin sub2\na 5 NS b\n$ORIGIN other.\na 5 NS @",
            &["2 sub.example 5 A 10.0.0.1", "4 a.sub2.sub.example 5 NS b.sub2.sub.example.", "6 a.other 5 NS other."],
        ),
        (
            "parentheses, quotes and comments in them",
            "a 5 TXT ( \"v=DKIM1; k=rsa\" ; no key\n \"p=(\" )\nb 5 A 10.0.0.2",
            &["1 a.example 5 TXT \"v=DKIM1; k=rsa\" \"p=(\"", "3 b.example 5 A 10.0.0.2"],
        ),
        (
            "a text glued to another is one of its own",
            "a 5 TXT \"a\"b\"\"c",
            &["1 a.example 5 TXT \"a\" \"b\" \"\" \"c\""],
        ),
        (
            "CR LF and a last line without its end",
            "a 5 A 10.0.0.1\r\n A 10.0.0.2",
            &["1 a.example 5 A 10.0.0.1", "2 a.example 5 A 10.0.0.2"],
        ),
        ("a byte order mark", "\u{feff}a 5 A 10.0.0.1", &["1 a.example 5 A 10.0.0.1"]),
        (
            "unknown types and data",
            "a 5 CLASS1 TYPE65280 \\# 2 0a 0b\nb 5 TYPE1 \\# 4 0a000001\nc 5 TYPE15 10 @",
            &["1 a.example 5 TYPE65280 \\# 2 0a0b", "2 b.example 5 A 10.0.0.1", "3 c.example 5 MX 10 example."],
        ),
        (
            "escapes in owners",
            "a\\.b 5 A 10.0.0.1\n\\$x 5 A 10.0.0.2\n\\@ 5 A 10.0.0.3\n\\000 5 A 10.0.0.4",
            &[
                "1 a\\.b.example 5 A 10.0.0.1",
                "2 \\$x.example 5 A 10.0.0.2",
                "3 \\@.example 5 A 10.0.0.3",
                "4 \\000.example 5 A 10.0.0.4",
            ],
        ),
        (
            "owners that look like something else",
            "IN 5 IN A 10.0.0.1\n\"a b\" 5 A 10.0.0.2\n7 5 A 10.0.0.3\n*.W 5 A 10.0.0.4",
            &[
                "1 in.example 5 A 10.0.0.1",
                "2 a\\032b.example 5 A 10.0.0.2",
                "3 7.example 5 A 10.0.0.3",
                "4 *.w.example 5 A 10.0.0.4",
            ],
        ),
        (
            "units in the SOA",
            "@ 1d SOA ns h ( 7 ; serial\n 3h 15M\n 1w 1h )",
            &["1 example 86400 SOA ns.example. h.example. 7 10800 900 604800 3600"],
        ),
        (
            "$TTL counts from where it stands",
            "$TTL 5\na A 10.0.0.1\n$TTL 1h30m\nb A 10.0.0.2\nc 7 A 10.0.0.3\nd A 10.0.0.4",
            &[
                "2 a.example 5 A 10.0.0.1",
                "4 b.example 5400 A 10.0.0.2",
                "5 c.example 7 A 10.0.0.3",
                "6 d.example 5400 A 10.0.0.4",
            ],
        ),
        ("nothing", "; nothing\n", &[]),
    ] {
        // Where a TTL is taken from the record before, BIND warns; here it is not what is looked at.
        let (records, told) = read_with(text, &Memory::default());
        let told: Vec<_> = told.iter().filter(|text| !text.contains("RFC1035")).collect();
        assert!(told.is_empty(), "{case}: {told:?}");
        let records: Vec<_> = records.iter().map(|record| record.replace("dir/x.db:", "")).collect();
        assert_eq!(records, expected, "{case}");
    }
}

#[test]
fn generated_records_are_those_of_bind() {
    for (case, text, expected) in [
        (
            "the classic",
            "$GENERATE 1-3/2 host$ A 10.0.0.$",
            &["host1.example 5 A 10.0.0.1", "host3.example 5 A 10.0.0.3"][..],
        ),
        (
            "a TTL, a class, data in quotes",
            "$generate 1-1 $ 7 IN MX \"10 mail$\"",
            &["1.example 7 MX 10 mail1.example."],
        ),
        (
            "escaped quotes",
            "$GENERATE 1-1 a$ TXT \"\\\"x y\\\" z$ \\$ $$\"",
            &["a1.example 5 TXT \"x y\" \"z1\" \"$\" \"$\""],
        ),
        ("modifiers", "$GENERATE 9-9 h${1,3} PTR ${0,0,n}.${6,2,X}", &["h010.example 5 PTR 9.0F.example."]),
        ("owners below the origin", "$ORIGIN sub\n$GENERATE 1-1 @ A 10.0.0.$", &["sub.example 5 A 10.0.0.1"]),
        (
            "the owner before stays",
            "a 5 A 10.0.0.1\n$GENERATE 1-1 b A 10.0.0.$\n A 10.0.0.2",
            &["a.example 5 A 10.0.0.1", "b.example 5 A 10.0.0.1", "a.example 5 A 10.0.0.2"],
        ),
    ] {
        let records = good(&format!("$TTL 5\n{text}"));
        let records: Vec<_> =
            records.iter().filter_map(|record| record.split_once(' ')).map(|(_, rest)| rest).collect();
        assert_eq!(records, expected, "{case}");
    }
    assert_eq!(good("$TTL 5\n$GENERATE 0-65535 $ A 10.0.0.1").len(), 65_536);
}

#[test]
fn faults_are_told_with_their_lines_and_cost_no_more() {
    for (text, expected) in [
        ("a A 10.0.0", "2: bad A: no address of this kind at '10.0.0' (write A ADDRESS, as in 192.0.2.1)"),
        ("a AAA ::1", "2: unknown RR type 'AAA' (did you mean 'AAAA'?)"),
        ("a CH A 10.0.0.1", "2: class 'CH' != zone class 'IN' (zones here are of class IN)"),
        ("a TYPE255 \\# 0", "2: no zone holds records of type ANY"),
        ("a", "2: unexpected end of line (a record is: NAME [TTL] [CLASS] TYPE DATA)"),
        ("a..b A 10.0.0.1", "2: bad owner name 'a..b': empty label (two dots in a row, or a leading dot)"),
        ("$ORIGN sub", "2: unknown $ directive '$ORIGN' (did you mean '$ORIGIN'?)"),
        ("$ORIGIN", "2: $ORIGIN has the wrong words (write $ORIGIN NAME)"),
        ("$ORIGIN a b", "2: $ORIGIN has the wrong words (write $ORIGIN NAME)"),
        ("$ORIGIN a..", "2: bad origin 'a..': empty label (two dots in a row, or a leading dot)"),
        ("$TTL 1x", "2: $TTL has the wrong words (write $TTL SECONDS, or a time as 1h30m)"),
        ("$INCLUDE", "2: $INCLUDE has the wrong words (write $INCLUDE FILE [ORIGIN])"),
        ("$INCLUDE y.db", "2: open: dir/y.db: file not found (it is looked for beside the file that includes it)"),
        ("a TXT \"x", "2: unbalanced quotes (a text in quotes ends on its line; '\"' itself is written '\\\"')"),
        (
            "a A 10.0.0.1 )",
            "2: unbalanced parentheses (this one closes nothing; as part of a word it is written '\\)' or in quotes)",
        ),
        (
            "$GENERATE 3-1 a$ A 10.0.0.$",
            "2: $GENERATE: invalid range '3-1' (write START-STOP or START-STOP/STEP, none below 0)",
        ),
        ("$GENERATE 0-65536 a$ A 10.0.0.1", "2: $GENERATE: 65537 records (65536 are the most)"),
        ("$GENERATE 1-2 a${ A 10.0.0.$", "2: $GENERATE: '${' without '}' in 'a${'"),
        (
            "$GENERATE 1-2 a$ MX 10 mail$",
            "2: $GENERATE has the wrong words \
             (write $GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE DATA, data of several words in quotes)",
        ),
        (
            "$GENERATE 255-260 a$ A 10.0.0.$",
            "2: bad A: no address of this kind at '10.0.0.256' (write A ADDRESS, as in 192.0.2.1)",
        ),
        (
            "a 4294967295 A 10.0.0.1",
            "2: warning: TTL 4294967295 > MAXTTL, setting TTL to 0 (2147483647 is the longest)",
        ),
        ("$TTL 2147483648", "2: warning: TTL 2147483648 > MAXTTL, setting TTL to 0 (2147483647 is the longest)"),
    ] {
        let text = format!("$TTL 5\n{text}\nafter A 10.0.0.9\n");
        let (records, all) = read_with(&text, &Memory::default());
        assert_eq!(all.iter().map(|text| text.replacen("dir/x.db:", "", 1)).collect::<Vec<_>>(), [expected], "{text}");
        assert!(records.last().is_some_and(|last| last.contains(" after.example ")), "{text}: {records:?}");
    }
}

#[test]
fn what_holds_for_the_whole_file() {
    let indented = "no current owner name (a line that begins with white space follows a record)";
    assert_eq!(told(" 5 A 10.0.0.1"), [format!("1: {indented}")]);
    let hint = "write $TTL before the first record";
    assert_eq!(told("a A 10.0.0.1\nb A 10.0.0.2"), [format!("1: no TTL specified ({hint}, as in $TTL 1h)")], "once");
    assert_eq!(
        told("@ SOA a b 1 2 3 4 5\nb A 10.0.0.2"),
        [format!("1: warning: no TTL specified; using SOA MINTTL instead ({hint})")]
    );
    assert_eq!(
        told("a 5 A 10.0.0.1\nb A 10.0.0.2\nc A 10.0.0.3"),
        ["2: warning: using RFC1035 TTL semantics (the TTL of the record before; write $TTL)"]
    );
    let unbalanced = "unbalanced parentheses (the one that opens here is never closed)";
    assert_eq!(told("a 5 A 10.0.0.1\nb 5 TXT (\nx\ny"), [format!("2: {unbalanced}")]);
    // The records of an owner that cannot be read belong to nobody else.
    let (records, _) = read_with("a 5 A 10.0.0.1\nb..c 5 A 10.0.0.2\n A 10.0.0.3\nd A 10.0.0.4", &Memory::default());
    assert_eq!(records.len(), 2, "{records:?}");
    assert!(records[1].contains(" d.example "));
    let many = told(&"a A x\n".repeat(250));
    assert_eq!((many.len(), many[99].as_str()), (100, "151 more faults or warnings are not shown"));
}

#[test]
fn files_are_included_and_left_again() {
    let files = Memory::new(&[
        ("dir/a.db", " A 10.0.0.1\nx A 10.0.0.2\n$ORIGIN deep\ny A 10.0.0.3\n$TTL 7\n"),
        ("dir/b/c.db", "$INCLUDE d.db\n"),
        ("dir/b/d.db", "z A 10.0.0.4\n"),
        ("e.db", "e A 10.0.0.5\nwrong A\n"),
    ]);
    let text =
        "$TTL 5\no A 10.0.0.0\n$INCLUDE a.db sub\n A 10.0.0.9\n$INCLUDE \"b/c.db\"\n$INCLUDE e.db\np A 10.0.0.6\n";
    let (records, told) = read_with(text, &files);
    assert_eq!(
        records,
        [
            "dir/x.db:2 o.example 5 A 10.0.0.0",
            "dir/a.db:1 o.example 5 A 10.0.0.1",
            "dir/a.db:2 x.sub.example 5 A 10.0.0.2",
            "dir/a.db:4 y.deep.sub.example 5 A 10.0.0.3",
            "dir/x.db:4 o.example 7 A 10.0.0.9",
            "dir/b/d.db:1 z.example 7 A 10.0.0.4",
            "e.db:1 e.example 7 A 10.0.0.5",
            "dir/x.db:7 p.example 7 A 10.0.0.6",
        ]
    );
    let expected = "e.db:2: bad A: something is missing at the end (write A ADDRESS, as in 192.0.2.1)";
    assert_eq!(told, [expected]);
}

#[test]
fn included_files_end() {
    let itself = Memory::new(&[
        ("dir/x.db", "$INCLUDE x.db\n"),
        ("dir/y.db", "$INCLUDE z.db\n"),
        ("dir/z.db", "$INCLUDE y.db\n"),
    ]);
    assert_eq!(read_with("$INCLUDE x.db\n", &itself).1, ["dir/x.db:1: dir/x.db includes itself"]);
    assert_eq!(read_with("$INCLUDE y.db\n", &itself).1, ["dir/z.db:1: dir/y.db includes itself"]);

    let names: Vec<_> = (0..20).map(|at| (format!("dir/{at}"), format!("$INCLUDE {}\n", at + 1))).collect();
    let chain = Memory(names.into_iter().map(|(path, text)| (path.into(), text)).collect());
    let expected = "dir/15:1: includes are nested deeper than 16 (does a file include itself?)";
    assert_eq!(read_with("$INCLUDE 0\n", &chain).1, [expected]);

    // Each level includes the next twelve times: 12^5 files, if nobody counted.
    let fan = Memory::new(&[
        ("dir/0", &"$INCLUDE 1\n".repeat(12)),
        ("dir/1", &"$INCLUDE 2\n".repeat(12)),
        ("dir/2", &"$INCLUDE 3\n".repeat(12)),
        ("dir/3", &"$INCLUDE 4\n".repeat(12)),
        ("dir/4", ""),
    ]);
    let (_, told) = read_with("$INCLUDE 0\n", &fan);
    assert!(told[0].ends_with("more than 10000 files are included"), "{told:?}");
}

/// The records of the zones that distributions ship for names that stay at home.
#[test]
fn stock_zones_load() {
    let soa =
        "SOA localhost. root.localhost. ( 2 ; Serial\n 604800 ; Refresh\n 86400 ; Retry\n 2419200 ; Expire\n 604800 )";
    let debian_local =
        format!("$TTL\t604800\n@\tIN\t{soa}\n;\n@\tIN\tNS\tlocalhost.\n@\tIN\tA\t127.0.0.1\n@\tIN\tAAAA\t::1\n");
    let debian_empty = format!("$TTL\t86400\n@\tIN\t{soa}\n;\n@\tIN\tNS\tlocalhost.\n");
    let debian_127 = format!("$TTL\t604800\n@\tIN\t{soa}\n@\tIN\tNS\tlocalhost.\n1.0.0\tIN\tPTR\tlocalhost.\n");
    let red_hat = "$TTL 1D\n@\tIN SOA\t@ rname.invalid. (\n\t0\t; serial\n\t1D\t; refresh\n\t1H\t; retry\n\t1W\t; expire\n\t3H )\t; minimum\n";
    let red_hat_localhost = format!("{red_hat}\tNS\t@\n\tA\t127.0.0.1\n\tAAAA\t::1\n");
    let red_hat_empty = format!("{red_hat}\tNS\t@\n\tA\t127.0.0.1\n");
    let red_hat_loopback = format!("{red_hat_localhost}\tPTR\tlocalhost.\n");
    for (case, apex, text, records) in [
        ("Debian's db.local", "localhost", &debian_local, 4),
        ("Debian's db.empty", "10.in-addr.arpa", &debian_empty, 2),
        ("Debian's db.127", "127.in-addr.arpa", &debian_127, 3),
        ("Debian's db.0", "0.in-addr.arpa", &debian_empty, 2),
        ("Red Hat's named.localhost", "localhost.localdomain", &red_hat_localhost, 4),
        ("Red Hat's named.empty", "0.in-addr.arpa", &red_hat_empty, 3),
        ("Red Hat's named.loopback", "1.0.0.127.in-addr.arpa", &red_hat_loopback, 5),
    ] {
        let apex: Name = apex.parse().expect("a name of the test");
        let mut builder = Builder::new(apex.clone());
        let mut count = 0;
        let told = read(case, text.as_bytes(), &apex, None, &Memory::default(), &mut |record| {
            count += 1;
            builder.add(record);
        });
        assert_eq!((told, count), (Vec::new(), records), "{case}");
        let (_, warnings) = builder.finish().unwrap_or_else(|faults| panic!("{case}: {faults:?}"));
        assert_eq!(warnings, Vec::new(), "{case}");
    }
}
