//! What follows a statement's name where nothing here asks for the value: as exact as named checks it.
//!
//! A form is read word by word (`checked`) and shown to the reader of the page (`page`).
//! Not here: values that become part of the configuration; they have a [`Shape`](super::Shape) of their own.

/// One piece of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::config::named_conf) enum Form {
    /// yes, no, true, false, 1, 0
    Boolean,
    /// `0..=u32::MAX`
    Number,
    /// `0.25`: at most two digits behind the point.
    FixedPoint,
    /// `50%`
    Percent,
    /// `3600`, `1w2d`, `PT3H`
    Duration,
    /// `512M`
    Octets,
    /// A word or a string in quotes.
    Text,
    /// A string in quotes.
    Quoted,
    /// An IPv6 address.
    V6,
    /// A whole address.
    Address,
    /// An IPv4 address or `*`, with a port that named does not use any more.
    SourceV4,
    /// The same, IPv6.
    SourceV6,
    /// A port, or `range LOW HIGH`.
    PortRange,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// One of these words, else the form.
    Or(&'static [&'static str], &'static Form),
    /// This word and no other; what named says if it is missing.
    Is(&'static str),
    /// One after another.
    All(&'static [Form]),
    /// A word and what follows it, or nothing at all.
    Keyed(&'static str, &'static Form),
    /// Any of these words, each with what follows it, in any order, each at most once; no other word may follow.
    Options(&'static [(&'static str, Form)]),
    /// The same, in this order alone.
    InOrder(&'static [(&'static str, Form)]),
    /// One of these words, with what follows it.
    Choice(&'static [(&'static str, Form)]),
    /// One of these words, or nothing.
    Perhaps(&'static [&'static str]),
    /// The form, or nothing before the `;`.
    Maybe(&'static Form),
    /// `{ form; … }`
    List(&'static Form),
    /// `{ address_match_element; … }`
    Matches,
    /// `[port N] { ( LIST | ADDRESS [port N] ) [key NAME] [tls NAME]; … }`
    Servers,
    /// The first if a block comes next, else the second.
    IfBlock(&'static Form, &'static Form),
    /// `{ … }`, whatever is in it.
    Unread,
}

use Form::*;

/// `[port N] [dscp N] { ADDRESS-OR-NAME [port N]; … }` of `dual-stack-servers`.
pub(super) const DUAL_STACK: Form =
    All(&[Keyed("port", &Number), List(&All(&[Text, Keyed("port", &Number), Keyed("dscp", &Number)]))]);

/// `[port N] [transport WORD] { address_match_element; … }`
pub(super) const TRANSFER: Form = All(&[InOrder(&[("port", Number), ("transport", Text)]), Matches]);

/// `NAME FLAGS PROTOCOL ALGORITHM "KEY"` of `trusted-keys`.
pub(super) const TRUSTED_KEYS: Form = List(&All(&[Text, Number, Number, Number, Quoted]));

/// The same with how it is trusted.
pub(super) const TRUST_ANCHORS: Form = List(&All(&[
    Text,
    OneOf(&["static-key", "initial-key", "static-ds", "initial-ds"]),
    Number,
    Number,
    Number,
    Quoted,
]));

/// `NAME { NAME; … }`
pub(super) const NAMES_OF_NAME: Form = All(&[Text, List(&Text)]);

/// `{ NAME; … } [except-from { NAME; … }]`
pub(super) const DENY_ALIASES: Form = All(&[List(&Text), Keyed("except-from", &List(&Text))]);

/// `{ address_match_element; … } [except-from { NAME; … }]`
pub(super) const DENY_ADDRESSES: Form = All(&[Matches, Keyed("except-from", &List(&Text))]);

/// `{ zone NAME [default-primaries …] …; … }`
pub(super) const CATALOG_ZONES: Form = List(&All(&[
    Is("zone"),
    Text,
    Options(&[
        ("default-masters", Servers),
        ("default-primaries", Servers),
        ("zone-directory", Quoted),
        ("in-memory", Boolean),
        ("min-update-interval", Duration),
    ]),
]));

/// `{ zone NAME …; … } …`
pub(super) const RESPONSE_POLICY: Form = All(&[
    List(&All(&[
        Is("zone"),
        Text,
        Options(&[
            ("add-soa", Boolean),
            ("ede", Text),
            ("log", Boolean),
            ("max-policy-ttl", Duration),
            ("min-update-interval", Duration),
            ("policy", POLICY),
            ("recursive-only", Boolean),
            ("nsip-enable", Boolean),
            ("nsdname-enable", Boolean),
        ]),
    ])),
    Options(&[
        ("add-soa", Boolean),
        ("break-dnssec", Boolean),
        ("max-policy-ttl", Duration),
        ("min-update-interval", Duration),
        ("min-ns-dots", Number),
        ("nsip-wait-recurse", Boolean),
        ("nsdname-wait-recurse", Boolean),
        ("qname-wait-recurse", Boolean),
        ("recursive-only", Boolean),
        ("nsip-enable", Boolean),
        ("nsdname-enable", Boolean),
        ("servfail-until-ready", Boolean),
    ]),
]);

/// `policy …` of a zone of `response-policy`.
const POLICY: Form = Choice(&[
    ("cname", Text),
    ("disabled", NOTHING),
    ("drop", NOTHING),
    ("given", NOTHING),
    ("no-op", NOTHING),
    ("nodata", NOTHING),
    ("nxdomain", NOTHING),
    ("passthru", NOTHING),
    ("tcp-only", NOTHING),
]);

const NOTHING: Form = All(&[]);

/// `( csk | ksk | zsk ) [key-directory] lifetime TIME algorithm NAME [LENGTH]; …` of `dnssec-policy`; key-store and
/// tag-range are of 9.20.
pub(super) const POLICY_KEYS: Form = List(&All(&[
    OneOf(&["csk", "ksk", "zsk"]),
    Perhaps(&["key-directory"]),
    Keyed("key-store", &Text),
    Is("lifetime"),
    Or(&["unlimited"], &Duration),
    Is("algorithm"),
    Text,
    Keyed("tag-range", &All(&[Number, Number])),
    Maybe(&Number),
]));

/// `[iterations N] [optout yes] [salt-length N]`
pub(super) const NSEC3PARAM: Form =
    All(&[Keyed("iterations", &Number), Keyed("optout", &Boolean), Keyed("salt-length", &Number)]);

/// `{ all | auth | … [query | response]; … }`
pub(super) const DNSTAP: Form = List(&All(&[
    OneOf(&["all", "auth", "client", "forwarder", "resolver", "update"]),
    Perhaps(&["query", "response"]),
]));

/// `( file | unix ) "NAME" [size S] [versions N] [suffix increment | timestamp]`
pub(super) const DNSTAP_OUTPUT: Form = All(&[
    OneOf(&["file", "unix"]),
    Quoted,
    Options(&[
        ("size", Or(&["unlimited"], &Octets)),
        ("versions", Or(&["unlimited"], &Number)),
        ("suffix", OneOf(&["increment", "timestamp"])),
    ]),
]);

/// `auto`, `no`, `DOMAIN trust-anchor NAME`
pub(super) const LOOKASIDE: Form = All(&[Text, Keyed("trust-anchor", &Text)]);

/// `{ PORT; range LOW HIGH; … }`
pub(super) const PORTS: Form = List(&PortRange);

/// `primary fail`
pub(super) const CHECK_NAMES: Form =
    All(&[OneOf(&["primary", "master", "secondary", "slave", "response"]), OneOf(&["fail", "warn", "ignore"])]);

/// `N LOW HIGH RATE`
pub(super) const QUOTA: Form = All(&[Number, FixedPoint, FixedPoint, FixedPoint]);

/// `{ address_match_element; … } block-size N`
pub(super) const PADDING: Form = All(&[Matches, Is("block-size"), Number]);

/// `"PATH" perm N owner N group N [keys { NAME; … }] [read-only yes]`
pub(super) const UNIX_CONTROL: Form = All(&[
    Quoted,
    Is("perm"),
    Number,
    Is("owner"),
    Number,
    Is("group"),
    Number,
    Keyed("keys", &List(&Text)),
    Keyed("read-only", &Boolean),
]);
