//! Those who wait on one worker, in the order they came: of one source, and of all with unproven addresses.
//!
//! When there is no place for a newcomer, the oldest makes room, as at named's soft limit: under a flood of questions
//! that nobody answers, theirs are the oldest, while what an upstream answers in time never gets there. Refusing
//! newcomers instead would refuse everybody whenever the slow have filled the table.
//! Two lists are threaded through one table, so that nothing is looked for. Memory is bounded by those who wait.
//! Not here: how many may wait ([`Quota`](crate::access::Quota)).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::access::Source;
use crate::upstream::FlightId;

/// A place in the queue. Its holder gives it back to [`Queue::leave`], once.
pub(super) type Ticket = u32;

/// No place.
const NONE: u32 = u32::MAX;

/// The lists that a place may be in.
#[derive(Clone, Copy)]
enum List {
    OfSource,
    OfUnproven,
}

/// Neighbours in a list, or its ends.
#[derive(Clone, Copy)]
struct Links {
    older: u32,
    newer: u32,
}

/// `older` and `newer` than all: the newest and the oldest.
const EMPTY: Links = Links { older: NONE, newer: NONE };

struct Place {
    source: Source,
    proven: bool,
    /// What it waits for, once that is known.
    flight: Option<FlightId>,
    links: [Links; 2],
}

/// See the module.
#[derive(Default)]
pub(super) struct Queue {
    places: Vec<Place>,
    free: Vec<Ticket>,
    unproven: Option<Links>,
    /// Clients choose their addresses, not the (random) key of the hash.
    sources: HashMap<Source, Links, foldhash::fast::RandomState>,
}

impl Queue {
    /// Somebody begins to wait.
    pub(super) fn join(&mut self, source: Source, proven: bool) -> Ticket {
        let place = Place { source, proven, flight: None, links: [EMPTY; 2] };
        let ticket = match self.free.pop() {
            Some(ticket) => {
                self.places[ticket as usize] = place;
                ticket
            }
            None => {
                self.places.push(place);
                (self.places.len() - 1) as Ticket
            }
        };
        self.append(List::OfSource, ticket);
        if !proven {
            self.append(List::OfUnproven, ticket);
        }
        ticket
    }

    /// It waits for this from now on.
    pub(super) fn waits_for(&mut self, ticket: Ticket, flight: FlightId) {
        self.places[ticket as usize].flight = Some(flight);
    }

    /// What it waits for.
    pub(super) fn awaited(&self, ticket: Ticket) -> Option<FlightId> {
        self.places[ticket as usize].flight
    }

    /// It waits no longer.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.unlink(List::OfSource, ticket);
        if !self.places[ticket as usize].proven {
            self.unlink(List::OfUnproven, ticket);
        }
        self.free.push(ticket);
    }

    /// Who of this source has waited the longest.
    pub(super) fn oldest_of(&self, source: Source) -> Option<Ticket> {
        self.sources.get(&source).map(|ends| ends.newer)
    }

    /// Who of those whose address is not proven has waited the longest.
    pub(super) fn oldest_unproven(&self) -> Option<Ticket> {
        self.unproven.map(|ends| ends.newer)
    }

    fn append(&mut self, list: List, ticket: Ticket) {
        let Self { places, unproven, sources, .. } = self;
        let ends = match list {
            List::OfSource => sources.entry(places[ticket as usize].source).or_insert(EMPTY),
            List::OfUnproven => unproven.get_or_insert(EMPTY),
        };
        places[ticket as usize].links[list as usize] = Links { older: ends.older, newer: NONE };
        match ends.older {
            NONE => ends.newer = ticket,
            newest => places[newest as usize].links[list as usize].newer = ticket,
        }
        ends.older = ticket;
    }

    fn unlink(&mut self, list: List, ticket: Ticket) {
        let Self { places, unproven, sources, .. } = self;
        match list {
            List::OfSource => {
                if let Entry::Occupied(mut ends) = sources.entry(places[ticket as usize].source)
                    && cut(places, ends.get_mut(), list, ticket)
                {
                    ends.remove();
                }
            }
            List::OfUnproven => {
                if unproven.as_mut().is_some_and(|ends| cut(places, ends, list, ticket)) {
                    *unproven = None;
                }
            }
        }
    }
}

/// Takes a place out of the list with these ends; says whether the list is empty now.
fn cut(places: &mut [Place], ends: &mut Links, list: List, ticket: Ticket) -> bool {
    let Links { older, newer } = places[ticket as usize].links[list as usize];
    match older {
        NONE => ends.newer = newer,
        older => places[older as usize].links[list as usize].newer = newer,
    }
    match newer {
        NONE => ends.older = older,
        newer => places[newer as usize].links[list as usize].older = older,
    }
    ends.older == NONE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(last: u8) -> Source {
        Source::of([192, 0, 2, last].into())
    }

    proptest! {
        #[test]
        fn the_oldest_is_who_came_first_of_those_still_there(
            steps in prop::collection::vec((0u8..4, any::<bool>(), any::<prop::sample::Index>()), 0..100),
        ) {
            let mut queue = Queue::default();
            // In the order they came: the ticket, the source, whether it is proven.
            let mut present: Vec<(Ticket, u8, bool)> = Vec::new();
            for (who, joins, which) in steps {
                if joins || present.is_empty() {
                    let proven = who == 0;
                    let ticket = queue.join(source(who), proven);
                    prop_assert!(present.iter().all(|known| known.0 != ticket));
                    present.push((ticket, who, proven));
                } else {
                    queue.leave(present.remove(which.index(present.len())).0);
                }
                for who in 0..4 {
                    let expected = present.iter().find(|known| known.1 == who).map(|known| known.0);
                    prop_assert_eq!(queue.oldest_of(source(who)), expected);
                }
                let expected = present.iter().find(|known| !known.2).map(|known| known.0);
                prop_assert_eq!(queue.oldest_unproven(), expected);
                prop_assert!(queue.places.len() <= 100 && queue.free.len() + present.len() == queue.places.len());
            }
        }
    }
}
