//! Writing values: of a shape that is read, in named's spelling; of any other, word by word.

use super::{Printer, Secrets};
use crate::config::named_conf::address::{Element, Forwarders, Matched};
use crate::config::named_conf::body::Setting;
use crate::config::named_conf::lexer::{Kind, Token};
use crate::config::named_conf::tree::Item;
use crate::config::named_conf::value::{ControlInet, Size, Value};
use crate::config::named_conf::words;
use crate::config::values;

/// Statements whose value is a secret.
const SECRETS: &[&str] = &["secret", "cookie-secret"];

/// Which words of a statement named writes in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Those that are.
    AsWritten,
    /// All.
    Quoted,
    /// All but the first and third: a rule of `update-policy`.
    Rule,
    /// The one behind `name`: an element of `rrset-order`.
    Order,
    /// All but addresses, with their ports: match lists and lists of servers that nobody reads.
    Names,
}

impl Words {
    fn of(name: &str) -> Self {
        match name {
            "category" | "disable-algorithms" | "disable-ds-digests" => Self::Quoted,
            "allow-notify" | "allow-transfer" | "allow-update-forwarding" | "sortlist" | "topology" => Self::Names,
            "also-notify" | "masters" | "parental-agents" | "primaries" => Self::Names,
            "update-policy" => Self::Rule,
            "rrset-order" => Self::Order,
            _ => Self::AsWritten,
        }
    }
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}

impl Printer {
    /// What stands behind the name of a statement that has no statements in it.
    pub(super) fn value(&mut self, setting: &Setting) {
        match &setting.value {
            Value::Boolean(value) => self.word(if *value { "yes" } else { "no" }),
            Value::Number(number) => self.word(&number.to_string()),
            Value::Numbers(numbers) => numbers.iter().for_each(|number| self.word(&number.to_string())),
            Value::Seconds(seconds) => self.seconds(*seconds, &setting.items),
            Value::Size(Size::Octets(octets)) => self.word(&octets.to_string()),
            Value::Text(text) => self.text_of(setting.row.name, text),
            Value::MatchList(list) => self.match_list(list),
            Value::Acl { name, list } => {
                self.word(&quoted(name));
                self.match_list(list);
            }
            Value::Listen { .. } | Value::Forwarders(_) if self.has_unread(setting) => self.items(setting),
            Value::Listen { port, list } => {
                // Where no port is written named leaves its space.
                self.word(&port.map(|port| format!("port {port}")).unwrap_or_default());
                self.match_list(list);
            }
            Value::Forwarders(list) => self.forwarders(list),
            Value::Control(control) => self.control(control),
            Value::LogFile(_) => self.log_file(&setting.items),
            // The level that none means.
            Value::Severity(_) if is_word(&setting.items, "debug") => {
                self.word("debug 1");
            }
            Value::Nothing | Value::Facility(_) if setting.items.is_empty() => self.text.push(' '),
            Value::Facility(facility) => self.word(&quoted(facility.word())),
            _ => self.items(setting),
        }
    }

    /// Whether words stand before the block that the value does not tell of.
    fn has_unread(&self, setting: &Setting) -> bool {
        let words = setting.items.iter().take_while(|item| matches!(item, Item::Token(_))).count();
        words != 0 && words != 2
    }

    fn text_of(&mut self, name: &str, text: &str) {
        match self.secrets {
            Secrets::Masked if SECRETS.contains(&name) => self.word(&quoted(&"?".repeat(text.chars().count()))),
            _ => self.word(&quoted(text)),
        }
    }

    /// ISO 8601 stays as it is, all else becomes a number.
    fn seconds(&mut self, seconds: u32, items: &[Item]) {
        match items {
            [Item::Token(token)] if token.text.starts_with(['P', 'p']) => self.word(&token.text),
            _ => self.word(&seconds.to_string()),
        }
    }

    fn match_list(&mut self, elements: &[Element]) {
        self.text.push(' ');
        self.list(elements);
    }

    fn list(&mut self, elements: &[Element]) {
        self.text.push_str("{\n");
        self.depth += 1;
        for element in elements {
            self.indent();
            self.text.push_str(if element.negated { "!" } else { "" });
            match &element.what {
                Matched::Prefix(prefix) => self.text.push_str(&prefix.to_string()),
                Matched::Name(name) => self.text.push_str(&quoted(name)),
                Matched::Key(name) => self.text.push_str(&format!("key {}", quoted(name))),
                Matched::List(inner) => self.list(inner),
            }
            self.text.push_str(";\n");
        }
        self.close();
    }

