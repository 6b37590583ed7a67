//! DNS cookies: weak proof, at the price of a hash, that the other side gets what is sent to its address.
//!
//! Towards clients: server cookies of version 1 (RFC 9018), the same from every server that shares the secret, so a
//! client may move between two nodes. Towards upstreams: one client cookie a server (RFC 7873 §5.3, RFC 9018 §3).
//! Option values in and out; time is an argument.
//! Invariant: a cookie that is not exactly ours is `Bad`, never an error: the question is answered as one without.
//! Not here: finding the OPT option, BADCOOKIE and TCP retries (`upstream`), drawing secrets.

use std::fmt;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

/// Octets of a client cookie.
pub const CLIENT_LEN: usize = 8;

/// Octets of the longest option: the client's 8 and at most 32 of the server's (RFC 7873 §4).
pub const MAX_OPTION_LEN: usize = 40;

/// The version in server cookies: RFC 9018 §4.
const VERSION: u8 = 1;

/// A server cookie older than this is bad (RFC 9018 §4.3), in seconds.
const MAX_AGE_SECONDS: i32 = 3600;

/// A server cookie further in the future than this is bad: the clocks of two nodes differ by less.
const MAX_AHEAD_SECONDS: i32 = 300;

/// Ages of server cookies that are not too old and not of the future, in seconds.
pub const ACCEPTED_AGES: std::ops::RangeInclusive<i32> = -MAX_AHEAD_SECONDS..=MAX_AGE_SECONDS;

/// A valid server cookie older than this is replaced.
const RENEW_AGE_SECONDS: i32 = 1800;

/// More earlier secrets are not kept: their cookies die of age within an hour.
const MAX_PREVIOUS: usize = 2;

/// A complete option of ours: client cookie, version, three zeros, timestamp, hash.
pub type Reply = [u8; 24];

/// The key of SipHash-2-4 (`cookie-secret`). Not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; 16]);

impl From<[u8; 16]> for Secret {
    fn from(octets: [u8; 16]) -> Self {
        Self(octets)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    fn hash(&self, octets: &[u8]) -> u64 {
        SipHasher24::new_with_key(&self.0).hash(octets)
    }
}

/// Makes and judges the server cookies of this node and of those that share its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerCookies {
    secret: Secret,
    /// Accepted, never used for new cookies; the latest first, at most [`MAX_PREVIOUS`].
    previous: Vec<Secret>,
}

/// What a client's COOKIE option is worth. Except for `Malformed` it holds the option to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieVerdict {
    /// Neither 8 nor 16 to 40 octets: FORMERR (RFC 7873 §5.2.2).
    Malformed,
    /// A client cookie alone.
    ClientOnly(Reply),
    /// A server cookie made for this client, not older than an hour.
    Valid(Reply),
    /// A server cookie that is not ours, not for this client, or not of this hour.
    Bad(Reply),
}

impl CookieVerdict {
    /// The option value to answer with.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Malformed => None,
            Self::ClientOnly(reply) | Self::Valid(reply) | Self::Bad(reply) => Some(reply),
        }
    }
}

impl ServerCookies {
    /// Cookies are made with `secret`; those made with one of `previous` (the latest first) are accepted too.
    pub fn new(secret: Secret, previous: &[Secret]) -> Self {
        let mut kept: Vec<Secret> = previous.iter().copied().filter(|old| *old != secret).collect();
        kept.truncate(MAX_PREVIOUS);
        Self { secret, previous: kept }
    }

    /// After a reload: `secret` makes the cookies from now on, those of the secrets until now stay good.
    pub fn rolled_over(&self, secret: Secret) -> Self {
        let until_now: Vec<Secret> = std::iter::once(self.secret).chain(self.previous.iter().copied()).collect();
        Self::new(secret, &until_now)
    }

    /// Judges the option value of a query from `client` and makes the one of its answer. `now_unix` in seconds,
    /// modulo 2^32.
    pub fn respond(&self, option: &[u8], client: IpAddr, now_unix: u32) -> CookieVerdict {
        let Some((client_cookie, server_cookie)) = split(option) else {
            return CookieVerdict::Malformed;
        };
        let renewed = || self.make(client_cookie, client, now_unix);
        if server_cookie.is_empty() {
            return CookieVerdict::ClientOnly(renewed());
        }
        match Reply::try_from(option).ok().and_then(|cookie| self.accept(&cookie, client, now_unix)) {
            Some(Accepted { cookie, renew: false }) => CookieVerdict::Valid(cookie),
            Some(_) => CookieVerdict::Valid(renewed()),
            None => CookieVerdict::Bad(renewed()),
        }
    }

