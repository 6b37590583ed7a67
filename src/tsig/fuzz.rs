//! Judging any octets and signing them: a body for `cargo fuzz` and for the corpus test.

use std::sync::Arc;

use crate::wire::header::HEADER_OCTETS;

use super::{Algorithm, Key, Keys, Refused, Signer, sign, verify};

const NOW: u64 = 1_700_000_000;

fn key() -> Key {
    let name = b"\x04ddns\0";
    let name = crate::wire::Name::from_wire(name).expect("a name");
    Key::new(name, Algorithm::HmacSha256, b"secret")
}

/// A packet from a client. Whatever it is, a verdict comes, a refusal can be written, and a packet without a signature
/// that we sign is believed whole: until one of its bits is changed.
pub fn fuzz(packet: &[u8]) {
    let keys = Keys::new([key()]);
    let mut out = vec![0; HEADER_OCTETS + 1024];
    match verify(packet, &keys, NOW) {
        Ok(Some(verified)) => {
            assert!(verified.message_end < packet.len());
            assert_eq!(verified.signer.error(), 0);
        }
        Err(Refused::NotAuthorised(signer)) => {
            let end = HEADER_OCTETS + signer.octets();
            assert_eq!(sign(&mut out, HEADER_OCTETS, &signer, NOW), Some(end));
        }
        Err(Refused::Malformed) => {}
        Ok(None) => check_signing(packet, &keys),
    }
}

/// Signs a packet that is whole and has no signature.
fn check_signing(packet: &[u8], keys: &Keys) {
    let signer = Signer::request(Arc::new(key()));
    let mut out = packet.to_vec();
    out.resize(packet.len() + signer.octets(), 0);
    let Some(end) = sign(&mut out, packet.len(), &signer, NOW) else { return };
    assert_eq!(end, out.len());
    // Octets behind the last record hide the signature, or are taken for it.
    let Ok(Some(verified)) = verify(&out, keys, NOW) else { return };
    if verified.message_end != packet.len() {
        return;
    }
    // The ID is not covered: the original one is, which stands in the record.
    for at in (2..packet.len()).step_by(1 + packet.len() / 16) {
        out[at] ^= 1;
        assert!(!matches!(verify(&out, keys, NOW), Ok(Some(_))), "octet {at} is not covered");
        out[at] ^= 1;
    }
}
