//! Comparing responses, and telling what came of it.

use std::time::Duration;

use super::differ::{Difference, Kind, Rules, differences};
use super::questions::{Overrides, Questions, Read};
use super::response::{Outcome, Response, Rrset, Rrsets};
use super::tally::{Compared, Tally};
use super::{seconds, server};

fn records(owner: &str, rtype: u16, ttl: u32, data: &[&str]) -> Rrsets {
    let data = data.iter().map(|&text| text.to_owned()).collect();
    Rrsets::from([((owner.to_owned(), rtype), Rrset { ttl, data })])
}

/// NOERROR with two addresses.
fn usual() -> Response {
    let answer = records("a.example.", 1, 300, &["192.0.2.1", "192.0.2.2"]);
    Response { recursion_available: true, answer, edns_udp_bytes: Some(1232), ..Response::default() }
}

fn negative() -> Response {
    let authority = records("example.", 6, 300, &["ns. hostmaster. 1 2 3 4 5"]);
    Response { rcode: 3, answer: Rrsets::new(), authority, ..usual() }
}

fn everything() -> Rules {
    Rules::new(&[Kind::Aa, Kind::Additional, Kind::EdnsSize], &[], Some(0))
}

fn kinds(against: &Outcome, with: &Outcome, rules: &Rules) -> Vec<Kind> {
    differences(against, with, rules).iter().map(|difference| difference.kind).collect()
}

#[test]
fn each_kind_is_seen_and_what_right_servers_may_do_differently_counts_only_when_asked_for() {
    let usual_rules = Rules::new(&[], &[], None);
    for (case, changed, when_asked, usually) in [
        ("the same", usual(), &[][..], &[][..]),
        ("another RCODE", Response { rcode: 2, ..usual() }, &[Kind::Rcode], &[Kind::Rcode]),
        ("no record", Response { answer: Rrsets::new(), ..usual() }, &[Kind::Answer], &[Kind::Answer]),
        (
            "one address less",
            Response { answer: records("a.example.", 1, 300, &["192.0.2.1"]), ..usual() },
            &[Kind::Answer],
            &[Kind::Answer],
        ),
        (
            "another TTL",
            Response { answer: records("a.example.", 1, 299, &["192.0.2.1", "192.0.2.2"]), ..usual() },
            &[Kind::Ttl],
            &[],
        ),
        ("cut", Response { truncated: true, ..usual() }, &[Kind::Tc], &[Kind::Tc]),
        ("no recursion", Response { recursion_available: false, ..usual() }, &[Kind::Ra], &[Kind::Ra]),
        ("validated", Response { authentic_data: true, ..usual() }, &[Kind::Ad], &[Kind::Ad]),
        ("an authority", Response { authoritative: true, ..usual() }, &[Kind::Aa], &[]),
        (
            "name servers beside an answer",
            Response { authority: records("example.", 2, 300, &["ns.example."]), ..usual() },
            &[],
            &[],
        ),
        (
            "addresses of name servers",
            Response { additional: records("ns.example.", 1, 300, &["192.0.2.9"]), ..usual() },
            &[Kind::Additional],
            &[],
        ),
        ("no EDNS", Response { edns_udp_bytes: None, ..usual() }, &[Kind::Edns], &[Kind::Edns]),
        ("another EDNS size", Response { edns_udp_bytes: Some(4096), ..usual() }, &[Kind::EdnsSize], &[]),
    ] {
        let (against, with) = (Outcome::Answered(usual()), Outcome::Answered(changed));
        assert_eq!(kinds(&against, &with, &everything()), when_asked, "{case}");
        assert_eq!(kinds(&against, &with, &usual_rules), usually, "{case}, usually");
        assert_eq!(kinds(&with, &against, &usual_rules), usually, "{case}, the other way round");
    }
}

#[test]
fn the_soa_of_a_negative_answer_counts() {
    let without = Response { authority: Rrsets::new(), ..negative() };
    let (against, with) = (Outcome::Answered(negative()), Outcome::Answered(without));
    let found = differences(&against, &with, &Rules::new(&[], &[], None));
    let expected = Difference {
        kind: Kind::Authority,
        against: "example. SOA ns. hostmaster. 1 2 3 4 5".to_owned(),
        with: "none".to_owned(),
    };
    assert_eq!(found, [expected]);
}

#[test]
fn ttls_may_be_as_far_apart_as_said_and_kinds_may_be_ignored() {
    let late = Response { answer: records("a.example.", 1, 290, &["192.0.2.1", "192.0.2.2"]), ..usual() };
    let (against, with) = (Outcome::Answered(usual()), Outcome::Answered(Response { rcode: 2, ..late }));
    assert_eq!(kinds(&against, &with, &Rules::new(&[], &[], Some(10))), [Kind::Rcode]);
    assert_eq!(kinds(&against, &with, &Rules::new(&[], &[], Some(9))), [Kind::Rcode, Kind::Ttl]);
    assert_eq!(kinds(&against, &with, &Rules::new(&[], &[Kind::Rcode, Kind::Ttl], Some(9))), []);
}

