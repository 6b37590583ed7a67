//! Commands about the process: reading its configuration anew, ending it, its keys and timers.

use std::ops::RangeInclusive;

use serde_json::json;

use super::words::switch;
use super::zones::{Which, which};
use crate::office::reply::{Code, Done, Ending, Failure, Reply};
use crate::office::{Office, Order, view_number};

/// What scripts read of a reload, be it that a zone could not be loaded: that stands behind it.
const NAMEDS_WORDS: &str = "server reload successful";

/// Everything anew, or one zone.
pub(super) fn reload(office: &Office, arguments: &[&str]) -> Reply {
    if arguments.is_empty() {
        let done = office.orders.ask(Order::Reload)?;
        let lines = [NAMEDS_WORDS, &done.text];
        let text = lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n");
        return Ok(Done { text, ..done });
    }
    let Which { view, apex, .. } = which(office, arguments)?;
    office.orders.ask(Order::ReloadZone(view, apex))
}

/// Everything anew; named says nothing of it, we do of what was not had.
pub(super) fn reconfig(office: &Office, _: &[&str]) -> Reply {
    office.orders.ask(Order::Reconfig)
}

/// Looks at the interfaces.
pub(super) fn scan(office: &Office, _: &[&str]) -> Reply {
    office.orders.ask(Order::Scan)
}

/// Ends once what is in flight was answered.
pub(super) fn stop(_: &Office, arguments: &[&str]) -> Reply {
    end(arguments, Ending::Stop)
}

/// Ends at once. What clients have changed is on the disk already.
pub(super) fn halt(_: &Office, arguments: &[&str]) -> Reply {
    end(arguments, Ending::Halt)
}

fn end(arguments: &[&str], ending: Ending) -> Reply {
    let text = match arguments {
        [] => String::new(),
        ["-p"] => format!("pid: {}", std::process::id()),
        _ => return Err(Failure::with(Code::Syntax, "expected: -p, or nothing")),
    };
    Ok(Done { text, then: Some(ending), ..Done::default() })
}

/// There is none, which is what `off` asks for.
pub(super) fn validation(office: &Office, arguments: &[&str]) -> Reply {
    let snapshot = office.shared.desks.state.present();
    let view = arguments.get(1).copied();
    view.map(|name| view_number(office, name)).transpose()?;
    match (switch(arguments[0]), arguments[0].to_ascii_lowercase().as_str()) {
        (Some(false), _) => Ok(Done::default()),
        (Some(true), _) => unvalidated(office, arguments),
        (None, "status" | "check") => {
            let views = snapshot.views.iter().filter(|own| view.is_none_or(|name| own.name == name));
            let line = |view: &str| format!("DNSSEC validation is disabled (view {view})\n");
            Ok(views.map(|view| line(&view.name)).collect::<String>().into())
        }
        _ => Err(Failure::with(Code::Syntax, "expected: on, off or status")),
    }
}

/// What belongs to validation.
pub(super) fn unvalidated(_: &Office, _: &[&str]) -> Reply {
    Err(Failure::not_here("answers are not validated here: DO and CD pass through, AD is cleared"))
}

/// As named shows them: all are of the configuration, and each view knows the server's and its own.
pub(super) fn tsig_list(office: &Office, _: &[&str]) -> Reply {
    let (facts, snapshot) = (office.facts.load(), office.shared.desks.state.present());
    let (mut text, mut rows) = (String::new(), Vec::new());
    for view in &snapshot.views {
        let is_known = |own: &Option<String>| own.as_ref().is_none_or(|own| *own == view.name);
        for (key, _) in facts.keys.iter().filter(|(_, own)| is_known(own)) {
            text += &format!("view \"{}\"; type \"static\"; key \"{key}\";\n", view.name);
            rows.push(json!({"view": view.name, "type": "static", "key": key}));
        }
    }
    if text.is_empty() {
        text = "no tsig keys found.\n".to_owned();
    }
    Ok(Done { text, json: Some(rows.into()), ..Done::default() })
}

/// Keys are those of the configuration.
pub(super) fn not_negotiated(_: &Office, _: &[&str]) -> Reply {
    Err(Failure::not_here("keys are not negotiated here (TKEY): those of the configuration go with it"))
}

/// Queries are logged, answers are not.
pub(super) fn no_responselog(_: &Office, _: &[&str]) -> Reply {
    Err(Failure::not_here("answers are not logged: 'querylog' logs the queries, category query-errors those that fail"))
}

/// There is no dnstap.
pub(super) fn no_dnstap(_: &Office, _: &[&str]) -> Reply {
    Err(Failure::not_here("there is no dnstap here"))
}

/// The timers of connections, and between which bounds each may be set, in tenths of a second.
const TCP_TIMEOUTS: [(&str, RangeInclusive<u16>); 4] = [
    ("tcp-initial-timeout", 25..=1200),
    ("tcp-idle-timeout", 1..=1200),
    ("tcp-keepalive-timeout", 1..=u16::MAX),
    ("tcp-advertised-timeout", 0..=u16::MAX),
];

/// The timers in force; those that are given hold until the next reload that is read after that.
pub(super) fn tcp_timeouts(office: &Office, arguments: &[&str]) -> Reply {
    let snapshot = office.shared.desks.state.present();
    if !arguments.is_empty() {
        snapshot.timers.set(read_timeouts(arguments)?);
    }
    let timers = TCP_TIMEOUTS.iter().map(|(name, _)| *name).zip(snapshot.timers.tenths());
    let text = timers.clone().map(|(name, tenths)| format!("{name}={tenths}\n")).collect();
    let object: serde_json::Map<_, _> = timers.map(|(name, tenths)| (name.to_owned(), json!(tenths))).collect();
    Ok(Done { text, json: Some(object.into()), ..Done::default() })
}

/// All four, in named's order and with its errors.
fn read_timeouts(arguments: &[&str]) -> Result<[u16; 4], Failure> {
    let mut tenths = [0; 4];
    for (place, (own, (_, bounds))) in tenths.iter_mut().zip(TCP_TIMEOUTS).enumerate() {
        let Some(argument) = arguments.get(place) else { return Err(Failure::new(Code::UnexpectedEnd)) };
        let number: u32 = argument.parse().map_err(|_| Failure::new(Code::BadNumber))?;
        let fitting = u16::try_from(number).ok().filter(|number| bounds.contains(number));
        *own = fitting.ok_or_else(|| Failure::new(Code::OutOfRange))?;
    }
    Ok(tenths)
}
