//! Numbers within the bounds that named gives them.

use std::ops::RangeInclusive;

use super::error_at;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::checked::Part;
use crate::config::named_conf::report::Report;
use crate::config::named_conf::value::Value;
use crate::config::values;

/// How named words what is out of bounds.
enum Wording {
    /// `NAME 'N' is out of range (LEAST..MOST)`
    IsOut,
    /// `NAME 'N' out of range (LEAST..MOST)`
    Out,
    /// `'NAME' must not be zero`
    NotZero,
    /// `port 'N' out of range`
    Port,
    /// As it stands here.
    As(&'static str),
}

use Wording::{As, IsOut, NotZero, Out, Port};

const WEEK: u32 = 604_800;
const MINUTES: RangeInclusive<u32> = 0..=40_320;
const NOT_ZERO: RangeInclusive<u32> = 1..=u32::MAX;
const PORTS: RangeInclusive<u32> = 0..=65_535;

const BOUNDS: &[(&str, RangeInclusive<u32>, Wording)] = &[
    ("dnskey-sig-validity", 0..=3660, IsOut),
    ("fstrm-set-buffer-hint", 1024..=65_536, Out),
    ("fstrm-set-flush-timeout", 1..=600, Out),
    ("fstrm-set-input-queue-size", 2..=16_384, Out),
    ("fstrm-set-output-notify-threshold", NOT_ZERO, As("fstrm-set-output-notify-threshold out of range (0 < 1)")),
    ("fstrm-set-output-queue-size", 2..=1024, Out),
    ("fstrm-set-reopen-interval", 1..=600, Out),
    ("heartbeat-interval", MINUTES, IsOut),
    ("http-port", PORTS, Port),
    ("https-port", PORTS, Port),
    ("max-query-restarts", 1..=255, As("'max-query-restarts' is out of range 1..255)")),
    ("max-refresh-time", NOT_ZERO, NotZero),
    ("max-retry-time", NOT_ZERO, NotZero),
    ("max-transfer-idle-in", MINUTES, IsOut),
    ("max-transfer-idle-out", MINUTES, IsOut),
    ("max-transfer-time-in", MINUTES, IsOut),
    ("max-transfer-time-out", MINUTES, IsOut),
    ("min-refresh-time", NOT_ZERO, NotZero),
    ("min-retry-time", NOT_ZERO, NotZero),
    ("nta-lifetime", NOT_ZERO, As("'nta-lifetime' may not be zero")),
    ("nta-lifetime", 0..=WEEK, As("'nta-lifetime' cannot exceed one week")),
    ("nta-recheck", 0..=WEEK, As("'nta-recheck' cannot exceed one week")),
    ("resolver-nonbackoff-tries", NOT_ZERO, As("'resolver-nonbackoff-tries' must be >= 1")),
    ("sig-validity-interval", 1..=3660, IsOut),
    ("tls-port", PORTS, Port),
];

/// Looks at every number of options, of a view or of a zone.
pub(super) fn check(body: &Body, report: &mut Report) {
    for (name, bounds, wording) in BOUNDS {
        let Some(setting) = body.find(name) else { continue };
        let Some(number) = number(setting).filter(|number| !bounds.contains(number)) else { continue };
        let (least, most) = (bounds.start(), bounds.end());
        let message = match wording {
            IsOut => format!("{name} '{number}' is out of range ({least}..{most})"),
            Out => format!("{name} '{number}' out of range ({least}..{most})"),
            NotZero => format!("'{name}' must not be zero"),
            Port => format!("port '{number}' out of range"),
            As(message) => (*message).to_owned(),
        };
        error_at(report, &setting.value_position, message, &format!("{least}..{most}"));
    }
    check_power_of_two(body, report);
    check_exponent(body, report);
    check_ratio(body, report);
    check_map_size(body, report);
    check_recheck(body, report);
}

fn number(setting: &Setting) -> Option<u32> {
    match &setting.value {
        Value::Number(number) | Value::Seconds(number) => Some(*number),
        Value::Numbers(numbers) => numbers.first().copied(),
        Value::Checked(parts) => parts.iter().find_map(|part| match part {
            Part::Number(number, _) => Some(*number),
            _ => None,
        }),
        _ => None,
    }
}

fn check_power_of_two(body: &Body, report: &mut Report) {
    let name = "fstrm-set-input-queue-size";
    let Some(setting) = body.find(name) else { return };
    if let Some(number) = number(setting).filter(|number| !number.is_power_of_two()) {
        error_at(report, &setting.value_position, format!("{name} '{number}' not a power-of-2"), "such as 512");
    }
}

/// 0 is no bound.
fn check_exponent(body: &Body, report: &mut Report) {
    let Some(setting) = body.find("max-rsa-exponent-size") else { return };
    if let Some(number) = number(setting).filter(|number| !(*number == 0 || (35..=4096).contains(number))) {
        let message = format!("max-rsa-exponent-size '{number}' is out of range (35..4096)");
        error_at(report, &setting.value_position, message, "0, or 35..4096");
    }
}

fn check_ratio(body: &Body, report: &mut Report) {
    let Some(setting) = body.find("max-ixfr-ratio") else { return };
    if number(setting) == Some(0) {
        let message = "'ixfr-max-ratio' must be a nonzero percentage or 'unlimited')";
        error_at(report, &setting.value_position, message.to_owned(), "1%..100%, or unlimited");
    }
}

fn check_map_size(body: &Body, report: &mut Report) {
    let Some(Setting { value: Value::Checked(parts), value_position: at, .. }) = body.find("lmdb-mapsize") else {
        return;
    };
    let octets = parts.first().and_then(Part::word).and_then(|token| values::size(&token.text).ok());
    let wrong = match octets {
        Some(octets) if octets < 1 << 20 => format!("'lmdb-mapsize {octets}' is too small"),
        Some(octets) if octets > 1 << 40 => format!("'lmdb-mapsize {octets}' is too large"),
        _ => return,
    };
    error_at(report, at, wrong, "1M..1024G");
}

/// An anchor that is doubted is asked for again before it is believed again.
fn check_recheck(body: &Body, report: &mut Report) {
    let seconds = |name| body.find(name).and_then(number);
    let lifetime = seconds("nta-lifetime").unwrap_or(3600);
    let Some(setting) = body.find("nta-recheck") else { return };
    if let Some(recheck) = number(setting).filter(|recheck| *recheck > lifetime) {
        let message = format!("'nta-recheck' ({recheck} seconds) is greater than 'nta-lifetime' ({lifetime} seconds)");
        error_at(report, &setting.value_position, message, "at most nta-lifetime");
    }
}