#[test]
fn what_the_first_records_do_not_show_differs_all_the_same() {
    let numbered = |last: &str| {
        let mut data: Vec<_> = (100..120).map(|number| format!("192.0.2.{number}")).collect();
        data.push(last.to_owned());
        let data: Vec<_> = data.iter().map(String::as_str).collect();
        Outcome::Answered(Response { answer: records("a.example.", 1, 300, &data), ..usual() })
    };
    let rules = Rules::new(&[], &[], None);
    let expected = Difference {
        kind: Kind::Answer,
        against: "besides those of both: a.example. A 192.0.2.200".to_owned(),
        with: "besides those of both: a.example. A 192.0.2.201".to_owned(),
    };
    assert_eq!(differences(&numbered("192.0.2.200"), &numbered("192.0.2.201"), &rules), [expected]);
    assert_eq!(kinds(&numbered("192.0.2.200"), &numbered("192.0.2.200"), &rules), []);
}

#[test]
fn silence_of_both_is_alike_and_of_one_is_not() {
    let rules = Rules::new(&[], &[], None);
    let failed = Outcome::Failed("refused: nobody listens there".to_owned());
    assert_eq!(kinds(&Outcome::Silent, &Outcome::Silent, &rules), []);
    for other in [Outcome::Answered(usual()), failed, Outcome::Garbled("cannot be read".to_owned())] {
        assert_eq!(kinds(&Outcome::Silent, &other, &rules), [Kind::NoAnswer]);
        assert_eq!(kinds(&other, &Outcome::Silent, &rules), [Kind::NoAnswer]);
    }
}

/// The question of a line.
fn question(line: &str) -> super::questions::Question {
    let text = Box::new(std::io::Cursor::new(line.to_owned()));
    let mut questions = Questions::new(text, Overrides::default(), false).hand_out().expect("a thread can be started");
    match questions.blocking_recv() {
        Some(Read::Question(question)) => question,
        other => panic!("no question: {other:?}"),
    }
}

fn compared(name: &str, with: Response, differed_at_first: bool) -> Compared {
    let outcomes = [Outcome::Answered(usual()), Outcome::Answered(with)];
    let differences = differences(&outcomes[0], &outcomes[1], &Rules::new(&[], &[], None));
    Compared { question: question(name), outcomes, differences, differed_at_first }
}

#[test]
fn the_report_counts_by_kind_and_keeps_so_many_examples() {
    let servers = ["192.0.2.53:53", "[2001:db8::53]:5300"].map(|text| text.parse().expect("an address"));
    let mut tally = Tally::new(servers, 1);
    tally.took = Duration::from_millis(2500);
    tally.unread_lines = 3;
    tally.add(compared("same.example A", usual(), false));
    tally.add(compared("passing.example A", usual(), true));
    assert!(!tally.differ());
    for name in ["one.example A", "two.example AAAA"] {
        tally.add(compared(name, Response { rcode: 5, recursion_available: false, ..usual() }, true));
    }
    assert!(tally.differ());
    let expected = "\
4 questions in 2.5 s to 192.0.2.53:53 (A) and [2001:db8::53]:5300 (B): 2 answered alike, 2 differ
answers: 4 of A, 4 of B
1 differed at first and no longer when asked again: a record that changes, or a late answer
3 lines were no question

rcode: 2
  one.example. A
    A  NOERROR
    B  REFUSED

ra: 2
  one.example. A
    A  yes
    B  no";
    assert_eq!(tally.lines().join("\n"), expected);
    let json = tally.json();
    assert_eq!(json["differing"], 2);
    assert_eq!(json["differences"][0]["kind"], "rcode");
    assert_eq!(json["differences"][0]["examples"][0]["with"], "REFUSED");
    assert_eq!(json["against"]["answered"], 4);
}

#[test]
fn servers_and_times_are_read_as_people_write_them() {
    for (text, expected) in [
        ("10.1.0.2", Some("10.1.0.2:53")),
        ("10.1.0.2:5300", Some("10.1.0.2:5300")),
        ("10.1.0.2#5300", Some("10.1.0.2:5300")),
        ("2001:db8::1", Some("[2001:db8::1]:53")),
        ("[2001:db8::1]", Some("[2001:db8::1]:53")),
        ("[2001:db8::1]:5300", Some("[2001:db8::1]:5300")),
        ("10.1.0.2:0", None),
        ("10.1.0.2:70000", None),
        ("dns.example.com", None),
        ("", None),
    ] {
        assert_eq!(server(text).ok(), expected.map(|text| text.parse().expect("an address")), "{text}");
    }
    for (text, expected) in [("5", Some(5000)), ("0.1", Some(100)), ("0", None), ("61", None), ("NaN", None)] {
        assert_eq!(seconds(text).ok(), expected.map(Duration::from_millis), "{text}");
    }
}
