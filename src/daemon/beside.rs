//! Work that may take long, on a thread of its own, while the server goes on to hear signals, orders and the watchdog.
//!
//! One at a time. It changes nothing of the [`Daemon`]: what is to be done with its outcome is done in the loop, once it
//! is there. A stop does not wait for it.

use std::io;
use std::thread;

use tokio::sync::oneshot;

use super::Daemon;

/// What is done in the loop with what came of it.
pub(super) type Then = Box<dyn FnOnce(&mut Daemon) + Send>;

/// See the module.
#[derive(Default)]
pub(super) struct Beside {
    under_way: Option<oneshot::Receiver<Then>>,
}

impl Beside {
    /// Whether something is under way; nothing else is begun then.
    pub(super) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Begins it.
    ///
    /// # Errors
    /// When the system gives no thread; `work` is dropped then.
    pub(super) fn begin(&mut self, work: impl FnOnce() -> Then + Send + 'static) -> io::Result<()> {
        let (done, outcome) = oneshot::channel();
        thread::Builder::new().name("reading".to_owned()).spawn(move || {
            // Nobody waits for it any more where the process ends.
            let _ = done.send(work());
        })?;
        self.under_way = Some(outcome);
        Ok(())
    }

    /// Waits for the outcome of what is under way; for ever where nothing is. `None`: it has panicked, and said so.
    pub(super) async fn done(&mut self) -> Option<Then> {
        let Some(outcome) = &mut self.under_way else { return std::future::pending().await };
        let outcome = outcome.await.ok();
        self.under_way = None;
        outcome
    }
}
