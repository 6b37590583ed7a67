//! Statements that named 9.20 has and named 9.18 does not know.

use super::form::Form as F;
use super::places::{BOTH, DNSSEC_POLICY, KEY_STORE, OPTIONS, PRIMARY, SECONDARY, SERVER, TLS, TOP};
use super::reasons::{NEVER_ITERATES, NO, NO_TRANSFER, UNSIGNED, UNVALIDATED};
use super::row::{Row, ignored, part, refused};
use super::shape::Shape;

#[rustfmt::skip] // One line a row.
pub(super) const ROWS: &[Row] = {
    use Shape::*;
    &[
        refused("allow-proxy", OPTIONS, MatchList, "allow-proxy { 192.0.2.1; };", "PROXYv2 is not spoken: clients would be taken for the proxy").newer(),
        refused("allow-proxy-on", OPTIONS, MatchList, "allow-proxy-on { 192.0.2.1; };", "PROXYv2 is not spoken: clients would be taken for the proxy").newer(),
        part("cdnskey", DNSSEC_POLICY, Boolean, "cdnskey yes;").newer(),
        part("cds-digest-types", DNSSEC_POLICY, Form(&F::List(&F::Text)), "cds-digest-types { sha-256; };").newer(),
        ignored("checkds", BOTH | PRIMARY | SECONDARY, BooleanOr(&["explicit"]), "checkds yes;", UNSIGNED).moot(NO).newer(),
        part("cipher-suites", TLS, Text, "cipher-suites \"TLS_AES_256_GCM_SHA384\";").newer(),
        part("directory", KEY_STORE, Text, "directory \"keys\";").newer(),
        part("inline-signing", DNSSEC_POLICY, Boolean, "inline-signing yes;").newer(),
        ignored("key-store", TOP, NamedBody(KEY_STORE), "key-store k { };", "no zone is signed here").repeats().newer(),
        ignored("max-validation-failures-per-fetch", BOTH, Number, "max-validation-failures-per-fetch 1;", UNVALIDATED).newer(),
        ignored("max-validations-per-fetch", BOTH, Number, "max-validations-per-fetch 16;", UNVALIDATED).newer(),
        ignored("min-transfer-rate-in", BOTH | SECONDARY, Numbers(2, 2), "min-transfer-rate-in 10240 5;", NO_TRANSFER).newer(),
        part("offline-ksk", DNSSEC_POLICY, Boolean, "offline-ksk yes;").newer(),
        part("pkcs11-uri", KEY_STORE, Quoted, "pkcs11-uri \"pkcs11:token=t\";").newer(),
        ignored("remote-servers", TOP, Form(&F::All(&[F::Text, F::Servers])), "remote-servers r { 192.0.2.1; };", NO_TRANSFER).repeats().newer(),
        refused("require-cookie", SERVER, Boolean, "require-cookie yes;", "answers without a cookie would be taken all the same").moot(NO).newer(),
        ignored("resolver-use-dns64", BOTH, Boolean, "resolver-use-dns64 yes;", NEVER_ITERATES).moot(NO).newer(),
        ignored("responselog", OPTIONS, Boolean, "responselog yes;", "answers are not logged: querylog logs queries, category query-errors those that fail").moot(NO).newer(),
        ignored("sig0checks-quota", OPTIONS, Number, "sig0checks-quota 1;", "SIG(0) is not checked: nothing is granted by it").newer(),
        ignored("sig0checks-quota-exempt", OPTIONS, MatchList, "sig0checks-quota-exempt { any; };", "SIG(0) is not checked: nothing is granted by it").newer(),
        ignored("sig0key-checks-limit", BOTH, Number, "sig0key-checks-limit 16;", "SIG(0) is not checked: nothing is granted by it").newer(),
        ignored("sig0message-checks-limit", BOTH, Number, "sig0message-checks-limit 2;", "SIG(0) is not checked: nothing is granted by it").newer(),
    ]
};
