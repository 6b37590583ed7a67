//! Writing the table of all statements as a page: `docs/named.conf.md`.
//!
//! The page is part of the sources, so that it can be read without running anything; a test holds it against the table.
//! `TANDEM_WRITE_DOCS=1 cargo test --lib named_conf` writes it.

use std::fmt::Write as _;

use super::{Era, Form, PLACES, Row, Shape, Support, places, rows};

const HEAD: &str = "\
# named.conf, statement by statement
Every statement that named 9.11 to 9.20 has, and what becomes of it here. This page is made from the table that the reader
itself goes by (`src/config/named_conf/grammar/`): `TANDEM_WRITE_DOCS=1 cargo test --lib named_conf`.

- **honoured**: it does what named's manual says, but for what stands beside it.
- **ignored**: accepted with one warning, which says what happens instead. A value that says what is the case anyway gets no
  warning.
- **refused**: an error, since to pass over it would not be safe.
- **part**: it stands and falls with the block around it.

*gone*: named 9.18 refuses the statement, 9.11 or a later one had it. *9.20*: named 9.18 does not know it yet. A zone of type
secondary, mirror, stub, static-stub, redirect or delegation-only is one error at its `type`, whatever else is in it; an option
that a zone's type does not allow is named's error.
";

/// The whole page.
pub(in crate::config::named_conf) fn page() -> String {
    let mut page = HEAD.to_owned();
    for &(place, words) in PLACES {
        let mut here: Vec<&Row> = rows().filter(|row| home(row) == place).collect();
        here.sort_by_key(|row| row.name);
        if here.is_empty() {
            continue;
        }
        let preposition = if place == super::TOP { "At" } else { "In" };
        let _ =
            write!(page, "\n## {preposition} {words}\n\n| statement | also in | | what happens |\n|---|---|---|---|\n");
        for row in here {
            line(row, place, &mut page);
        }
    }
    page
}

/// The first place of a row: where the page tells of it.
fn home(row: &Row) -> super::Places {
    PLACES.iter().map(|&(place, _)| place).find(|place| row.places & place != 0).unwrap_or(row.places)
}

fn line(row: &Row, home: super::Places, page: &mut String) {
    let (status, why) = match row.support {
        Support::Honoured => ("honoured", row.limits),
        Support::Ignored(why) => ("ignored", why),
        Support::Refused(why) => ("refused", why),
        Support::Part => ("part", ""),
    };
    let era = match row.era {
        Era::Present => "",
        Era::Gone => " *gone*",
        Era::Newer => " *9.20*",
    };
    let elsewhere = match row.places & !home {
        _ if row.name == "include" => "every block".to_owned(),
        0 => String::new(),
        rest => places::words(rest),
    };
    let moot = if row.moot.is_empty() { String::new() } else { format!(" (not of: {})", row.moot.join(", ")) };
    let value = shape(row.shape);
    let space = if value.is_empty() { "" } else { " " };
    let statement = format!("{}{space}{value}", row.name).replace('|', "\\|");
    let _ = writeln!(page, "| `{statement};`{era} | {elsewhere} | {status} | {why}{moot} |");
}

const MATCHES: &str = "{ address_match_element; … }";

/// What follows the name, as named's manual writes such things.
fn shape(shape: Shape) -> String {
    match shape {
        Shape::Nothing => String::new(),
        Shape::Boolean => "BOOLEAN".to_owned(),
        Shape::BooleanOr(words) => format!("( {} | BOOLEAN )", words.join(" | ")),
        Shape::Number => "N".to_owned(),
        Shape::NumberOr(words) => format!("( {} | N )", words.join(" | ")),
        Shape::Numbers(least, most) => {
            let needed = vec!["N"; least].join(" ");
            needed + &" [ N ]".repeat(most - least)
        }
        Shape::Duration => "DURATION".to_owned(),
        Shape::Quoted => "\"TEXT\"".to_owned(),
        Shape::QuotedOr(words) => format!("( \"TEXT\" | {} )", words.join(" | ")),
        Shape::Text => "TEXT".to_owned(),
        Shape::OneOf(words) => format!("( {} )", words.join(" | ")),
        Shape::Size => "( default | unlimited | SIZE )".to_owned(),
        Shape::SizeOrPercent => "( default | unlimited | SIZE | PERCENT )".to_owned(),
        Shape::Form(form) => self::form(form),
        Shape::MatchList => MATCHES.to_owned(),
        Shape::Forwarders => "[ port N ] { ADDRESS [ port N ]; … }".to_owned(),
        Shape::Listen => format!("[ port N ] {MATCHES}"),
        Shape::Inet => format!("( ADDRESS | * ) [ port ( N | * ) ] [ allow {MATCHES} ]"),
        Shape::SourceV4 | Shape::SourceV6 => "[ address ] ( ADDRESS | * ) [ port ( N | * ) ]".to_owned(),
        Shape::RrsetOrder => "{ [ class TEXT ] [ type TEXT ] [ name \"TEXT\" ] order TEXT; … }".to_owned(),
        Shape::Acl => format!("NAME {MATCHES}"),
        Shape::Body(_) => "{ … }".to_owned(),
        Shape::NamedBody(_) => "NAME { … }".to_owned(),
        Shape::ClassedBody(_) => "NAME [ CLASS ] { … }".to_owned(),
        Shape::PrefixBody(_) => "PREFIX { … }".to_owned(),
        Shape::Control => {
            format!("( ADDRESS | * ) [ port ( N | * ) ] allow {MATCHES} [ keys {{ NAME; … }} ] [ read-only BOOLEAN ]")
        }
        Shape::Category => "NAME { CHANNEL; … }".to_owned(),
        Shape::LogFile => {
            "\"TEXT\" [ versions ( unlimited | N ) ] [ size SIZE ] [ suffix ( increment | timestamp ) ]".to_owned()
        }
        Shape::FetchLimit => "N [ drop | fail ]".to_owned(),
        Shape::Severity => "( critical | error | warning | notice | info | debug [ N ] | dynamic )".to_owned(),
        Shape::Facility => "[ FACILITY ]".to_owned(),
        Shape::UpdatePolicy => "( local | { ( grant | deny ) NAME RULE [ NAME ] [ TYPE … ]; … } )".to_owned(),
        Shape::Include => "\"PATTERN\"".to_owned(),
    }
}

