//! The real named and Tandem with the same named.conf, asked the same: who may ask what, and what is said of it.
//!
//! Each combination of statements is a view, chosen by the client's address: in each there is a client whom the lists
//! name and one whom they do not. Compared are RCODE, AA, RA, the number of answers and the extended error.
//! Which forwarder is asked: `forwarding`. Not here: what a list matches (`access`), named-checkconf's verdicts
//! (`tests/named_conf.rs`).

mod common;
#[path = "beside_named/forwarding.rs"]
mod forwarding;

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use common::dig::Dig;
use common::packet::{Message, Question, exchange_udp_from, receive_udp};
use common::{Named, Scripted, Tandem, fresh_address, fresh_localhost_address, named_conf, nsupdate, wait_until};

const LIMIT: Duration = Duration::from_secs(10);
const ZONE: &str = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\na A 192.0.2.2\n";
const RECURSION_DESIRED: u16 = 0x0100;
const EXTENDED_ERROR: u16 = 15;

/// Both servers, with the same text.
struct Pair {
    named: SocketAddr,
    tandem: SocketAddr,
    running: (Named, Tandem),
    _upstream: Scripted,
}

impl Pair {
    /// `options` and what stands at the top level.
    fn start(options: &str, top: &str) -> Pair {
        Pair::start_with("forward only;", options, top)
    }

    /// The same with this in the place of `forward only`.
    fn start_with(forward: &str, options: &str, top: &str) -> Pair {
        let upstream = Scripted::start(|query| query.reply().address(300, [10, 0, 0, 1]).send());
        let (named, tandem) = (fresh_localhost_address(), fresh_localhost_address());
        let extra = "session-keyfile none; notify no; minimal-responses yes;";
        let conf = |address| {
            let conf = named_conf(address, upstream.address(), &format!("{extra} {options}"));
            let conf = conf.replace(" allow-query { any; };\n", "").replace("forward only;", forward);
            format!("{conf}\n{top}")
        };
        let files = [("db.zone", ZONE)];
        let running = (
            Named::serve(named, &format!("{} controls {{ }};", conf(named)), &files),
            Tandem::start_with_files(tandem, &conf(tandem), &files),
        );
        Pair { named, tandem, running, _upstream: upstream }
    }

    /// What both say to a question; the text is named's, and ours if it differs.
    fn ask(&self, from: IpAddr, name: &str, flags: u16) -> (String, String) {
        let query = Question::new(name, "A").flags(flags).edns(1232, false, &[]).octets();
        let ask = |server| exchange_udp_from(Some(from), server, &query, LIMIT).map_or("nothing".to_owned(), told);
        (ask(self.named), ask(self.tandem))
    }
}

/// What is compared of a response.
fn told(response: Message) -> String {
    let flag = |bit: u16, word: &'static str| if response.flags & bit == 0 { "" } else { word };
    let error = response.option(EXTENDED_ERROR).map(|octets| u16::from_be_bytes([octets[0], octets[1]]));
    let (aa, ra, answers) = (flag(0x0400, " aa"), flag(0x0080, " ra"), response.counts[1]);
    let error = error.map_or(String::new(), |code| format!(" ede {code}"));
    format!("rcode {}{aa}{ra} answers {answers}{error}", response.rcode())
}

/// The clients of the view of this number: one that lists name, and one that they do not.
fn clients(view: usize) -> [IpAddr; 2] {
    let view = u8::try_from(view).expect("few views");
    [Ipv4Addr::new(127, 77, view, 1).into(), Ipv4Addr::new(127, 77, view, 2).into()]
}

/// Every way to write `statements`, each left out or with one of its two values.
fn combinations<const N: usize>(statements: [&str; N], values: impl Fn(usize, &str) -> [String; 2]) -> Vec<String> {
    let written = |view: usize, at: usize| {
        let choice = view / 3usize.pow(at as u32) % 3;
        let text = |value: &String| format!("{} {{ {value} }}; ", statements[at]);
        choice.checked_sub(1).map_or(String::new(), |choice| text(&values(view, statements[at])[choice]))
    };
    (0..3usize.pow(N as u32)).map(|view| (0..N).map(|at| written(view, at)).collect()).collect()
}

