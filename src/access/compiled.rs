//! Compiling an address match list into one lookup.
//!
//! `config` keeps a list as it was written; here it meets the host's addresses and becomes a step function for each
//! family. Asking costs the same whether the list has ten prefixes or a hundred thousand.
//! As named 9.18 does (compared with it over random lists): the first match decides; a nested list or named acl
//! matches where it says yes, and where it says no the outer list goes on; `none` is `!any`, so nothing after it is
//! reached and `!none` is `any`. A list that names keys is compiled once more for each: as it is for who signs with it.
//! An IPv4-mapped address (::ffff:10.0.0.1) is judged as IPv4, named's `match-mapped-addresses yes`. Sockets are of
//! one family, so none should arrive; if one does, an IPv4 rule must not be evaded. A *prefix* written in mapped form
//! thus matches nobody.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::config::{Match, MatchList, NamedAcl};
use crate::wire::Name;

use super::explain::{self, Explanation, allows};
use super::interval::{Claim, Decision, flatten};
use super::lookup::Steps;

/// What the host is called, and what `localhost` and `localnets` stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// For hostname.bind and id.server; not looked at here.
    pub name: String,
    /// The addresses of all interfaces.
    pub addresses: Vec<IpAddr>,
    /// The networks that these addresses are in; host bits are ignored.
    pub networks: Vec<IpNet>,
}

/// What a list says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// No matching element: not allowed.
    pub allowed: bool,
    /// The index in the list's own `elements` of the one that matched (not of what is nested in it).
    pub element: Option<u32>,
}

/// What IPv4 and IPv6 addresses are looked up in.
type BothFamilies = (Steps<u32>, Steps<u128>);

/// A compiled [`MatchList`]. Immutable; compile again when the host's addresses change. A copy shares the memory.
#[derive(Clone, Debug)]
pub struct Acl {
    v4: Steps<u32>,
    v6: Steps<u128>,
    /// For who signs with a key that the list names: what it then says about addresses.
    signed: Arc<HashMap<Name, BothFamilies>>,
    /// For `explain` alone.
    list: Arc<MatchList>,
    /// For `explain` alone.
    host: Arc<Host>,
}

impl Acl {
    /// O(n log n) in the prefixes; each named acl is compiled once, however often it is mentioned.
    pub fn compile(list: &MatchList, host: &Arc<Host>) -> Self {
        let steps_of = |family, signer| {
            let mut compiler = Compiler { family, host, signer, acls: HashMap::new() };
            flatten(compiler.claims(list))
        };
        let both = |signer| (Steps::new(&steps_of(Family::V4, signer)), Steps::new(&steps_of(Family::V6, signer)));
        let (v4, v6) = both(None);
        Self {
            v4,
            v6,
            signed: Arc::new(list.keys().into_iter().map(|key| (key.clone(), both(Some(key)))).collect()),
            list: Arc::new(list.clone()),
            host: Arc::clone(host),
        }
    }

    /// The same for a list of the same content that stands elsewhere.
    pub(super) fn written_as(&self, list: &MatchList) -> Self {
        Self { list: Arc::new(list.clone()), ..self.clone() }
    }

    /// Whether they are the same memory.
    #[cfg(test)]
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.signed, &other.signed)
    }

    /// Whether `address` is allowed, and by which element.
    ///
    /// Inlined: an `IpAddr` handed over in memory is read in other pieces than it was written in, which stalls for
    /// longer than the lookup takes.
    #[inline]
    pub fn decide(&self, address: IpAddr) -> Verdict {
        let decision = match address.to_canonical() {
            IpAddr::V4(v4) => self.v4.at(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.at(v6.to_bits()),
        };
        Verdict { allowed: decision.allowed(), element: decision.element() }
    }

    /// Whether who asks from (or at) `address` is allowed, and has signed with this key.
    #[inline]
    pub fn admits(&self, address: IpAddr, signer: Option<&Name>) -> bool {
        match signer {
            None => self.allows(address),
            Some(signer) => self.admits_signed(address, signer),
        }
    }

    #[cold]
    fn admits_signed(&self, address: IpAddr, signer: &Name) -> bool {
        let Some((v4, v6)) = self.signed.get(signer) else { return self.allows(address) };
        match address.to_canonical() {
            IpAddr::V4(address) => v4.at(address.to_bits()).allowed(),
            IpAddr::V6(address) => v6.at(address.to_bits()).allowed(),
        }
    }

    /// Whether `address` is allowed.
    #[inline]
    pub fn allows(&self, address: IpAddr) -> bool {
        self.decide(address).allowed
    }

    /// The element that decides about `address`, through named acls. Linear in the list: not for the query path.
    pub fn explain(&self, address: IpAddr) -> Explanation {
        explain::explain(&self.list, &self.host, address.to_canonical())
    }
}

