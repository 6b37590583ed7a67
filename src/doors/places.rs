//! The clients of a door: so many at once, and who makes room for a newcomer.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

/// What a client is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It has asked nothing yet.
    Unknown,
    /// It has been answered, and may ask more since then.
    Idle(Instant),
    /// It is being served.
    Served,
    /// The door was closed behind it.
    Leaving,
}

/// The door is closed: there is nothing more to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left;

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the door is closed")
    }
}

impl std::error::Error for Left {}

/// A client in its place, which says what it is doing.
///
/// Where all places are taken, a newcomer gets the place of who came first of those that have asked nothing yet, else of
/// who has been idle longest. Who is being served keeps its place; where all are, the newcomer is closed.
#[derive(Clone, Debug)]
pub struct Guest(Arc<Mutex<Standing>>);

impl Guest {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Standing::Unknown)))
    }

    /// It has asked, and is being served.
    ///
    /// # Errors
    /// When the door has been closed.
    pub fn is_served(&self) -> Result<(), Left> {
        self.becomes(Standing::Served)
    }

    /// It has been served, and may ask more.
    ///
    /// # Errors
    /// When the door has been closed meanwhile.
    pub fn is_idle(&self) -> Result<(), Left> {
        self.becomes(Standing::Idle(Instant::now()))
    }

    fn becomes(&self, standing: Standing) -> Result<(), Left> {
        let mut present = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *present == Standing::Leaving {
            return Err(Left);
        }
        *present = standing;
        Ok(())
    }

    fn standing(&self) -> Standing {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub(super) struct Places {
    clients: JoinSet<()>,
    /// Who came first stands first.
    guests: VecDeque<(Guest, AbortHandle)>,
    most: usize,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { clients: JoinSet::new(), guests: VecDeque::new(), most }
    }

    /// Serves a newcomer, if there is a place for it.
    pub(super) fn put<F: Future<Output = ()> + Send + 'static>(&mut self, serve: impl FnOnce(Guest) -> F) {
        while self.clients.try_join_next().is_some() {}
        self.guests.retain(|(_, handle)| !handle.is_finished());
        if self.guests.len() >= self.most {
            let Some((_, handle)) = self.makes_room().and_then(|at| self.guests.remove(at)) else { return };
            handle.abort();
        }
        let guest = Guest::new();
        let handle = self.clients.spawn(serve(guest.clone()));
        self.guests.push_back((guest, handle));
    }

    fn makes_room(&self) -> Option<usize> {
        let standings = || self.guests.iter().map(|(guest, _)| guest.standing()).enumerate();
        let unknown = standings().find(|(_, standing)| *standing == Standing::Unknown);
        let idle = || {
            let idle = standings().filter_map(|(at, standing)| match standing {
                Standing::Idle(since) => Some((since, at)),
                _ => None,
            });
            idle.min().map(|(_, at)| at)
        };
        unknown.map(|(at, _)| at).or_else(idle)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        for (guest, handle) in &self.guests {
            let mut standing = guest.0.lock().unwrap_or_else(PoisonError::into_inner);
            if *standing != Standing::Served {
                handle.abort();
            }
            *standing = Standing::Leaving;
        }
        self.clients.detach_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    /// A client that stays until it is put out, and tells then.
    fn stay(places: &mut Places) -> (Guest, oneshot::Receiver<()>) {
        let mut kept = None;
        let (there, gone) = oneshot::channel::<()>();
        places.put(|guest| {
            kept = Some(guest);
            async move {
                let _there = there;
                std::future::pending::<()>().await;
            }
        });
        (kept.unwrap_or_else(Guest::new), gone)
    }

    /// Which of them are still there.
    async fn there(gone: &mut [oneshot::Receiver<()>]) -> Vec<bool> {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        gone.iter_mut().map(|gone| gone.try_recv() == Err(oneshot::error::TryRecvError::Empty)).collect()
    }

    #[tokio::test]
    async fn newcomers_get_the_place_of_who_does_least() {
        let mut places = Places::new(3);
        let (guests, mut gone): (Vec<Guest>, Vec<_>) = (0..3).map(|_| stay(&mut places)).unzip();
        guests[0].is_idle().expect("it is open");
        tokio::time::sleep(Duration::from_millis(2)).await;
        guests[2].is_idle().expect("it is open");
        assert_eq!(there(&mut gone).await, [true, true, true]);
        let (newcomer, newcomer_gone) = stay(&mut places);
        gone.push(newcomer_gone);
        assert_eq!(there(&mut gone).await, [true, false, true, true], "who has asked nothing yet goes first");
        newcomer.is_served().expect("it is open");
        gone.push(stay(&mut places).1);
        assert_eq!(there(&mut gone).await, [false, false, true, true, true], "then who has been idle longest");
        guests[2].is_served().expect("it is open");
        let (last, last_gone) = stay(&mut places);
        gone.push(last_gone);
        assert_eq!(there(&mut gone).await, [false, false, true, true, false, true]);
        last.is_served().expect("it is open");
        gone.push(stay(&mut places).1);
        assert_eq!(there(&mut gone).await, [false, false, true, true, false, true, false], "all are being served");
    }

    #[tokio::test]
    async fn who_is_served_when_the_door_closes_stays_until_it_has_its_answer() {
        let mut places = Places::new(3);
        let (guests, mut gone): (Vec<Guest>, Vec<_>) = (0..3).map(|_| stay(&mut places)).unzip();
        guests[0].is_served().expect("it is open");
        guests[1].is_idle().expect("it is open");
        assert_eq!(there(&mut gone).await, [true, true, true]);
        drop(places);
        assert_eq!(there(&mut gone).await, [true, false, false]);
        assert_eq!((guests[0].is_idle(), guests[0].is_served()), (Err(Left), Err(Left)));
    }
}
