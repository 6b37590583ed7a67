//! A thousand questions to named and to this server, which have one configuration and one upstream.
//!
//! `tests/clients/differential.py` asks and compares. Each difference is explained by an entry of `docs/differences.md`; one
//! that is not, and an entry that explains nothing, fail.

mod common;

use std::net::SocketAddr;
use std::process::Command;

use common::{Named, Nsd, Tandem, fresh_localhost_address, program};

const HEAD: &str = "$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
";

/// Of the servers' own zone.
const LOCAL: &str = "www A 10.1.2.1
www A 10.1.2.2
both A 10.1.2.3
both AAAA 2001:db8::3
alias CNAME www
out CNAME www.example.org.
chain CNAME alias
*.wild A 10.1.2.4
a.deep.empty A 10.1.2.5
sub NS ns.sub
ns.sub A 10.1.2.6
dname DNAME www.example.org.
@ MX 10 mail
@ MX 20 mail.far
@ MX 30 alias
mail A 10.1.2.7
mail AAAA 2001:db8::7
_25._tcp.mail TLSA 3 1 1 00
mx MX 1 both
mxalias CNAME mx
srv SRV 1 1 5060 www
srv SRV 1 2 5060 x.wild
_5060._tcp.www TLSA 3 1 1 01
svc HTTPS 1 both alpn=h2
svc0 HTTPS 0 svc
own HTTPS 1 . alpn=h2
own A 10.1.2.8
naptr NAPTR 1 1 \"S\" \"x\" \"\" srv
naptr NAPTR 1 1 \"A\" \"x\" \"\" both
naptr NAPTR 1 1 \"U\" \"x\" \"!a!b!\" .
afs AFSDB 1 both
rt RT 1 both
kx KX 1 both
";

/// The twelve texts of 200 octets that fit no datagram.
fn long_texts(name: &str) -> String {
    (0..12).map(|number| format!("{name} TXT \"{number:0200}\"\n")).collect()
}

/// What both run on; clients at 127.0.0.99 are refused, those at 127.0.0.50 meet the second view.
fn configuration(listen: SocketAddr, upstream: SocketAddr) -> String {
    let forward = format!("forwarders {{ {} port {}; }}; forward only;", upstream.ip(), upstream.port());
    format!(
        "acl goodclients {{ 127.0.0.0/28; }};
options {{
   directory \"{{directory}}\"; pid-file \"{{directory}}/pid\"; version \"not currently available\";
   listen-on port {} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; dnssec-validation no;
}};
controls {{ }};
view inside {{
   match-clients {{ !127.0.0.50; any; }};
   allow-query {{ goodclients; }};
   {forward}
   zone \"awslab.mycompany.corp.\" IN {{ type forward; {forward} }};
   zone \"local.example\" {{ type primary; file \"local.example\"; allow-transfer {{ none; }}; notify no; }};
}};
view outside {{
   recursion no;
   zone \"local.example\" {{ type primary; file \"outside.example\"; allow-transfer {{ none; }}; notify no; }};
}};
",
        listen.port()
    )
}

#[test]
fn every_difference_from_named_is_explained_and_every_explanation_needed() {
    let lab = format!(
        "{HEAD}myservice A 10.1.1.10\ndual A 10.1.1.11\ndual AAAA 2001:db8::11\nsvc HTTPS 1 . alpn=h2\n\
         alias CNAME myservice\noutside CNAME www.example.org.\nsix A 10.1.6.1\nsix A 10.1.6.2\ny.x.y A 10.1.1.12\n{}",
        long_texts("long")
    );
    let (instances, elsewhere) = (format!("{HEAD}ip-10-1-1-12 A 10.1.1.12\n"), format!("{HEAD}www A 192.0.2.80\n"));
    let upstream = Nsd::start(&[
        ("awslab.mycompany.corp", &lab),
        ("us-east-1.compute.internal", &instances),
        ("example.org", &elsewhere),
    ]);
    let local = format!("{HEAD}{LOCAL}{}", long_texts("big"));
    let outside = format!("{HEAD}www A 192.0.2.99\n");
    let files = [("local.example", local.as_str()), ("outside.example", outside.as_str())];
    let [of_named, of_tandem] = [(); 2].map(|()| fresh_localhost_address());
    let _named = Named::serve(of_named, &configuration(of_named, upstream.address()), &files);
    let _tandem = Tandem::start_with_files(of_tandem, &configuration(of_tandem, upstream.address()), &files);
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(program("python3", "python3"))
        .arg(format!("{root}/tests/clients/differential.py"))
        .args([of_named.port().to_string(), of_tandem.port().to_string()])
        .arg(format!("{root}/docs/differences.md"))
        .output()
        .expect("python3 can be run");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}
