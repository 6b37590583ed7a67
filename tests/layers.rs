//! Keeping the layers: a module uses only the modules that `src/lib.rs` lists before it.
//!
//! The order of the `mod` lines in `src/lib.rs` is the rule. `daemon` and `cli` know everyone and stand last; `main.rs`
//! is outside the library. The check reads the text: comments and literals are blanked, then every path that starts
//! with `crate::` (in a `use`, a group or in the middle of an expression) names the module it reaches. Test modules
//! obey like the rest. The modules that do no I/O are also searched for words that only I/O has.
//! Not here: paths through `super`, which cannot leave a module without naming the crate (`super` from a top-level
//! module is looked at too).

use std::fs;
use std::path::{Path, PathBuf};

/// A use of a module from one that may not know it.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    /// The module that the file belongs to.
    from: String,
    /// The module that it names.
    to: String,
    /// `1..`
    line: usize,
}

/// A test's case: its sentence, the module, its text, and each use that must be found with its line.
type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, usize)]);

/// Modules that do no I/O: bytes, `now` and what the server knows in, a value out.
const WITHOUT_IO: [&str; 8] = ["wire", "tsig", "access", "zone", "cache", "upstream", "state", "answer"];

/// What I/O, clocks and the system's chance look like. Tests may do as they like.
const IO: [&str; 14] = [
    "Instant::now",
    "SystemTime",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "crate::sys",
    "libc::",
    "nix::",
    "rand::random",
    "rand::rng(",
    "std::env",
    "std::fs",
    "std::io",
    "tokio::",
];

/// The one part of `sys` that is no I/O: it asks the core for memory, reads nothing and cannot fail.
const ADVICE: &str = "crate::sys::prefetch";

/// Modules that may name any other: they stand last.
const KNOW_EVERYONE: [&str; 2] = ["daemon", "cli"];

/// Replaces comments, strings and character literals by spaces; lines stay where they are.
fn blank(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_or_comment_end(bytes, at);
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none starts there.
fn literal_or_comment_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let after_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment_end(bytes, at);
    }
    if rest[0] == b'"' {
        return quoted_end(bytes, at);
    }
    if rest[0] == b'r' && !is_tail_of_word(bytes, at, after_word) {
        return raw_string_end(bytes, at);
    }
    if rest[0] == b'\'' {
        return character_end(bytes, at);
    }
    at
}

/// Whether the `r` at `at` belongs to a longer word; `br"…"` and `cr"…"` are raw strings all the same.
fn is_tail_of_word(bytes: &[u8], at: usize, after_word: bool) -> bool {
    let prefixed = at > 0
        && matches!(bytes[at - 1], b'b' | b'c')
        && !(at > 1 && (bytes[at - 2].is_ascii_alphanumeric() || bytes[at - 2] == b'_'));
    after_word && !prefixed
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else if bytes[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// `r"…"`, `r#"…"#`; a raw identifier (`r#type`) is no literal.
fn raw_string_end(bytes: &[u8], start: usize) -> usize {
    let hashes = bytes[start + 1..].iter().take_while(|&&byte| byte == b'#').count();
    let open = start + 1 + hashes;
    if bytes.get(open) != Some(&b'"') {
        return start;
    }
    let close: Vec<u8> = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let body = &bytes[open + 1..];
    body.windows(close.len()).position(|w| w == close).map_or(bytes.len(), |found| open + 1 + found + close.len())
}

/// `'x'` and `'\n'`, but not the lifetime `'a`.
fn character_end(bytes: &[u8], start: usize) -> usize {
    let first = start + 1;
    if bytes.get(first) == Some(&b'\\') {
        let from = first + 2;
        let close = bytes.iter().skip(from).position(|&byte| byte == b'\'');
        return close.map_or(bytes.len(), |found| from + found + 1);
    }
    let width = match bytes.get(first) {
        Some(0xF0..) => 4,
        Some(0xE0..) => 3,
        Some(0xC0..) => 2,
        _ => 1,
    };
    if bytes.get(first + width) == Some(&b'\'') { first + width + 1 } else { start }
}

/// The modules of `src/lib.rs` in order.
fn layers(lib: &str) -> Vec<String> {
    let blanked = blank(lib);
    let words = blanked.split_whitespace().collect::<Vec<_>>();
    words
        .windows(2)
        .filter(|pair| pair[0] == "mod" && pair[1].ends_with(';'))
        .map(|pair| pair[1].trim_end_matches(';').to_owned())
        .collect()
}

/// Every name that follows `prefix` in `source`, groups opened, with its line.
fn reached(source: &str, prefix: &str) -> Vec<(String, usize)> {
    let text = blank(source);
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(offset) = text[from..].find(prefix) {
        let start = from + offset;
        from = start + prefix.len();
        if text[..start].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '$')) {
            continue;
        }
        let Some(rest) = text[from..].trim_start().strip_prefix("::") else { continue };
        let line = text[..start].matches('\n').count() + 1;
        found.extend(heads(rest.trim_start()).into_iter().map(|head| (head, line)));
    }
    found
}

