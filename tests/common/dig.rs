//! Asking with the real dig and reading what it prints.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use super::program;

/// What dig printed for a response.
#[derive(Debug, Default, Clone)]
pub(crate) struct Response {
    /// The RCODE's name: `NOERROR`.
    pub(crate) status: String,
    /// The header's flags: `qr`, `rd`, `ra`, …
    pub(crate) flags: Vec<String>,
    /// The question as it came back: `Name. IN A`.
    pub(crate) question: Vec<String>,
    pub(crate) answer: Vec<Record>,
    pub(crate) authority: Vec<Record>,
    pub(crate) additional: Vec<Record>,
    pub(crate) opt: Option<Opt>,
    /// Extended DNS errors: INFO-CODE, then what dig prints behind it.
    pub(crate) ede: Vec<(u16, String)>,
    /// From the question to the answer, as dig measured it (whole milliseconds).
    pub(crate) query_time: Duration,
    /// `127.0.0.1#53(127.0.0.1)`.
    pub(crate) server: String,
    /// `UDP` or `TCP`.
    pub(crate) protocol: String,
    /// The message's length in octets.
    pub(crate) size_bytes: usize,
    /// The first answer was truncated, and dig asked again by TCP.
    pub(crate) retried_by_tcp: bool,
}

/// A resource record in presentation format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) ttl_seconds: u32,
    pub(crate) class: String,
    pub(crate) rtype: String,
    pub(crate) data: String,
}

/// The OPT pseudo-record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Opt {
    pub(crate) version: u8,
    /// `do`, or nothing.
    pub(crate) flags: Vec<String>,
    pub(crate) udp_bytes: u16,
    /// Client and server cookie in hexadecimal with dig's judgement: `… (good)`.
    pub(crate) cookie: Option<String>,
}

impl Response {
    pub(crate) fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|other| other == flag)
    }

    /// The data of the answer's records of one type, sorted.
    pub(crate) fn data(&self, rtype: &str) -> Vec<&str> {
        let mut data: Vec<_> = self.answer.iter().filter(|r| r.rtype == rtype).map(|r| r.data.as_str()).collect();
        data.sort_unstable();
        data
    }
}

/// A question to a server, by the options of dig.
#[derive(Debug, Clone)]
pub(crate) struct Dig {
    server: SocketAddr,
    arguments: Vec<String>,
}

impl Dig {
    /// One try of 5 s by UDP, in dig's default form (RD, EDNS with a cookie).
    pub(crate) fn new(server: SocketAddr) -> Dig {
        Dig { server, arguments: ["+tries=1", "+time=5"].map(String::from).to_vec() }
    }

    /// Sends from this address.
    pub(crate) fn from(self, client: IpAddr) -> Dig {
        self.with(&["-b", &client.to_string()])
    }

