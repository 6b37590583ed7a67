//! Which of a view's lists a client has to be in, and which of our addresses it must have asked, for what it wants.
//!
//! Not here: views (chosen before), how lists are looked up ([`crate::access`]).

use super::Client;
use crate::access::Acl;
use crate::state::View;
use crate::state::rules::Local;
use crate::wire::Name;

/// What forbids to have what others have told, in words for the client; `None`: nothing.
#[inline]
pub(super) fn forbids_cache(view: &View, client: Client, signer: Option<&Name>) -> Option<&'static str> {
    if !view.query_cache.admits(client.address, signer) {
        return Some("allow-query-cache did not match");
    }
    let asked_at = view.asked_at.as_ref()?;
    let matches = asked_at.query_cache.admits(client.destination, signer);
    (!matches).then_some("allow-query-cache-on did not match")
}

/// What forbids to be told about the server itself, in words for the client; `None`: nothing.
#[inline]
pub(super) fn forbids_chaos(view: &View, client: Client, signer: Option<&Name>) -> Option<&'static str> {
    if !view.query.admits(client.address, signer) {
        return Some("allow-query did not match");
    }
    let asked_at = view.asked_at.as_ref()?;
    (!asked_at.query.admits(client.destination, signer)).then_some("allow-query-on did not match")
}

/// Whether names are forwarded for who may have what others have told.
#[inline]
pub(super) fn may_recurse(view: &View, client: Client, signer: Option<&Name>) -> bool {
    view.recursion
        && view.allow_recursion.as_ref().is_none_or(|list| list.admits(client.address, signer))
        && view.asked_at.as_ref().is_none_or(|lists| lists.recursion.admits(client.destination, signer))
}

impl Local {
    /// What forbids to have what the zone says, in words for the client; `None`: nothing.
    #[inline]
    pub(super) fn what_forbids(&self, view: &View, client: Client, signer: Option<&Name>) -> Option<&'static str> {
        if !self.query.as_ref().unwrap_or(&view.query).admits(client.address, signer) {
            return Some("allow-query did not match");
        }
        let of_view = || view.asked_at.as_ref().map(|lists| &lists.query);
        let on: &Acl = self.query_on.as_ref().or_else(of_view)?;
        (!on.admits(client.destination, signer)).then_some("allow-query-on did not match")
    }
}
