//! Packet stories: what clients and upstreams say to each other, told line by line in `*.scn` and played against the
//! library without sockets and in virtual time.
//!
//! A story is a line `story SENTENCE` and the steps below it; lines before a file's first story are the head of each.
//! `#` begins a comment. Indented lines belong to the step above. `100x …` stands for 100 lines, in which `{n}` counts
//! from 0, and `{high}` `{low}` are its two octets.
//!
//! ```text
//! config                             TOML or named.conf, indented; a second one replaces that of the head
//! workers 2                          cores, default 1
//! reload                             a new configuration, indented
//! file NAME                          a master file for the zones of configurations below; a zone without one is not loaded
//! time passes 3.2s                   timers fire as they become due
//! rotation 1                         the record that sets of addresses begin with from now on, default 0
//! no upstream is asked               nothing is on its way to an upstream
//!
//! client NAME asks QNAME QTYPE …     NAME is a word; an address is also where it asks from, others ask from 127.0.0.1
//!     from=10.0.0.1 to=10.1.1.53 tcp worker=1 id=7 class=CH opcode=4 questions=2 tsig
//!     -rd +ad +cd +qr +tc +do edns[=SIZE] version=1 option=CODE:HEX opts=2 cookie[=HEX|=returned]
//! client NAME sends HEX …            any octets
//! client NAME gets nothing
//! client NAME gets RCODE …           with exactly these records, in this order (any-order: in any)
//!     aa tc ad no-ra ede=22 cookie header-only question-only longer-than=OCTETS at=SECONDS-SINCE-THE-STORY-BEGAN
//!
//! upstream ADDRESS is asked QNAME QTYPE …
//!     tcp +do +cd +ad no-opt no-cookie cookie server-cookie udp=SIZE mixed-case lower-case at=400ms worker=1
//!     again (the same octets by the same socket) as=WORD
//! upstream ADDRESS replies [RCODE] … to what it was last seen to be asked, or to=WORD, with these records
//!     aa tc ad cookie wrong-cookie echoed-cookie no-opt option=CODE:HEX opcode=4
//!     wrong-id wrong-socket no-question question=NAME/TYPE class=CH other-case lower-case not-a-response
//!     cut=OCTETS append=HEX missing-answers=COUNT
//! upstream ADDRESS answers QNAME QTYPE … with …     is asked and replies in one
//! upstream ADDRESS falls silent | returns     while it is silent its probes have no answer and are to be told; any other
//!                                    upstream answers each at once
//! upstream ADDRESS is probed …       tcp at=400ms worker=1, and steadily: all probes so far, at most 400 ms apart until now
//! upstream ADDRESS has answered 2 probes      since this was last told
//! upstream ADDRESS serves …          answers questions by itself from now on: after=1ms slow=200ms slow-every=10
//!                                    lost-every=10 most-a-second=100 RCODE; without RCODE with one address
//! upstream ADDRESS was asked at most COUNT    since it serves, or this was last told
//! traffic COUNT under=SUFFIX every=5ms        clients, each with a new name, on all workers in turn
//! traffic gets RCODE within=100ms all-but=2   each of them so far; two may have had it later
//! traffic costs at most 5 % more     packets to upstreams that serve, probes included, for what the traffic got
//! upstream ADDRESS closes | refuses connections | accepts connections
//! upstream ADDRESS refuses datagrams its host says so, once, of the socket of what it was last seen to be asked
//! ```
//!
//! Records are in master-file form, class optional, in the answer section until a line `authority` or `additional`.
//! Without being told, every reply is checked for ID, opcode, RD, CD, the question in the client's case, OPT exactly if
//! the client sent one, no foreign option, and its size; every question for RD, one question, an OPT without foreign
//! options. At a story's end nothing may have been sent that it did not tell, and a minute later nothing may wait.

mod expect;
mod message;
mod play;
mod record;
mod script;
mod traffic;
mod words;
mod world;

use std::fs;
use std::path::{Path, PathBuf};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Plays every story of a file, and tells of all that fail.
fn play_file(name: &str) {
    let text = fs::read_to_string(directory().join(name)).expect("the file can be read");
    let stories = script::read(&text);
    assert!(!stories.is_empty(), "{name} tells no story");
    let file = format!("tests/scenarios/{name}");
    let failures: Vec<String> = stories.iter().filter_map(|story| play::play(&file, story).err()).collect();
    assert!(failures.is_empty(), "{} of {} stories fail:\n{}", failures.len(), stories.len(), failures.join("\n"));
}

