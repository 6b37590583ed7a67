//! Deciding which channels each category's messages go to.
//!
//! A pure function of the `logging` statement, with named 9.18's built-in channels and default categories:
//! - `default_syslog`: syslog daemon, info; `default_stderr`: stderr, info, with the time; `null`.
//! - `default_debug`: the file `named.run` in the working directory, dynamic, with the time, silent while the debug
//!   level is 0. In the foreground it is stderr and not silent, as under named's `-g`.
//! - default: `default_debug` and `default_syslog`; in the foreground nothing goes to syslog. unmatched: `null`.
//! - A category that names channels uses these alone; one that names none follows default.
//!
//! named ignores the file's `logging` statement under `-g`: the caller then plans an empty one.

use std::path::PathBuf;

use super::gate::Ranks;
use super::{Category, Channel, Config, Destination, Facility, File, PrintTime, Severity, Suffix, Threshold};

/// Channels in use and the way to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Those that some category uses; `null` ones are left out.
    pub(super) channels: Vec<PlannedChannel>,
    /// For each category, indices into `channels`, in the statement's order and without repetition.
    pub(super) routes: Vec<Vec<usize>>,
    /// What the operator should know.
    pub(super) warnings: Vec<String>,
}

/// A channel that some category uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PlannedChannel {
    /// As in named.conf.
    pub(super) name: String,
    /// What it does.
    pub(super) channel: Channel,
    /// Silent while the debug level is 0; its file is opened by the first message.
    pub(super) debug_only: bool,
}

impl PlannedChannel {
    /// The largest rank that it takes at this debug level.
    pub(super) fn rank(&self, debug_level: u8) -> u8 {
        if self.debug_only && debug_level == 0 { 0 } else { self.channel.severity.rank(debug_level) }
    }
}

impl Plan {
    /// What `config` asks for. `foreground`: nobody reads syslog for us, somebody reads stderr.
    pub(super) fn new(config: &Config, foreground: bool) -> Self {
        let mut plan = Plan { channels: Vec::new(), routes: Vec::new(), warnings: Vec::new() };
        let default = plan.route(config, Category::Default, foreground);
        for &category in Category::ALL {
            let route = match category {
                Category::Default => default.clone(),
                Category::Unmatched => plan.route(config, category, foreground),
                _ if config.categories.contains_key(&category) => plan.route(config, category, foreground),
                _ => default.clone(),
            };
            plan.routes.push(route);
        }
        plan.warn_of_shared_files();
        plan
    }

    /// What each category's gate admits at this debug level.
    pub(super) fn ranks(&self, debug_level: u8) -> Ranks {
        let mut ranks = [0; Category::COUNT];
        for (rank, route) in ranks.iter_mut().zip(&self.routes) {
            *rank = route.iter().map(|&index| self.channels[index].rank(debug_level)).max().unwrap_or(0);
        }
        ranks
    }

    fn route(&mut self, config: &Config, category: Category, foreground: bool) -> Vec<usize> {
        let defaults = default_channels(config, category, foreground);
        let given = config.categories.get(&category).map(|names| names.iter().map(String::as_str).collect());
        let mut route = Vec::new();
        for name in given.unwrap_or(defaults) {
            match self.find_or_add(config, name, foreground) {
                Ok(Some(index)) if !route.contains(&index) => route.push(index),
                Ok(_) => {}
                Err(warning) => self.warnings.push(format!("category {}: {warning}", category.word())),
            }
        }
        route
    }

    /// The channel's index; `None` for one that writes nothing.
    fn find_or_add(&mut self, config: &Config, name: &str, foreground: bool) -> Result<Option<usize>, String> {
        if let Some(index) = self.channels.iter().position(|planned| planned.name == name) {
            return Ok(Some(index));
        }
        let given = config.channels.get(name).map(|channel| (channel.clone(), false));
        let Some((channel, debug_only)) = given.or_else(|| built_in(name, foreground)) else {
            return Err(format!("channel '{name}' is not defined; its messages are not written there"));
        };
        if channel.destination == Destination::Null {
            return Ok(None);
        }
        self.channels.push(PlannedChannel { name: name.to_owned(), channel, debug_only });
        Ok(Some(self.channels.len() - 1))
    }

