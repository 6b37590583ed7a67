//! What a zone says to a question (RFC 1034 §4.3.2, RFC 4592, RFC 6672).
//!
//! In this order: a delegation or DNAME above the name, the topmost first; the name itself; the wildcard of its closest
//! encloser. A name that exists costs one probe of the map where no cut is above it; the closest encloser of one that
//! does not is found by bisection over its labels, in at most 7.
//! Not here: following a chain of aliases, writing the reply (`answer`).

use crate::wire::Segment;
use crate::wire::header::rtype;
use crate::wire::name::{MAX_NAME_OCTETS, is_within};
use crate::wire::segment::{self, Meta, QUESTION_POINTER};
use crate::wire::walk::NameBuf;

use super::Zone;
use super::map;
use super::node::Node;
use super::rrset::{self, Rrset};
use super::tree::label_count;

/// What was found. Segments are owned by the question's name unless it is said otherwise.
#[derive(Clone, Copy, Debug)]
pub enum Found<'z> {
    /// The RRset that was asked for: of the name itself or of the wildcard that stands for it. Also a CNAME, if that
    /// type was asked for; its [`Segment::next`] is then not to be followed.
    Rrset(Rrset<'z>),
    /// Another type was asked for and the name is an alias: a CNAME. [`Segment::next`] is its target, in lower case.
    Alias(Rrset<'z>),
    /// The name is below a DNAME.
    Renamed(Renamed<'z>),
    /// The name is at or below a delegation; for DS, below one.
    Referral(Referral<'z>),
    /// ANY: at least one RRset.
    Every(Every<'z>),
    /// The name exists, or a wildcard stands for it, but has no such RRset.
    NoData,
    /// The name does not exist.
    NxDomain,
}

/// A DNAME above the question's name.
#[derive(Clone, Copy, Debug)]
pub struct Renamed<'z> {
    /// The DNAME, to be owned by the last [`owner_octets`](Self::owner_octets) of the question's name.
    pub dname: Segment<'z>,
    /// Octets of its owner: less than the question's name has.
    pub owner_octets: usize,
}

/// A delegation.
#[derive(Clone, Copy, Debug)]
pub struct Referral<'z> {
    zone: &'z Zone,
    /// The delegation's NS records, to be owned by the last [`owner_octets`](Self::owner_octets) of the question's
    /// name. They are counted as `answers`.
    pub ns: Segment<'z>,
    /// Octets of their owner.
    pub owner_octets: usize,
    owner: &'z [u8],
}

/// An address RRset of a delegation's name server.
#[derive(Clone, Copy, Debug)]
pub struct Glue<'z> {
    /// Where its owner stands in the body of [`Referral::ns`], whole and in the case of the master file: what the owner
    /// has to point to ([`Segment::copy_owned`]).
    pub owner_at: usize,
    /// Its owner: whole, in the case of the master file.
    pub owner: &'z [u8],
    /// The name server is at or below the delegation: nobody can go on without this (RFC 9471 §3.1).
    pub is_required: bool,
    /// A or AAAA.
    pub addresses: Segment<'z>,
}

/// All RRsets of a name.
#[derive(Clone, Copy, Debug)]
pub struct Every<'z> {
    zone: &'z Zone,
    node: &'z Node,
}