    /// Adds arguments of dig: `+tcp`, `+dnssec`, `+ignore`, …
    pub(crate) fn with(mut self, arguments: &[&str]) -> Dig {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// The response, or what dig said when there was none.
    pub(crate) fn ask(&self, name: &str, rtype: &str) -> Result<Response, String> {
        let output = Command::new(program("dig", "bind9-dnsutils"))
            .arg(format!("@{}", self.server.ip()))
            .args(["-p", &self.server.port().to_string()])
            .args(&self.arguments)
            .args(["-q", name, "-t", rtype])
            // A user's own ~/.digrc must not change what is asked.
            .env("HOME", "/nonexistent")
            .output()
            .expect("dig can be run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { parse(&text) } else { Err(text) }
    }

    /// The response; there must be one.
    pub(crate) fn expect(&self, name: &str, rtype: &str) -> Response {
        self.ask(name, rtype).unwrap_or_else(|said| panic!("no answer to {name} {rtype} from {}: {said}", self.server))
    }
}

/// Reads dig's text. `Err` holds it when it shows no response.
pub(crate) fn parse(text: &str) -> Result<Response, String> {
    let mut response = Response::default();
    let mut section = "";
    for line in text.lines() {
        if let Some(name) = line.strip_prefix(";; ").and_then(|l| l.strip_suffix(" SECTION:")) {
            section = name;
        } else if line.starts_with(";; OPT PSEUDOSECTION:") {
            section = "OPT";
        } else if line.starts_with(";; TSIG PSEUDOSECTION:") {
            section = "TSIG";
        } else if line.contains("Couldn't verify signature") {
            return Err(text.to_owned());
        } else if let Some(comment) = line.strip_prefix(";; ") {
            read_comment(&mut response, comment);
        } else if section == "OPT" && line.starts_with("; ") {
            read_option(&mut response, &line[2..]);
        } else if let (Some(question), "QUESTION") = (line.strip_prefix(';'), section) {
            response.question.push(question.split_whitespace().collect::<Vec<_>>().join(" "));
        } else if !line.is_empty() && !line.starts_with(';') {
            let record = read_record(line).ok_or_else(|| format!("no record: {line}\n{text}"))?;
            match section {
                "ANSWER" => response.answer.push(record),
                "AUTHORITY" => response.authority.push(record),
                "ADDITIONAL" => response.additional.push(record),
                "TSIG" => {}
                _ => return Err(format!("a record outside a section: {line}\n{text}")),
            }
        }
    }
    if response.status.is_empty() { Err(text.to_owned()) } else { Ok(response) }
}

/// `->>HEADER<<- …`, `flags: …`, and the lines behind the sections.
fn read_comment(response: &mut Response, comment: &str) {
    if comment.starts_with("->>HEADER<<-") {
        response.status = between(comment, "status: ", ",").to_owned();
    } else if let Some(rest) = comment.strip_prefix("flags:") {
        response.flags = words(between(rest, "", ";"));
    } else if let Some(rest) = comment.strip_prefix("Query time: ") {
        response.query_time = Duration::from_millis(between(rest, "", " ").parse().unwrap_or(0));
    } else if let Some(rest) = comment.strip_prefix("SERVER: ") {
        response.server = between(rest, "", " ").to_owned();
        response.protocol = rest.rsplit_once(" (").map_or("", |(_, p)| p.trim_end_matches(')')).to_owned();
    } else if let Some(rest) = comment.strip_prefix("MSG SIZE  rcvd: ") {
        response.size_bytes = rest.trim().parse().unwrap_or(0);
    } else if comment.starts_with("Truncated, retrying in TCP mode") {
        response.retried_by_tcp = true;
    }
}

/// `EDNS: version: 0, flags: do; udp: 1232`, `COOKIE: …`, `EDE: 18 (Prohibited): (…)`.
fn read_option(response: &mut Response, option: &str) {
    if let Some(rest) = option.strip_prefix("EDNS: ") {
        response.opt = Some(Opt {
            version: between(rest, "version: ", ",").parse().unwrap_or(u8::MAX),
            flags: words(between(rest, "flags:", ";")),
            udp_bytes: between(rest, "udp: ", " ").parse().unwrap_or(0),
            cookie: None,
        });
    } else if let (Some(rest), Some(opt)) = (option.strip_prefix("COOKIE: "), &mut response.opt) {
        opt.cookie = Some(rest.to_owned());
    } else if let Some(rest) = option.strip_prefix("EDE: ") {
        let code = between(rest, "", " ");
        let text = rest.strip_prefix(code).unwrap_or_default().trim();
        response.ede.push((code.parse().unwrap_or(u16::MAX), text.to_owned()));
    }
}

/// What stands between `before` and `after` (or the end).
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let start = text.find(before).map_or(text.len(), |at| at + before.len());
    let rest = &text[start..];
    rest.find(after).map_or(rest, |end| &rest[..end]).trim()
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn read_record(line: &str) -> Option<Record> {
    let mut fields = line.split_whitespace();
    let mut next = || fields.next().map(str::to_owned);
    let (name, ttl, class, rtype) = (next()?, next()?, next()?, next()?);
    let data = fields.collect::<Vec<_>>().join(" ");
    Some(Record { name, ttl_seconds: ttl.parse().ok()?, class, rtype, data })
}