    /// Two channels that roll one file would take it from under each other.
    fn warn_of_shared_files(&mut self) {
        let rolled = |planned: &PlannedChannel| match &planned.channel.destination {
            Destination::File(file) if file.versions.is_some() => Some(file.path.clone()),
            _ => None,
        };
        let writes = |planned: &PlannedChannel, path: &PathBuf| matches!(&planned.channel.destination, Destination::File(file) if file.path == *path);
        for (index, channel) in self.channels.iter().enumerate() {
            let Some(path) = rolled(channel) else { continue };
            // A pair that both roll is named once, by the earlier.
            let other = self.channels.iter().enumerate().find(|(other_index, other)| {
                writes(other, &path) && (*other_index > index || *other_index < index && rolled(other).is_none())
            });
            if let Some((_, other)) = other {
                self.warnings.push(format!(
                    "channels '{}' and '{}' write the same file {} and it is rolled: give each a file of its own, or \
                     both categories one channel",
                    channel.name,
                    other.name,
                    path.display()
                ));
            }
        }
    }
}

/// Where a category goes that the statement does not speak of.
fn default_channels(config: &Config, category: Category, foreground: bool) -> Vec<&'static str> {
    match (category, foreground) {
        (Category::Unmatched, _) => vec!["null"],
        (_, false) => vec!["default_debug", "default_syslog"],
        // Red Hat's stock file makes default_debug a file; somebody who looks at stderr should still see something.
        (_, true) if config.channels.contains_key("default_debug") => vec!["default_debug", "default_stderr"],
        (_, true) => vec!["default_debug"],
    }
}

