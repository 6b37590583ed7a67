//! Choosing which of a rule's servers is asked next.
//!
//! Whatever the order ([`ForwarderOrder`]), a dead server is not asked and one that is doubted only after the others, then
//! the one heard last; who was tried already in this round, or has answered badly, is left out by the caller.
//!
//! A server that was found slow is tried again some day: while others are chosen, what weighs against it fades
//! ([`Server::fade`]) until it is the best again, for one question ([`Server::chosen`]).
//! Not here: when a question is sent to another one as well (`machine::timers`).

use std::sync::Arc;
use std::time::Duration;

use super::server::{Micros, Server, Standing};
use crate::config::ForwarderOrder;

/// Questions are not spread over servers that take twice the time of the fastest and this: they would be waited for.
/// A server in another zone of the region is well below, one that does not answer in time, or answers badly, above.
const SPREAD_SLACK: Duration = Duration::from_millis(20);

/// Which of `servers` to ask next. `excluded` has a bit for each that must not be; `draw` is random.
pub fn choose(servers: &[Arc<Server>], order: ForwarderOrder, excluded: u32, now: Micros, draw: u32) -> Option<usize> {
    let standings = servers.iter().enumerate().map(|(place, server)| (server.standing(now), place));
    let usable = standings.filter(|(standing, place)| *standing != Standing::Dead && excluded & (1 << place) == 0);
    // Of those that are doubted, the one that was heard last is the likeliest to answer, whatever it was worth before.
    let rank = |standing, place: usize, worth: Duration| match standing {
        Standing::Alive => (standing, worth, place),
        Standing::Doubted | Standing::Dead => (standing, servers[place].quiet_for(now), place),
    };
    match order {
        // One never asked goes first.
        ForwarderOrder::Fastest => usable.map(|(standing, place)| rank(standing, place, servers[place].weight())).min(),
        ForwarderOrder::First => usable.map(|(standing, place)| rank(standing, place, Duration::ZERO)).min(),
        ForwarderOrder::Spread => {
            let least = least_weight(usable.clone().map(|(_, place)| &*servers[place]), now);
            let worth = |place: usize| match is_slow(&servers[place], least) {
                false => Duration::ZERO,
                true => servers[place].weight().max(Duration::from_micros(1)),
            };
            let ranks = || usable.clone().map(|(standing, place)| rank(standing, place, worth(place)));
            let fit = || ranks().filter(|rank| (rank.0, rank.1) == (Standing::Alive, Duration::ZERO));
            match fit().count() {
                0 => ranks().min(),
                // The bias of the remainder is below one in 2^28.
                count => fit().nth(draw as usize % count),
            }
        }
    }
    .map(|(_, _, place)| place)
}

/// The time of the fastest of those that live and were asked before; zero: there is none.
fn least_weight<'s>(servers: impl Iterator<Item = &'s Server>, now: Micros) -> Duration {
    let known = servers.filter(|server| server.standing(now) == Standing::Alive).map(Server::weight);
    known.filter(|weight| !weight.is_zero()).min().unwrap_or_default()
}

/// Whether questions are spread over others.
fn is_slow(server: &Server, least: Duration) -> bool {
    !least.is_zero() && server.weight() > 2 * least + SPREAD_SLACK
}

