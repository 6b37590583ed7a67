//! The body of a reply, which keeps its reader a place until it has been handed to the system.
//!
//! Not here: what it says ([`super::pages`]), who has a place ([`crate::doors`]).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use crate::doors::{Guest, Left};

/// Octets that are handed out at a time. A server has at most a few of them at hand beyond what its reader takes: while
/// there are more, the reader still reads, however slowly, and is not asked for its next request.
const PIECE_OCTETS: usize = 16 * 1024;

/// A guest that is being served as long as this lives, and is idle from then on.
#[derive(Debug)]
pub(super) struct Served(Guest);

impl Served {
    /// # Errors
    /// When the door has been closed.
    pub(super) fn begin(guest: Guest) -> Result<Self, Left> {
        guest.is_served().map(|()| Self(guest))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Behind a closed door it asks once more, and is closed then.
        let _ = self.0.is_idle();
    }
}

/// A page and its reader. They live until each octet has been written, or the connection is given up.
struct Page {
    octets: Vec<u8>,
    _reader: Served,
}

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &self.octets
    }
}

/// What is left of a page.
pub(super) struct Reply(Bytes);

impl Reply {
    /// The whole of it.
    pub(super) fn new(octets: Vec<u8>, reader: Served) -> Self {
        Self(Bytes::from_owner(Page { octets, _reader: reader }))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let octets = self.0.len().min(PIECE_OCTETS);
        Poll::Ready((octets > 0).then(|| Ok(Frame::data(self.0.split_to(octets)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
