//! What `named -v` and `named -V` print: in the places where scripts look for it.

use std::path::Path;

use nix::sys::utsname::uname;

/// The first line: whose program this is, its version, and whose arguments and files it takes.
pub(super) fn line() -> String {
    format!("Tandem {} (in place of BIND 9.18) <id:>", env!("CARGO_PKG_VERSION"))
}

/// All that is to be known of the build, in named's order.
pub(super) fn lines(configuration: &Path) -> Vec<String> {
    let system = uname().map(|system| {
        let text = |part: &std::ffi::OsStr| part.to_string_lossy().into_owned();
        let (name, machine) = (text(system.sysname()), text(system.machine()));
        format!("running on {name} {machine} {} {}", text(system.release()), text(system.version()))
    });
    let target = format!("{} {} {}", std::env::consts::ARCH, std::env::consts::OS, libc_name());
    let directory = configuration.parent().unwrap_or(Path::new("/etc"));
    let mut lines = vec![line()];
    lines.extend(system);
    lines.extend([
        format!("built by cargo for {target}, by rustc {} or later", env!("CARGO_PKG_RUST_VERSION")),
        "threads support is enabled".to_owned(),
        "DNSSEC: answers are passed on as they are signed, and not validated".to_owned(),
        String::new(),
        "default paths:".to_owned(),
        format!("  named configuration:  {}", configuration.display()),
        format!("  rndc configuration:   {}", directory.join("rndc.conf").display()),
        format!("  named PID file:       {}", super::PID_FILE),
        "  named lock file:      none".to_owned(),
    ]);
    lines
}

const fn libc_name() -> &'static str {
    if cfg!(target_env = "musl") { "musl" } else { "glibc" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_find_what_they_look_for() {
        let lines = lines(Path::new("/etc/bind/named.conf"));
        assert!(lines[0].starts_with(&format!("Tandem {}", env!("CARGO_PKG_VERSION"))));
        assert!(lines[0].contains("BIND 9.18"), "what it stands for");
        let path = |what: &str| lines.iter().find_map(|line| line.trim().strip_prefix(what)).map(str::trim);
        assert_eq!(path("named configuration:"), Some("/etc/bind/named.conf"));
        assert_eq!(path("named PID file:"), Some("/run/named/named.pid"));
        assert!(lines.iter().any(|line| line.starts_with("running on Linux ")), "{lines:?}");
    }
}