/// Of the 27 ways to write three statements nine, in which each value of one meets each of every other.
fn of_pairs(all: Vec<String>) -> impl Iterator<Item = String> {
    all.into_iter().enumerate().filter(|(number, _)| (number + number / 3 + number / 9) % 3 == 0).map(|(_, text)| text)
}

/// What is not in the cache and not to be asked for: a referral to the root there, without records since answers are
/// minimal, or with `recursion no` a refusal that does not say why; a refusal that does here.
fn is_on_purpose(named: &str, tandem: &str) -> bool {
    ["rcode 0 answers 0", "rcode 5 answers 0"].contains(&named)
        && ["rcode 5 answers 0 ede 18", "rcode 5 answers 0 ede 20"].contains(&tandem)
}

/// Asks both servers everything in each view, of each of its zones too, and tells where they differ. `zones` are what
/// stands in the view's zones.
fn compare(options: &str, views: &[String], zones: &[String]) -> (usize, String) {
    let mut top = String::new();
    for (number, statements) in views.iter().enumerate() {
        let [named, other] = clients(number);
        let zone = |(zone, statements): (usize, &String)| {
            format!(" zone z{zone}.example {{ type primary; file \"{{directory}}/db.zone\"; {statements}}};\n")
        };
        let zones = zones.iter().enumerate().map(zone).collect::<String>();
        writeln!(top, "view v{number} {{ match-clients {{ {named}; {other}; }}; {statements}\n{zones}}};")
            .expect("a string takes all");
    }
    let pair = Pair::start(options, &top);
    let in_zones = (0..zones.len()).map(|zone| (format!("a.z{zone}.example"), RECURSION_DESIRED));
    // What is asked first with RD is in the cache for who asks without.
    let forwarded = [RECURSION_DESIRED, 0].map(|flags| ("f.example".to_owned(), flags));
    let questions: Vec<_> = in_zones.chain(forwarded).collect();
    let (mut count, mut differences) = (0, String::new());
    for (number, statements) in views.iter().enumerate() {
        for (name, flags) in &questions {
            for client in clients(number) {
                let (named, tandem) = pair.ask(client, name, *flags);
                count += 1;
                if named != tandem && !is_on_purpose(&named, &tandem) {
                    let asked = format!("options {{ {options} }} view {{ {statements}}}: {client} {name} {flags:#x}");
                    writeln!(differences, "{asked}\n  named:  {named}\n  tandem: {tandem}")
                        .expect("a string takes all");
                }
            }
        }
    }
    (count, differences)
}

#[test]
fn who_may_ask_is_inherited_as_named_has_it() {
    let statements = ["allow-query", "allow-query-cache", "allow-recursion"];
    let views = combinations(statements, |view, _| [format!("{};", clients(view)[0]), "none;".to_owned()]);
    let options = [
        "allow-query { none; };",
        "allow-recursion { any; };",
        "allow-query-cache { any; };",
        "recursion no;",
        "recursion no; allow-query-cache { any; };",
    ];
    let of_pairs = of_pairs(combinations(statements, |_, _| ["any;".to_owned(), "none;".to_owned()]));
    for options in of_pairs.chain(options.map(str::to_owned)) {
        let (count, differences) = compare(&options, &views, &[String::new()]);
        assert!(count == 162 && differences.is_empty(), "{options}:\n{differences}");
    }
}

#[test]
fn which_address_may_be_asked_is_inherited_as_named_has_it() {
    let statements = ["allow-query-on", "allow-query-cache-on", "allow-recursion-on"];
    let all = combinations(statements, |_, _| ["127.0.0.1;".to_owned(), "none;".to_owned()]);
    for options in of_pairs(all.clone()) {
        let (count, differences) = compare(&format!("allow-query {{ any; }}; {options}"), &all, &[String::new()]);
        assert!(count == 162 && differences.is_empty(), "{options}:\n{differences}");
    }
}

#[test]
fn a_zone_s_own_lists_take_the_place_of_those_around_it() {
    let statements = ["allow-query", "allow-query-on", "allow-recursion"];
    let views = combinations(statements, |view, statement| match statement {
        "allow-query-on" => ["127.0.0.1;".to_owned(), "none;".to_owned()],
        _ => [format!("{};", clients(view)[0]), "none;".to_owned()],
    });
    let zones = combinations(["allow-query", "allow-query-on"], |_, _| ["any;".to_owned(), "none;".to_owned()]);
    let of_pairs = of_pairs(combinations(statements, |_, _| ["any;".to_owned(), "none;".to_owned()]));
    for options in of_pairs.chain(["recursion no;".to_owned()]) {
        let (count, differences) = compare(&options, &views, &zones);
        assert!(count == 594 && differences.is_empty(), "{options}:\n{differences}");
    }
}

