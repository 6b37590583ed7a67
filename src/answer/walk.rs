//! Deciding a few packets together, step by step, so that they wait for memory once and not one after the other.
//!
//! All are read and let in, or refused; then the places of their answers are brought near, then the answers; then all
//! are decided. A cache of millions of answers costs little more than a small one that way.
//! Not here: what a packet gets, which is the same as by [`super::decide`].

use super::admitted::{Admitted, Found};
use super::{Client, Context, Decision, read};
use crate::cache::Key;

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
    admitted: [Option<(Admitted<'w>, Found)>; MOST],
}

impl<'w> Walk<'w> {
    /// A walk of no packets.
    #[inline]
    pub(super) fn new(context: Context<'w>, keys: &'w mut Keys, rotation: &'w mut u32) -> Self {
        Self { context, keys, rotation, admitted: [const { None }; MOST] }
    }

    /// Reads packet `index` (`0..MOST`). `None`: it is let in. Else what it gets, as by [`super::decide`].
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
                self.context.cache.prefetch_place(found.hash);
                self.admitted[index] = Some((admitted, found));
                None
            }
            Err(decision) => Some(decision),
        }
    }

    /// Brings near what [`Self::decide`] looks at.
    #[inline]
    pub fn prefetch(&self) {
        for (admitted, key) in self.admitted.iter().zip(&*self.keys.0) {
            if let Some((_, found)) = admitted {
                self.context.cache.prefetch_entry(found.hash, key);
            }
        }
    }

    /// Decides packet `index`; a reply is written to `out` as by [`super::decide`]. `None`: it was not let in.
    #[inline]
    pub fn decide(&mut self, index: usize, out: &mut [u8]) -> Option<Decision> {
        let (admitted, found) = self.admitted[index].take()?;
        Some(admitted.answer_by(&self.keys.0[index], found, out))
    }
}