/// Notes that the server at a place is asked. Those that are left out because they are slow come nearer to being tried.
pub fn note(servers: &[Arc<Server>], order: ForwarderOrder, chosen: usize, now: Micros) {
    let others = servers.iter().enumerate().filter(|&(place, _)| place != chosen).map(|(_, server)| server);
    match order {
        ForwarderOrder::Fastest => others.for_each(|server| server.fade()),
        // Nobody's time counts here; where it does, in other rules, it is to stay.
        ForwarderOrder::First => {}
        ForwarderOrder::Spread => {
            let least = least_weight(servers.iter().map(Arc::as_ref), now);
            others.filter(|server| is_slow(server, least)).for_each(|server| server.fade());
        }
    }
    servers[chosen].chosen();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Forwarder;

    const FAST: Option<Duration> = Some(Duration::from_millis(1));
    const SLOW: Option<Duration> = Some(Duration::from_millis(300));
    const MS: Micros = 1000;

    fn servers() -> [Arc<Server>; 3] {
        [0u8, 1, 2].map(|id| Arc::new(Server::new(id.into(), Forwarder::new(([192, 0, 2, id], 53).into()))))
    }

    fn kill(server: &Server, from: Micros) {
        assert!(server.late(from, from + 20 * MS), "nothing came since");
        for probe in 0..4 {
            assert!(server.claim_probe(from + (20 + 400 * probe) * MS, 0), "probe {probe}");
        }
    }

    #[test]
    fn the_fastest_answers_first_the_doubted_last_the_dead_never() {
        let servers = servers();
        let chosen = |excluded, now| choose(&servers, ForwarderOrder::Fastest, excluded, now, 0);
        assert_eq!(chosen(0, MS), Some(0), "nothing is known: the order of the text");
        servers[0].replied(MS, SLOW);
        assert_eq!(chosen(0, MS), Some(1), "one never asked goes first");
        servers[1].replied(2 * MS, FAST);
        servers[2].replied(3 * MS, SLOW);
        assert_eq!(chosen(0, 3 * MS), Some(1), "the fastest");
        assert_eq!(chosen(0b010, 3 * MS), Some(0), "without it, the first of the others");
        kill(&servers[1], 4 * MS);
        assert_eq!(chosen(0, 24 * MS), Some(0), "the fast one is doubted");
        assert_eq!(chosen(0b101, 24 * MS), Some(1), "if no other is left");
        assert_eq!(chosen(0b101, 1500 * MS), None, "a dead one is not asked");
        servers[1].replied(1501 * MS, None);
        assert_eq!(chosen(0b101, 1501 * MS), Some(1), "any reply shows that it lives");
    }

    #[test]
    fn of_the_doubted_the_one_heard_last_is_asked() {
        let servers = servers();
        (0..2).for_each(|place| servers[place].replied(MS, [FAST, SLOW][place]));
        assert!(servers[0].late(2 * MS, 30 * MS));
        servers[1].replied(500 * MS, SLOW);
        assert!(servers[1].late(510 * MS, 600 * MS));
        for order in [ForwarderOrder::Fastest, ForwarderOrder::First, ForwarderOrder::Spread] {
            assert_eq!(
                choose(&servers, order, 0b100, 600 * MS, 0),
                Some(1),
                "{order:?}: the slow one was heard 100 ms ago"
            );
            assert_eq!(choose(&servers, order, 0, 600 * MS, 0), Some(2), "{order:?}: nothing speaks against the third");
        }
    }

    #[test]
    fn the_first_of_the_text_is_asked_while_it_is_fit() {
        let servers = servers();
        let chosen = |excluded, now| choose(&servers, ForwarderOrder::First, excluded, now, 7);
        servers[0].replied(MS, SLOW);
        servers[1].replied(MS, FAST);
        assert_eq!(chosen(0, MS), Some(0), "however slow");
        assert_eq!(chosen(0b001, MS), Some(1), "tried already: the next");
        kill(&servers[0], 2 * MS);
        assert_eq!(chosen(0, 22 * MS), Some(1), "doubted");
        assert_eq!(chosen(0b110, 22 * MS), Some(0), "doubted, but no other is left");
        assert_eq!(chosen(0b110, 1500 * MS), None, "dead");
        servers[0].replied(1501 * MS, None);
        assert_eq!(chosen(0, 1501 * MS), Some(0), "used again at once");
        let before = servers[2].weight();
        servers[2].replied(MS, SLOW);
        (0..100).for_each(|_| note(&servers, ForwarderOrder::First, 0, MS));
        assert_ne!(servers[2].weight(), before);
        assert_eq!(servers[2].weight(), SLOW.expect("set"), "nothing fades: other rules look at it");
    }

    #[test]
    fn spread_is_even_over_those_that_are_fit() {
        let servers = servers();
        let counts = |excluded, now| {
            let mut counts = [0; 3];
            for draw in 0..300 {
                counts[choose(&servers, ForwarderOrder::Spread, excluded, now, draw).expect("one lives")] += 1;
            }
            counts
        };
        assert_eq!(counts(0, MS), [100, 100, 100], "nothing is known");
        servers[0].replied(MS, FAST);
        servers[1].replied(MS, Some(Duration::from_millis(20)));
        assert_eq!(counts(0, MS), [100, 100, 100], "one in another zone is not slow, one never asked neither");
        servers[2].replied(MS, SLOW);
        assert_eq!(counts(0, MS), [150, 150, 0], "one is slow");
        assert_eq!(counts(0b001, MS), [0, 300, 0], "one is tried");
        assert_eq!(counts(0b011, MS), [0, 0, 300], "two are");
        kill(&servers[0], 2 * MS);
        assert_eq!(counts(0, 22 * MS), [0, 300, 0], "one is doubted, one is slow");
        assert_eq!(counts(0b010, 22 * MS), [0, 0, 300], "the slow before the doubted");
    }

    #[test]
    fn a_slow_server_is_tried_again_by_one_question() {
        for order in [ForwarderOrder::Fastest, ForwarderOrder::Spread] {
            let servers = servers();
            servers[0].replied(MS, FAST);
            servers[1].replied(MS, SLOW);
            let ask = |draw| {
                let chosen = choose(&servers, order, 0b100, MS, draw).expect("both live");
                note(&servers, order, chosen, MS);
                chosen
            };
            let tried = (0..10_000).filter(|&draw| ask(draw) == 1).count();
            assert!((10..100).contains(&tried), "{order:?}: {tried} of 10,000");
            while ask(1) != 1 {}
            servers[1].replied(2 * MS, FAST);
            assert_eq!(servers[1].weight(), FAST.expect("set"), "{order:?}: the answer to a trial counts alone");
        }
    }
}