/// What three clients get whose questions nobody answers until all are asked: RCODEs, or nothing.
fn three_at_once(server: SocketAddr, upstream: &Scripted, is_held: &AtomicBool, names: [&str; 3]) -> Vec<String> {
    let sockets = names.map(|name| {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket on loopback");
        socket.connect(server).expect("a socket can be connected");
        socket.send(&Question::new(name, "A").octets()).expect("a datagram can be sent");
        socket
    });
    // Workers take them in any order.
    let asked = || names.iter().filter(|name| upstream.count(name) > 0).count();
    assert!(wait_until(LIMIT, || asked() >= 2), "{names:?} are not asked");
    let at_once = sockets.each_ref().map(|socket| receive_udp(socket, Duration::from_millis(200)));
    is_held.store(false, Relaxed);
    let mut got: Vec<Option<Message>> = at_once.into();
    let answered = |got: &[Option<Message>]| got.iter().flatten().filter(|message| message.rcode() == 0).count();
    wait_until(LIMIT, || {
        for (got, socket) in got.iter_mut().zip(&sockets).filter(|(got, _)| got.is_none()) {
            *got = receive_udp(socket, Duration::from_millis(100));
        }
        answered(&got) == 2
    });
    let mut told: Vec<_> =
        got.iter().map(|got| got.as_ref().map_or("nothing".to_owned(), |it| it.rcode().to_string())).collect();
    told.sort();
    told
}

#[test]
fn what_is_over_a_bound_gets_what_it_gets_from_named() {
    let (different, same) = (["one.example", "two.example", "three.example"], ["same.example"; 3]);
    for (statements, names, expected) in [
        ("fetches-per-zone 2;", different, "nothing"),
        ("fetches-per-zone 2 fail;", different, "2"),
        ("fetches-per-server 2;", different, "2"),
        ("fetches-per-server 2 drop;", different, "2"),
        ("clients-per-query 2; max-clients-per-query 2;", same, "nothing"),
    ] {
        for is_named in [true, false] {
            let is_held = Arc::new(AtomicBool::new(true));
            let held = Arc::clone(&is_held);
            let upstream = Scripted::start(move |query| match held.load(Relaxed) {
                true => Vec::new(),
                false => query.reply().address(300, [10, 0, 0, 1]).send(),
            });
            let listen = fresh_localhost_address();
            let extra = if is_named { "session-keyfile none; notify no;" } else { "" };
            let conf = named_conf(listen, upstream.address(), &format!("{extra} {statements}"));
            let told = match is_named {
                true => {
                    let _named = Named::serve(listen, &format!("{conf} controls {{ }};"), &[]);
                    three_at_once(listen, &upstream, &is_held, names)
                }
                false => {
                    let _tandem = Tandem::start(listen, &conf);
                    three_at_once(listen, &upstream, &is_held, names)
                }
            };
            assert_eq!(told, ["0", "0", expected], "{statements} {}", if is_named { "named" } else { "tandem" });
        }
    }
}

#[test]
fn the_empty_zones_are_those_of_named_where_they_are_asked_for() {
    let options = "allow-query { any; }; empty-zones-enable yes; disable-empty-zone \"10.in-addr.arpa\"; \
                   empty-server \"ns.example\"; empty-contact \"me.example\";";
    let pair = Pair::start_with("forward first;", options, "");
    let client = Ipv4Addr::LOCALHOST.into();
    for (name, is_empty) in [
        ("1.168.192.in-addr.arpa", true),
        ("168.192.in-addr.arpa", true),
        ("1.31.172.in-addr.arpa", true),
        ("1.32.172.in-addr.arpa", false),
        ("1.127.100.in-addr.arpa", true),
        ("1.128.100.in-addr.arpa", false),
        ("1.2.10.in-addr.arpa", false),
        ("a.d.f.ip6.arpa", true),
        ("a.c.f.ip6.arpa", false),
        ("a.home.arpa", true),
        ("a.resolver.arpa", true),
    ] {
        let (named, tandem) = pair.ask(client, name, RECURSION_DESIRED);
        assert_eq!(named, tandem, "{name}");
        assert_eq!(tandem.contains(" aa"), is_empty, "{name}: {tandem}");
    }
}

