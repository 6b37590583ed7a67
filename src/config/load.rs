//! Loading a configuration file in whichever of the two formats it is written.
//!
//! The content decides, never the file's name: behind white space and comments (of both formats) a TOML file begins
//! with `[` or with a key and `=`; a named.conf begins with a word and has `{` or `;` behind it. named.conf has no `=`
//! outside of quotes, so no file is both.

use std::path::Path;

use super::files::{Disk, Files, MAX_CONFIG_OCTETS, explain};
use super::{CommandLine, Diagnostic, Level, Loaded, Position, named_conf, toml};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Native, [`super::toml`].
    Toml,
    /// BIND's.
    NamedConf,
}

/// Reads a configuration file. The diagnostics of an `Err` hold at least one error.
pub fn load(path: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    load_given(path, &CommandLine::default())
}

/// The same, where the program's arguments say something too.
pub fn load_given(path: &Path, given: &CommandLine) -> Result<Loaded, Vec<Diagnostic>> {
    read(path, given).and_then(|loaded| given.narrow(loaded))
}

fn read(path: &Path, given: &CommandLine) -> Result<Loaded, Vec<Diagnostic>> {
    let name = path.display().to_string();
    let octets = Disk
        .read(path, MAX_CONFIG_OCTETS)
        .map_err(|error| vec![fault(format!("open: {name}: {}", explain(&error)), None)])?;
    // Editors on other systems write a byte order mark, which nobody sees.
    let octets = octets.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&octets);
    match format_of(octets) {
        Some(Format::Toml) => match std::str::from_utf8(octets) {
            Ok(text) => toml::parse_given(text, &name, &Disk, given),
            Err(error) => Err(vec![not_utf8(&name, octets, error.valid_up_to())]),
        },
        Some(Format::NamedConf) => named_conf::parse_given(&String::from_utf8_lossy(octets), &name, &Disk, given),
        None if skip_blank(octets).is_empty() => Err(vec![fault(
            format!("{name} is empty"),
            Some("begin with [options] (TOML) or options { … }; (named.conf)"),
        )]),
        None => {
            let hint = "a TOML file begins with [options], a named.conf with options {";
            Err(vec![fault(format!("{name} is neither TOML nor named.conf"), Some(hint))])
        }
    }
}

/// Which format a text is in; `None`: neither, or nothing but comments.
pub fn format_of(octets: &[u8]) -> Option<Format> {
    let rest = skip_blank(octets);
    if rest.starts_with(b"[") {
        return Some(Format::Toml);
    }
    let key = rest.iter().take_while(|octet| is_of_key(**octet)).count();
    let behind = rest[key..].iter().find(|octet| !matches!(octet, b' ' | b'\t'));
    if key > 0 && behind == Some(&b'=') {
        return Some(Format::Toml);
    }
    rest.iter().any(|octet| matches!(octet, b'{' | b';')).then_some(Format::NamedConf)
}

/// Bare, quoted and dotted keys.
fn is_of_key(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-' | b'.' | b'"' | b'\'')
}

/// What is left behind a byte order mark, white space and the comments of both formats.
fn skip_blank(octets: &[u8]) -> &[u8] {
    let mut rest = octets.strip_prefix(BYTE_ORDER_MARK).unwrap_or(octets);
    loop {
        rest = rest.trim_ascii_start();
        let end = match rest {
            [b'#', ..] | [b'/', b'/', ..] => rest.iter().position(|octet| *octet == b'\n'),
            [b'/', b'*', tail @ ..] => tail.windows(2).position(|pair| pair == b"*/").map(|at| at + 3),
            _ => return rest,
        };
        rest = end.map_or(&[], |end| &rest[end + 1..]);
    }
}

fn fault(message: String, hint: Option<&str>) -> Diagnostic {
    Diagnostic { position: None, level: Level::Error, message, hint: hint.map(str::to_owned), topic: None }
}

fn not_utf8(name: &str, octets: &[u8], valid: usize) -> Diagnostic {
    let line = 1 + octets[..valid].iter().filter(|octet| **octet == b'\n').count();
    let position = Position { file: name.into(), line: u32::try_from(line).unwrap_or(u32::MAX), column: 0 };
    let hint = Some("TOML is UTF-8; save the file in that encoding");
    Diagnostic { position: Some(position), ..fault(format!("octet 0x{:02x} is no UTF-8", octets[valid]), hint) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_content_tells_the_format() {
        for (case, text, format) in [
            ("a table", "[options]", Some(Format::Toml)),
            ("an array of tables behind comments", "# x\n\n  # y\n[[forward]]", Some(Format::Toml)),
            ("a key", "options = { port = 53 }", Some(Format::Toml)),
            ("a dotted and quoted key", "acl.\"a\"\t= ['::1']", Some(Format::Toml)),
            ("a byte order mark", "\u{feff}[options]", Some(Format::Toml)),
            ("statements", "options { port 53; };", Some(Format::NamedConf)),
            ("an acl with '=' in its text", "acl \"a=b\" { any; };", Some(Format::NamedConf)),
            ("an include", "include \"x\";", Some(Format::NamedConf)),
            ("all three kinds of comments", "/* [a] */ // x = 1\n# y\nacl a { };", Some(Format::NamedConf)),
            ("a comment within a statement", "options /* x */ {", Some(Format::NamedConf)),
            ("an unquoted word with '='", "x=y", Some(Format::Toml)),
            ("nothing", "", None),
            ("comments alone", "# a\n/* b */\n", None),
            ("a comment without an end", "/* a", None),
            ("prose", "hello, world", None),
        ] {
            assert_eq!(format_of(text.as_bytes()), format, "{case}");
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_either_format() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.conf");
        for text in ["\u{feff}options { forwarders { 10.1.0.2; }; };", "\u{feff}[options]\nforwarders = ['10.1.0.2']"] {
            fs::write(&path, text).unwrap();
            assert_eq!(load(&path).unwrap().config.upstream_addresses().len(), 1, "{text}");
        }
    }

    #[test]
    fn files_that_are_no_configuration_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.conf");
        let shown = |path: &Path| {
            let faults = load(path).unwrap_err();
            let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
            all.join("\n").replace(directory.path().to_str().unwrap(), "D")
        };
        assert_eq!(shown(&path), "open: D/x.conf: file not found");
        assert_eq!(shown(directory.path()), "open: D: not a file");
        for (octets, expected) in [
            (
                b"# nothing yet\n".as_slice(),
                "D/x.conf is empty (begin with [options] (TOML) or options { … }; (named.conf))",
            ),
            (
                b"hello",
                "D/x.conf is neither TOML nor named.conf (a TOML file begins with [options], a named.conf with options {)",
            ),
            (
                b"[options]\nversion = \"\xe9\"",
                "D/x.conf:2: octet 0xe9 is no UTF-8 (TOML is UTF-8; save the file in that encoding)",
            ),
            (
                b"options { forwardrs { 10.1.0.2; }; };",
                "D/x.conf:1: unknown option 'forwardrs' (did you mean 'forwarders'?)",
            ),
            (b"options { recursion no; prot 53; };", "D/x.conf:1: unknown option 'prot' (did you mean 'port'?)"),
            (b"[options]\nprot = 53", "D/x.conf:2: unknown option 'prot' in [options] (did you mean 'port'?)"),
        ] {
            fs::write(&path, octets).unwrap();
            assert_eq!(shown(&path), expected);
        }
    }
}
