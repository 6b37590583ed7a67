//! What commands ask of `daemon`, which alone changes the process; it answers with the true outcome.

use tokio::sync::{mpsc, oneshot};

use super::reply::{Code, Ending, Failure, Reply};
use crate::answer::desk::Waits;
use crate::wire::Name;

/// Orders that may wait.
const MOST_WAITING: usize = 64;

/// What is to be done.
#[derive(Debug)]
pub enum Order {
    /// Read the configuration and the zones anew.
    Reload,
    /// The same, in the log's words for it.
    Reconfig,
    /// Read one zone anew: its view and apex.
    ReloadZone(String, Name),
    /// Look at the interfaces.
    Scan,
    /// About answers after their TTL, in one view or in all.
    ServeStale(ServeStale, Option<String>),
    /// Have the workers say who waits.
    Recursing(std::sync::mpsc::Sender<Vec<Waits>>),
    /// End the process.
    End(Ending),
}

/// About answers after their TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeStale {
    /// Whether they are given out, whatever the configuration says; `None`: as it says.
    Set(Option<bool>),
    /// Say how it is.
    Show,
}

/// An order and who waits for its outcome.
#[derive(Debug)]
pub struct Request {
    /// What is to be done.
    pub order: Order,
    /// Told what came of it; may be gone.
    pub answer: oneshot::Sender<Reply>,
}

/// The way to `daemon`.
#[derive(Clone, Debug)]
pub struct Orders(mpsc::Sender<Request>);

impl Orders {
    /// A way, and its other end.
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        (Self(sender), receiver)
    }

    /// Asks and waits; not for tasks of a runtime, whose thread it would hold.
    pub fn ask(&self, order: Order) -> Reply {
        let (answer, told) = oneshot::channel();
        let gone = || Failure::with(Code::Failure, "the server is stopping");
        self.0.blocking_send(Request { order, answer }).map_err(|_| gone())?;
        told.blocking_recv().map_err(|_| gone())?
    }

    /// Asks and does not wait.
    pub async fn tell(&self, order: Order) {
        // Who is gone is stopping anyway.
        let _ = self.0.send(Request { order, answer: oneshot::channel().0 }).await;
    }
}