impl Zone {
    /// Answers a question about `name`, at or below the apex, in wire form and lower case.
    #[inline]
    pub fn find(&self, name: &[u8], qtype: u16) -> Found<'_> {
        self.find_hashed(name, map::hash(name), qtype)
    }

    /// As [`Self::find`], where the name's [`super::hash`] is known.
    #[inline]
    pub fn find_hashed(&self, name: &[u8], hash: u64, qtype: u16) -> Found<'_> {
        if self.tree.cut_depths() != 0
            && let Some(found) = self.find_cut(name, hash, qtype)
        {
            return found;
        }
        match self.tree.get(hash, name) {
            Some(node) => self.find_at(node, qtype),
            None => self.find_wildcard(name).map_or(Found::NxDomain, |node| self.find_at(node, qtype)),
        }
    }

    /// Asks the core to bring near what [`Self::prefetch_place`] reads for the name with this [`super::hash`].
    #[inline]
    pub fn prefetch_way(&self, hash: u64) {
        self.tree.prefetch_branch(hash);
    }

    /// Asks the core to bring near what [`Self::prefetch_node`] reads for the name with this [`super::hash`].
    #[inline]
    pub fn prefetch_place(&self, hash: u64) {
        self.tree.prefetch_leaf(hash);
    }

    /// Asks the core to bring near what [`Self::find_hashed`] reads of a name that exists.
    #[inline]
    pub fn prefetch_node(&self, hash: u64) {
        self.tree.prefetch_node(hash);
    }

    /// The topmost delegation or DNAME that hides the name.
    fn find_cut(&self, name: &[u8], hash: u64, qtype: u16) -> Option<Found<'_>> {
        let labels = Labels::of(name);
        let mut depths = self.tree.cut_depths() & (u128::MAX >> (127 - labels.count));
        while depths != 0 {
            let depth = depths.trailing_zeros() as usize;
            depths &= depths - 1;
            let suffix = labels.suffix(name, depth);
            // What is not there has nothing below it.
            let node = if depth == labels.count { self.tree.get(hash, name) } else { self.tree.node(suffix) }?;
            if node.is_cut() && (depth < labels.count || qtype != rtype::DS) {
                let (ns, owner) = (node.rrset(rtype::NS)?, node.name());
                return Some(Found::Referral(Referral { zone: self, ns, owner_octets: suffix.len(), owner }));
            }
            if node.has_dname() && depth < labels.count {
                let dname = node.rrset(rtype::DNAME)?;
                return Some(Found::Renamed(Renamed { dname, owner_octets: suffix.len() }));
            }
        }
        None
    }

    /// The wildcard of the closest encloser of a name that does not exist (RFC 4592 §3.3.1).
    fn find_wildcard(&self, name: &[u8]) -> Option<&Node> {
        let (labels, top) = (Labels::of(name), label_count(self.apex().as_wire()));
        // The apex exists, the name does not; between them, what exists is all above what does not.
        let (mut exists, mut encloser) = (top, self.tree.top());
        let mut missing = labels.count.max(top + 1);
        while missing - exists > 1 {
            let middle = exists.midpoint(missing);
            match self.tree.node(labels.suffix(name, middle)) {
                Some(node) => (exists, encloser) = (middle, node),
                None => missing = middle,
            }
        }
        if !encloser.has_star() {
            return None;
        }
        let mut star = [0; MAX_NAME_OCTETS + 2];
        let end = 2 + encloser.name().len();
        star[..2].copy_from_slice(b"\x01*");
        star[2..end].copy_from_slice(encloser.name());
        self.tree.node(&star[..end])
    }

    /// Whose addresses a name server at or below the apex has: its own, or those of its wildcard. Below a delegation too,
    /// as in NSD and Knot: nobody could go on without them.
    pub(super) fn node_for(&self, name: &[u8]) -> Option<&Node> {
        self.tree.node(name).or_else(|| self.find_wildcard(name))
    }

    /// What a name that is not hidden says.
    #[inline]
    fn find_at<'z>(&'z self, node: &'z Node, qtype: u16) -> Found<'z> {
        if qtype == rtype::ANY {
            return if node.is_empty() { Found::NoData } else { Found::Every(Every { zone: self, node }) };
        }
        let alias = |segment| Found::Alias(self.rrset_of(node, rtype::CNAME, segment));
        match node.rrset(qtype) {
            Some(segment) => Found::Rrset(self.rrset_of(node, qtype, segment)),
            None => node.rrset(rtype::CNAME).map_or(Found::NoData, alias),
        }
    }
}