    fn forwarders(&mut self, forwarders: &Forwarders) {
        let port = |port: Option<u16>| port.map(|port| format!(" port {port}")).unwrap_or_default();
        self.text.push_str(&port(forwarders.port));
        self.open();
        for forwarder in &forwarders.list {
            self.indent();
            let scope = if forwarder.scope_id == 0 { String::new() } else { format!("%{}", forwarder.scope_id) };
            self.text.push_str(&format!("{}{scope}{};\n", forwarder.address, port(forwarder.port)));
        }
        self.close();
    }

    fn control(&mut self, control: &ControlInet) {
        let ControlInet { address, port, allow, keys, read_only } = control;
        let scope = |scope_id: u32| if scope_id == 0 { String::new() } else { format!("%{scope_id}") };
        self.word(&match address {
            None => "0.0.0.0".to_owned(),
            Some((address, scope_id)) => format!("{address}{}", scope(*scope_id)),
        });
        if let Some(port) = port.filter(|port| *port > 0) {
            self.word(&format!("port {port}"));
        }
        self.word("allow");
        self.match_list(allow);
        if let Some(keys) = keys {
            self.word("keys");
            self.open();
            for key in keys {
                self.indent();
                self.text.push_str(&format!("{};\n", quoted(&key.text)));
            }
            self.close();
        }
        if let Some(read_only) = read_only {
            self.word(if *read_only { "read-only yes" } else { "read-only no" });
        }
    }

    fn log_file(&mut self, items: &[Item]) {
        for token in items.iter().filter_map(token) {
            match (token.kind, values::size(&token.text)) {
                (Kind::Word, Ok(octets)) => self.word(&octets.to_string()),
                _ => self.token(token, Words::AsWritten, 0),
            }
        }
    }

    /// Word by word, numbers in decimal.
    fn items(&mut self, setting: &Setting) {
        let words = Words::of(setting.row.name);
        self.item_list(&setting.items, words, true);
    }

    fn item_list(&mut self, items: &[Item], words: Words, is_head: bool) {
        let mut after_name = false;
        for (at, item) in items.iter().enumerate() {
            let is_first = at == 0 && !is_head;
            match item {
                Item::Token(token) => {
                    let is_close = matches!(token.kind, Kind::Special(b'/'))
                        || matches!(items.get(at.wrapping_sub(1)), Some(Item::Token(before)) if is_tight(before));
                    if !is_first && !is_close {
                        self.text.push(' ');
                    }
                    let place = if is_head { usize::MAX } else { at };
                    let kept = if words == Words::Order && after_name { Words::Quoted } else { words };
                    self.token_text(token, kept, place);
                    after_name = token.text.eq_ignore_ascii_case("name");
                }
                Item::Block(block) => {
                    if is_first {
                        self.text.push_str("{\n");
                        self.depth += 1;
                    } else {
                        self.open();
                    }
                    for statement in block.statements.iter().filter(|statement| !statement.items.is_empty()) {
                        self.indent();
                        self.item_list(&statement.items, words, false);
                        self.text.push_str(";\n");
                    }
                    self.close();
                }
            }
        }
    }

    fn token(&mut self, token: &Token, words: Words, place: usize) {
        self.text.push(' ');
        self.token_text(token, words, place);
    }

    fn token_text(&mut self, token: &Token, words: Words, place: usize) {
        let is_quoted = match words {
            Words::Quoted => true,
            Words::Rule => place != 0 && place != 2 && place != usize::MAX,
            Words::Names => !is_of_address(&token.text),
            Words::AsWritten | Words::Order => false,
        };
        match token.kind {
            Kind::Quoted => self.text.push_str(&quoted(&token.text)),
            Kind::Word if is_quoted => self.text.push_str(&quoted(&token.text)),
            Kind::Word => match words::number(&token.text) {
                Some(Ok(number)) if place == usize::MAX => self.text.push_str(&number.to_string()),
                _ => self.text.push_str(&token.text),
            },
            Kind::Special(_) | Kind::End => self.text.push_str(&token.text),
        }
    }
}

/// Whether this word is all there is.
fn is_word(items: &[Item], word: &str) -> bool {
    matches!(items, [Item::Token(only)] if only.text.eq_ignore_ascii_case(word))
}

fn token(item: &Item) -> Option<&Token> {
    match item {
        Item::Token(token) => Some(token),
        Item::Block(_) => None,
    }
}

/// An address, or a word that belongs to one.
fn is_of_address(word: &str) -> bool {
    ["key", "port", "tls", "transport"].contains(&word)
        || word.contains(':')
        || word.starts_with(|c: char| c.is_ascii_digit())
}

/// Nothing stands between these and what follows.
fn is_tight(token: &Token) -> bool {
    matches!(token.kind, Kind::Special(b'/' | b'!'))
}
