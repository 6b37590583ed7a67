//! Giving up root: another user, another root directory, and no capability but that of binding low ports.
//!
//! Before other threads are started: capabilities are a thread's own, and threads inherit them (capabilities(7)).

use std::ffi::CString;
use std::fmt;
use std::io;
use std::path::Path;

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::unistd::{self, Gid, Uid};

/// Who a server becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

/// What could not be given up, or taken.
#[derive(Debug)]
pub struct Refused {
    /// The step, by the name of its system call.
    pub step: &'static str,
    /// What the system said.
    pub error: io::Error,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As named has it: without the number.
        let error =
            self.error.raw_os_error().map_or_else(|| self.error.to_string(), |n| Errno::from_raw(n).desc().into());
        write!(f, "{}(): {error}", self.step)
    }
}

impl std::error::Error for Refused {}

fn at<E: Into<io::Error>>(step: &'static str) -> impl FnOnce(E) -> Refused {
    move |error| Refused { step, error: error.into() }
}

impl User {
    /// The user of this name, or of this number if it is one, with its groups; `None` if there is none.
    ///
    /// # Errors
    /// When the host's tables cannot be read.
    pub fn find(name: &str) -> io::Result<Option<Self>> {
        let number = name.parse().ok().map(Uid::from_raw);
        let found = number.map_or_else(|| unistd::User::from_name(name), unistd::User::from_uid)?;
        let Some(user) = found else { return Ok(None) };
        let groups = unistd::getgrouplist(&CString::new(user.name)?, user.gid)?;
        Ok(Some(Self { uid: user.uid, gid: user.gid, groups }))
    }

    /// Becomes this user, for good: the groups are its own, the only capability left is CAP_NET_BIND_SERVICE, if it was
    /// there, so that a reload can listen on port 53, and no program that is started gains any.
    ///
    /// # Errors
    /// When this process may not; it may be partly changed then, and has to end.
    pub fn assume(&self) -> Result<(), Refused> {
        let keep = capabilities_to_keep().map_err(at("capget"))?;
        if unistd::geteuid().is_root() {
            forget_bounding_set(&keep);
            unistd::setgroups(&self.groups).map_err(at("setgroups"))?;
            prctl::set_keepcaps(true).map_err(at("prctl"))?;
        }
        unistd::setresgid(self.gid, self.gid, self.gid).map_err(at("setgid"))?;
        unistd::setresuid(self.uid, self.uid, self.uid).map_err(at("setuid"))?;
        give_up_capabilities(&keep)?;
        prctl::set_keepcaps(false).map_err(at("prctl"))?;
        no_new_privileges().map_err(at("prctl"))
    }
}

/// Stays who this process is, without the capabilities that [`User::assume`] gives up: root that owns its files, and may
/// neither pass over their modes nor leave its root directory.
///
/// # Errors
/// When this process may not; it has to end then.
pub fn stay() -> Result<(), Refused> {
    let keep = capabilities_to_keep().map_err(at("capget"))?;
    if unistd::geteuid().is_root() {
        forget_bounding_set(&keep);
    }
    give_up_capabilities(&keep)?;
    no_new_privileges().map_err(at("prctl"))
}

fn give_up_capabilities(keep: &CapsHashSet) -> Result<(), Refused> {
    for set in [CapSet::Effective, CapSet::Permitted] {
        caps::set(None, set, keep).map_err(io::Error::other).map_err(at("capset"))?;
    }
    caps::clear(None, CapSet::Inheritable).map_err(io::Error::other).map_err(at("capset"))
}

fn capabilities_to_keep() -> io::Result<CapsHashSet> {
    let bind = Capability::CAP_NET_BIND_SERVICE;
    let has = caps::has_cap(None, CapSet::Permitted, bind).map_err(io::Error::other)?;
    Ok(has.then_some(bind).into_iter().collect())
}

/// What is in none of the sets below cannot be gained by a program either. Containers may forbid this step, which others
/// make superfluous.
fn forget_bounding_set(keep: &CapsHashSet) {
    for capability in caps::all().into_iter().filter(|capability| !keep.contains(capability)) {
        let _ = caps::drop(None, CapSet::Bounding, capability);
    }
}

/// No program that this process starts gains privileges by its file (prctl(2), PR_SET_NO_NEW_PRIVS).
fn no_new_privileges() -> io::Result<()> {
    Ok(prctl::set_no_new_privs()?)
}

/// Makes a directory the root of all paths, and the working directory (chroot(2)).
///
/// # Errors
/// When it cannot be entered, or this process may not.
pub fn change_root(path: &Path) -> Result<(), Refused> {
    unistd::chroot(path).map_err(at("chroot"))?;
    unistd::chdir("/").map_err(at("chdir"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_found_by_name_and_by_number() {
        let root = User::find("root").expect("tables").expect("every system has it");
        assert_eq!(root, User::find("0").expect("tables").expect("by its number"));
        assert_eq!((root.uid, root.gid), (Uid::from_raw(0), Gid::from_raw(0)));
        assert!(root.groups.contains(&root.gid));
        assert_eq!(User::find("no-such-user").expect("tables"), None);
        assert_eq!(User::find("").expect("tables"), None);
    }

    #[test]
    fn a_root_that_is_not_there_is_refused_in_nameds_words() {
        let told = change_root(Path::new("/no/where")).expect_err("nothing is there").to_string();
        let expected = ["chroot(): No such file or directory", "chroot(): Operation not permitted"];
        assert!(expected.contains(&told.as_str()), "{told}");
    }
}
