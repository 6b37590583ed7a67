//! Where statements may stand.
//!
//! Not here: which statement stands where; each row says that.

/// Where a statement may stand: a set of the constants below.
pub(in crate::config::named_conf) type Places = u16;

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
/// `statistics-channels`
pub(in crate::config::named_conf) const STATISTICS: Places = 1 << 10;
pub(in crate::config::named_conf) const CONTROLS: Places = 1 << 11;
/// In any zone; what its type allows is seen once the type is known.
pub(in crate::config::named_conf) const ZONE: Places = FORWARD | PRIMARY | HINT;
pub(in crate::config::named_conf) const BOTH: Places = OPTIONS | VIEW;
/// Every place.
pub(in crate::config::named_conf) const EVERYWHERE: Places = (1 << 12) - 1;

/// The places one by one, with the words for them.
pub(in crate::config::named_conf) const PLACES: &[(Places, &str)] = &[
    (TOP, "the top level"),
    (OPTIONS, "'options'"),
    (VIEW, "'view'"),
    (FORWARD, "'zone' of type forward"),
    (PRIMARY, "'zone' of type primary"),
    (HINT, "'zone' of type hint"),
    (LOGGING, "'logging'"),
    (CHANNEL, "'channel'"),
    (SERVER, "'server'"),
    (KEY, "'key'"),
    (STATISTICS, "'statistics-channels'"),
    (CONTROLS, "'controls'"),
];
