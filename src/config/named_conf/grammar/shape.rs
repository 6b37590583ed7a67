//! What may follow the name of a statement.
//!
//! Not here: reading it (`body`, `value`).

use super::form::Form;
use super::places::Places;

/// What follows a statement's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config::named_conf) enum Shape {
    /// Nothing.
    Nothing,
    /// yes, no, true, false, 1, 0
    Boolean,
    /// A boolean or one of these words.
    BooleanOr(&'static [&'static str]),
    /// `0..=u32::MAX`, also hexadecimal (0x) and octal (0) as strtoul reads them.
    Number,
    /// A number, or one of these words.
    NumberOr(&'static [&'static str]),
    /// So many numbers.
    Numbers(usize, usize),
    /// Seconds: `3600`, `1w2d`, `PT3H`.
    Duration,
    /// A string in quotes.
    Quoted,
    /// A string in quotes, or one of these words without.
    QuotedOr(&'static [&'static str]),
    /// A string in quotes or a word.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `512M`, `unlimited`, `default`.
    Size,
    /// As a size, or `90%`.
    SizeOrPercent,
    /// What named checks and nothing here asks for.
    Form(&'static Form),
    /// `{ address_match_element; … }`
    MatchList,
    /// `[port N] { ADDRESS [port N]; … }`
    Forwarders,
    /// `[port N] { address_match_element; … }`
    Listen,
    /// `( ADDRESS | * ) [port ( N | * )] [allow { address_match_element; … }]`
    Inet,
    /// `[address] ( ADDRESS | * ) [port ( N | * )]`, IPv4
    SourceV4,
    /// The same, IPv6.
    SourceV6,
    /// `{ [class …] [type …] [name …] order ORDER; … }`
    RrsetOrder,
    /// A name, then a match list.
    Acl,
    /// A block of statements of this place.
    Body(Places),
    /// A name, then such a block.
    NamedBody(Places),
    /// A name, an optional class, then such a block.
    ClassedBody(Places),
    /// A prefix, then such a block.
    PrefixBody(Places),
    /// `( ADDRESS | * ) [port ( N | * )] allow { address_match_element; … } [keys { NAME; … }] [read-only BOOLEAN]`
    Control,
    /// A category, then channels in a block.
    Category,
    /// A file name with `versions`, `size`, `suffix`.
    LogFile,
    /// `N [drop|fail]`
    FetchLimit,
    /// A severity of a channel.
    Severity,
    /// An optional syslog facility.
    Facility,
    /// `{ ( grant | deny ) IDENTITY RULE [NAME] TYPE…; … }`, or `local`.
    UpdatePolicy,
    /// The files of this name or pattern take the statement's place.
    Include,
}
