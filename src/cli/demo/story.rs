//! Telling the scenario from its beginning to a failover, and checking every answer on the way.
//!
//! Each check is one line of the table: what was asked, what came back, how long it took; a failed one also says what
//! was expected. Nothing here ends early: one wrong answer leaves the rest of the story worth telling.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::change::{LATEST, watch};
use super::client::{Answer, Fault, Question, ResolvConf, ask};
use super::forwarders::Pair;
use super::place::{ALLOWED_CLIENT, REFUSED_CLIENT};
use super::server::version_question;
use super::stand_in::{
    ALIAS, FLEET, FLEET_SIZE, INSTANCE, MISSING, PRIMARY, PUBLIC, PUBLIC_ADDRESS, REVERSE, SECONDARY, SERVICE,
    SERVICE_TTL, StandIn, name,
};
use super::{Az, Error, Output};
use crate::wire::Transport;

/// How long a single question may wait for its answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Extended DNS error 18, Prohibited (RFC 8914 §4.19).
const PROHIBITED: u16 = 18;
/// How long a cached answer is left alone before it is asked for again.
const CACHED_FOR: Duration = Duration::from_secs(2);
/// What a client with a resolv.conf may need when its first nameserver is gone: that one's timeout and some time for
/// the second.
const FAILOVER: Duration = ResolvConf::TIMEOUT.saturating_add(Duration::from_millis(500));

/// The checks so far; each is printed as it is made.
pub(super) struct Report {
    output: Output,
    begin: Instant,
    checks: usize,
    failed: Vec<String>,
}

impl Report {
    /// An empty one.
    pub(super) fn new(output: Output) -> Self {
        Self { output, begin: Instant::now(), checks: 0, failed: Vec::new() }
    }

    fn chapter(&self, title: &str) {
        self.output.line(format!("\n{title}"));
    }

    fn check(&mut self, what: &str, expected: &str, seen: &str, took: Duration, ok: bool) {
        self.checks += 1;
        let verdict = if ok { "ok  " } else { "FAIL" };
        self.output.line(format!("  {verdict} {what:<64} {:>8}  {seen}", readable(took)));
        if !ok {
            self.output.line(format!("       expected: {expected}"));
            self.failed.push(format!("{what}: expected {expected}; seen {seen}"));
        }
    }

    /// Notes that the story did not come to its end.
    pub(super) fn overdue(&mut self, bound: Duration) {
        let expected = format!("within {} s", bound.as_secs());
        self.check("the end of the story", &expected, "not there", self.begin.elapsed(), false);
    }

    /// Prints the sum; whether all was well.
    pub(super) fn finish(self) -> bool {
        let seconds = self.begin.elapsed().as_secs_f64();
        self.output.line(format!("\n{} checks, {} failed, {seconds:.1} s", self.checks, self.failed.len()));
        for failed in &self.failed {
            self.output.line(format!("FAILED {failed}"));
        }
        self.failed.is_empty() && self.checks > 0
    }
}

/// Milliseconds below a second, seconds from there.
fn readable(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}

/// Tells it all. An error is what keeps it from going on, not a wrong answer.
pub(super) async fn tell(stand_in: &StandIn, pair: &mut Pair, report: &mut Report) -> Result<(), Error> {
    let addresses = pair.addresses();
    report.chapter("Names of the VPC and of the world, through both forwarders");
    for az in Az::BOTH {
        names(az, addresses[az.index()], report).await;
    }
    report.chapter("An answer too long for UDP is cut there and whole by TCP");
    for az in Az::BOTH {
        long_answer(az, addresses[az.index()], report).await;
    }
    report.chapter("A client outside goodclients is refused, and told why");
    for az in Az::BOTH {
        refusals(az, addresses[az.index()], report).await;
    }
    report.chapter("Answers come from the cache, their TTL counting down");
    countdown(addresses, report).await;
    report.chapter("The service moves: its address changes on the VPC's resolver (TTL 10)");
    change(stand_in, addresses, report).await;
    report.chapter("A forwarder stops: a client whose resolv.conf names both goes on");
    failover(pair, report).await
}

/// What an answer must be.
#[derive(Clone, Debug)]
struct Expected {
    rcode: ResponseCode,
    /// As in [`Answer::data`].
    data: Vec<String>,
    /// The longest TTL, in seconds, of an answer that has data.
    ttl_at_most: u32,
    ede: Option<u16>,
}

impl Expected {
    fn data<T: ToString>(data: &[T], ttl_at_most: u32) -> Self {
        let data = data.iter().map(T::to_string).collect();
        Self { rcode: ResponseCode::NoError, data, ttl_at_most, ede: None }
    }

    fn nothing(rcode: ResponseCode, ede: Option<u16>) -> Self {
        Self { rcode, data: Vec::new(), ttl_at_most: 0, ede }
    }

    fn is_met_by(&self, answer: &Answer) -> bool {
        answer.rcode == self.rcode
            && !answer.truncated
            && answer.data == self.data
            && answer.ttl.is_none_or(|ttl| ttl <= self.ttl_at_most)
            && answer.ede == self.ede
    }

