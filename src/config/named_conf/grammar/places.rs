//! Where statements may stand.
//!
//! Not here: which statement stands where; each row says that.

/// Where a statement may stand: a set of the constants below.
pub(in crate::config::named_conf) type Places = u32;

/// Outside every block.
pub(in crate::config::named_conf) const TOP: Places = 1;
pub(in crate::config::named_conf) const OPTIONS: Places = 1 << 1;
pub(in crate::config::named_conf) const VIEW: Places = 1 << 2;
/// `zone … { type forward; }`
pub(in crate::config::named_conf) const FORWARD: Places = 1 << 3;
/// `zone … { type primary; }`
pub(in crate::config::named_conf) const PRIMARY: Places = 1 << 4;
/// `zone … { type hint; }`
pub(in crate::config::named_conf) const HINT: Places = 1 << 5;
pub(in crate::config::named_conf) const LOGGING: Places = 1 << 6;
pub(in crate::config::named_conf) const CHANNEL: Places = 1 << 7;
pub(in crate::config::named_conf) const SERVER: Places = 1 << 8;
pub(in crate::config::named_conf) const KEY: Places = 1 << 9;
pub(in crate::config::named_conf) const SECONDARY: Places = 1 << 10;
pub(in crate::config::named_conf) const MIRROR: Places = 1 << 11;
pub(in crate::config::named_conf) const STUB: Places = 1 << 12;
pub(in crate::config::named_conf) const STATIC_STUB: Places = 1 << 13;
pub(in crate::config::named_conf) const REDIRECT: Places = 1 << 14;
pub(in crate::config::named_conf) const DELEGATION_ONLY: Places = 1 << 15;
pub(in crate::config::named_conf) const RATE_LIMIT: Places = 1 << 16;
pub(in crate::config::named_conf) const DNS64: Places = 1 << 17;
pub(in crate::config::named_conf) const DNSSEC_POLICY: Places = 1 << 18;
pub(in crate::config::named_conf) const KEY_STORE: Places = 1 << 19;
pub(in crate::config::named_conf) const TLS: Places = 1 << 20;
pub(in crate::config::named_conf) const HTTP: Places = 1 << 21;
pub(in crate::config::named_conf) const DLZ: Places = 1 << 22;
/// `statistics-channels`
pub(in crate::config::named_conf) const STATISTICS: Places = 1 << 23;
pub(in crate::config::named_conf) const CONTROLS: Places = 1 << 24;

/// In options and in views.
pub(in crate::config::named_conf) const BOTH: Places = OPTIONS | VIEW;
/// In zones that come from another server and are answered with authority.
pub(in crate::config::named_conf) const TRANSFERRED: Places = SECONDARY | MIRROR;
/// In zones that are asked for anew from time to time.
pub(in crate::config::named_conf) const REFRESHED: Places = TRANSFERRED | STUB;
/// In zones that may be signed.
pub(in crate::config::named_conf) const SIGNED: Places = PRIMARY | SECONDARY;
/// In zones that may be transferred to other servers.
pub(in crate::config::named_conf) const SERVED: Places = PRIMARY | TRANSFERRED;
/// In zones with a master file, but for hints.
pub(in crate::config::named_conf) const FILED: Places = SERVED | STUB | REDIRECT;
/// In zones that can say who is answered.
pub(in crate::config::named_conf) const ANSWERED: Places = FILED | STATIC_STUB;
/// In zones with servers to take them from.
pub(in crate::config::named_conf) const COPIED: Places = REFRESHED | REDIRECT;
/// In zones of the types that are not served here.
pub(in crate::config::named_conf) const UNSERVED: Places = REFRESHED | STATIC_STUB | REDIRECT | DELEGATION_ONLY;
/// In any zone; what its type allows is seen once the type is known.
pub(in crate::config::named_conf) const ZONE: Places = FORWARD | PRIMARY | HINT | UNSERVED;
/// Every place.
pub(in crate::config::named_conf) const EVERYWHERE: Places = (1 << 25) - 1;

/// The places one by one, with the words for them.
pub(in crate::config::named_conf) const PLACES: &[(Places, &str)] = &[
    (TOP, "the top level"),
    (OPTIONS, "'options'"),
    (VIEW, "'view'"),
    (FORWARD, "'zone' of type forward"),
    (PRIMARY, "'zone' of type primary"),
    (HINT, "'zone' of type hint"),
    (SECONDARY, "'zone' of type secondary"),
    (MIRROR, "'zone' of type mirror"),
    (STUB, "'zone' of type stub"),
    (STATIC_STUB, "'zone' of type static-stub"),
    (REDIRECT, "'zone' of type redirect"),
    (DELEGATION_ONLY, "'zone' of type delegation-only"),
    (LOGGING, "'logging'"),
    (CHANNEL, "'channel'"),
    (SERVER, "'server'"),
    (KEY, "'key'"),
    (STATISTICS, "'statistics-channels'"),
    (CONTROLS, "'controls'"),
    (RATE_LIMIT, "'rate-limit'"),
    (DNS64, "'dns64'"),
    (DNSSEC_POLICY, "'dnssec-policy'"),
    (KEY_STORE, "'key-store'"),
    (TLS, "'tls'"),
    (HTTP, "'http'"),
    (DLZ, "'dlz'"),
];

/// The words for a set of places, the types of zones together: `'options', 'view' or 'zone' of type primary`.
pub(in crate::config::named_conf) fn words(places: Places) -> String {
    const OF_TYPE: &str = "'zone' of type ";
    let here = |zones: bool| {
        let inside = PLACES.iter().filter(move |(place, _)| places & place != 0 && (place & ZONE != 0) == zones);
        inside.map(|&(_, words)| words)
    };
    let mut all: Vec<String> = here(false).map(str::to_owned).collect();
    if places & ZONE == ZONE {
        all.push("'zone'".to_owned());
    } else if places & ZONE != 0 {
        let types: Vec<_> = here(true).map(|words| words.strip_prefix(OF_TYPE).unwrap_or(words)).collect();
        all.push(format!("{OF_TYPE}{}", list(&types)));
    }
    list(&all)
}

/// `a, b or c`
fn list(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
