//! Handing results to a worker: from another one, or from the keeper.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::answer::update::{Outcome, Request};
use crate::upstream::FlightId;

/// What a worker is handed.
pub(super) enum Letter {
    /// What a flight waits for.
    Segment(FlightId, Arc<[u8]>),
    /// What came of the update of this number.
    Updated(u64, Box<Request>, Outcome),
}

/// A worker's letter box. It is bounded by the flights and updates that wait: each is told once.
#[derive(Default)]
pub struct Mailbox {
    letters: Mutex<Vec<Letter>>,
    arrived: Notify,
}

impl Mailbox {
    /// Hands something over.
    pub(super) fn put(&self, letter: Letter) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
        self.arrived.notify_one();
    }

    /// Waits until there is something, and takes it all.
    pub(super) async fn take(&self) -> Vec<Letter> {
        loop {
            let letters = std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner));
            if !letters.is_empty() {
                return letters;
            }
            self.arrived.notified().await;
        }
    }
}