impl<'z> Renamed<'z> {
    /// The DNAME's target: whole, in the case of the master file.
    pub fn target(&self) -> &'z [u8] {
        rrset::rdata(&self.dname).next().unwrap_or(&[0])
    }

    /// The name that the chain goes on with, in lower case; `None` when it is too long: YXDOMAIN (RFC 6672 §2.2).
    pub fn next(&self, name: &[u8]) -> Option<NameBuf> {
        let (prefix, target) = (&name[..name.len().checked_sub(self.owner_octets)?], self.target());
        let mut octets = [0; MAX_NAME_OCTETS];
        let room = octets.get_mut(..prefix.len() + target.len())?;
        room[..prefix.len()].copy_from_slice(prefix);
        room[prefix.len()..].copy_from_slice(target);
        let mut next = NameBuf::default();
        next.set(room);
        Some(next)
    }

    /// Writes the link as one segment for the question about `name`: the DNAME, then the CNAME made from it, with the
    /// same TTL, and what [`Self::next`] says. `None` when that name is too long.
    pub fn encode(&self, name: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let next = self.next(name)?;
        let cname = rrset::encode(rtype::CNAME, rrset::ttl(&self.dname), [next.as_wire()])?;
        let cname = Segment::new(&cname);
        let mut body = self.dname.body().to_vec();
        let owner = owner_pointer(name, self.owner_octets);
        body[..2].copy_from_slice(&owner.to_be_bytes());
        let offsets = [self.dname.ttl_offsets().next()?, body.len() + cname.ttl_offsets().next()?].map(|at| at as u16);
        body.extend_from_slice(cname.body());
        segment::encode(
            out,
            &Meta { answers: 2, authoritative: true, ..Meta::default() },
            &offsets,
            next.as_wire(),
            &body,
        )
    }
}

/// A pointer to the last `octets` of the question's name.
#[inline]
pub fn owner_pointer(name: &[u8], octets: usize) -> u16 {
    QUESTION_POINTER + name.len().saturating_sub(octets) as u16
}

impl<'z> Referral<'z> {
    /// The addresses of the name servers that this zone knows: first those that nobody can go on without.
    pub fn glue(&self) -> impl Iterator<Item = Glue<'z>> + use<'z> {
        let referral = *self;
        [true, false].into_iter().flat_map(move |is_required| referral.glue_of(is_required))
    }

    fn glue_of(self, is_required: bool) -> impl Iterator<Item = Glue<'z>> + use<'z> {
        rrset::places(&self.ns).flat_map(move |(owner_at, target)| {
            let mut name = NameBuf::default();
            name.set(target);
            let name = name.as_wire();
            let is_wanted = is_within(name, self.owner) == is_required
                && (is_required || is_within(name, self.zone.apex().as_wire()));
            let node = if is_wanted { self.zone.node_for(name) } else { None };
            [rtype::A, rtype::AAAA].into_iter().filter_map(move |rtype| {
                let addresses = node?.rrset(rtype)?;
                Some(Glue { owner_at, owner: target, is_required, addresses })
            })
        })
    }
}

impl<'z> Every<'z> {
    /// The RRsets with their types; the first is the one for clients that get only one (RFC 8482 §4.1): a CNAME if
    /// there is one, else that of the lowest type.
    pub fn rrsets(&self) -> impl Iterator<Item = (u16, Rrset<'z>)> + use<'z> {
        let Self { zone, node } = *self;
        let is_alias = |rtype: u16| rtype == rtype::CNAME;
        let alias = node.rrsets().filter(move |(rtype, _)| is_alias(*rtype));
        let all = alias.chain(node.rrsets().filter(move |(rtype, _)| !is_alias(*rtype)));
        all.map(move |(rtype, segment)| (rtype, zone.rrset_of(node, rtype, segment)))
    }
}

/// Where the labels of a name begin.
struct Labels {
    starts: [u8; MAX_NAME_OCTETS / 2 + 1],
    count: usize,
}

impl Labels {
    fn of(name: &[u8]) -> Self {
        let mut starts = [0; MAX_NAME_OCTETS / 2 + 1];
        let (mut at, mut count) = (0, 0);
        while name[at] != 0 {
            starts[count] = at as u8;
            count += 1;
            at += 1 + usize::from(name[at]);
        }
        starts[count] = at as u8;
        Self { starts, count }
    }

    /// The last `depth` labels of the name, at most all.
    fn suffix<'n>(&self, name: &'n [u8], depth: usize) -> &'n [u8] {
        &name[usize::from(self.starts[self.count.saturating_sub(depth)])..]
    }
}
