//! What holds for both readers alike: a statement that names another one costs no walk over all the others.
//!
//! No time is measured. [`MANY`] statements are read in a second or two, unoptimized; a reader that looks at all of them for
//! each of them has a thousand million steps to take in each case, which lasts minutes if a step is one comparison, and
//! hours if a step reads a name.

use crate::config::files::NoFiles;
use crate::config::{Config, LocalZone, named_conf, toml};

const MANY: usize = 40_000;

const FILE: &str = "type primary; file \"f%\";";
const KEY: &str = "key k%.example { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n";
const TOML_KEY: &str = "[[key]]\nname = 'k%.example'\nsecret = 'c2VjcmV0'\n";
const TOML_ZONE: &str = "name = 'z%.example'\nfile = 'f%'\n";

fn read(text: &str) -> Config {
    let read = match text.starts_with('[') {
        true => toml::parse(text, "t.toml", &NoFiles),
        false => named_conf::parse(text, "x.conf", &NoFiles),
    };
    read.unwrap_or_else(|faults| panic!("{}", faults[0])).config
}

/// A statement for each number, which stands in place of `%`.
fn each(statement: &str) -> String {
    (0..MANY).map(|number| statement.replace('%', &number.to_string())).collect()
}

fn zone(more: &str) -> String {
    each(&format!("zone z%.example {{ {FILE} {more} }};\n"))
}

fn toml_zone(more: &str) -> String {
    each(&format!("[[zone]]\n{TOML_ZONE}{more}"))
}

/// The zones of all views that are as `is` says.
fn count(config: &Config, is: impl Fn(&LocalZone) -> bool) -> usize {
    config.views.iter().flat_map(|view| &view.zones).filter(|zone| is(zone)).count()
}

fn asks_own_list(zone: &LocalZone) -> bool {
    zone.settings.allow_query.as_ref().is_some_and(|list| list.elements.len() == 1)
}

#[test]
fn lists_that_zones_name() {
    let acls = each("acl a% { 192.0.2.1; };\n") + &zone("allow-query { a%; }; allow-transfer { a%; };");
    assert_eq!(count(&read(&acls), asks_own_list), MANY);
    let acls = "[acl]\n".to_owned() + &each("a% = ['192.0.2.1']\n") + &toml_zone("allow_query = ['a%']\n");
    assert_eq!(count(&read(&acls), asks_own_list), MANY);
}

#[test]
fn keys_that_may_change_zones() {
    for who in ["allow-update { key k%.example; };", "update-policy { grant k%.example zonesub ANY; };"] {
        let config = read(&(each(KEY) + &zone(who)));
        assert_eq!((count(&config, |zone| zone.grants.len() == 1), config.keys.len()), (MANY, MANY), "{who}");
    }
    let granted = toml_zone("[[zone.grant]]\nkey = 'k%.example'\n");
    assert_eq!(count(&read(&(each(TOML_KEY) + &granted)), |zone| zone.grants.len() == 1), MANY);
}

#[test]
fn keys_in_lists_of_zones() {
    assert_eq!(count(&read(&(each(KEY) + &zone("allow-query { key k%.example; };"))), asks_own_list), MANY);
    assert_eq!(count(&read(&(each(TOML_KEY) + &toml_zone("allow_query = ['key k%.example']\n"))), asks_own_list), MANY);
}

#[test]
fn keys_that_a_control_channel_names() {
    let control = format!("controls {{ inet 127.0.0.1 allow {{ any; }} keys {{ {} }}; }};", each("k%.example; "));
    let keys = |config: Config| config.controls[0].keys.as_ref().map(Vec::len);
    assert_eq!(keys(read(&(each(KEY) + &control))), Some(MANY));
    let control = format!("[[control]]\naddress = '127.0.0.1:953'\nkeys = [{}]", each("'k%.example', "));
    assert_eq!(keys(read(&(each(TOML_KEY) + &control))), Some(MANY));
}

/// Every zone names the same list, which names many others.
#[test]
fn one_long_list_that_all_zones_name() {
    let signed = format!("acl all {{ {} }};\n", each("key k%.example; "));
    let config = read(&(each(KEY) + &signed + &zone("allow-query { all; }; allow-transfer { all; };")));
    assert_eq!(count(&config, asks_own_list), MANY);
    let acls = each("acl a% { 192.0.2.1; };\n") + &format!("acl all {{ {} }};\n", each("a%; "));
    let inherited = "options { allow-transfer { all; }; };\n";
    assert_eq!(count(&read(&(acls + inherited + &zone(""))), |_| true), MANY);
    let lists = format!("[acl]\nall = [{}]\n", each("'192.0.2.1', "));
    let granted = toml_zone("journal = 'j%'\n[[zone.grant]]\nclients = ['all']\n");
    assert_eq!(count(&read(&(lists + &granted)), |zone| zone.grants.len() == 1), MANY);
}

#[test]
fn zones_of_an_earlier_view() {
    let inside = format!("view a {{ allow-update {{ none; }}; {} }};\n", zone(""));
    let outside = format!("view b {{ {} }};\n", each("zone z%.example { in-view a; };\n"));
    let shared = |config: Config| (config.views[0].zones.len(), config.views[1].shared_zones.len());
    assert_eq!(shared(read(&(inside + &outside))), (MANY, MANY));
    let inside = "[[view]]\nname = 'a'\n".to_owned() + &each(&format!("[[view.zone]]\n{TOML_ZONE}"));
    let outside = "[[view]]\nname = 'b'\n".to_owned() + &each("[[view.zone]]\nname = 'z%.example'\nin_view = 'a'\n");
    assert_eq!(shared(read(&(inside + &outside))), (MANY, MANY));
}

#[test]
fn lists_of_servers() {
    let lists = each("primaries s% { 192.0.2.1; };\n");
    let config = read(&(lists.clone() + &zone("also-notify { s%; };")));
    assert_eq!(count(&config, |_| true), MANY);
    let inherited = format!("options {{ also-notify {{ {} }}; }};\n", each("s%; "));
    assert_eq!(count(&read(&(lists + &inherited + &zone(""))), |_| true), MANY);
}

/// What `server` says is looked up for each forwarder.
#[test]
fn servers_that_are_forwarded_to() {
    let address = |number: usize| format!("10.1.{}.{}", number / 250, number % 250);
    let servers: String = (0..MANY).map(|number| format!("server {} {{ edns no; }};\n", address(number))).collect();
    let zone = |number| format!("zone z{number} {{ type forward; forwarders {{ {}; }}; }};\n", address(number));
    let config = read(&(servers + &(0..MANY).map(zone).collect::<String>()));
    let rules = config.views[0].rules.iter();
    assert_eq!(rules.filter(|rule| !rule.settings.forwarders[0].edns).count(), MANY);
}