/// A channel that named has without being told, and whether it is silent at debug level 0.
fn built_in(name: &str, foreground: bool) -> Option<(Channel, bool)> {
    let info = Threshold::AtLeast(Severity::Info);
    let run = File { path: PathBuf::from("named.run"), versions: None, size: None, suffix: Suffix::Increment };
    let (destination, severity, print_time, debug_only) = match (name, foreground) {
        ("default_syslog", _) => (Destination::Syslog(Facility::Daemon), info, PrintTime::No, false),
        ("default_stderr", _) => (Destination::Stderr, info, PrintTime::Local, false),
        ("default_debug", true) => (Destination::Stderr, Threshold::Dynamic, PrintTime::Local, false),
        ("default_debug", false) => (Destination::File(run), Threshold::Dynamic, PrintTime::Local, true),
        ("null", _) => (Destination::Null, Threshold::Dynamic, PrintTime::No, false),
        _ => return None,
    };
    Some((Channel { destination, severity, print_time, print_severity: false, print_category: false }, debug_only))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(destination: Destination, severity: Severity) -> Channel {
        let severity = Threshold::AtLeast(severity);
        Channel { destination, severity, print_time: PrintTime::No, print_severity: false, print_category: false }
    }

    fn file(path: &str, versions: Option<super::super::Versions>) -> Destination {
        Destination::File(File { path: path.into(), versions, size: None, suffix: Suffix::Increment })
    }

    fn config(channels: &[(&str, Channel)], categories: &[(Category, &[&str])]) -> Config {
        Config {
            channels: channels.iter().map(|(name, channel)| ((*name).to_owned(), channel.clone())).collect(),
            categories: categories
                .iter()
                .map(|(category, names)| (*category, names.iter().map(|name| (*name).to_owned()).collect()))
                .collect(),
        }
    }

    fn names(plan: &Plan, category: Category) -> Vec<&str> {
        plan.routes[category.index()].iter().map(|&index| plan.channels[index].name.as_str()).collect()
    }

    #[test]
    fn categories_go_where_named_sends_them() {
        let simple = channel(file("bind.log", None), Severity::Warning);
        let seed = config(
            &[("simple_log", simple.clone())],
            &[(Category::Default, &["simple_log"]), (Category::Client, &["simple_log"])],
        );
        let only_client = config(&[("simple_log", simple.clone())], &[(Category::Client, &["simple_log"])]);
        let red_hat = config(&[("default_debug", channel(file("data/named.run", None), Severity::Info))], &[]);
        let quiet = config(&[], &[(Category::LameServers, &["null"]), (Category::Unmatched, &["default_stderr"])]);
        let twice = config(&[], &[(Category::Client, &["default_stderr", "default_stderr", "null"])]);
        let cases: &[(&str, &Config, bool, Category, &[&str])] = &[
            ("nothing said, in the background", &quiet, false, Category::General, &["default_debug", "default_syslog"]),
            ("nothing said, in the foreground", &quiet, true, Category::General, &["default_debug"]),
            ("null writes nothing", &quiet, false, Category::LameServers, &[]),
            ("unmatched is null unless it is named", &seed, false, Category::Unmatched, &[]),
            ("unmatched as named", &quiet, false, Category::Unmatched, &["default_stderr"]),
            ("a given default replaces the built-in one", &seed, false, Category::Default, &["simple_log"]),
            ("the others follow it", &seed, true, Category::Resolver, &["simple_log"]),
            ("a category replaces default", &only_client, false, Category::Client, &["simple_log"]),
            ("default stays", &only_client, false, Category::Security, &["default_debug", "default_syslog"]),
            (
                "a redefined default_debug keeps stderr",
                &red_hat,
                true,
                Category::General,
                &["default_debug", "default_stderr"],
            ),
            ("a channel named twice is used once", &twice, true, Category::Client, &["default_stderr"]),
        ];
        for (name, config, foreground, category, expected) in cases {
            let plan = Plan::new(config, *foreground);
            assert_eq!(names(&plan, *category), *expected, "{name}");
            assert_eq!(plan.warnings, Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn the_gate_admits_what_some_channel_takes() {
        let plan = Plan::new(&config(&[], &[(Category::Rpz, &["null"])]), false);
        let general = Category::General.index();
        assert_eq!(plan.ranks(0)[general], Severity::Info.rank(), "default_debug is silent, default_syslog takes info");
        assert_eq!(plan.ranks(3)[general], Severity::Debug(3).rank(), "default_debug follows the debug level");
        assert_eq!(plan.ranks(99)[Category::Rpz.index()], 0, "null takes nothing");
    }

    #[test]
    fn every_built_in_channel_is_there_without_a_statement() {
        for name in super::super::BUILT_IN_CHANNELS {
            for foreground in [false, true] {
                let plan = Plan::new(&config(&[], &[(Category::Client, &[name])]), foreground);
                assert_eq!(plan.warnings, Vec::<String>::new(), "{name}");
            }
        }
    }

    #[test]
    fn mistakes_are_named() {
        let plan = Plan::new(&config(&[], &[(Category::Client, &["nowhere", "default_stderr"])]), true);
        assert_eq!(names(&plan, Category::Client), ["default_stderr"]);
        let undefined = "category client: channel 'nowhere' is not defined; its messages are not written there";
        assert_eq!(plan.warnings, [undefined]);

        let rolled = Some(super::super::Versions::Count(3));
        let one = channel(file("x.log", rolled), Severity::Info);
        let cases = [("both roll", rolled, 1), ("one rolls", None, 1)];
        for (name, versions, warnings) in cases {
            let two = channel(file("x.log", versions), Severity::Info);
            let plan = Plan::new(&config(&[("a", one.clone()), ("b", two)], &[(Category::Default, &["a", "b"])]), true);
            assert_eq!(plan.warnings.len(), warnings, "{name}: {:?}", plan.warnings);
        }
    }
}
