//! A timer wheel: which flights want attention, in slots of [`TICK`].
//!
//! Entries are never taken out; who finds that an entry no longer means anything ignores it. So arming a timer is one
//! push, and nothing is searched. Few slots hold anything at a time; those that are emptied hand their memory on, so that
//! a wheel that has turned under load does not keep what each of its slots has ever held.

use std::time::{Duration, Instant};

/// How fine the wheel is; timers fire up to one tick late, never early.
pub const TICK: Duration = Duration::from_millis(4);
/// The same in microseconds: 64 bits divide faster than 128.
const TICK_US: u64 = TICK.as_micros() as u64;
/// Slots; a timer further away than the wheel reaches fires early at its horizon and is armed again.
const SLOTS: usize = 4096;
/// Emptied slots whose memory waits for another slot: as many as are filled within 256 ms.
const SPARES: usize = 64;

/// See the module. `T` is a small value that names what is to be looked at.
pub struct Wheel<T> {
    slots: Box<[Vec<T>]>,
    /// Empty vectors that slots have had, at most [`SPARES`].
    spares: Vec<Vec<T>>,
    /// One bit a slot that is not empty.
    occupied: [u64; SLOTS / 64],
    epoch: Instant,
    /// The tick up to which everything has fired.
    done: u64,
}

impl<T> Wheel<T> {
    /// An empty wheel whose time begins at `epoch`.
    pub fn new(epoch: Instant) -> Self {
        let slots = (0..SLOTS).map(|_| Vec::new()).collect();
        Self { slots, spares: Vec::new(), occupied: [0; SLOTS / 64], epoch, done: 0 }
    }

    fn tick_at(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.epoch).as_micros() as u64 / TICK_US
    }

    /// Lets `value` fire at `at` or up to a tick later.
    pub fn arm(&mut self, at: Instant, value: T) {
        let tick = (self.tick_at(at) + 1).clamp(self.done + 1, self.done + SLOTS as u64 - 1);
        let slot = tick as usize % SLOTS;
        if self.slots[slot].capacity() == 0
            && let Some(spare) = self.spares.pop()
        {
            self.slots[slot] = spare;
        }
        self.slots[slot].push(value);
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    /// Moves everything that is due at `now` to `due`.
    pub fn fire(&mut self, now: Instant, due: &mut Vec<T>) {
        let until = self.tick_at(now);
        while let Some(tick) = self.next_tick().filter(|&tick| tick <= until) {
            let slot = tick as usize % SLOTS;
            let mut fired = std::mem::take(&mut self.slots[slot]);
            due.append(&mut fired);
            if self.spares.len() < SPARES {
                self.spares.push(fired);
            }
            self.occupied[slot / 64] &= !(1 << (slot % 64));
            self.done = tick;
        }
        self.done = self.done.max(until);
    }

    /// When the next entry fires.
    pub fn next_at(&self) -> Option<Instant> {
        // More ticks than 32 bits hold pass within 199 days.
        Some(self.epoch + Duration::from_micros(self.next_tick()? * TICK_US))
    }

    /// The first occupied tick after `done`.
    fn next_tick(&self) -> Option<u64> {
        let start = (self.done + 1) as usize % SLOTS;
        let words = SLOTS / 64;
        for step in 0..=words {
            let word = (start / 64 + step) % words;
            let mut bits = self.occupied[word];
            if step == 0 {
                bits &= !0 << (start % 64);
            } else if step == words {
                bits &= !(!0 << (start % 64));
            }
            if bits != 0 {
                let slot = word * 64 + bits.trailing_zeros() as usize;
                return Some(self.done + 1 + ((slot + SLOTS - start) % SLOTS) as u64);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_fire_in_order_never_early_and_at_most_a_tick_late() {
        let epoch = Instant::now();
        let mut wheel = Wheel::new(epoch);
        let delays = [0, 1, 5, 17, 400, 401, 3999, 16_000];
        for &delay in &delays {
            wheel.arm(epoch + Duration::from_millis(delay), delay);
        }
        let mut fired = Vec::new();
        while let Some(at) = wheel.next_at() {
            let mut due = Vec::new();
            wheel.fire(at, &mut due);
            assert!(!due.is_empty(), "nothing was due at {:?}", at - epoch);
            for delay in due {
                let late = (at - epoch).saturating_sub(Duration::from_millis(delay));
                assert!(at >= epoch + Duration::from_millis(delay) && late <= TICK, "{delay} ms fired {late:?} late");
                fired.push(delay);
            }
        }
        assert_eq!(fired, delays);
    }

    #[test]
    fn a_server_that_runs_for_years_still_sleeps_between_timers() {
        let epoch = Instant::now();
        let mut wheel = Wheel::new(epoch);
        let now = epoch + Duration::from_secs(3 * 365 * 86_400);
        wheel.fire(now, &mut Vec::new());
        wheel.arm(now + Duration::from_millis(400), "retransmission");
        let next = wheel.next_at().expect("a timer is armed");
        assert!(next > now, "the driver would turn without sleeping");
        let mut due = Vec::new();
        wheel.fire(next, &mut due);
        assert_eq!(due, ["retransmission"]);
    }

    #[test]
    fn memory_follows_what_is_armed_not_what_ever_was() {
        let epoch = Instant::now();
        let (mut wheel, mut due) = (Wheel::new(epoch), Vec::new());
        for turn in 0..2 * SLOTS as u32 {
            let now = epoch + turn * TICK;
            due.clear();
            wheel.fire(now, &mut due);
            (0..100).for_each(|timer| wheel.arm(now + 10 * TICK, timer));
        }
        let held: usize = wheel.slots.iter().chain(&wheel.spares).map(Vec::capacity).sum();
        assert!(held <= (12 + SPARES) * 128, "{held} timers have room, 1,100 are armed");
    }

    #[test]
    fn a_timer_in_the_past_or_beyond_the_horizon_still_fires() {
        let epoch = Instant::now();
        let mut wheel = Wheel::new(epoch);
        let (mut due, much_later) = (Vec::new(), epoch + Duration::from_secs(100));
        wheel.fire(much_later, &mut due);
        wheel.arm(epoch, "past");
        wheel.arm(much_later + Duration::from_secs(60), "far");
        wheel.fire(much_later + TICK, &mut due);
        assert_eq!(due, ["past"]);
        wheel.fire(much_later + Duration::from_secs(17), &mut due);
        assert_eq!(due, ["past", "far"], "at the horizon, to be armed again");
    }
}
