//! Which channels a configuration asks for, with the keys that they take.
//!
//! Where no keys are written, the one of rndc's key file is meant, as with named.
//! Not here: what is written (`config`), sockets ([`super::server`]).

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::files::{Disk, Files, MAX_CONFIG_OCTETS, explain};
use crate::config::{self, Config, Control, MatchList, named_conf};
use crate::tsig::Key;
use crate::wire::Name;

/// Where rndc's key file is: as Debian has it, and as others do. The first that is there counts.
pub const KEY_FILES: [&str; 2] = ["/etc/bind/rndc.key", "/etc/rndc.key"];

/// Who may do what on a channel.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may connect.
    pub allow: MatchList,
    /// Whose commands are taken.
    pub keys: Arc<[Arc<Key>]>,
    /// Commands that change nothing alone.
    pub read_only: bool,
}

/// A channel that cannot be had, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where it should be.
    pub address: SocketAddr,
    /// Why it is not.
    pub why: String,
    /// Nobody has asked for it: it would be there by default.
    pub is_default: bool,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "couldn't add command channel {}#{}: {}", self.address.ip(), self.address.port(), self.why)
    }
}

/// The channels of a configuration, and those that cannot be had.
pub fn wanted(config: &Config) -> (Vec<(SocketAddr, Settings)>, Vec<Missing>) {
    wanted_with(config, &Disk, &KEY_FILES.map(PathBuf::from))
}

fn wanted_with(
    config: &Config,
    files: &dyn Files,
    key_files: &[PathBuf],
) -> (Vec<(SocketAddr, Settings)>, Vec<Missing>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for Control { address, allow, keys, read_only, position } in &config.controls {
        let (address, read_only) = (*address, *read_only);
        let keys = match keys {
            Some(names) => Ok(config.keys.iter().filter(is_named(names)).cloned().collect()),
            None => key_file(files, key_files),
        };
        match keys {
            Ok(keys) => {
                let keys = keys.iter().map(|key| Arc::new(made(key))).collect();
                found.push((address, Settings { allow: allow.clone(), keys, read_only }));
            }
            Err(why) => missing.push(Missing { address, why, is_default: position.is_none() }),
        }
    }
    (found, missing)
}

/// Keys of views are no keys of channels.
fn is_named(names: &[Name]) -> impl Fn(&&config::Key) -> bool {
    |key| key.view.is_none() && names.contains(&key.name)
}

/// The key that messages are made with.
pub fn made(key: &config::Key) -> Key {
    Key::new(key.name.clone(), key.algorithm, key.secret.octets())
}

fn key_file(files: &dyn Files, paths: &[PathBuf]) -> Result<Vec<config::Key>, String> {
    let mut first = None;
    for path in paths {
        match read_key_file(files, path) {
            Ok(keys) => return Ok(keys),
            Err(KeyFile::Missing(why)) => _ = first.get_or_insert(why),
            Err(KeyFile::Wrong(why)) => return Err(why),
        }
    }
    Err(first.unwrap_or_else(|| "there is no key file".to_owned()))
}

/// Why a key file gives no key.
#[derive(Debug, PartialEq, Eq)]
pub enum KeyFile {
    /// There is none.
    Missing(String),
    /// It cannot be read, or says nothing of use.
    Wrong(String),
}

/// The keys of a file such as `rndc-confgen -a` writes: `key` statements alone.
///
/// # Errors
/// What is wrong with it.
pub fn read_key_file(files: &dyn Files, path: &Path) -> Result<Vec<config::Key>, KeyFile> {
    let name = path.display().to_string();
    let octets = files.read(path, MAX_CONFIG_OCTETS).map_err(|error| {
        let why = format!("open: {name}: {}", explain(&error));
        if error.kind() == std::io::ErrorKind::NotFound { KeyFile::Missing(why) } else { KeyFile::Wrong(why) }
    })?;
    let keys = named_conf::parse_keys(&String::from_utf8_lossy(&octets), &name).map_err(|faults| {
        KeyFile::Wrong(faults.first().map_or_else(|| format!("{name}: cannot be read"), ToString::to_string))
    })?;
    if keys.is_empty() { Err(KeyFile::Wrong(format!("{name}: it has no key"))) } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io;

    use super::*;

    #[derive(Default)]
    struct Texts(HashMap<PathBuf, &'static str>);

    impl Files for Texts {
        fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
            self.0.get(path).map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
        }

        fn list(&self, _: &Path) -> io::Result<Vec<String>> {
            Ok(Vec::new())
        }
    }

    const KEY: &str = "key \"rndc-key\" {\n\talgorithm hmac-md5;\n\tsecret \"c2VjcmV0\";\n};\n";

    fn config(text: &str) -> Config {
        named_conf::parse(text, "x", &Texts::default()).expect("a configuration").config
    }

    fn shown(text: &str, files: &Texts) -> (Vec<String>, Vec<String>) {
        let (found, missing) = wanted_with(&config(text), files, &["/a".into(), "/b".into()]);
        let keys =
            |settings: &Settings| settings.keys.iter().map(|key| key.name().to_string()).collect::<Vec<_>>().join(" ");
        let found = found.iter().map(|(address, settings)| format!("{address} {}", keys(settings))).collect();
        (found, missing.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn without_a_statement_there_are_two_with_the_key_of_the_file() {
        let file = Texts([("/b".into(), KEY)].into());
        let both = ["127.0.0.1:953 rndc-key", "[::1]:953 rndc-key"].map(str::to_owned).to_vec();
        assert_eq!(shown("options { };", &file), (both, vec![]));
        let (found, missing) = shown("options { };", &Texts::default());
        assert_eq!(found, [""; 0]);
        assert_eq!(missing[0], "couldn't add command channel 127.0.0.1#953: open: /a: file not found");
        let broken = Texts([("/a".into(), "key k {"), ("/b".into(), KEY)].into());
        assert!(shown("", &broken).1[0].contains("953: /a:1: "), "a file that is there counts, also a wrong one");
        let empty = Texts([("/a".into(), "options { };")].into());
        assert!(shown("", &empty).1[0].ends_with("/a: it has no key"));
        assert_eq!(shown("controls { };", &file), (vec![], vec![]), "off");
    }

    #[test]
    fn each_channel_has_the_keys_that_it_names() {
        let keys = "key a { algorithm hmac-sha256; secret \"c2VjcmV0\"; }; key b { algorithm hmac-sha1; secret \"c2VjcmV0\"; };";
        let text = format!(
            "{keys} controls {{ inet 127.0.0.1 port 9953 allow {{ any; }} keys {{ b; a; }}; inet * allow {{ any; }}; \
             inet ::1 allow {{ none; }} keys {{ }} read-only yes; }};"
        );
        let file = Texts([("/a".into(), KEY)].into());
        let expected = ["127.0.0.1:9953 a b", "0.0.0.0:953 rndc-key", "[::1]:953 "].map(str::to_owned).to_vec();
        assert_eq!(shown(&text, &file), (expected, vec![]));
    }
}
