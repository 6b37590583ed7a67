//! From statements to the [`Config`]: names resolved, values bounded, defaults filled in.
//!
//! Options that are wrong are reported and keep their default, so that everything wrong is seen at once; the result is
//! used only if there was no error. A [`Value::Broken`] is never complained about again.

mod acl;
mod check;
mod class;
mod controls;
mod key;
mod logging;
mod order;
mod primary;
mod secondaries;
mod server;
mod statistics;
mod update;
mod view;
mod zone;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use acl::Acls;

use super::body::{Body, Setting};
use super::grammar::{Row, Support};
use super::report::{Problem, Report};
use super::value::{Size, Value};
use crate::config::bounds::{
    INTERFACE_INTERVAL, MIN_CACHE_OCTETS, TCP_ADVERTISED_TIMEOUT, TCP_IDLE_TIMEOUT, TCP_INITIAL_TIMEOUT,
    TCP_KEEPALIVE_TIMEOUT, UDP_SIZE,
};
use crate::config::files::Files;
use crate::config::values::{self, ValueError};
use crate::config::zones;
use crate::config::{CacheSize, CommandFiles, CommandLine, Config, DNS_PORT, Identity, Key, Limits, Listen, MatchList};

/// What is needed at every step.
struct Context<'a> {
    acls: Acls<'a>,
    server_lists: check::ServerLists<'a>,
    report: Report,
    /// `options { port }`: of listeners and forwarders that name none.
    port: u16,
    /// Where files are looked for.
    directory: Option<PathBuf>,
    files: &'a dyn Files,
    keys: Vec<Key>,
    secondaries: secondaries::All,
}

/// Whether views and zones of this class are answered out of the configuration; without a word they are.
pub(super) fn is_class_in(written: Option<&super::lexer::Token>) -> bool {
    class::Class::of(written) == Some(class::Class::In)
}

/// Builds the configuration; the report has what was said before and what is found here.
pub(super) fn lower(top: &Body, report: Report, files: &dyn Files, given: &CommandLine) -> (Config, Report) {
    let none = Body::default();
    let options = match top.find("options").map(|setting| &setting.value) {
        Some(Value::Body(body)) => body,
        _ => &none,
    };
    let directory = text(options, "directory").map(Into::into);
    let server_lists = check::ServerLists::of(top);
    let mut context = Context {
        acls: Acls::new(),
        server_lists,
        report,
        port: DNS_PORT,
        directory,
        files,
        keys: Vec::new(),
        secondaries: secondaries::All::default(),
    };
    context.define_acls(top);
    context.check(top, options);
    context.announce(top);
    context.define_keys(top);
    let port = context.port(options, "port");
    context.port = given.port.or(port).unwrap_or(DNS_PORT);
    let mut config = context.options(options);
    if options.find("pid-file").is_none() {
        config.pid_file.clone_from(&given.pid_file);
    }
    if let Some(Setting { value: Value::Body(body), .. }) = top.find("logging") {
        config.logging = logging::lower(body, &mut context.report);
    }
    config.statistics_channels = statistics::lower(&mut context, top);
    config.views = view::lower(&mut context, top, options);
    context.warn_of_secondaries();
    config.controls = context.controls(top);
    context.acls.check_unused(&mut context.report);
    for fault in zones::shared_files(&config.views) {
        context.report.add(fault);
    }
    config.keys = std::mem::take(&mut context.keys);
    (config, context.report)
}

impl<'a> Context<'a> {
    /// Says of each statement that is not honoured what happens instead; zones say it by themselves.
    fn announce(&mut self, body: &Body) {
        for setting in &body.settings {
            self.announce_one(setting);
            if setting.row.support != Support::Honoured {
                continue;
            }
            match &setting.value {
                Value::Body(inner) | Value::Server { body: inner, .. } => self.announce(inner),
                Value::Named { body: inner, .. } if setting.row.name != "zone" => self.announce(inner),
                _ => {}
            }
        }
    }

