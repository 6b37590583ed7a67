//! `$GENERATE`: one line that stands for many (BIND's; its manual, "The $GENERATE Directive").
//!
//! Not here: reading what comes out, which is done as for any record.

/// The most records that one directive makes.
pub(super) const MAX_RECORDS: u64 = 65_536;
/// The widest number, in characters.
const MAX_WIDTH: usize = 127;

/// `START-STOP[/STEP]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    start: i32,
    /// `start <= stop`
    stop: i32,
    /// `1..`
    step: i32,
}

impl Range {
    /// Reads a range; `None`: it is none.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (span, step) = text.split_once('/').unwrap_or((text, "1"));
        let (start, stop) = span.split_once('-')?;
        let range = Self { start: number(start)?, stop: number(stop)?, step: number(step)? };
        (range.start <= range.stop && range.step > 0).then_some(range)
    }

    /// How many numbers it has: `1..`
    pub(super) fn count(self) -> u64 {
        u64::from(self.start.abs_diff(self.stop) / self.step.unsigned_abs()) + 1
    }

    pub(super) fn numbers(self) -> impl Iterator<Item = i32> {
        (self.start..=self.stop).step_by(self.step.unsigned_abs() as usize)
    }
}

fn number(text: &str) -> Option<i32> {
    text.parse().ok().filter(|_| text.bytes().all(|octet| octet.is_ascii_digit()))
}

/// A template with a number in place of each `$`. `$$` is a dollar, as is `\$`; `${OFFSET[,WIDTH[,BASE]]}` adds, pads
/// with zeros, and counts in `d`ecimal, `o`ctal, `x` or `X` hexadecimal, or in `n`ibbles with dots between from the
/// lowest on. As in BIND 9.18 an offset holds for the plain `$` that follow in the same template.
pub(super) fn fill(template: &[u8], number: i32) -> Result<Vec<u8>, &'static str> {
    let (mut rest, mut out, mut offset) = (template, Vec::with_capacity(template.len() + 8), 0);
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        match (octet, behind.first()) {
            (b'$', Some(b'$')) => {
                out.push(b'$');
                rest = &behind[1..];
            }
            (b'$', first) => {
                let mut form = Form { width: 0, base: b'd' };
                if first == Some(&b'{') {
                    let end = behind.iter().position(|&octet| octet == b'}').ok_or("'${' without '}'")?;
                    (offset, form) = modifiers(&behind[1..end]).ok_or("'${' without OFFSET[,WIDTH[,d|o|x|X|n|N]]")?;
                    rest = &behind[end + 1..];
                }
                let sum = number.checked_add(offset).ok_or("a number beyond 2147483647")?;
                form.write(sum, &mut out)?;
            }
            (b'\\', Some(&escaped)) => {
                out.extend([octet, escaped]);
                rest = &behind[1..];
            }
            _ => out.push(octet),
        }
    }
    Ok(out)
}

/// How a number is written.
struct Form {
    width: usize,
    base: u8,
}

/// `OFFSET[,WIDTH[,BASE]]`.
fn modifiers(text: &[u8]) -> Option<(i32, Form)> {
    let mut parts = std::str::from_utf8(text).ok()?.split(',');
    let offset = parts.next()?.parse().ok()?;
    let width = parts.next().map_or(Some(0), |text| text.parse().ok().filter(|&width| width <= MAX_WIDTH))?;
    let base = match parts.next().map_or(&b"d"[..], str::as_bytes) {
        &[base @ (b'd' | b'o' | b'x' | b'X' | b'n' | b'N')] => base,
        _ => return None,
    };
    parts.next().is_none().then_some((offset, Form { width, base }))
}

impl Form {
    fn write(&self, number: i32, out: &mut Vec<u8>) -> Result<(), &'static str> {
        let width = self.width;
        let text = match self.base {
            b'd' => format!("{number:0width$}"),
            b'o' => format!("{number:0width$o}"),
            b'x' => format!("{number:0width$x}"),
            b'X' => format!("{number:0width$X}"),
            _ => nibbles(u32::try_from(number).map_err(|_| "nibbles of a negative number")?, width, self.base == b'N'),
        };
        out.extend(text.bytes());
        Ok(())
    }
}

/// Hexadecimal digits from the lowest on with dots between; `width` counts the dots.
fn nibbles(mut number: u32, mut width: usize, upper: bool) -> String {
    let mut text = String::new();
    loop {
        let digit = char::from_digit(number & 15, 16).unwrap_or('0');
        text.push(if upper { digit.to_ascii_uppercase() } else { digit });
        number >>= 4;
        width = width.saturating_sub(1);
        if width == 0 && number == 0 {
            return text;
        }
        text.push('.');
        width = width.saturating_sub(1);
        if width == 0 && number == 0 {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_go_up() {
        for (text, expected) in [
            ("1-3", Some(vec![1, 2, 3])),
            ("0-5/2", Some(vec![0, 2, 4])),
            ("7-7", Some(vec![7])),
            ("2147483646-2147483647", Some(vec![i32::MAX - 1, i32::MAX])),
            ("3-1", None),
            ("1-3/0", None),
            ("1-3/-1", None),
            ("-1-3", None),
            ("1-3x", None),
            ("1", None),
            ("1-2147483648", None),
            ("+1-3", None),
        ] {
            let range = Range::read(text.as_bytes());
            assert_eq!(range.map(|range| range.numbers().collect::<Vec<_>>()), expected, "{text}");
            assert_eq!(range.map(Range::count), expected.map(|numbers| numbers.len() as u64), "{text}");
        }
        assert_eq!(Range::read(b"0-2147483647").map(Range::count), Some(1 << 31));
    }

    /// Each is what BIND 9.18's named-checkzone made of it.
    #[test]
    fn templates_are_filled_as_bind_does() {
        for (template, number, expected) in [
            ("host$", 7, "host7"),
            ("$.a.$", 7, "7.a.7"),
            ("$$ \\$ $", 7, "$ \\$ 7"),
            ("${1}", 7, "8"),
            ("a${-10}", 7, "a-3"),
            ("${0,3}", 7, "007"),
            ("${0,3,d}", 7, "007"),
            ("${8,0,o}", 0, "10"),
            ("${10,4,x}", 0, "000a"),
            ("${10,4,X}", 0, "000A"),
            ("${-5,0,x}", 1, "fffffffc"),
            ("${0,0,n}", 0x1a2, "2.a.1"),
            ("${0,0,N}", 0x1a2, "2.A.1"),
            ("${0,5,n}", 0, "0.0.0"),
            ("${0,3,N}", 0, "0.0"),
            ("h${10,4,x}-$", 2, "h000c-12"),
        ] {
            assert_eq!(fill(template.as_bytes(), number), Ok(expected.as_bytes().to_vec()), "{template}");
        }
    }

    #[test]
    fn wrong_templates_are_refused() {
        for template in
            ["${", "${}", "${x}", "${0", "${0,}", "${0,-1}", "${0,128}", "${0,1,q}", "${0,1,d,1}", "${-9,1,n}"]
        {
            assert!(fill(template.as_bytes(), 1).is_err(), "{template}");
        }
        assert!(fill(b"${2147483647}", 1).is_err());
    }
}
