//! Vectors that are used again, so that what waits and what was sent for it cost no allocation each.
//!
//! Not here: what is in them; buffers that live as long as a worker.

/// So many are kept: as many questions as one worker has in flight when it is busy.
const MOST: usize = 1024;
/// One that has grown beyond so many octets is given back.
const MOST_OCTETS: usize = 1024;

/// See the module. Memory: at most [`MOST`] times [`MOST_OCTETS`].
pub struct Spares<T>(Vec<Vec<T>>);

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Spares<T> {
    /// An empty vector.
    #[inline]
    pub fn take(&mut self) -> Vec<T> {
        self.0.pop().unwrap_or_default()
    }

    /// Takes one back; what is in it is dropped.
    #[inline]
    pub fn put(&mut self, mut vector: Vec<T>) {
        let octets = vector.capacity() * size_of::<T>();
        if self.0.len() < MOST && (1..=MOST_OCTETS).contains(&octets) {
            vector.clear();
            self.0.push(vector);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_used_again_up_to_a_bound() {
        let mut spares = Spares::default();
        let mut vector = spares.take();
        vector.extend([1u64, 2]);
        let place = vector.as_ptr();
        spares.put(vector);
        let again = spares.take();
        assert_eq!((again.as_ptr(), again.len()), (place, 0), "without what was in it");
        spares.put(Vec::with_capacity(MOST_OCTETS / 8 + 1));
        spares.put(Vec::new());
        assert!(spares.0.is_empty(), "neither what is too big nor what is nothing");
        (0..2 * MOST).for_each(|_| spares.put(Vec::with_capacity(1)));
        assert_eq!(spares.0.len(), MOST);
    }
}