    fn announce_one(&mut self, setting: &Setting) {
        self.announce_as(setting, setting.row);
    }

    /// `row`: where the statement means something else in another place, that of its place.
    fn announce_as(&mut self, setting: &Setting, row: &Row) {
        let name = row.name;
        match row.support {
            Support::Honoured | Support::Part => {}
            _ if setting.is_moot || matches!(setting.value, Value::Broken) => {}
            Support::Ignored(instead) => {
                self.report.not_honoured(&setting.position, format!("'{name}' is ignored: {instead}"));
            }
            Support::Refused(why) => self.report.error(&setting.position, format!("'{name}' is refused: {why}")),
        }
    }

    fn define_acls(&mut self, top: &'a Body) {
        for setting in top.all("acl") {
            if let Value::Acl { name, list } = &setting.value {
                self.acls.define(name, list, &setting.position, &mut self.report);
            }
        }
    }

    fn options(&mut self, options: &'a Body) -> Config {
        let default = Config::default();
        let limits = self.limits(options);
        Config {
            listen_v4: self.listen(options, "listen-on"),
            listen_v6: self.listen(options, "listen-on-v6"),
            interface_interval: self
                .seconds(options, "interface-interval", INTERFACE_INTERVAL)
                .unwrap_or(default.interface_interval),
            directory: self.directory.clone(),
            pid_file: text(options, "pid-file").map(Into::into),
            files: CommandFiles {
                dump: text(options, "dump-file").map_or(default.files.dump.clone(), Into::into),
                recursing: text(options, "recursing-file").map_or(default.files.recursing.clone(), Into::into),
                statistics: text(options, "statistics-file").map_or(default.files.statistics.clone(), Into::into),
            },
            query_log: boolean(options, "querylog"),
            version: self.identity(options, "version", default.version.clone()),
            hostname: self.identity(options, "hostname", default.hostname.clone()),
            server_id: self.identity(options, "server-id", default.server_id.clone()),
            blackhole: self.addresses(options, "blackhole").unwrap_or_else(MatchList::none),
            limits,
            cookies: self.cookies(options),
            cache_size: self.cache_size(options).unwrap_or(default.cache_size),
            edns_udp_size: self.udp_size(options, "edns-udp-size").unwrap_or(default.edns_udp_size),
            max_udp_size: self.udp_size(options, "max-udp-size").unwrap_or(default.max_udp_size),
            ..default
        }
    }

    fn limits(&mut self, options: &Body) -> Limits {
        let default = Limits::default();
        Limits {
            recursive_clients: self.at_least_one(options, "recursive-clients").unwrap_or(default.recursive_clients),
            recursive_clients_per_address: None,
            tcp_clients: self.at_least_one(options, "tcp-clients").unwrap_or(default.tcp_clients),
            tcp_initial_timeout: self
                .tenths(options, "tcp-initial-timeout", TCP_INITIAL_TIMEOUT)
                .unwrap_or(default.tcp_initial_timeout),
            tcp_idle_timeout: self
                .tenths(options, "tcp-idle-timeout", TCP_IDLE_TIMEOUT)
                .unwrap_or(default.tcp_idle_timeout),
            tcp_keepalive_timeout: self
                .tenths(options, "tcp-keepalive-timeout", TCP_KEEPALIVE_TIMEOUT)
                .unwrap_or(default.tcp_keepalive_timeout),
            tcp_advertised_timeout: self
                .tenths(options, "tcp-advertised-timeout", TCP_ADVERTISED_TIMEOUT)
                .unwrap_or(default.tcp_advertised_timeout),
        }
    }