    fn make(&self, client_cookie: [u8; CLIENT_LEN], client: IpAddr, now_unix: u32) -> Reply {
        let mut cookie = [0; 24];
        cookie[..8].copy_from_slice(&client_cookie);
        cookie[8] = VERSION;
        cookie[12..16].copy_from_slice(&now_unix.to_be_bytes());
        let hash = hash_of(&self.secret, &cookie, client);
        cookie[16..].copy_from_slice(&hash.to_le_bytes());
        cookie
    }

    fn accept(&self, cookie: &Reply, client: IpAddr, now_unix: u32) -> Option<Accepted> {
        let age_seconds = age_seconds(cookie, now_unix)?;
        if cookie[8] != VERSION || !ACCEPTED_AGES.contains(&age_seconds) {
            return None;
        }
        // Compared as one number: the time does not tell how many octets were right.
        let hash = u64::from_le_bytes(cookie[16..].try_into().expect("eight octets"));
        let made_with = |secret: &Secret| hash_of(secret, cookie, client) == hash;
        if made_with(&self.secret) {
            return Some(Accepted { cookie: *cookie, renew: age_seconds > RENEW_AGE_SECONDS });
        }
        self.previous.iter().any(made_with).then_some(Accepted { cookie: *cookie, renew: true })
    }
}

/// How old a server cookie of our form says it is, in seconds; `None`: it is of another length.
pub fn age_seconds(option: &[u8], now_unix: u32) -> Option<i32> {
    let cookie = Reply::try_from(option).ok()?;
    let timestamp = u32::from_be_bytes(cookie[12..16].try_into().expect("four octets"));
    // Serial number arithmetic (RFC 1982), so that 2106 is no special year.
    Some(now_unix.wrapping_sub(timestamp).cast_signed())
}

/// A server cookie that is ours.
struct Accepted {
    cookie: Reply,
    /// Half an hour old or made with an earlier secret.
    renew: bool,
}

/// The hash over client cookie, version, reserved octets (as they came), timestamp and client address (RFC 9018 §4.4).
fn hash_of(secret: &Secret, cookie: &Reply, client: IpAddr) -> u64 {
    let mut input = [0; 32];
    input[..16].copy_from_slice(&cookie[..16]);
    match client.to_canonical() {
        IpAddr::V4(v4) => {
            input[16..20].copy_from_slice(&v4.octets());
            secret.hash(&input[..20])
        }
        IpAddr::V6(v6) => {
            input[16..].copy_from_slice(&v6.octets());
            secret.hash(&input)
        }
    }
}

/// Client and server cookie of an option value; none if its length is impossible.
fn split(option: &[u8]) -> Option<([u8; CLIENT_LEN], &[u8])> {
    let (client_cookie, server_cookie) = option.split_first_chunk()?;
    matches!(server_cookie.len(), 0 | 8..=32).then_some((*client_cookie, server_cookie))
}

/// The cookie towards one upstream: our part, and the server's part as it last came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCookie {
    /// Both parts; the first 8 octets are ours.
    octets: [u8; MAX_OPTION_LEN],
    /// 8 (the server's part is not known) or `16..=40`.
    len: u8,
}

/// What a response's COOKIE option says about its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieCheck {
    /// Our part came back.
    Right,
    /// Another client part, or an impossible length: to be discarded as spoofed (RFC 7873 §5.3).
    WrongClientPart,
    /// No option. Spoofed, or a server (again) without cookies: see [`ClientCookie::is_expected`].
    Absent,
}

impl ClientCookie {
    /// Another one for each server, so that servers cannot compare notes; the same after a restart with the same
    /// secret. A change of our own address asks for a new secret (RFC 9018 §3: not to be followed through networks).
    pub fn new(secret: &Secret, server: IpAddr) -> Self {
        let hash = match server.to_canonical() {
            IpAddr::V4(v4) => secret.hash(&v4.octets()),
            IpAddr::V6(v6) => secret.hash(&v6.octets()),
        };
        let mut octets = [0; MAX_OPTION_LEN];
        octets[..CLIENT_LEN].copy_from_slice(&hash.to_le_bytes());
        Self { octets, len: CLIENT_LEN as u8 }
    }

    /// The option value to send.
    pub fn option(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }

    /// Whether this server has given a cookie before, so that a response by UDP without one is to be discarded
    /// (RFC 7873 §5.3) or asked for again by TCP.
    pub fn is_expected(&self) -> bool {
        usize::from(self.len) > CLIENT_LEN
    }

    /// Judges the option of a response that matched its question otherwise. The server's part is remembered if ours
    /// is right; also that of a BADCOOKIE, with which the question can be asked again.
    pub fn check(&mut self, option: Option<&[u8]>) -> CookieCheck {
        let Some(option) = option else {
            return CookieCheck::Absent;
        };
        let Some((client_cookie, server_cookie)) = split(option) else {
            return CookieCheck::WrongClientPart;
        };
        // As numbers, for constant time.
        let ours: [u8; CLIENT_LEN] = self.octets[..CLIENT_LEN].try_into().expect("eight octets");
        if u64::from_ne_bytes(client_cookie) != u64::from_ne_bytes(ours) {
            return CookieCheck::WrongClientPart;
        }
        // A server that echoes our part alone has said nothing new.
        if !server_cookie.is_empty() {
            self.octets[..option.len()].copy_from_slice(option);
            self.len = option.len() as u8;
        }
        CookieCheck::Right
    }

