//! Flattening ordered claims on ranges of addresses into one step function.
//!
//! The first element of a list that matches decides, so an address belongs to the lowest element among those that
//! claim it. A sweep over the claims' ends with a heap of the claims in force finds it in O(n log n), however the
//! prefixes overlap. Both families are numbers here: an IPv4 address is below 2^32.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What a list says about an address: which of its elements matched, and with which sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decision(
    /// 0: no element matches. Else `(index + 1) * 2 + allowed`, so that decisions sort as their elements do.
    u32,
);

impl Decision {
    /// No element matches.
    pub(super) const NONE: Self = Self(0);

    /// The element at `index` matches.
    pub(super) fn by(index: usize, allowed: bool) -> Self {
        let index = u32::try_from(index).ok().filter(|index| *index < u32::MAX / 2 - 1);
        let index = index.expect("a list of 2^31 elements is larger than any file that was read");
        Self((index + 1) * 2 + u32::from(allowed))
    }

    /// Whether the deciding element says yes; no element: no.
    pub(super) fn allowed(self) -> bool {
        self.0 & 1 == 1
    }

    /// The deciding element's index in its list.
    pub(super) fn element(self) -> Option<u32> {
        (self.0 >> 1).checked_sub(1)
    }
}

/// An element's hold on the addresses `first..=last`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) first: u128,
    /// `first..`
    pub(super) last: u128,
    pub(super) decision: Decision,
}

/// From `start` up to the next step, `decision` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) start: u128,
    pub(super) decision: Decision,
}

/// The lowest decision that claims each address. The first step starts at 0; neighbours differ.
pub(super) fn flatten(mut claims: Vec<Claim>) -> Vec<Step> {
    claims.sort_unstable_by_key(|claim| claim.first);
    let mut upcoming = claims.iter().peekable();
    let mut in_force = BinaryHeap::new();
    let mut steps: Vec<Step> = Vec::new();
    for start in cuts(&claims) {
        while let Some(claim) = upcoming.next_if(|claim| claim.first <= start) {
            in_force.push(Reverse((claim.decision, claim.last)));
        }
        while in_force.peek().is_some_and(|Reverse((_, last))| *last < start) {
            in_force.pop();
        }
        let decision = in_force.peek().map_or(Decision::NONE, |Reverse((decision, _))| *decision);
        if steps.last().is_none_or(|step| step.decision != decision) {
            steps.push(Step { start, decision });
        }
    }
    steps
}

/// Every address at which the decision may change, ascending, 0 included.
fn cuts(claims: &[Claim]) -> Vec<u128> {
    let starts = claims.iter().map(|claim| claim.first);
    let ends = claims.iter().filter_map(|claim| claim.last.checked_add(1));
    let mut cuts: Vec<u128> = std::iter::once(0).chain(starts).chain(ends).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_of(claims: &[(u128, u128, usize)]) -> Vec<(u128, Option<u32>)> {
        let claim = |&(first, last, index)| Claim { first, last, decision: Decision::by(index, true) };
        flatten(claims.iter().map(claim).collect())
            .into_iter()
            .map(|step| (step.start, step.decision.element()))
            .collect()
    }

    #[test]
    fn claims_become_steps() {
        type Case = (&'static str, &'static [(u128, u128, usize)], &'static [(u128, Option<u32>)]);
        let cases: [Case; 7] = [
            ("no claim leaves one undecided step", &[], &[(0, None)]),
            ("a claim on everything has no end", &[(0, u128::MAX, 0)], &[(0, Some(0))]),
            ("a claim in the middle ends after its last address", &[(5, 9, 0)], &[(0, None), (5, Some(0)), (10, None)]),
            (
                "an earlier element cuts a hole into a later one",
                &[(4, 5, 0), (0, 9, 1)],
                &[(0, Some(1)), (4, Some(0)), (6, Some(1)), (10, None)],
            ),
            (
                "a later element inside an earlier one is never seen",
                &[(0, 9, 0), (4, 5, 1)],
                &[(0, Some(0)), (10, None)],
            ),
            (
                "an element that outlives an earlier one takes over",
                &[(0, 5, 0), (3, 9, 1)],
                &[(0, Some(0)), (6, Some(1)), (10, None)],
            ),
            ("neighbouring claims of one element join", &[(0, 4, 0), (5, 9, 0)], &[(0, Some(0)), (10, None)]),
        ];
        for (name, claims, wanted) in cases {
            assert_eq!(steps_of(claims), wanted, "{name}");
        }
    }

    #[test]
    fn a_decision_keeps_element_and_sign() {
        assert_eq!((Decision::NONE.element(), Decision::NONE.allowed()), (None, false));
        for (index, allowed) in [(0, false), (0, true), (99_999, false), (99_999, true)] {
            let decision = Decision::by(index, allowed);
            assert_eq!((decision.element(), decision.allowed()), (Some(index as u32), allowed));
        }
    }
}