    fn listen(&mut self, options: &Body, name: &str) -> Vec<Listen> {
        let mut listeners = Vec::new();
        let mut is_written = false;
        for setting in options.all(name) {
            is_written = true;
            let Value::Listen { port, list } = &setting.value else { continue };
            let port = port.unwrap_or(u32::from(self.port));
            let addresses = self.acls.resolve_addresses(list, &mut self.report);
            match u16::try_from(port).ok().filter(|&port| port > 0) {
                Some(port) => listeners.push(Listen { port, addresses }),
                None => {
                    let problem =
                        Problem::new(setting.value_position.clone(), format!("port value '{port}' is out of range"));
                    self.report.problem(problem.with_hint("1..65535"));
                }
            }
        }
        match is_written {
            true => listeners,
            false => vec![Listen { port: self.port, addresses: MatchList::any() }],
        }
    }

    fn identity(&mut self, options: &Body, name: &str, default: Identity) -> Identity {
        let Some(setting) = options.find(name) else { return default };
        match &setting.value {
            Value::Word("none") => Identity::Withheld,
            Value::Word(_) => Identity::Own,
            Value::Text(text) if text.len() <= 255 => Identity::Text(text.clone()),
            Value::Text(text) => {
                let message = format!("'{name}' has {} octets, at most 255 fit a TXT string", text.len());
                self.report.error(&setting.value_position, message);
                default
            }
            _ => default,
        }
    }

    fn cookies(&mut self, options: &Body) -> crate::config::Cookies {
        if let Some(setting) = options.find("cookie-algorithm")
            && matches!(setting.value, Value::Word("aes"))
        {
            let problem = Problem::new(
                setting.value_position.clone(),
                "cookie-algorithm 'aes' is refused: no other server would know its cookies",
            );
            self.report.problem(problem.with_hint("siphash24 (RFC 9018)"));
        }
        let mut secrets = Vec::new();
        for setting in options.all("cookie-secret") {
            if !secrets.is_empty() {
                let message = "a further 'cookie-secret' is ignored: cookies made with it are not recognised";
                self.report.warn(Some(&setting.position), message);
            }
            secrets.extend(self.cookie_secret(setting));
        }
        crate::config::Cookies {
            answer: boolean(options, "answer-cookie").unwrap_or(true),
            secret: secrets.first().copied(),
        }
    }

    fn cookie_secret(&mut self, setting: &Setting) -> Option<[u8; 16]> {
        let Value::Text(text) = &setting.value else { return None };
        let error = match values::cookie_secret(text) {
            Ok(secret) => return Some(secret),
            Err(error) => error,
        };
        let message = match error {
            ValueError::CookieSecretLength => format!("SipHash-2-4 cookie-secret {error}"),
            _ => format!("cookie-secret: {error}"),
        };
        let problem = Problem::new(setting.value_position.clone(), message);
        self.report.problem(problem.with_hint(error.hint()));
        None
    }

    fn cache_size(&mut self, options: &Body) -> Option<CacheSize> {
        let setting = options.find("max-cache-size")?;
        let at = Some(&setting.value_position);
        match &setting.value {
            Value::Size(Size::Octets(0) | Size::Unlimited) => {
                self.report.warn(at, "'max-cache-size' is bounded by the machine's memory all the same");
                Some(CacheSize::Percent(100))
            }
            Value::Size(Size::Octets(octets)) if *octets < MIN_CACHE_OCTETS => {
                self.report.warn(at, format!("'max-cache-size' is raised to {MIN_CACHE_OCTETS} octets"));
                Some(CacheSize::Bytes(MIN_CACHE_OCTETS))
            }
            Value::Size(Size::Octets(octets)) => Some(CacheSize::Bytes(*octets)),
            Value::Size(Size::Percent(percent)) => {
                let bounded = (*percent).clamp(1, 100);
                if bounded != *percent {
                    self.report.warn(at, format!("'max-cache-size' is bounded to {bounded}%"));
                }
                Some(CacheSize::Percent(bounded as u8))
            }
            _ => None,
        }
    }