/// The keys of the files below, all with the same secret.
const KEYS: [&str; 3] = ["one", "two", "three"];
const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0";

#[test]
fn keys_count_in_lists_and_choose_views() {
    let keys = KEYS.map(|key| format!("key {key} {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n")).concat();
    let zone = "zone z.example { type primary; file \"{directory}/db.zone\"; };";
    let top = format!(
        "{keys}
         acl signed {{ key two; key three; }};
         view one {{ match-clients {{ key one; }}; allow-query {{ !{{ !127.0.0.1; any; }}; key one; }};
           allow-query-cache {{ key one; }}; {zone} }};
         view not_two {{ match-clients {{ !key two; 127.77.0.1; }}; allow-query {{ !signed; any; }}; {zone} }};
         view rest {{ allow-query {{ signed; 127.77.0.2; }}; allow-recursion {{ !key three; any; }};
           zone z.example {{ type primary; file \"{{directory}}/db.zone\"; allow-query {{ key three; }}; }}; }};"
    );
    let pair = Pair::start("", &top);
    let mut count = 0;
    for client in ["127.0.0.1", "127.77.0.1", "127.77.0.2"] {
        for key in KEYS.iter().copied().map(Some).chain([None]) {
            for name in ["a.z.example", "f.example"] {
                let ask = |server| {
                    let dig = Dig::new(server).from(client.parse().expect("an address")).with(&["+nocookie"]);
                    let signed = key.map(|key| format!("hmac-sha256:{key}:{SECRET}"));
                    let dig = signed.iter().fold(dig, |dig, signed| dig.with(&["-y", signed]));
                    let response = dig.expect(name, "A");
                    (response.status.clone(), response.flags.clone(), response.data("A").len())
                };
                let (named, tandem) = (ask(pair.named), ask(pair.tandem));
                assert_eq!(named, tandem, "{client} {key:?} {name}\n{}", pair.running.1.said());
                count += 1;
            }
        }
    }
    assert_eq!(count, 24);
}

#[test]
fn a_zone_that_views_share_is_one() {
    let top = "view inside { match-clients { 127.77.0.0/24; }; allow-query { 127.77.0.1; 127.77.1.1; };
          zone z.example { type primary; file \"{directory}/db.zone\"; allow-update { 127.77.1.1; }; }; };
        view outside { allow-query { any; }; zone Z.example. { in-view inside; }; };";
    let pair = Pair::start("", top);
    let clients = || (0..2).flat_map(clients);
    let told = |name| clients().map(|client| pair.ask(client, name, 0)).collect::<Vec<_>>();
    let all = told("a.z.example");
    assert!(all.iter().all(|(named, tandem)| named == tandem), "{all:?}");
    let answered: Vec<bool> = all.iter().map(|(named, _)| named.starts_with("rcode 0 aa")).collect();
    assert_eq!(answered, [true, false, true, false], "the list of the view that it is in counts: {all:?}");
    for (client, is_content) in [("127.77.0.1", false), ("127.77.1.1", true)] {
        for server in [pair.named, pair.tandem] {
            let script = format!("local {client}\nzone z.example\nupdate add new.z.example 60 A 192.0.2.9");
            assert_eq!(nsupdate(server, &[], &script).0, is_content, "{client} to {server}");
        }
    }
    let new = told("new.z.example");
    assert_eq!(new, all, "an update is seen in both views");
    pair.running.1.hang_up();
    assert!(pair.running.1.reloads(1));
    assert_eq!(told("new.z.example"), all, "and after a reload");
}

#[test]
fn forwarders_are_asked_from_the_source_that_is_said_of_them() {
    let start = || Scripted::start(|query| query.reply().address(300, [10, 0, 0, 1]).send());
    let (listen, one, other) = (fresh_address(), start(), start());
    let conf = named_conf(listen, one.address(), "query-source 127.77.1.1;");
    let forward = |name, upstream: &Scripted| {
        let (address, port) = (upstream.address().ip(), upstream.address().port());
        format!("zone {name} {{ type forward; forwarders {{ {address} port {port}; }}; }};\n")
    };
    let of_other = format!("server {} {{ query-source address 127.77.1.2; }};\n", other.address().ip());
    let _tandem = Tandem::start(listen, &(conf + &forward("one", &one) + &forward("other", &other) + &of_other));
    for (name, upstream, source) in [("a.one", &one, "127.77.1.1"), ("a.other", &other, "127.77.1.2")] {
        let query = Question::new(name, "A").octets();
        let response = exchange_udp_from(None, listen, &query, LIMIT).expect("an answer");
        assert_eq!((response.rcode(), response.counts[1]), (0, 1), "{name}");
        let seen = upstream.seen();
        let asked = seen.iter().find(|query| query.name() == name).expect("it was asked");
        assert_eq!(asked.from.ip().to_string(), source, "{name}");
    }
}

#[test]
fn messages_that_no_view_takes_are_refused_whatever_their_signature() {
    let top = format!(
        "key one {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};
         view inside {{ match-clients {{ 127.77.0.0/16; }}; allow-query {{ any; }}; }};"
    );
    let pair = Pair::start("", &top);
    let other = "b3RoZXJvdGhlcm90aGVy";
    // One network each: named answers a network only so many wrong signatures a second.
    for (client, key, secret, expected) in [
        ("127.77.0.1", "one", SECRET, "NOERROR"),
        ("127.77.1.1", "one", other, "NOTAUTH"),
        ("127.77.2.1", "nobody", SECRET, "NOTAUTH"),
        ("127.78.1.1", "one", SECRET, "REFUSED"),
        ("127.78.2.1", "one", other, "REFUSED"),
        ("127.78.3.1", "nobody", SECRET, "REFUSED"),
    ] {
        for server in [pair.named, pair.tandem] {
            let dig = Dig::new(server).from(client.parse().expect("an address")).with(&["+nocookie"]);
            let dig = dig.with(&["-y", &format!("hmac-sha256:{key}:{secret}")]);
            // dig fails where it cannot make sure of a signature.
            let told = dig.ask("f.example", "A").map_or_else(|said| said, |it| format!("status: {},", it.status));
            let case = format!("{client} {key} at {server}: {told}\n{}", pair.running.1.said());
            assert!(told.contains(&format!("status: {expected},")), "{case}");
        }
    }
}

#[test]
fn who_has_no_good_server_cookie_gets_badcookie_by_udp_where_it_is_required() {
    let top = "zone z.example { type primary; file \"{directory}/db.zone\"; allow-query { 127.77.0.1; }; };";
    let options = "require-server-cookie yes; allow-query-cache { 127.77.0.1; }; allow-recursion { 127.77.0.1; };";
    let pair = Pair::start(options, top);
    let (without, unproven): (&[&str], &[&str]) = (&["+nocookie"], &["+nobadcookie"]);
    let foreign: &[&str] = &["+nobadcookie", "+cookie=001122334455667701000000000000001122334455667788"];
    let mut seen = std::collections::BTreeSet::new();
    for client in ["127.77.0.1", "127.77.0.2"] {
        for (name, qtype) in [
            ("a.z.example", "A"),
            ("z.example", "NS"),
            ("none.z.example", "A"),
            ("f.example", "A"),
            ("z.example", "MAILB"),
        ] {
            for arguments in [without, unproven, foreign, &["+nobadcookie", "+tcp"], &["+badcookie"]] {
                let ask = |server| {
                    let dig = Dig::new(server).from(client.parse().expect("an address")).with(arguments);
                    let response = dig.expect(name, qtype);
                    (response.status.clone(), response.flags.clone(), response.data(qtype).len())
                };
                let (named, tandem) = (ask(pair.named), ask(pair.tandem));
                assert_eq!(named.0, tandem.0, "{client} {name} {qtype} {arguments:?}");
                if named.0 == "BADCOOKIE" {
                    assert_eq!(named, tandem, "{client} {name} {qtype} {arguments:?}");
                }
                seen.insert(named.0);
            }
        }
    }
    let expected = ["BADCOOKIE", "NOERROR", "NOTIMP", "NXDOMAIN", "REFUSED"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
