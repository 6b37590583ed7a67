//! Handing results from one worker to another.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::upstream::FlightId;

/// A worker's letter box. It is bounded by the flights that wait: each is told once.
#[derive(Default)]
pub struct Mailbox {
    letters: Mutex<Vec<(FlightId, Arc<[u8]>)>>,
    arrived: Notify,
}

impl Mailbox {
    /// Hands over what a flight waits for.
    pub fn put(&self, flight: FlightId, segment: Arc<[u8]>) {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).push((flight, segment));
        self.arrived.notify_one();
    }

    /// Waits until there is something, and takes it all.
    pub async fn take(&self) -> Vec<(FlightId, Arc<[u8]>)> {
        loop {
            let letters = std::mem::take(&mut *self.letters.lock().unwrap_or_else(PoisonError::into_inner));
            if !letters.is_empty() {
                return letters;
            }
            self.arrived.notified().await;
        }
    }
}