    /// `query-source`, `query-source-v6`: an unspecified address leaves it to the system.
    fn source(&mut self, body: &Body, name: &str) -> Option<IpAddr> {
        let Setting { value: Value::Source(source), position, .. } = body.find(name)? else { return None };
        if source.port == Some(self.port) {
            let message = format!("'{name}' cannot specify the DNS listener port ({})", self.port);
            self.report.error(&body.find(name)?.value_position, message);
        } else if source.port.is_some() {
            let message = format!("the port of '{name}' is ignored: ports are drawn at random, against forged answers");
            self.report.warn(Some(position), message);
        }
        let any = if name == "query-source" { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        Some(source.address.unwrap_or(any))
    }

    fn match_list(&mut self, body: &Body, name: &str) -> Option<MatchList> {
        match &body.find(name)?.value {
            Value::MatchList(elements) => Some(self.acls.resolve(elements, &mut self.report)),
            _ => None,
        }
    }

    /// A list of addresses alone.
    fn addresses(&mut self, body: &Body, name: &str) -> Option<MatchList> {
        match &body.find(name)?.value {
            Value::MatchList(elements) => Some(self.acls.resolve_addresses(elements, &mut self.report)),
            _ => None,
        }
    }

    /// A port of its own statement.
    fn port(&mut self, body: &Body, name: &str) -> Option<u16> {
        let setting = body.find(name)?;
        let Value::Number(port) = setting.value else { return None };
        let valid = u16::try_from(port).ok().filter(|&port| port > 0);
        if valid.is_none() {
            let problem = Problem::new(setting.value_position.clone(), format!("port '{port}' out of range"));
            self.report.problem(problem.with_hint("1..65535"));
        }
        valid
    }

    fn at_least_one(&mut self, body: &Body, name: &str) -> Option<u32> {
        let setting = body.find(name)?;
        match setting.value {
            Value::Number(0) => {
                self.report.error(&setting.value_position, format!("{name} '0' is out of range (1..{})", u32::MAX));
                None
            }
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A number that named moves into its bounds without a word; here with one.
    fn clamped(&mut self, body: &Body, name: &str, bounds: RangeInclusive<u32>) -> Option<u32> {
        let setting = body.find(name)?;
        let (Value::Number(number) | Value::Seconds(number)) = setting.value else { return None };
        let (least, most) = bounds.into_inner();
        let bounded = number.clamp(least, most);
        if bounded != number {
            let message = format!("'{name}' {number} is taken as {bounded} ({least}..{most})");
            self.report.warn(Some(&setting.value_position), message);
        }
        Some(bounded)
    }

    /// Octets of a datagram.
    fn udp_size(&mut self, body: &Body, name: &str) -> Option<u16> {
        let (least, most) = UDP_SIZE.into_inner();
        self.clamped(body, name, least.into()..=most.into()).and_then(|octets| u16::try_from(octets).ok())
    }

    /// A time that is written in tenths of a second.
    fn tenths(&mut self, body: &Body, name: &str, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let tenths = |time: &Duration| (time.as_millis() / 100) as u32;
        let count = self.clamped(body, name, tenths(bounds.start())..=tenths(bounds.end()))?;
        Some(Duration::from_millis(u64::from(count) * 100))
    }

    /// A time that named refuses outside its bounds.
    fn seconds(&mut self, body: &Body, name: &str, bounds: RangeInclusive<Duration>) -> Option<Duration> {
        let setting = body.find(name)?;
        let Value::Seconds(seconds) = setting.value else { return None };
        let time = Duration::from_secs(seconds.into());
        if !bounds.contains(&time) {
            let (least, most) = (bounds.start().as_secs(), bounds.end().as_secs());
            let message = format!("{name} '{seconds}' is out of range ({least}..{most})");
            self.report.error(&setting.value_position, message);
            return None;
        }
        Some(time)
    }
}

fn boolean(body: &Body, name: &str) -> Option<bool> {
    match body.find(name)?.value {
        Value::Boolean(value) => Some(value),
        _ => None,
    }
}

fn text<'a>(body: &'a Body, name: &str) -> Option<&'a str> {
    match &body.find(name)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
