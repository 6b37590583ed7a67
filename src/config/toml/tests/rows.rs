//! Every key in every place it has, and texts that come near to being right.

use proptest::prelude::*;

use super::super::keys::{self, Place};
use super::{Level, diagnostics, parse};

/// A value of no type that any key takes (a date), at a key of a table of its place.
fn misplaced(place: Place, key: &str) -> String {
    let value = "1979-05-27";
    match place {
        Place::Root => format!("{key} = {value}"),
        Place::Options => format!("[options]\n{key} = {value}"),
        Place::View => format!("[[view]]\n{key} = {value}"),
        Place::Forward => format!("[[forward]]\n{key} = {value}"),
        Place::Forwarder => format!("[options]\nforwarders = [{{ {key} = {value} }}]"),
        Place::ListenOn => format!("[options]\nlisten_on = [{{ {key} = {value} }}]"),
        Place::PeerUdpSize => format!("[options]\npeer_udp_size = [{{ {key} = {value} }}]"),
        Place::RrsetOrder => format!("[options]\nrrset_orders = [{{ {key} = {value} }}]"),
        Place::Negation => format!("[options]\nallow_query = [{{ {key} = {value} }}]"),
        Place::Logging => format!("[logging]\n{key} = {value}"),
        Place::Channel => {
            format!("[logging.channel.c]\nfile = 'x'\n{key} = {value}").replace("file = 'x'\nfile =", "file =")
        }
        Place::Zone => format!("[[zone]]\n{key} = {value}"),
        Place::Soa => format!("[[zone]]\nname = 'x'\nsoa = {{ {key} = {value} }}"),
        Place::Record => format!("[[zone]]\nname = 'x'\n[[zone.record]]\n{key} = {value}"),
        Place::Alias => format!("[[zone]]\nname = 'x'\n[[zone.record]]\nalias_target = {{ {key} = {value} }}"),
        Place::Grant => format!("[[zone]]\nname = 'x'\n[[zone.grant]]\n{key} = {value}"),
        Place::HealthCheck if key == "child_health_checks" => {
            format!("[[health_check]]\nname = 'c'\ntype = 'CALCULATED'\n{key} = {value}")
        }
        Place::HealthCheck => format!("[[health_check]]\n{key} = {value}"),
        Place::Key => format!("[[key]]\n{key} = {value}"),
        Place::StatisticsChannel => format!("[[statistics_channel]]\n{key} = {value}"),
        Place::Control => format!("[[control]]\n{key} = {value}"),
    }
}

#[test]
fn every_key_is_read_in_every_place_it_has() {
    for (key, places) in keys::KEYS {
        for place in *places {
            let text = misplaced(*place, key);
            let faults = diagnostics(&text);
            let told =
                |fault: &String| fault.contains(&format!(": {key}: ")) || fault.contains(&format!("{key}: expected"));
            assert!(faults.iter().any(told), "{key} {}: {faults:#?}", place.location());
            assert!(!faults.iter().any(|fault| fault.contains("unknown option")), "{text}: {faults:#?}");
        }
    }
}

/// Pieces of texts that come near to being right.
fn pieces() -> impl Strategy<Value = String> {
    let keys: Vec<String> = keys::KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
    let fixed: Vec<String> = [
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ",",
        "\n",
        ".",
        "'",
        "\"",
        "\"\"\"",
        "\\",
        "#",
        "!",
        "0",
        "-1",
        "90",
        "true",
        "1979-05-27",
        "inf",
        "'10/8'",
        "'a'",
        "'!a'",
        "'any'",
        "'10.1.0.2'",
        "'1w'",
        "a",
        "\u{feff}",
        "\r\n",
        "\0",
        "é",
    ]
    .map(str::to_owned)
    .to_vec();
    let piece = prop_oneof![
        prop::sample::select(fixed),
        prop::sample::select(keys),
        "[a-z0-9]{1,5}",
        "\\[(options|acl|view|logging\\.channel\\.a)\\]\n",
        "\\[\\[(view|forward|view\\.forward|zone|zone\\.record|zone\\.grant|view\\.zone|health_check|key|control)\\]\\]\n",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = parse(&text, "t.toml");
    }

    #[test]
    fn almost_right_text_is_read_or_refused_with_a_place(text in pieces()) {
        if let Err(faults) = parse(&text, "t.toml") {
            prop_assert!(faults.iter().any(|fault| fault.level == Level::Error));
            let lines = text.lines().count().max(1) as u32 + 1;
            let placed = faults.iter().all(|fault| fault.position.as_ref().is_some_and(|p| (1..=lines).contains(&p.line)));
            prop_assert!(placed, "{faults:#?}");
        }
    }
}