/// Which addresses are being compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// A range of addresses, both ends included.
type Range = (u128, u128);

struct Compiler<'a> {
    family: Family,
    host: &'a Host,
    /// Who signs with which key; whoever else does, and whoever does not, is as nobody to keys.
    signer: Option<&'a Name>,
    /// Where each named acl, by its address in memory, says yes.
    acls: HashMap<*const NamedAcl, Vec<Range>>,
}

impl Compiler<'_> {
    fn claims(&mut self, list: &MatchList) -> Vec<Claim> {
        let mut claims = Vec::with_capacity(list.elements.len());
        for (index, element) in list.elements.iter().enumerate() {
            let decision = Decision::by(index, allows(element));
            self.each_range(&element.what, &mut |(first, last)| claims.push(Claim { first, last, decision }));
        }
        claims
    }

    /// Hands `each` the ranges of this family that `what` matches.
    fn each_range(&mut self, what: &Match, each: &mut dyn FnMut(Range)) {
        match what {
            Match::Any | Match::None => each(self.family.whole()),
            Match::Localhost => {
                let networks = self.host.addresses.iter().map(|address| IpNet::from(*address));
                networks.filter_map(|network| self.family.range(network)).for_each(each);
            }
            Match::Localnets => self.host.networks.iter().filter_map(|net| self.family.range(*net)).for_each(each),
            Match::Prefix(prefix) => self.family.range(*prefix).into_iter().for_each(each),
            Match::Key(name) if self.signer == Some(name) => each(self.family.whole()),
            Match::Key(_) => {}
            Match::List(list) => self.yes_ranges(list).into_iter().for_each(each),
            Match::Acl(acl) => {
                let key = std::ptr::from_ref::<NamedAcl>(acl);
                if !self.acls.contains_key(&key) {
                    let ranges = self.yes_ranges(&acl.list);
                    self.acls.insert(key, ranges);
                }
                self.acls[&key].iter().copied().for_each(each);
            }
        }
    }

    /// Where `list` says yes, in ascending order; neighbouring ranges are joined.
    fn yes_ranges(&mut self, list: &MatchList) -> Vec<Range> {
        let steps = flatten(self.claims(list));
        let (_, end) = self.family.whole();
        let mut ranges: Vec<Range> = Vec::new();
        for (i, step) in steps.iter().enumerate().filter(|(_, step)| step.decision.allowed()) {
            let last = steps.get(i + 1).map_or(end, |next| next.start - 1);
            match ranges.last_mut() {
                Some(before) if before.1 + 1 == step.start => before.1 = last,
                _ => ranges.push((step.start, last)),
            }
        }
        ranges
    }
}

impl Family {
    fn whole(self) -> Range {
        match self {
            Self::V4 => (0, u128::from(u32::MAX)),
            Self::V6 => (0, u128::MAX),
        }
    }

