//! Reading rndc.conf and its key file: which server, with which key.
//!
//! Its statements: `options { default-key; default-server; default-port; default-source-address(-v6); }`, `server NAME {
//! key; port; addresses { … }; source-address(-v6); }`, `key`, `include`.
//! Not here: which of them counts for a command line (`cli`).

use std::net::IpAddr;
use std::path::Path;

use super::cursor::Cursor;
use super::report::{Problem, Report};
use super::tree::{self, End, Statement};
use crate::config::files::{Files, MAX_CONFIG_OCTETS, explain};
use crate::config::values::excerpt;
use crate::config::{Diagnostic, Key, Position, Secret, values};
use crate::tsig::Algorithm;

/// Files that include files.
const MAX_DEPTH: usize = 8;

/// What rndc.conf says.
#[derive(Debug, Default, PartialEq)]
pub struct RndcConf {
    /// `default-key`
    pub default_key: Option<String>,
    /// `default-server`
    pub default_server: Option<String>,
    /// `default-port`
    pub default_port: Option<u16>,
    /// `default-source-address` and its `-v6`.
    pub default_source: Vec<IpAddr>,
    /// `server`, in order.
    pub servers: Vec<RndcServer>,
    /// `key`, in order.
    pub keys: Vec<Key>,
}

/// One server of rndc.conf.
#[derive(Debug, Default, PartialEq)]
pub struct RndcServer {
    /// Its name or address, by which it is asked for.
    pub name: String,
    /// `key`
    pub key: Option<String>,
    /// `port`
    pub port: Option<u16>,
    /// `addresses`: names or addresses with a port of their own; empty: the server's name.
    pub addresses: Vec<(String, Option<u16>)>,
    /// `source-address` and its `-v6`.
    pub source: Vec<IpAddr>,
}

/// Reads a file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(path: &Path, files: &dyn Files) -> Result<RndcConf, Vec<Diagnostic>> {
    let mut reader = Reader { files, report: Report::default(), conf: RndcConf::default() };
    reader.file(path, None, 0);
    let Reader { report, conf, .. } = reader;
    report.finish().map(|_| conf)
}

