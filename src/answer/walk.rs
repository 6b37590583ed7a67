//! Deciding a few packets together, step by step, so that they wait for memory once and not one after the other.
//!
//! All are read and let in, or refused; then the places of their answers are brought near, then the answers; then all
//! are decided. A cache of millions of answers, or a local zone of as many names, costs little more than a small one
//! that way. They see one version of a zone where they ask it one after the other.
//! Not here: what a packet gets, which is the same as by [`super::decide`].

use super::admitted::{Admitted, Found};
use super::local::Present;
use super::{Client, Context, Decision, read};
use crate::cache::Key;
use crate::zone::Zone;

/// The most packets of a walk: as many as a core waits for at once, and few enough to stay near.
pub const MOST: usize = 16;

/// Where keys are made; lives longer than a walk, so that it need not be cleared.
pub struct Keys(Box<[Key; MOST]>);

impl Default for Keys {
    fn default() -> Self {
        Self(Box::new(std::array::from_fn(|_| Key::empty())))
    }
}

/// See the module.
pub struct Walk<'w> {
    context: Context<'w>,
    keys: &'w mut Keys,
    /// Counts packets; it is the next one's [`Context::rotation`].
    rotation: &'w mut u32,
    /// What was let in, and where its answer would be.
    admitted: [Option<(Admitted<'w>, Found<'w>)>; MOST],
    /// The local zone that the last of them asked.
    present: Present<'w>,
}

impl<'w> Walk<'w> {
    /// A walk of no packets.
    #[inline]
    pub(super) fn new(context: Context<'w>, keys: &'w mut Keys, rotation: &'w mut u32) -> Self {
        Self { context, keys, rotation, admitted: [const { None }; MOST], present: Present::default() }
    }

    /// Reads packet `index` (`0..MOST`). `None`: it is let in. Else what it gets, as by [`super::decide`]: signed queries
    /// go a way of their own.
    #[inline]
    pub fn read(&mut self, index: usize, packet: &'w [u8], client: Client, out: &mut [u8]) -> Option<Decision> {
        *self.rotation = self.rotation.wrapping_add(1);
        let context = Context { rotation: *self.rotation, ..self.context };
        match read(context, packet, client, out) {
            Ok(admitted) => {
                let found = admitted.set_key(&mut self.keys.0[index]);
                if let Err(reply) = admitted.may_have(found.rule, out) {
                    return Some(Decision::Reply(reply));
                }
                match found.local {
                    None => self.context.cache.prefetch_place(found.hash),
                    Some(local) => {
                        if let Some(zone) = self.present.of(&local.zone) {
                            zone.prefetch_way(found.hash);
                        }
                    }
                }
                self.admitted[index] = Some((admitted, found));
                None
            }
            Err(instead) => Some(instead.decide(context, packet, client, out)),
        }
    }

    /// Brings near what [`Self::decide`] looks at.
    #[inline]
    pub fn prefetch(&mut self) {
        if self.present.is_held() {
            self.for_each_local(Zone::prefetch_place);
            self.for_each_local(Zone::prefetch_node);
        }
        for (admitted, key) in self.admitted.iter().zip(&*self.keys.0) {
            if let Some((_, found)) = admitted
                && found.local.is_none()
            {
                self.context.cache.prefetch_entry(found.hash, key);
            }
        }
    }

    /// Hands over the zone and the hash of each name in a local zone.
    #[inline]
    fn for_each_local(&mut self, prefetch: impl Fn(&Zone, u64)) {
        for (_, found) in self.admitted.iter().flatten() {
            if let Some(zone) = found.local.and_then(|local| self.present.of(&local.zone)) {
                prefetch(zone, found.hash);
            }
        }
    }

    /// Decides packet `index`; a reply is written to `out` as by [`super::decide`]. `None`: it was not let in.
    #[inline]
    pub fn decide(&mut self, index: usize, out: &mut [u8]) -> Option<Decision> {
        let (admitted, found) = self.admitted[index].take()?;
        Some(admitted.answer_by(&self.keys.0[index], found, &mut self.present, out))
    }
}
