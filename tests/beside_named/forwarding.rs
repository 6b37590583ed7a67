//! Which forwarder is asked: `forwarders` and `forward` of options, views and zones, and what one takes from another.
//!
//! Each combination is asked of both servers; who answered is seen from the address in the answer. Where nothing is
//! forwarded, and where forwarders fail without `forward only`, named asks a root server, one of the test's; Tandem never
//! does, and says REFUSED and SERVFAIL.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::common::packet::{Question, exchange_udp_from, type_number};
use super::common::{Named, Query, Scripted, Tandem, fresh_address, fresh_localhost_address};
use super::{LIMIT, RECURSION_DESIRED, clients};

/// Who shall be asked.
#[derive(Clone, Copy)]
enum Asked {
    /// Nobody: the list is empty.
    Nobody,
    /// One that answers with this number.
    Answering(u8),
    /// One that refuses.
    Failing,
}
use Asked::{Answering, Failing, Nobody};

/// What the test's root server answers with.
const ROOT: u8 = 9;

/// What a level says: its statements, whom they name, and whether they say `forward only`, if they say it.
type Level = (&'static str, Option<Asked>, Option<bool>);

/// In all texts `$A` to `$F` are addresses, `$P` is the port of the options and `$Q` another one.
const OPTIONS: [Level; 5] = [
    ("", None, None),
    ("forwarders { $A; };", Some(Answering(1)), None),
    ("forwarders port $Q { $A; }; forward only;", Some(Answering(2)), Some(true)),
    ("forwarders { $F; }; forward only;", Some(Failing), Some(true)),
    ("forwarders { $F; }; forward first;", Some(Failing), Some(false)),
];

const VIEWS: [Level; 8] = [
    ("", None, None),
    ("forwarders { };", Some(Nobody), None),
    ("forwarders { }; forward only;", Some(Nobody), Some(true)),
    ("forwarders { $B; };", Some(Answering(3)), None),
    ("forwarders port $Q dscp 5 { $B dscp 7; };", Some(Answering(4)), None),
    ("forwarders { $F; };", Some(Failing), None),
    ("forwarders { $F; }; forward first;", Some(Failing), Some(false)),
    ("forwarders { $F port $P; }; forward only;", Some(Failing), Some(true)),
];

/// Of type forward, and its name.
const ZONES: [(&str, Level); 11] = [
    ("bare", ("", None, None)),
    ("empty", ("forwarders { };", Some(Nobody), None)),
    ("empty-only", ("forwarders { }; forward only;", Some(Nobody), Some(true))),
    ("usual", ("forwarders { $C; };", Some(Answering(5)), None)),
    ("empty.usual", ("forwarders { };", Some(Nobody), None)),
    ("other.usual", ("forwarders { $C port $Q; };", Some(Answering(6)), None)),
    ("of-the-list", ("forwarders port $Q { $C; };", Some(Answering(6)), None)),
    ("against-the-list", ("forwarders port $Q { $C port $P; }; forward first;", Some(Answering(5)), Some(false))),
    ("none-said", ("forwarders port $Q { $C dscp 3 port 0; };", Some(Answering(6)), None)),
    ("failing", ("forwarders { $F; };", Some(Failing), None)),
    ("failing-only", ("forwarders { $F; }; forward only;", Some(Failing), Some(true))),
];

/// Forwarders and a root server, on their addresses and two ports.
struct Upstreams {
    addresses: [(&'static str, IpAddr); 5],
    ports: [u16; 2],
    _running: Vec<Scripted>,
}

impl Upstreams {
    fn start() -> Upstreams {
        let (first, other) = (fresh_address(), fresh_address());
        let ports = [first.port(), other.port()];
        let [b, c, failing, root] = std::array::from_fn(|_| fresh_address().ip());
        let answering = |address, port, number| {
            let script = move |query: &Query| match query.qtype() == type_number("A") {
                true => query.reply().authoritative().address(300, [10, 0, 0, number]).send(),
                false => query.reply().authoritative().start_of_authority(".", 300, 300).send(),
            };
            Scripted::start_at(SocketAddr::new(address, port), script)
        };
        let mut running = vec![
            answering(root, ports[0], ROOT),
            Scripted::start_at(SocketAddr::new(failing, ports[0]), |query| query.reply().rcode(5).send()),
        ];
        for (address, number) in [(first.ip(), 1), (b, 3), (c, 5)] {
            running.push(answering(address, ports[0], number));
            running.push(answering(address, ports[1], number + 1));
        }
        let addresses = [("$A", first.ip()), ("$B", b), ("$C", c), ("$F", failing), ("$R", root)];
        Upstreams { addresses, ports, _running: running }
    }

    /// The text with addresses and ports in it.
    fn fill(&self, text: &str) -> String {
        let text = text.replace("$P", &self.ports[0].to_string()).replace("$Q", &self.ports[1].to_string());
        self.addresses.iter().fold(text, |text, (word, address)| text.replace(word, &address.to_string()))
    }
}

/// Every view with every zone, below these options.
fn conf(listen: SocketAddr, options: &str) -> String {
    let mut conf = format!(
        "options {{ directory \"{{directory}}\"; pid-file \"{{directory}}/pid\"; listen-on port {} {{ {}; }};
         listen-on-v6 {{ none; }}; port $P; allow-query {{ any; }}; dnssec-validation no; session-keyfile none; notify no;
         qname-minimization off; {options} }}; controls {{ }};\n",
        listen.port(),
        listen.ip()
    );
    for (number, (statements, ..)) in VIEWS.iter().enumerate() {
        let client = clients(number)[0];
        let begin = format!("view v{number} {{ match-clients {{ {client}; }}; {statements}\n");
        conf += &(begin + " zone \".\" { type hint; file \"{directory}/hints\"; };\n");
        for (zone, (statements, ..)) in ZONES {
            writeln!(conf, " zone {zone}.test {{ type forward; {statements} }};").expect("a string takes all");
        }
        conf += "};\n";
    }
    conf
}

/// What named and Tandem say: the number of who was asked, or an RCODE.
fn expected((asked, only): (Asked, bool)) -> [String; 2] {
    let number = |number: u8| format!("from {number}");
    let rcode = |rcode: u8| format!("rcode {rcode}");
    match asked {
        Answering(who) => [number(who), number(who)],
        Nobody => [number(ROOT), rcode(5)],
        Failing if only => [rcode(2), rcode(2)],
        Failing => [number(ROOT), rcode(2)],
    }
}

fn told(client: IpAddr, server: SocketAddr, name: &str) -> String {
    let query = Question::new(name, "A").flags(RECURSION_DESIRED).edns(1232, false, &[]).octets();
    let Some(response) = exchange_udp_from(Some(client), server, &query, LIMIT) else { return "nothing".to_owned() };
    let address = response.records.iter().find(|record| record.rtype == type_number("A"));
    let number = address.and_then(|record| record.data.last());
    number.map_or(format!("rcode {}", response.rcode()), |number| format!("from {number}"))
}

#[test]
fn who_is_asked_is_inherited_as_named_has_it() {
    let upstreams = Upstreams::start();
    let hints = upstreams.fill(". 3600000 NS root.hints.\nroot.hints. 3600000 A $R\n");
    let (mut count, mut differences) = (0, String::new());
    for (options, of_options, options_only) in OPTIONS {
        let (named, tandem) = (fresh_localhost_address(), fresh_localhost_address());
        let conf = |listen| upstreams.fill(&conf(listen, options));
        let files = [("hints", hints.as_str())];
        let _running =
            (Named::serve(named, &conf(named), &files), Tandem::start_with_files(tandem, &conf(tandem), &files));
        for (number, (view, of_view, view_only)) in VIEWS.into_iter().enumerate() {
            let outside = (of_view.or(of_options).unwrap_or(Nobody), view_only.or(options_only).unwrap_or(false));
            let of_zone = |(name, (_, asked, only)): (&str, Level)| {
                (format!("a.{name}.test"), (asked.unwrap_or(Nobody), only.unwrap_or(false)))
            };
            let all = std::iter::once(("outside.test".to_owned(), outside)).chain(ZONES.into_iter().map(of_zone));
            for (name, asked) in all {
                let told = [named, tandem].map(|server| told(clients(number)[0], server, &name));
                let expected = expected(asked);
                count += 1;
                if told != expected {
                    writeln!(differences, "[{options}] [{view}] {name}: {told:?}, expected {expected:?}")
                        .expect("a string takes all");
                }
            }
        }
    }
    assert!(count == 480 && differences.is_empty(), "named and Tandem, of {count}:\n{differences}");
}