    /// The addresses of a network of this family.
    fn range(self, network: IpNet) -> Option<Range> {
        match (self, network) {
            (Self::V4, IpNet::V4(net)) => Some((net.network().to_bits().into(), net.broadcast().to_bits().into())),
            (Self::V6, IpNet::V6(net)) => Some((net.network().to_bits(), net.broadcast().to_bits())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use proptest::prelude::*;

    use super::*;
    use crate::config::{MatchElement, Position};

    fn host() -> Arc<Host> {
        Arc::new(Host {
            addresses: ["127.0.0.1", "10.1.1.53", "::1", "fd00:1::53"].map(|text| text.parse().unwrap()).into(),
            networks: ["127.0.0.1/8", "10.1.1.53/24", "::1/128", "fd00:1::/64"]
                .map(|text| text.parse().unwrap())
                .into(),
            ..Host::default()
        })
    }

    /// An element at line 7 of named.conf; `!` in front negates.
    fn element(text: &str) -> MatchElement {
        let (negated, word) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let what = match word {
            "any" => Match::Any,
            "none" => Match::None,
            "localhost" => Match::Localhost,
            "localnets" => Match::Localnets,
            key if key.starts_with("key:") => Match::Key(key[4..].parse().unwrap()),
            prefix if prefix.contains('/') => Match::Prefix(prefix.parse().unwrap()),
            address => Match::Prefix(IpNet::from(address.parse::<IpAddr>().unwrap())),
        };
        MatchElement { negated, what, position: Some(Position { file: "named.conf".into(), line: 7, column: 0 }) }
    }

    /// `inner` words between `{` and `}`; one nested list at most one deep, as `!{ a b }` or `{ a b }`.
    fn list(text: &str) -> MatchList {
        let mut elements: Vec<MatchElement> = Vec::new();
        let mut inner: Option<(bool, Vec<MatchElement>)> = None;
        for word in text.split_whitespace() {
            match (word, &mut inner) {
                ("{" | "!{", _) => inner = Some((word == "!{", Vec::new())),
                ("}", _) => {
                    let (negated, elements_inside) = inner.take().unwrap();
                    let what = Match::List(MatchList { elements: elements_inside });
                    elements.push(MatchElement { negated, what, position: None });
                }
                (_, Some((_, inside))) => inside.push(element(word)),
                (_, None) => elements.push(element(word)),
            }
        }
        MatchList { elements }
    }

    #[test]
    fn lists_decide_as_named_does() {
        let cases: [(&str, &str, &str, bool, Option<u32>); 24] = [
            ("an empty list matches nobody", "", "10.0.0.1", false, None),
            ("a prefix allows its first address", "10.0.0.0/8", "10.0.0.0", true, Some(0)),
            ("a prefix allows its last address", "10.0.0.0/8", "10.255.255.255", true, Some(0)),
            ("the address after a prefix is not in it", "10.0.0.0/8", "11.0.0.0", false, None),
            ("the address before a prefix is not in it", "10.0.0.0/8", "9.255.255.255", false, None),
            ("the first match denies although a later one allows", "!10.0.0.5 10.0.0.0/8", "10.0.0.5", false, Some(0)),
            ("a wider match before a negated one hides it", "10.0.0.0/8 !10.0.0.5", "10.0.0.5", true, Some(0)),
            ("any is both families", "any", "2001:db8::1", true, Some(0)),
            ("0.0.0.0/0 is IPv4 alone", "0.0.0.0/0", "2001:db8::1", false, None),
            ("0.0.0.0/0 has the last address", "0.0.0.0/0", "255.255.255.255", true, Some(0)),
            ("::/0 is IPv6 alone", "::/0", "10.0.0.1", false, None),
            ("::/0 has the last address", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, Some(0)),
            ("none ends the list", "none 10.0.0.0/8", "10.0.0.1", false, Some(0)),
            ("not none is any", "!none", "10.0.0.1", true, Some(0)),
            ("none in a nested list ends that list alone", "{ none } 10.0.0.0/8", "10.0.0.1", true, Some(1)),
            ("a no inside a nested list goes on outside", "{ !10.0.0.5 any } 10.0.0.0/8", "10.0.0.5", true, Some(1)),
            ("a no inside a negated list goes on outside", "!{ !10.0.0.5 any } any", "10.0.0.5", true, Some(1)),
            ("a yes inside a negated list denies", "!{ !10.0.0.5 any } any", "10.0.0.6", false, Some(0)),
            ("localhost is each of the host's addresses", "localhost", "10.1.1.53", true, Some(0)),
            ("localhost is not a neighbour", "localhost", "10.1.1.54", false, None),
            ("localnets is the networks of the host's addresses", "localnets", "10.1.1.54", true, Some(0)),
            ("localnets is IPv6 too", "localnets", "fd00:1::99", true, Some(0)),
            ("an IPv4-mapped address matches IPv4", "!10.0.0.5 any", "::ffff:10.0.0.5", false, Some(0)),
            ("a prefix in IPv4-mapped form matches nobody", "::ffff:0:0/96", "::ffff:10.0.0.5", false, None),
        ];
        for (name, text, address, allowed, element) in cases {
            let acl = Acl::compile(&list(text), &host());
            let address = address.parse().unwrap();
            assert_eq!(acl.decide(address), Verdict { allowed, element }, "{name}");
            assert_eq!(acl.explain(address).allowed, allowed, "{name}, explained");
        }
    }

    #[test]
    fn keys_match_who_signs_with_them_and_nobody_else() {
        let both = "!{ !10.0.0.0/8 any } key:k";
        for (case, text, address, signer, allowed) in [
            ("not signed", "key:k", "10.0.0.1", None, false),
            ("its signer", "key:k", "10.0.0.1", Some("k"), true),
            ("another signer", "key:k", "10.0.0.1", Some("other"), false),
            ("one of two", "key:k key:other", "10.0.0.1", Some("other"), true),
            ("an address before the key denies", "!10.0.0.1 key:k", "10.0.0.1", Some("k"), false),
            ("an address before the key allows who signs otherwise", "10.0.0.1 key:k", "10.0.0.1", Some("x"), true),
            ("a negated key denies its signer", "!key:k any", "10.0.0.1", Some("k"), false),
            ("and no other", "!key:k any", "10.0.0.1", Some("other"), true),
            ("nor who does not sign", "!key:k any", "10.0.0.1", None, true),
            ("a key within a list", "{ key:k } 10.0.0.1", "192.0.2.1", Some("k"), true),
            ("a negated key within a list goes on outside", "{ !key:k any } key:k", "10.0.0.1", Some("k"), true),
            ("a negated list with a key denies", "!{ key:k } any", "10.0.0.1", Some("k"), false),
            ("address and key: both", both, "10.0.0.1", Some("k"), true),
            ("address and key: the address alone", both, "10.0.0.1", None, false),
            ("address and key: the key alone", both, "192.0.2.1", Some("k"), false),
        ] {
            let acl = Acl::compile(&list(text), &host());
            let signer = signer.map(|name| name.parse().unwrap());
            assert_eq!(acl.admits(address.parse().unwrap(), signer.as_ref()), allowed, "{case}: {text}");
        }
    }

    #[test]
    fn explanations_name_the_deciding_element() {
        let acl = NamedAcl { name: "goodclients".to_owned(), list: list("10.0.0.0/8 { 192.168.0.0/16 }") };
        let mut whole = list("!10.0.0.5 !{ 172.16.0.0/12 }");
        whole.elements.push(MatchElement { negated: false, what: Match::Acl(Arc::new(acl)), position: None });
        whole.elements.extend(MatchList::local().elements);
        let acl = Acl::compile(&whole, &host());
        let cases = [
            ("an element of the list itself", "10.0.0.5", "!10.0.0.5 at named.conf:7"),
            ("through a named acl", "10.0.0.6", "goodclients → 10.0.0.0/8 at named.conf:7"),
            ("through an acl and a nested list", "192.168.1.1", "goodclients → { … } → 192.168.0.0/16 at named.conf:7"),
            ("through a negated list", "172.16.0.1", "!{ … } → 172.16.0.0/12 at named.conf:7"),
            ("a built-in default", "127.0.0.1", "localnets (built in)"),
            ("nothing", "8.8.8.8", "no element matches"),
        ];
        for (name, address, wanted) in cases {
            assert_eq!(acl.explain(address.parse().unwrap()).to_string(), wanted, "{name}");
        }
    }

    #[test]
    fn acls_of_acls_that_double_stay_small() {
        let mut acl = Arc::new(NamedAcl { name: "a0".to_owned(), list: list("10.0.0.0/8 !10.0.0.0/7") });
        for level in 1..200 {
            let mention = || MatchElement { negated: false, what: Match::Acl(Arc::clone(&acl)), position: None };
            let list = MatchList { elements: vec![mention(), mention()] };
            acl = Arc::new(NamedAcl { name: format!("a{level}"), list });
        }
        let acl = Acl::compile(&MatchList::of(Match::Acl(acl)), &host());
        assert!(acl.allows("10.0.0.1".parse().unwrap()));
        let outside = "12.0.0.1".parse().unwrap();
        assert!(!acl.allows(outside));
        assert_eq!(acl.explain(outside).path, []);
    }

    /// Ordered evaluation, element by element.
    fn naive(list: &MatchList, host: &Host, address: IpAddr) -> Verdict {
        for (index, element) in list.elements.iter().enumerate() {
            let matches = match &element.what {
                Match::Any | Match::None => true,
                Match::Localhost => host.addresses.contains(&address),
                Match::Localnets => host.networks.iter().any(|network| network.contains(&address)),
                Match::Prefix(prefix) => prefix.contains(&address),
                Match::Key(_) => false,
                Match::List(list) => naive(list, host, address).allowed,
                Match::Acl(acl) => naive(&acl.list, host, address).allowed,
            };
            if matches {
                let positive = !matches!(element.what, Match::None);
                return Verdict { allowed: positive != element.negated, element: Some(index as u32) };
            }
        }
        Verdict { allowed: false, element: None }
    }

    /// Few bits vary, so that prefixes overlap and addresses hit them.
    fn address() -> impl Strategy<Value = IpAddr> {
        let v4 = (0u32..4, 0u32..64).prop_map(|(net, host)| Ipv4Addr::from_bits(10 << 24 | net << 16 | host).into());
        let v6 =
            (0u128..4, 0u128..64).prop_map(|(net, host)| Ipv6Addr::from_bits(0xfd << 120 | net << 64 | host).into());
        let edge =
            prop::sample::select(vec!["0.0.0.0", "255.255.255.255", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
        prop_oneof![8 => v4, 8 => v6, 1 => edge.prop_map(|text| text.parse().unwrap())]
    }

    fn prefix() -> impl Strategy<Value = IpNet> {
        let lengths = prop::sample::select(vec![0u8, 8, 14, 16, 26, 28, 30, 31, 32, 62, 64, 122, 126, 127, 128]);
        (address(), lengths).prop_map(|(address, length)| {
            let most = if address.is_ipv4() { 32 } else { 128 };
            IpNet::new(address, length.min(most)).unwrap().trunc()
        })
    }

    fn any_list() -> impl Strategy<Value = MatchList> {
        let of = |what: BoxedStrategy<Match>| {
            let element =
                (any::<bool>(), what).prop_map(|(negated, what)| MatchElement { negated, what, position: None });
            prop::collection::vec(element, 0..6).prop_map(|elements| MatchList { elements })
        };
        let words = vec![Match::Any, Match::None, Match::Localhost, Match::Localnets];
        let leaf = prop_oneof![8 => prefix().prop_map(Match::Prefix), 1 => prop::sample::select(words)].boxed();
        let leaves = leaf.clone();
        of(leaf).prop_recursive(4, 60, 6, move |inner| {
            let nested = inner.clone().prop_map(Match::List);
            let acl = inner.prop_map(|list| Match::Acl(Arc::new(NamedAcl { name: "acl".to_owned(), list })));
            of(prop_oneof![3 => leaves.clone(), 1 => nested, 1 => acl].boxed())
        })
    }

    fn any_host() -> impl Strategy<Value = Host> {
        (prop::collection::vec(address(), 0..4), prop::collection::vec(prefix(), 0..4))
            .prop_map(|(addresses, networks)| Host { addresses, networks, ..Host::default() })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn compiled_lists_decide_as_the_text_does(
            list in any_list(),
            host in any_host(),
            addresses in prop::collection::vec(address(), 40),
        ) {
            let acl = Acl::compile(&list, &Arc::new(host.clone()));
            for address in addresses {
                let wanted = naive(&list, &host, address);
                prop_assert_eq!(acl.decide(address), wanted, "{} about {}", &list, address);
                let explanation = acl.explain(address);
                prop_assert_eq!(explanation.allowed, wanted.allowed, "{} about {}", &list, address);
                prop_assert_eq!(explanation.path.is_empty(), wanted.element.is_none());
            }
        }
    }
}
