//! Messages on a connection: each behind its length (RFC 1035 §4.2.2), read in pieces, bounded.

/// Octets read but not yet used. Holds at most one message and what was read with it.
#[derive(Default)]
pub(super) struct Frames {
    octets: Vec<u8>,
    used: usize,
}

impl Frames {
    /// Where to read to.
    pub(super) fn room(&mut self) -> &mut Vec<u8> {
        self.octets.drain(..self.used);
        self.used = 0;
        &mut self.octets
    }

    /// The next whole message.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        let rest = &self.octets[self.used..];
        let length = usize::from(u16::from_be_bytes([*rest.first()?, *rest.get(1)?]));
        let message = rest.get(2..2 + length)?;
        self.used += 2 + length;
        Some(message)
    }

    /// Whether a message has begun and is not whole.
    pub(super) fn is_partial(&self) -> bool {
        self.used < self.octets.len()
    }
}

/// Appends a message behind its length; at most 65,535 octets.
pub(super) fn put(out: &mut Vec<u8>, message: &[u8]) {
    out.extend_from_slice(&(message.len() as u16).to_be_bytes());
    out.extend_from_slice(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whole_however_they_are_cut() {
        let mut stream = Vec::new();
        for message in [&b"one"[..], b"", b"three"] {
            put(&mut stream, message);
        }
        for piece in 1..=stream.len() {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for octets in stream.chunks(piece) {
                frames.room().extend_from_slice(octets);
                while let Some(message) = frames.next() {
                    found.push(message.to_vec());
                }
            }
            assert_eq!(found, [&b"one"[..], b"", b"three"], "in pieces of {piece}");
            assert!(!frames.is_partial());
        }
    }
}