/// The first words of the paths in `rest`: one, or for `{a, b::{c, d}}` those of the outer group.
fn heads(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return vec![word(rest)] };
    let (mut heads, mut depth, mut piece) = (Vec::new(), 0, String::new());
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => heads.push(word(&std::mem::take(&mut piece))),
            _ => {
                depth += i32::from(c == '{') - i32::from(c == '}');
                piece.push(c);
            }
        }
    }
    heads.push(word(&piece));
    heads.retain(|head| !head.is_empty());
    heads
}

/// The identifier that `text` starts with; `*` for a glob.
fn word(text: &str) -> String {
    let text = text.trim_start();
    let text = text.strip_prefix("r#").unwrap_or(text);
    if text.starts_with('*') {
        return "*".to_owned();
    }
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// What the file `source` of module `from` uses and may not. `top` says that the file is the module's root
/// (`src/from.rs`, `src/from/mod.rs`), whose `super` is the crate.
fn violations(layers: &[String], from: &str, top: bool, source: &str) -> Vec<Violation> {
    if KNOW_EVERYONE.contains(&from) {
        return Vec::new();
    }
    let own = layers.iter().position(|layer| layer == from);
    let forbidden = |to: &str| match (own, layers.iter().position(|layer| layer == to)) {
        (_, _) if to == "*" => true,
        (Some(own), Some(other)) => other > own,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let mut reached_names = reached(source, "crate");
    if top {
        let outer = reached(&before_inner_modules(source), "super");
        reached_names.extend(outer);
    }
    reached_names
        .into_iter()
        .filter(|(to, _)| forbidden(to))
        .map(|(to, line)| Violation { from: from.to_owned(), to, line })
        .collect()
}

/// The text up to the first inline module, behind which `super` means this file.
fn before_inner_modules(source: &str) -> String {
    let text = blank(source);
    let mut end = text.len();
    for (at, _) in text.match_indices("mod ") {
        let rest = &text[at + 4..];
        if rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start().starts_with('{') {
            end = at;
            break;
        }
    }
    text[..end].to_owned()
}

/// What of [`IO`] a file names before its tests.
fn io_in(source: &str) -> Vec<&'static str> {
    let text = blank(source);
    let begins_tests = |at: usize| text[at..].lines().nth(1).is_some_and(|line| line.ends_with("mod tests {"));
    let tests = text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|&at| begins_tests(at));
    let code = text[..tests.unwrap_or(text.len())].replace(ADVICE, "");
    IO.into_iter().filter(|word| code.contains(word)).collect()
}

/// Every `.rs` file at and below `directory`.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("src is readable") {
        let path = entry.expect("an entry of src is readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The module that a file below `src` belongs to, and whether it is that module's root.
fn module_of(src: &Path, file: &Path) -> (String, bool) {
    let below = file.strip_prefix(src).expect("the file lies below src").with_extension("");
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let top = parts.len() == 1 || (parts.len() == 2 && parts[1] == "mod");
    (parts[0].clone(), top)
}

#[test]
fn every_module_uses_only_modules_above_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let layers = layers(&fs::read_to_string(src.join("lib.rs")).expect("src/lib.rs is readable"));
    assert!(!layers.is_empty(), "src/lib.rs lists no module");
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let (module, top) = module_of(&src, &file);
        if ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        if !layers.contains(&module) {
            wrong.push(format!("{}: module {module} is not listed in src/lib.rs", file.display()));
        }
        let source = fs::read_to_string(&file).expect("a source file is readable");
        for Violation { from, to, line } in violations(&layers, &module, top, &source) {
            wrong.push(format!(
                "{}:{line}: {from} uses {to}, which src/lib.rs lists after it: move what is shared up, or hand it in",
                file.strip_prefix(&src).expect("the file lies below src").display()
            ));
        }
    }
    assert!(wrong.is_empty(), "the layers of src/lib.rs are broken:\n{}", wrong.join("\n"));
}