    fn describe(&self) -> String {
        let ttl = if self.data.is_empty() { String::new() } else { format!(", TTL at most {}", self.ttl_at_most) };
        format!("{}{ttl}{}", outline(self.rcode, &self.data), extended(self.ede))
    }
}

fn describe(answer: &Answer) -> String {
    let ttl = answer.ttl.map_or(String::new(), |ttl| format!(", TTL {ttl}"));
    let truncated = if answer.truncated { ", truncated" } else { "" };
    format!("{}{ttl}{truncated}{}", outline(answer.rcode, &answer.data), extended(answer.ede))
}

fn outline(rcode: ResponseCode, data: &[String]) -> String {
    let rcode = match rcode {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        other => format!("RCODE {}", u16::from(other)),
    };
    match data.len() {
        0 => rcode,
        1..=3 => format!("{rcode} {}", data.join(" ")),
        count => format!("{rcode}, {count} records"),
    }
}

fn extended(ede: Option<u16>) -> String {
    ede.map_or(String::new(), |code| format!(", EDE {code}"))
}

async fn expect(what: &str, question: &Question, expected: &Expected, report: &mut Report) {
    let begin = Instant::now();
    let outcome = ask(question, PATIENCE).await;
    let (seen, ok) = judge(&outcome, |answer| expected.is_met_by(answer));
    report.check(what, &expected.describe(), &seen, begin.elapsed(), ok);
}

fn judge(outcome: &Result<Answer, Fault>, is_met: impl Fn(&Answer) -> bool) -> (String, bool) {
    match outcome {
        Ok(answer) => (describe(answer), is_met(answer)),
        Err(fault) => (fault.to_string(), false),
    }
}

async fn names(az: Az, forwarder: SocketAddrV4, report: &mut Report) {
    use Transport::{Tcp, Udp};
    let service_ttl = SERVICE_TTL.as_secs() as u32;
    let cases = [
        ("the service", SERVICE, RecordType::A, Udp, Expected::data(&[PRIMARY], service_ttl)),
        ("the service", SERVICE, RecordType::A, Tcp, Expected::data(&[PRIMARY], service_ttl)),
        ("an instance", INSTANCE, RecordType::A, Udp, Expected::data(&[PRIMARY], 60)),
        ("an alias", ALIAS, RecordType::A, Udp, Expected::data(&[INSTANCE, &PRIMARY.to_string()], 60)),
        ("a reverse name", REVERSE, RecordType::PTR, Udp, Expected::data(&[INSTANCE], 60)),
        ("a public name", PUBLIC, RecordType::A, Udp, Expected::data(&[PUBLIC_ADDRESS], 300)),
        ("a missing name", MISSING, RecordType::A, Udp, Expected::nothing(ResponseCode::NXDomain, None)),
        ("a missing type", SERVICE, RecordType::AAAA, Udp, Expected::nothing(ResponseCode::NoError, None)),
    ];
    for (what, qname, qtype, by, expected) in cases {
        let question = Question { by, ..Question::udp(ALLOWED_CLIENT, forwarder, name(qname), qtype) };
        let what = format!("{az} {by} {what}: {} {qtype}", qname.trim_end_matches('.'));
        expect(&what, &question, &expected, report).await;
    }
    let version = Expected::data(&["not currently available"], 0);
    expect(&format!("{az} UDP its version"), &version_question(ALLOWED_CLIENT, forwarder), &version, report).await;
}

async fn long_answer(az: Az, forwarder: SocketAddrV4, report: &mut Report) {
    let by_udp = Question::udp(ALLOWED_CLIENT, forwarder, name(FLEET), RecordType::A);
    let begin = Instant::now();
    let (seen, ok) = judge(&ask(&by_udp, PATIENCE).await, |answer| answer.truncated);
    let what = |by: Transport| format!("{az} {by} {}", FLEET.trim_end_matches('.'));
    report.check(&what(Transport::Udp), "a truncated answer", &seen, begin.elapsed(), ok);

    let fleet: Vec<_> = (1..=FLEET_SIZE).map(|host| Ipv4Addr::new(10, 1, 3, host)).collect();
    let by_tcp = Question { by: Transport::Tcp, ..by_udp };
    expect(&what(Transport::Tcp), &by_tcp, &Expected::data(&fleet, 60), report).await;
}

async fn refusals(az: Az, forwarder: SocketAddrV4, report: &mut Report) {
    let refused = Expected::nothing(ResponseCode::Refused, Some(PROHIBITED));
    for by in [Transport::Udp, Transport::Tcp] {
        let question = Question { by, ..Question::udp(REFUSED_CLIENT, forwarder, name(SERVICE), RecordType::A) };
        expect(&format!("{az} {by} from {REFUSED_CLIENT}"), &question, &refused, report).await;
    }
}