/// One test a file, and one that no file is left out.
macro_rules! stories {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            play_file(concat!(stringify!($name), ".scn"));
        })*

        #[test]
        fn every_file_is_played() {
            let files = fs::read_dir(directory()).expect("the directory can be read");
            let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
            let mut found: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".scn")?.to_owned())).collect();
            found.sort();
            let mut told = vec![$(stringify!($name)),*];
            told.sort_unstable();
            assert_eq!(found, told);
        }
    };
}

stories! { additional attacks cache chain choice clients edns fetches forged hedging negative overload prefetch reload servers shared silence stale zones }

#[test]
fn a_story_that_is_not_true_fails_and_says_where() {
    let head = "config\n    options { forwarders { 192.0.2.1; }; };\nstory x\nclient a asks a.example A\n";
    let reply = "upstream 192.0.2.1 answers a.example A\n    a.example. 10 A 10.0.0.1\n";
    for (case, steps, expected) in [
        ("another RCODE", "client a gets NXDOMAIN\n    a.example. 10 A 10.0.0.1", "x.scn:7: \n    expected: NXDOMAIN"),
        ("another address", "client a gets NOERROR\n    a.example. 10 A 10.0.0.2", "seen:     NOERROR\n        answer"),
        ("another TTL", "client a gets NOERROR\n    a.example. 9 A 10.0.0.1", "a.example. 10 IN A 10.0.0.1"),
        ("a record less", "client a gets NOERROR", "a.example. 10 IN A 10.0.0.1"),
        ("nothing", "client a gets nothing", "client a got an answer"),
        ("another client", "client b gets NOERROR", "client b got nothing"),
        ("an extended error", "client a gets NOERROR ede=22\n    a.example. 10 A 10.0.0.1", "seen:     NOERROR\n"),
        ("another time", "client a gets NOERROR at=1s\n    a.example. 10 A 10.0.0.1", "at 1s expected, seen at 0ns"),
        ("not told", "time passes 1s", "x.scn:3: at the end of: x\n    client a got what the story does not expect"),
        ("a question not asked", "upstream 192.0.2.1 is asked b.example A", "was not asked"),
        ("a misspelt word", "client a gets NOERROR ttl=3", "unknown word 'ttl'"),
        ("a misspelt step", "cleint a gets NOERROR", "unknown word 'cleint'"),
    ] {
        let story = script::read(&format!("{head}{reply}{steps}\n"));
        let error = play::play("x.scn", &story[0]).expect_err(case);
        assert!(error.contains(expected), "{case}: {error}");
    }
}

#[test]
fn a_question_that_is_not_told_fails_its_story() {
    let head = "config\n    options { forwarders { 192.0.2.1; }; };\nstory x\nclient a asks a.example A +do\n";
    for (case, steps, expected) in [
        ("not told", "", "upstream 192.0.2.1:53 was asked: a.example. IN A udp +do opt 1232 cookie"),
        ("told to be none", "no upstream is asked", "x.scn:5: upstream 192.0.2.1:53 was asked"),
        ("another name", "upstream 192.0.2.1 is asked b.example A +do", "seen:     a.example. IN A udp +do opt 1232"),
        ("another transport", "upstream 192.0.2.1 is asked a.example A +do tcp", "expected: a.example. IN A tcp"),
        ("DO forgotten", "upstream 192.0.2.1 is asked a.example A", "expected: a.example. IN A udp opt"),
        (
            "no OPT",
            "upstream 192.0.2.1 is asked a.example A no-opt",
            "seen:     a.example. IN A udp +do opt 1232 cookie",
        ),
        ("another server", "upstream 192.0.2.2 is asked a.example A +do", "upstream 192.0.2.2 was not asked"),
        ("too late", "upstream 192.0.2.1 is asked a.example A +do at=0.1s", "at 100ms expected, seen at 0ns"),
    ] {
        let story = script::read(&format!("{head}{steps}\n"));
        let error = play::play("x.scn", &story[0]).expect_err(case);
        assert!(error.contains(expected), "{case}: {error}");
    }
}