#[test]
fn modules_without_io_have_none() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let tests_alone = file.file_name().is_some_and(|name| name == "tests.rs" || name == "fuzz.rs");
        if WITHOUT_IO.contains(&module_of(&src, &file).0.as_str()) && !tests_alone {
            let found = io_in(&fs::read_to_string(&file).expect("a source file is readable"));
            wrong.extend(found.iter().map(|word| format!("{}: {word}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "these do no I/O: hand in what they need\n{}", wrong.join("\n"));
}

#[test]
fn io_is_found_in_code_alone() {
    for (case, source, expected) in [
        ("a clock", "fn f() { let now = Instant::now(); }", &["Instant::now"][..]),
        ("a comment", "// std::fs is not here", &[]),
        ("a string", "let text = \"tokio::spawn\";", &[]),
        ("a test", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}", &[]),
        ("code behind tests in a file of their own", "#[cfg(test)]\nmod tests;\nuse std::fs;", &["std::fs"]),
        ("advice to the core", "use crate::sys::prefetch::prefetch;", &[]),
        ("several", "use std::io;\nuse crate::sys::host;", &["crate::sys", "std::io"]),
    ] {
        assert_eq!(io_in(source), expected, "{case}");
    }
}

#[test]
fn those_who_know_everyone_stand_last() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("src/lib.rs");
    let layers = layers(&lib);
    let first = layers.iter().position(|layer| KNOW_EVERYONE.contains(&layer.as_str())).unwrap_or(layers.len());
    let after: Vec<_> = layers[first..].iter().filter(|layer| !KNOW_EVERYONE.contains(&layer.as_str())).collect();
    assert!(after.is_empty(), "{after:?} stand after a module that knows everyone");
}

#[test]
fn the_checker_finds_what_it_must() {
    let layers =
        layers("//! mod fake;\npub mod wire;\nmod config; // mod other;\n#[doc(hidden)]\npub(crate) mod cache;\n");
    assert_eq!(layers, ["wire", "config", "cache"]);
    let cases: [Case; 19] = [
        ("a module above is fine", "cache", "use crate::wire::Name;", &[]),
        ("its own module is fine", "config", "use crate::config::Config;", &[]),
        ("a module below is not", "wire", "\nuse crate::cache::Entry;", &[("cache", 2)]),
        ("each name of a group counts", "config", "use crate::{wire, cache};", &[("cache", 1)]),
        (
            "groups over lines and in groups",
            "wire",
            "use crate::{\n wire::{cache, Name},\n config::{self},\n};",
            &[("config", 1)],
        ),
        ("a path within an expression", "wire", "fn f() { crate::config::load() }", &[("config", 1)]),
        ("spaces within a path", "wire", "use crate :: cache;", &[("cache", 1)]),
        ("a rename", "wire", "use crate::cache as memory;", &[("cache", 1)]),
        ("a glob of the crate names everyone", "wire", "use crate::*;", &[("*", 1)]),
        ("pub(crate) is no path", "wire", "pub(crate) fn config() {}", &[]),
        ("a comment is no use", "wire", "// crate::cache\n/* crate::cache /* x */ crate::cache */", &[]),
        ("a doc link is no use", "wire", "//! See [`crate::cache`].", &[]),
        ("a string is no use", "wire", r##"let a = "crate::cache"; let b = r#"crate::"cache"#;"##, &[]),
        ("a quote character opens no string", "wire", "let q = '\"'; use crate::cache; let r = '\"';", &[("cache", 1)]),
        ("a lifetime is no character", "wire", "fn f<'a>(x: &'a u8) {} use crate::cache;", &[("cache", 1)]),
        ("a macro's own $crate is not ours", "wire", "$crate::cache::x()", &[]),
        ("super of a module's root is the crate", "wire", "use super::cache;", &[("cache", 1)]),
        ("super of a test module is the file", "wire", "mod tests { use super::cache; }", &[]),
        ("a module that is not listed", "stray", "use crate::wire;", &[("wire", 1)]),
    ];
    for (what, from, source, expected) in cases {
        let found = violations(&layers, from, true, source);
        let found: Vec<_> = found.iter().map(|violation| (violation.to.as_str(), violation.line)).collect();
        assert_eq!(found, expected, "{what}");
    }
    let last = layers.iter().cloned().chain(["daemon".to_owned()]).collect::<Vec<_>>();
    assert_eq!(violations(&last, "daemon", true, "use crate::cache;"), []);
    assert_eq!(violations(&last, "wire", false, "use super::cache;"), [], "super of a file below is the module");
}

#[test]
fn a_file_belongs_to_the_module_of_its_folder() {
    let src = Path::new("/s");
    for (file, module, top) in
        [("/s/daemon.rs", "daemon", true), ("/s/wire/mod.rs", "wire", true), ("/s/wire/name.rs", "wire", false)]
    {
        assert_eq!(module_of(src, Path::new(file)), (module.to_owned(), top), "{file}");
    }
}