/// The stand-in always gives the whole TTL, so that a smaller one is the forwarder's own clock.
async fn countdown(addresses: [SocketAddrV4; 2], report: &mut Report) {
    let questions = addresses.map(|to| Question::udp(ALLOWED_CLIENT, to, name(PUBLIC), RecordType::A));
    let mut earlier = Vec::new();
    for question in &questions {
        earlier.push((Instant::now(), ask(question, PATIENCE).await));
    }
    tokio::time::sleep(CACHED_FOR).await;
    for ((az, question), (asked, before)) in Az::BOTH.into_iter().zip(&questions).zip(earlier) {
        let begin = Instant::now();
        let after = ask(question, PATIENCE).await;
        let (before, passed) = (before.ok().and_then(|answer| answer.ttl), asked.elapsed().as_secs_f64());
        let (seen, ok) = judge(&after, |answer| counted_down(before, answer.ttl, passed));
        let first = before.map_or("no TTL".to_owned(), |ttl| format!("TTL {ttl}"));
        let expected = format!("{first} less {passed:.1} s");
        let what = format!("{az} UDP {}, {:.0} s after {first}", PUBLIC.trim_end_matches('.'), passed);
        report.check(&what, &expected, &seen, begin.elapsed(), ok);
    }
}

/// Whether a TTL went down by the seconds that passed, each rounded to whole ones in either direction.
fn counted_down(before: Option<u32>, after: Option<u32>, passed_seconds: f64) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    let went = f64::from(before) - f64::from(after);
    went > 0.0 && (went - passed_seconds).abs() <= 1.0
}

async fn change(stand_in: &StandIn, addresses: [SocketAddrV4; 2], report: &mut Report) {
    fill_caches(addresses).await;
    stand_in.upsert(SECONDARY).await;
    let changed = Instant::now();
    let [first, second] = addresses;
    let (first, second) = tokio::join!(watch(first, SECONDARY, changed), watch(second, SECONDARY, changed));
    for (az, sighting) in Az::BOTH.into_iter().zip([first, second]) {
        let what = format!("{az} its clients see {SECONDARY} instead of {PRIMARY}");
        let expected = format!("{SECONDARY} at most {} s after the change, and no return", LATEST.as_secs());
        let (seen, took, ok) = match sighting.verdict() {
            Ok(time) => (old_until(sighting.last_old), time, true),
            Err(fault) => (fault, changed.elapsed(), false),
        };
        report.check(&what, &expected, &seen, took, ok);
    }
}

fn old_until(last_old: Option<Duration>) -> String {
    last_old.map_or("at once".to_owned(), |time| format!("the old one last after {}", readable(time)))
}

/// Brings both forwarders to where a change takes longest to be seen: the old address fetched just now.
async fn fill_caches(addresses: [SocketAddrV4; 2]) {
    let fresh = SERVICE_TTL.as_secs() as u32 - 2;
    let bound = Instant::now() + SERVICE_TTL + Duration::from_secs(2);
    while Instant::now() < bound {
        let questions = addresses.map(|to| Question::udp(ALLOWED_CLIENT, to, name(SERVICE), RecordType::A));
        let (first, second) = tokio::join!(ask(&questions[0], PATIENCE), ask(&questions[1], PATIENCE));
        let is_fresh = |outcome: Result<Answer, Fault>| outcome.is_ok_and(|answer| answer.ttl >= Some(fresh));
        if is_fresh(first) && is_fresh(second) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn failover(pair: &mut Pair, report: &mut Report) -> Result<(), Error> {
    let client = ResolvConf::new(pair.addresses()).map_err(Error::Client)?;
    lookup(&client, "both run", pair.get(Az::One).address, ResolvConf::TIMEOUT, report).await;

    let begin = Instant::now();
    let (seen, ok) = match pair.get_mut(Az::One).stop().await {
        Some(Ok(status)) => (status.to_string(), status.success()),
        Some(Err(error)) => (error.to_string(), false),
        None => ("it did not run".to_owned(), false),
    };
    report.check("AZ 1 is told to stop (SIGTERM)", "exit status: 0", &seen, begin.elapsed(), ok);
    for _ in 0..3 {
        lookup(&client, "AZ 1 is stopped", pair.get(Az::Two).address, FAILOVER, report).await;
    }

    let begin = Instant::now();
    pair.get_mut(Az::One).start().await?;
    report.check("AZ 1 is started again", "an answer", "it answers", begin.elapsed(), true);
    lookup(&client, "both run", pair.get(Az::One).address, ResolvConf::TIMEOUT, report).await;
    Ok(())
}

async fn lookup(client: &ResolvConf, when: &str, by: SocketAddrV4, bound: Duration, report: &mut Report) {
    let begin = Instant::now();
    let (seen, ok) = match client.lookup(&name(SERVICE)).await {
        Ok(found) => {
            let ok = found.addresses == [SECONDARY] && found.by == by && found.took <= bound;
            (format!("{} from {}", list(&found.addresses), found.by.ip()), ok)
        }
        Err(fault) => (fault.to_string(), false),
    };
    let expected = format!("{SECONDARY} from {} within {}", by.ip(), readable(bound));
    report.check(&format!("{when}: the client looks the service up"), &expected, &seen, begin.elapsed(), ok);
}

/// Addresses for a reader.
pub(super) fn list(addresses: &[Ipv4Addr]) -> String {
    if addresses.is_empty() {
        return "no address".to_owned();
    }
    addresses.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(" ")
}
