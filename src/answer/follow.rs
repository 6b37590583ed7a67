//! Following a chain of aliases through the cache and local zones, from rule to rule, until it ends or a link has to be
//! asked for.
//!
//! Not here: how the segments of a chain are joined ([`super::chain`]).

use super::admitted::{Admitted, Refresh};
use super::chain::{self, Chain, Closed};
use super::local::Link;
use super::{Context, Decision};
use crate::cache::{Copied, Key, RefreshWindow};
use crate::metrics::Lookups;
use crate::wire::Segment;
use crate::wire::header::{ede, rcode, rtype};
use crate::wire::reply;

/// Whether a chain goes on behind what a local zone says.
enum Past {
    On,
    End,
}

impl Admitted<'_> {
    /// Puts a chain together from what is known, from its first segment on.
    pub(super) fn follow_from_start(&self, qname: &[u8], out: &mut [u8]) -> Decision {
        self.follow(Box::new(Chain::new(qname, self.view.rules.layout())), qname.to_vec(), out)
    }

    /// Whether links were believed under other rules than those in force by now: the query begins anew then.
    pub(super) fn is_overtaken(&self, chain: Option<&Chain>, segment: &[u8]) -> bool {
        let layout = self.view.rules.layout();
        let meta = Segment::new(segment).meta();
        (meta.linked && meta.layout != layout) || chain.is_some_and(|chain| chain.layout() != layout)
    }

    /// Takes the segment that was asked for, and goes on with the chain if it is not its end.
    pub(super) fn go_on(&self, chain: Option<Box<Chain>>, segment: Segment<'_>, out: &mut [u8]) -> Decision {
        if chain.is_none() && segment.next().is_empty() {
            let start = reply::begin(out, &self.query);
            let limit = self.limit(out.len());
            return match segment.copy_into(&mut out[start..limit], 0, self.rotation()) {
                Some(written) => self.reply(segment.meta(), start + written, out),
                None => self.reply_too_long(segment.meta(), out),
            };
        }
        let mut chain = chain.unwrap_or_else(|| Box::new(Chain::new(self.query.qname(), self.view.rules.layout())));
        let name = chain.wanted().to_vec();
        match chain.append(&name, &segment, 0, self.rotation()) {
            Ok(next) => self.follow(chain, next, out),
            Err(chain::Broken) => self.broken(out),
        }
    }

    /// Follows a chain through the cache and local zones, from rule to rule. The first segment that is to be fetched anew
    /// is; the others have their turn with the next query.
    ///
    /// It ends where this client may know nothing more, and where it returns to a name of a local zone.
    fn follow(&self, mut chain: Box<Chain>, mut next: Vec<u8>, out: &mut [u8]) -> Decision {
        let mut octets = Vec::new();
        let mut refresh = None;
        let mut passed: Vec<Vec<u8>> = Vec::new();
        // The rule whose local zone said last what there is.
        let mut end = None;
        while !next.is_empty() {
            let mut rule = self.find_rule(&next);
            if !self.is_allowed(rule) || passed.contains(&next) {
                break;
            }
            if let Some(local) = &self.view.rules.get(rule).local {
                // As far as zones here lead, what there is is told.
                if chain.is_full() && passed.len() == chain.links() {
                    break;
                }
                match self.local_link(local, &next, &mut chain, &mut octets) {
                    Link::Segment => match self.go_past(&mut chain, &octets, &mut next, &mut passed) {
                        Ok(Past::On) => continue,
                        Ok(Past::End) => {
                            end = Some(rule);
                            break;
                        }
                        Err(chain::Broken) => return self.broken(out),
                    },
                    Link::Delegated(by) => rule = by,
                    Link::NotReady => return self.not_ready(out),
                    Link::AllDown => return self.all_down(out),
                    Link::TooLong => return self.broken(out),
                }
            }
            let key = self.key_of(&next, rule);
            let Context { cache, now, .. } = self.context;
            let hash = cache.hash(&key);
            let whole = key.whole_name();
            let mut patch = self.patch(rule);
            if refresh.is_some() {
                patch.refresh = RefreshWindow::NEVER;
            }
            let found = cache
                .copy_segment(hash, &key, now, patch, &mut octets)
                .or_else(|| cache.copy_segment(cache.hash(&whole), &whole, now, patch, &mut octets));
            let found = found.or_else(|| {
                let stale = self.find_stale(&key, hash, rule, &mut octets)?;
                Some(Copied { elapsed: 0, refresh: stale == Refresh::Yes && refresh.is_none(), stored_ms: 0 })
            });
            self.count(if found.is_some() { Lookups::LinkFound } else { Lookups::LinkMissed });
            let Some(found) = found else {
                chain.want(&next);
                return self.forward_or_end(key, hash, rule, chain, out);
            };
            match chain.append(&next, &Segment::new(&octets), found.elapsed, patch.rotation) {
                Ok(name) => next = name,
                Err(chain::Broken) => return self.broken(out),
            }
            if found.refresh {
                refresh = Some((key, hash, rule));
            }
        }
        let reply = self.reply_chain(*chain, end, out);
        match refresh {
            Some((key, hash, rule)) => self.and_refresh(reply, key, hash, rule),
            None => reply,
        }
    }

    /// Takes what a local zone says of `next`, which becomes the name that the chain goes on with.
    fn go_past(
        &self,
        chain: &mut Chain,
        octets: &[u8],
        next: &mut Vec<u8>,
        passed: &mut Vec<Vec<u8>>,
    ) -> Result<Past, chain::Broken> {
        let name = chain.append(next, &Segment::new(octets), 0, self.rotation())?;
        // Asked for itself, the CNAME that a DNAME makes is the end.
        let is_end = name.is_empty() || self.query.qtype == rtype::CNAME;
        passed.push(std::mem::replace(next, name));
        Ok(if is_end { Past::End } else { Past::On })
    }

    /// A chain that leads where nothing is forwarded ends there: the client gets what is known.
    fn forward_or_end(&self, key: Key, hash: u64, rule: u32, chain: Box<Chain>, out: &mut [u8]) -> Decision {
        let nowhere = self.view.rules.get(rule).goes_nowhere();
        let recursion = self.query.recursion_desired() && self.recursion_available;
        if nowhere || !recursion {
            self.reply_chain(*chain, None, out)
        } else {
            self.forward(key, hash, rule, Some(chain), out)
        }
    }

    /// `end`: the rule of the local zone that its last records come from.
    fn reply_chain(&self, mut chain: Chain, end: Option<u32>, out: &mut [u8]) -> Decision {
        let start = reply::begin(out, &self.query);
        let limit = self.limit(out.len());
        let additional = match chain.close(limit.saturating_sub(start + self.opt_octets())) {
            Ok(Closed::Whole { additional }) => additional,
            Ok(Closed::TooLong) => return self.reply_too_long(chain.meta(), out),
            Err(chain::Broken) => return self.broken(out),
        };
        let records = chain.records();
        match out[start..limit].get_mut(..records.len()) {
            Some(room) => {
                room.copy_from_slice(records);
                let (meta, range) = (chain.meta(), (start, start + records.len()));
                let local =
                    end.filter(|_| self.tells_more() && meta.rcode == 0 && meta.authority == 0 && additional == 0);
                let present = local.and_then(|rule| self.view.rules.get(rule).local.as_ref()?.zone.load().clone());
                match present {
                    Some(zone) => self.reply_with_more(&zone, meta, range, out),
                    None => self.reply_and(meta, additional, range.1, out),
                }
            }
            None => self.reply_too_long(chain.meta(), out),
        }
    }

    /// The chain loops, or is longer than named follows.
    fn broken(&self, out: &mut [u8]) -> Decision {
        let refusal = self.refusal();
        let why = "the chain of aliases loops or is too long";
        Decision::Reply(refusal.with_ede(rcode::SERVFAIL, ede::INVALID_DATA, why, out))
    }
}