    /// Forgets the server's part: the server lost its cookies or never wanted any.
    pub fn forget_server(&mut self) {
        self.len = CLIENT_LEN as u8;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn octets<const N: usize>(hex: &str) -> [u8; N] {
        assert_eq!(hex.len(), 2 * N);
        std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    fn secret(hex: &str) -> Secret {
        Secret::from(octets(hex))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";

    #[test]
    fn rfc_9018_appendix_a() {
        let cookies = ServerCookies::new(secret(SECRET), &[]);
        let client = ip("198.51.100.100");
        let learnt = octets("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
        let renewed = octets("2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
        let verdict = cookies.respond(&octets::<8>("2464c4abcf10c957"), client, 1_559_731_985);
        assert_eq!(verdict, CookieVerdict::ClientOnly(learnt), "A.1: a new server cookie");
        let verdict = cookies.respond(&learnt, client, 1_559_734_385);
        assert_eq!(verdict, CookieVerdict::Valid(renewed), "A.2: 40 minutes later it is renewed");

        let client = ip("203.0.113.203");
        let reserved: [u8; 24] = octets("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
        let verdict = cookies.respond(&reserved, client, 1_559_727_985);
        assert_eq!(verdict, CookieVerdict::Valid(reserved), "A.3: reserved octets are hashed as they came");
        // The example answers after 112 minutes, beyond the hour of §4.3; its new cookie has reserved octets of zero.
        let renewed = octets("fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e");
        assert_eq!(cookies.respond(&reserved, client, 1_559_734_700), CookieVerdict::Bad(renewed), "A.3, the answer");

        let old = ServerCookies::new(secret("dd3bdf9344b678b185a6f5cb60fca715"), &[]);
        let cookies = old.rolled_over(secret("445536bcd2513298075a5d379663c962"));
        let option: [u8; 24] = octets("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
        let renewed = octets("22681ab97d52c298010000005cf7c609a6bb79d16625507a");
        let verdict = cookies.respond(&option, ip("2001:db8:220:1:59de:d0f4:8769:82b8"), 1_559_741_961);
        assert_eq!(verdict, CookieVerdict::Valid(renewed), "A.4: IPv6 and a secret that was rolled over");
    }

    #[test]
    fn lengths_outside_the_rfc_are_malformed() {
        let cookies = ServerCookies::new(secret(SECRET), &[]);
        for len in 0..64 {
            let verdict = cookies.respond(&vec![1; len], ip("10.0.0.1"), 1_000_000);
            let wanted = match len {
                8 => "ClientOnly",
                16..=40 => "Bad",
                _ => "Malformed",
            };
            assert!(format!("{verdict:?}").starts_with(wanted), "{len} octets: {verdict:?}");
        }
    }

    #[test]
    fn age_decides_between_keeping_renewing_and_refusing() {
        let cookies = ServerCookies::new(secret(SECRET), &[]);
        let client = ip("10.0.0.1");
        for made_at in [1_600_000_000_u32, 100, u32::MAX - 100] {
            let cookie = cookies.make([7; 8], client, made_at);
            let cases = [
                ("a new one is kept", 0, true, true),
                ("five minutes ahead is kept", -300, true, true),
                ("more than five minutes ahead is bad", -301, false, false),
                ("half an hour old is kept", 1800, true, true),
                ("older than half an hour is renewed", 1801, true, false),
                ("an hour old is renewed", 3600, true, false),
                ("older than an hour is bad", 3601, false, false),
                ("half the circle away is bad", i32::MIN, false, false),
            ];
            for (name, age_seconds, valid, kept) in cases {
                let now = made_at.wrapping_add_signed(age_seconds);
                let verdict = cookies.respond(&cookie, client, now);
                assert_eq!(matches!(verdict, CookieVerdict::Valid(_)), valid, "{name}, made at {made_at}");
                assert_eq!(verdict.reply() == Some(&cookie), kept, "{name}, made at {made_at}");
            }
        }
    }

    #[test]
    fn nodes_agree_by_their_secret_alone() {
        let client = ip("10.0.0.1");
        let one = ServerCookies::new(secret(SECRET), &[]);
        let other = ServerCookies::new(secret("00000000000000000000000000000001"), &[]);
        let cookie = one.make([7; 8], client, 1000);
        assert_eq!(one.clone().respond(&cookie, client, 1000), CookieVerdict::Valid(cookie), "the same secret");
        assert!(matches!(other.respond(&cookie, client, 1000), CookieVerdict::Bad(_)), "another secret");
        assert!(matches!(one.respond(&cookie, ip("10.0.0.2"), 1000), CookieVerdict::Bad(_)), "another client");
        let mapped = one.respond(&cookie, ip("::ffff:10.0.0.1"), 1000);
        assert_eq!(mapped, CookieVerdict::Valid(cookie), "the client as an IPv4-mapped address");
        assert_eq!(format!("{one:?}").find("e5"), None, "the secret is not printed");
        let from_named: [u8; 24] = octets("2464c4abcf10c957010000006b010f22023f98693e1dcbe4");
        let verdict = one.respond(&from_named, ip("127.0.0.1"), 0x6b01_0f22);
        assert_eq!(verdict, CookieVerdict::Valid(from_named), "made by named 9.18 with the same cookie-secret");
    }

    #[test]
    fn a_secret_is_forgotten_after_two_more() {
        let secrets = ["01", "02", "03", "04"].map(|end| secret(&format!("{end:0>32}")));
        let client = ip("10.0.0.1");
        let first = ServerCookies::new(secrets[0], &[]);
        let cookie = first.make([7; 8], client, 1000);
        let third = first.rolled_over(secrets[1]).rolled_over(secrets[2]);
        assert!(matches!(third.respond(&cookie, client, 1000), CookieVerdict::Valid(_)));
        assert_eq!(third.rolled_over(secrets[2]), third, "a reload with the same secret forgets nothing");
        assert!(matches!(third.rolled_over(secrets[3]).respond(&cookie, client, 1000), CookieVerdict::Bad(_)));
    }

    #[test]
    fn client_cookies_differ_by_server_and_secret() {
        let of = |secret_hex: &str, server: &str| ClientCookie::new(&secret(secret_hex), ip(server)).option().to_vec();
        let mine = of(SECRET, "10.1.0.2");
        assert_eq!(mine.len(), 8);
        assert_eq!(mine, of(SECRET, "10.1.0.2"));
        assert_ne!(mine, of(SECRET, "10.1.0.3"));
        assert_ne!(mine, of("00000000000000000000000000000001", "10.1.0.2"));
    }

    #[test]
    fn responses_are_checked_and_their_cookie_is_remembered() {
        let fresh = ClientCookie::new(&secret(SECRET), ip("10.1.0.2"));
        let mine = fresh.option().to_vec();
        let with = |server: &[u8]| [&mine[..], server].concat();
        let knowing = |server: &[u8]| {
            let mut cookie = fresh.clone();
            assert_eq!(cookie.check(Some(&with(server))), CookieCheck::Right);
            cookie
        };
        let mut foreign = with(&[9; 16]);
        foreign[7] ^= 1;
        use CookieCheck::{Absent, Right, WrongClientPart};
        let cases = [
            ("no option", None, Absent, with(&[5; 8])),
            ("our part alone keeps the server's", Some(mine.clone()), Right, with(&[5; 8])),
            ("a longer server part replaces a shorter one", Some(with(&[9; 32])), Right, with(&[9; 32])),
            ("one wrong bit is a forgery", Some(foreign), WrongClientPart, with(&[5; 8])),
            ("a server part of 7 octets is a forgery", Some(with(&[9; 7])), WrongClientPart, with(&[5; 8])),
            ("a server part of 33 octets is a forgery", Some(with(&[9; 33])), WrongClientPart, with(&[5; 8])),
            ("an empty option is a forgery", Some(Vec::new()), WrongClientPart, with(&[5; 8])),
        ];
        for (name, option, check, next) in cases {
            let mut cookie = knowing(&[5; 8]);
            assert_eq!(cookie.check(option.as_deref()), check, "{name}");
            assert_eq!(cookie.option(), next, "{name}, sent next");
            assert!(cookie.is_expected(), "{name}");
        }
        let mut cookie = knowing(&[5; 8]);
        cookie.forget_server();
        assert_eq!((cookie.option(), cookie.is_expected()), (&mine[..], false));
    }

    proptest! {
        #[test]
        fn only_exact_cookies_are_valid(
            client: IpAddr,
            part: [u8; 8],
            now: u32,
            bit in 0usize..24 * 8,
            noise in prop::collection::vec(any::<u8>(), 0..50),
        ) {
            let cookies = ServerCookies::new(secret(SECRET), &[]);
            let mut cookie = cookies.make(part, client, now);
            prop_assert_eq!(cookies.respond(&cookie, client, now), CookieVerdict::Valid(cookie));
            cookie[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(matches!(cookies.respond(&cookie, client, now), CookieVerdict::Bad(_)));
            prop_assert!(!matches!(cookies.respond(&noise, client, now), CookieVerdict::Valid(_)));
        }
    }
}