fn form(form: &Form) -> String {
    let keyed = |word: &str, form: &Form| format!("[ {} ]", joined(word, form));
    let options =
        |options: &[(&str, Form)]| options.iter().map(|(word, form)| keyed(word, form)).collect::<Vec<_>>().join(" ");
    match form {
        Form::Boolean => "BOOLEAN".to_owned(),
        Form::Number => "N".to_owned(),
        Form::FixedPoint => "N.NN".to_owned(),
        Form::Percent => "PERCENT".to_owned(),
        Form::Duration => "DURATION".to_owned(),
        Form::Octets => "SIZE".to_owned(),
        Form::Text => "TEXT".to_owned(),
        Form::Quoted => "\"TEXT\"".to_owned(),
        Form::V6 | Form::Address => "ADDRESS".to_owned(),
        Form::SourceV4 | Form::SourceV6 => "( ADDRESS | * ) [ port ( N | * ) ]".to_owned(),
        Form::PortRange => "( N | range N N )".to_owned(),
        Form::OneOf(words) => format!("( {} )", words.join(" | ")),
        Form::Or(words, other) => format!("( {} | {} )", words.join(" | "), self::form(other)),
        Form::Is(word) => (*word).to_owned(),
        Form::All(forms) => forms.iter().map(self::form).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" "),
        Form::Keyed(word, inner) => keyed(word, inner),
        Form::Options(list) | Form::InOrder(list) => options(list),
        Form::Choice(list) => {
            let choices: Vec<_> = list.iter().map(|(word, form)| joined(word, form)).collect();
            format!("( {} )", choices.join(" | "))
        }
        Form::Perhaps(words) => format!("[ {} ]", words.join(" | ")),
        Form::Maybe(inner) => format!("[ {} ]", self::form(inner)),
        Form::List(inner) => format!("{{ {}; … }}", self::form(inner)),
        Form::Matches => MATCHES.to_owned(),
        Form::Servers => "[ port N ] { ( NAME | ADDRESS [ port N ] ) [ key NAME ] [ tls NAME ]; … }".to_owned(),
        Form::IfBlock(block, other) => format!("( {} | {} )", self::form(block), self::form(other)),
        Form::Unread => "{ … }".to_owned(),
    }
}

/// A word, and what follows it if anything does.
fn joined(word: &str, form: &Form) -> String {
    match self::form(form) {
        text if text.is_empty() => word.to_owned(),
        text => format!("{word} {text}"),
    }
}

/// Statements of which a word is refused have a note of it, and whatever README calls honoured is.
#[test]
fn words_that_are_refused_and_words_of_the_readme_are_told() {
    use crate::config::files::NoFiles;
    use crate::config::named_conf::{parse, tests::rows::within};

    for row in rows().filter(|row| row.support == Support::Honoured) {
        let Shape::OneOf(words) = row.shape else { continue };
        let Some((place, _)) = PLACES.iter().find(|(place, _)| row.places & place != 0) else { continue };
        for word in words.iter().filter(|_| row.name != "type") {
            let text = within(*place, row.name, &row.example.replace(words[0], word).replace(words[1], word));
            let is_refused = parse(&text, "x.conf", &NoFiles).is_err();
            assert!(!is_refused || row.limits.contains(word), "{text} is refused, and the page does not tell");
        }
    }
    let readme = include_str!("../../../../README.md");
    let table = readme.split("| honoured | |").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let quoted = table.split('`').skip(1).step_by(2).flat_map(|text| text.split(['{', ';']));
    let words: Vec<&str> = quoted.filter_map(|text| text.split_whitespace().next()).collect();
    assert!(words.len() > 30, "{words:?}");
    for word in words.into_iter().filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase())) {
        let name = word.trim_end_matches("(-v6)");
        let is_honoured = rows().any(|row| row.name == name && row.support == Support::Honoured);
        assert!(is_honoured, "README calls {name} honoured");
    }
}

#[test]
fn the_page_is_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/named.conf.md");
    let page = page();
    if std::env::var_os("TANDEM_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let differing = page.lines().zip(written.lines()).find(|(here, there)| here != there);
    assert!(
        page == written,
        "docs/named.conf.md is old: TANDEM_WRITE_DOCS=1 cargo test --lib named_conf; {differing:?}"
    );
    for row in rows() {
        assert!(page.contains(&format!("| `{}", row.name)), "{}", row.name);
    }
}