struct Reader<'f> {
    files: &'f dyn Files,
    report: Report,
    conf: RndcConf,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, at: Option<&Position>, depth: usize) {
        let name = path.display().to_string();
        let begin = Position { file: name.as_str().into(), line: 1, column: 0 };
        let at = at.unwrap_or(&begin);
        if depth > MAX_DEPTH {
            return self.report.error(at, "includes are nested too deep");
        }
        let octets = match self.files.read(path, MAX_CONFIG_OCTETS) {
            Ok(octets) => octets,
            Err(error) => return self.report.error(at, format!("open: {name}: {}", explain(&error))),
        };
        let (statements, problem) = tree::read(&String::from_utf8_lossy(&octets), &name);
        for statement in &statements {
            self.each(statement, |reader, cursor| reader.top(cursor, depth));
        }
        if let Some(problem) = problem {
            self.report.problem(problem);
        }
    }

    /// Reads a statement to its end.
    fn each(&mut self, statement: &Statement, read: impl FnOnce(&mut Self, &mut Cursor<'_>) -> Result<(), Problem>) {
        let mut cursor = Cursor::new(statement);
        let read = read(self, &mut cursor);
        let ended = read.and_then(|()| if is_ended(&cursor) { Ok(()) } else { Err(cursor.missing_semicolon()) });
        if let Err(problem) = ended {
            self.report.problem(problem);
        }
    }

    fn block(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut read: impl FnMut(&mut Self, &mut Cursor<'_>) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        for statement in &cursor.block()?.statements {
            self.each(statement, &mut read);
        }
        Ok(())
    }

    fn top(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Problem> {
        if cursor.take_word("include") {
            let token = cursor.text()?;
            self.file(Path::new(&token.text), Some(&token.position), depth + 1);
            Ok(())
        } else if cursor.take_word("options") {
            self.block(cursor, Self::option)
        } else if cursor.take_word("key") {
            self.key(cursor)
        } else if cursor.take_word("server") {
            let mut server = RndcServer { name: cursor.text()?.text.clone(), ..RndcServer::default() };
            self.block(cursor, |reader, cursor| reader.server(&mut server, cursor))?;
            self.conf.servers.push(server);
            Ok(())
        } else {
            Err(unknown(cursor))
        }
    }

    fn option(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Problem> {
        if cursor.take_word("default-key") {
            self.conf.default_key = Some(cursor.text()?.text.clone());
        } else if cursor.take_word("default-server") {
            self.conf.default_server = Some(cursor.text()?.text.clone());
        } else if cursor.take_word("default-port") {
            self.conf.default_port = Some(port(cursor)?);
        } else if cursor.take_word("default-source-address") || cursor.take_word("default-source-address-v6") {
            self.conf.default_source.push(address(cursor)?);
        } else {
            return Err(unknown(cursor));
        }
        Ok(())
    }

    fn server(&mut self, server: &mut RndcServer, cursor: &mut Cursor<'_>) -> Result<(), Problem> {
        if cursor.take_word("key") {
            server.key = Some(cursor.text()?.text.clone());
        } else if cursor.take_word("port") {
            server.port = Some(port(cursor)?);
        } else if cursor.take_word("source-address") || cursor.take_word("source-address-v6") {
            server.source.push(address(cursor)?);
        } else if cursor.take_word("addresses") {
            self.block(cursor, |_, cursor| {
                let name = cursor.text()?.text.clone();
                let own = if cursor.take_word("port") { Some(port(cursor)?) } else { None };
                server.addresses.push((name, own));
                Ok(())
            })?;
        } else {
            return Err(unknown(cursor));
        }
        Ok(())
    }

    fn key(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Problem> {
        let token = cursor.text()?;
        let (position, written) = (token.position.clone(), token.text.clone());
        let (mut algorithm, mut secret) = (None, None);
        self.block(cursor, |_, cursor| {
            if cursor.take_word("algorithm") {
                let token = cursor.text()?;
                let unsupported = || format!("unsupported algorithm: {}", excerpt(&token.text));
                let found = Algorithm::by_name(&token.text);
                algorithm = Some(found.ok_or_else(|| Problem::new(token.position.clone(), unsupported()))?);
            } else if cursor.take_word("secret") {
                let token = cursor.text()?;
                let bad = |error| Problem::new(token.position.clone(), format!("bad secret '{error}'"));
                secret = Some(values::secret(&token.text).map_err(bad)?);
            } else {
                return Err(unknown(cursor));
            }
            Ok(())
        })?;
        let wrong = |what: &str| Problem::new(position.clone(), format!("key '{}' {what}", excerpt(&written)));
        let name = written.parse().map_err(|_| wrong("has a bad name"))?;
        let (Some(algorithm), Some(secret)): (_, Option<Secret>) = (algorithm, secret) else {
            return Err(wrong("must have algorithm and secret"));
        };
        self.conf.keys.push(Key { name, view: None, algorithm, secret, position: Some(position) });
        Ok(())
    }
}

fn is_ended(cursor: &Cursor<'_>) -> bool {
    matches!((cursor.is_done(), cursor.end()), (true, End::Semicolon(_) | End::Reported(_)))
}

fn unknown(cursor: &Cursor<'_>) -> Problem {
    match cursor.peek_token() {
        Some(token) => Problem::new(token.position.clone(), format!("unknown option '{}'", excerpt(&token.text))),
        None => cursor.near("unknown option"),
    }
}

fn port(cursor: &mut Cursor<'_>) -> Result<u16, Problem> {
    let token = cursor.word("expected port number")?;
    let port = token.text.parse::<u16>().ok().filter(|port| *port > 0);
    port.ok_or_else(|| Problem::new(token.position.clone(), format!("port '{}' out of range", excerpt(&token.text))))
}

fn address(cursor: &mut Cursor<'_>) -> Result<IpAddr, Problem> {
    let token = cursor.text()?;
    let wrong = || Problem::new(token.position.clone(), format!("expected IP address near '{}'", excerpt(&token.text)));
    token.text.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::io;
    use std::path::PathBuf;

    use super::*;

    struct Texts(HashMap<PathBuf, String>);

    impl Files for Texts {
        fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
            self.0.get(path).map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
        }

        fn list(&self, _: &Path) -> io::Result<Vec<String>> {
            Ok(Vec::new())
        }
    }

    fn read_text(text: &str) -> Result<RndcConf, Vec<String>> {
        let key = "key \"rndc-key\" { algorithm hmac-md5; secret \"c2VjcmV0\"; };".to_owned();
        let files = Texts([("/c".into(), text.to_owned()), ("/k".into(), key)].into());
        read(Path::new("/c"), &files).map_err(|found| found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_statement_is_read() {
        let conf = read_text(
            "# comment\noptions { default-key \"rndc-key\"; default-server localhost; default-port 954;\n\
             default-source-address 127.0.0.2; default-source-address-v6 ::1; };\ninclude \"/k\";\n\
             server a.example { key other; port 955; source-address 10.0.0.1; addresses { 10.1.1.1 port 956; b.example; }; };\n\
             key other { secret \"c2VjcmV0\"; algorithm hmac-sha512; };",
        )
        .expect("it is right");
        assert_eq!(
            (conf.default_key.as_deref(), conf.default_server.as_deref()),
            (Some("rndc-key"), Some("localhost"))
        );
        assert_eq!((conf.default_port, conf.default_source.len()), (Some(954), 2));
        let keys: Vec<_> = conf.keys.iter().map(|key| (key.name.to_string(), key.algorithm)).collect();
        let expected = [("rndc-key", Algorithm::HmacMd5), ("other", Algorithm::HmacSha512)];
        assert_eq!(keys, expected.map(|(name, algorithm)| (name.to_owned(), algorithm)));
        let [server] = &conf.servers[..] else { panic!("one server") };
        assert_eq!((server.name.as_str(), server.key.as_deref(), server.port), ("a.example", Some("other"), Some(955)));
        assert_eq!(server.addresses, [("10.1.1.1".to_owned(), Some(956)), ("b.example".to_owned(), None)]);
        assert_eq!(server.source.len(), 1);
    }

    #[test]
    fn faults_are_told_with_their_line() {
        for (text, expected) in [
            ("options { bogus 1; };", "/c:1: unknown option 'bogus'"),
            ("\nkey k { algorithm hmac-md4; secret \"c2VjcmV0\"; };", "/c:2: unsupported algorithm: hmac-md4"),
            ("key k { algorithm hmac-md5; };", "/c:1: key 'k' must have algorithm and secret"),
            ("key k { algorithm hmac-md5; secret \"!\"; };", "/c:1: bad secret 'bad base64 encoding'"),
            ("options { default-port 70000; };", "/c:1: port '70000' out of range"),
            ("include \"/none\";", "/c:1: open: /none: file not found"),
            ("server a { key k }", "/c:1: "),
            ("include \"/c\";", "/c:1: includes are nested too deep"),
        ] {
            let found = read_text(text).expect_err(text);
            assert!(found[0].starts_with(expected), "{text}: {found:?}");
        }
    }
}
