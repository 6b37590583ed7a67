//! LOC (RFC 1876): a place on the earth, in degrees, minutes, seconds and metres.

use super::scan::{Fault, Scan};

/// Octets of version 0, the only one.
const OCTETS: usize = 16;
/// The equator and the prime meridian, in thousandths of a second of arc.
const ORIGIN: u32 = 1 << 31;
/// What an altitude is counted from: 100,000 m below the spheroid, in centimetres.
const LOWEST: i64 = 10_000_000;
/// Defaults: size 1 m, horizontal precision 10,000 m, vertical 10 m.
const DEFAULTS: [u8; 3] = [0x12, 0x16, 0x13];

/// Reads the words of a record.
pub(super) fn read(scan: &mut Scan<'_>) -> Result<Vec<u8>, Fault> {
    let latitude = angle(scan, 90, ["N", "S"])?;
    let longitude = angle(scan, 180, ["E", "W"])?;
    let text = scan.bare_text()?;
    let (sign, metres) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let altitude = centimetres(metres).map(|height| sign * height as i64 + LOWEST);
    let altitude = altitude.and_then(|height| u32::try_from(height).ok()).ok_or(Fault::new("no altitude"))?;
    let mut sizes = DEFAULTS;
    for size in &mut sizes {
        if scan.is_at_end() {
            break;
        }
        *size = centimetres(scan.bare_text()?).and_then(power).ok_or(Fault::new("no size in metres"))?;
    }
    let mut octets = vec![0];
    octets.extend(sizes);
    octets.extend([latitude, longitude, altitude].into_iter().flat_map(u32::to_be_bytes));
    Ok(octets)
}

/// `D [M [S]]` and the hemisphere.
fn angle(scan: &mut Scan<'_>, most: u64, hemispheres: [&str; 2]) -> Result<u32, Fault> {
    let mut thousandths = 0;
    let bounds: [(u64, u32, u64); 3] = [(most, 0, 3_600_000), (59, 0, 60_000), (59_999, 3, 1)];
    for (place, (bound, decimals, weight)) in bounds.into_iter().enumerate() {
        let text = scan.bare_text()?;
        if let Some(side) = hemispheres.iter().position(|name| name.eq_ignore_ascii_case(text)).filter(|_| place > 0) {
            return hemisphere(side, thousandths, most);
        }
        let value = fixed(text, decimals).filter(|&value| value <= bound).ok_or(Fault::new("no such angle"))?;
        thousandths += value * weight;
    }
    let text = scan.bare_text()?;
    let side = hemispheres.iter().position(|name| name.eq_ignore_ascii_case(text));
    let side = side.ok_or(Fault::new(format!("not {} or {}", hemispheres[0], hemispheres[1])))?;
    hemisphere(side, thousandths, most)
}

fn hemisphere(side: usize, thousandths: u64, most: u64) -> Result<u32, Fault> {
    let found = u32::try_from(thousandths).ok().filter(|_| thousandths <= most * 3_600_000);
    let thousandths = found.ok_or(Fault::new("beyond the pole or the date line"))?;
    Ok(if side == 0 { ORIGIN + thousandths } else { ORIGIN - thousandths })
}

/// Metres with up to two decimals and perhaps an `m`.
fn centimetres(text: &str) -> Option<u64> {
    fixed(text.strip_suffix(['m', 'M']).unwrap_or(text), 2)
}

/// A decimal number in units of its last decimal.
fn fixed(text: &str, decimals: u32) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    let right = is_digits(whole) && is_digits(fraction) && (1..=10).contains(&whole.len());
    if !right || fraction.len() > decimals as usize || (text.contains('.') && fraction.is_empty()) {
        return None;
    }
    let scale = 10u64.pow(decimals - fraction.len() as u32);
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    Some(whole.parse::<u64>().ok()? * 10u64.pow(decimals) + fraction * scale)
}

/// Centimetres as a digit and a power of ten, what is behind the first digit cut off.
fn power(centimetres: u64) -> Option<u8> {
    let exponent = (0..=9).find(|&exponent| centimetres / 10u64.pow(exponent) < 10)?;
    Some((centimetres / 10u64.pow(exponent)) as u8 * 16 + exponent as u8)
}

/// Whether octets are a place. Other versions are not known here, and so are whatever they are.
pub(super) fn is_valid(rdata: &[u8]) -> bool {
    rdata.first().is_some_and(|&version| version != 0) || show(rdata).is_some()
}

/// The text of a record; `None`: these are not its RDATA in version 0.
pub(super) fn show(rdata: &[u8]) -> Option<String> {
    let octets: &[u8; OCTETS] = rdata.try_into().ok().filter(|octets: &&[u8; OCTETS]| octets[0] == 0)?;
    let number = |at: usize| u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]]);
    let latitude = show_angle(number(4), 90, ["N", "S"])?;
    let longitude = show_angle(number(8), 180, ["E", "W"])?;
    let altitude = i64::from(number(12)) - LOWEST;
    let sign = if altitude < 0 { "-" } else { "" };
    let mut shown = format!("{latitude} {longitude} {sign}{}", metres(altitude.unsigned_abs()));
    for &size in &octets[1..4] {
        let (digit, exponent) = (size >> 4, size & 15);
        if digit > 9 || exponent > 9 {
            return None;
        }
        shown.push(' ');
        shown.push_str(&metres(u64::from(digit) * 10u64.pow(exponent.into())));
    }
    Some(shown)
}

fn show_angle(value: u32, most: u32, hemispheres: [&str; 2]) -> Option<String> {
    let thousandths = value.abs_diff(ORIGIN);
    let side = hemispheres[usize::from(value < ORIGIN)];
    let (seconds, rest) = (thousandths / 1000, thousandths % 1000);
    let shown = format!("{} {} {}.{rest:03} {side}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    (thousandths <= most * 3_600_000).then_some(shown)
}

fn metres(centimetres: u64) -> String {
    format!("{}.{:02}m", centimetres / 100, centimetres % 100)
}

#[cfg(test)]
mod tests {
    use super::super::{rdata, show as show_any};
    use crate::wire::Name;

    #[test]
    fn places_are_read_and_shown() {
        for (text, shown) in [
            ("42 21 54 N 71 06 18 W -24m 30m", "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"),
            ("52 N 5 E 0", "52 0 0.000 N 5 0 0.000 E 0.00m 1.00m 10000.00m 10.00m"),
            (
                "32 7 19.5 S 116 2 25 e 10m 0.05m 20 99999m",
                "32 7 19.500 S 116 2 25.000 E 10.00m 0.05m 20.00m 90000.00m",
            ),
            ("90 0 0.000 N 180 W 42849672.95m", "90 0 0.000 N 180 0 0.000 W 42849672.95m 1.00m 10000.00m 10.00m"),
        ] {
            let octets = rdata(29, text, &Name::root()).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(octets.len(), super::OCTETS);
            assert_eq!(show_any(29, &octets), shown);
        }
    }

    #[test]
    fn places_off_the_earth_are_refused() {
        for text in [
            "91 N 5 E 0",
            "90 0 0.001 N 5 E 0",
            "52 60 N 5 E 0",
            "52 N 181 E 0",
            "52 5 E 0",
            "52 N 5 N 0",
            "52 N 5 E",
            "52 N 5 E -100000.01",
            "52 N 5 E 0 1 2 3 4",
            "52 N 5 E x",
            "52 N 5 E 1.234",
        ] {
            assert!(rdata(29, text, &Name::root()).is_err(), "{text}");
        }
    }
}
