//! What is in force: a configuration, what its local zones say, and what was said at run time beside them.
//!
//! Cheap to copy, so that a reload can be made of it on another thread. [`InForce::publish`] is the only way by which
//! workers get another snapshot: what was said at run time is never forgotten on that way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::zones::Loaded;
use crate::access::Host;
use crate::config::{Config, View};
use crate::state::State;

/// See the module.
#[derive(Clone)]
pub(super) struct InForce {
    pub(super) config: Arc<Config>,
    pub(super) zones: Loaded,
    stale_answers: StaleAnswers,
}

/// Whether views give out answers after their TTL, where somebody has said so at run time. By view; over reloads.
type StaleAnswers = BTreeMap<String, bool>;

impl InForce {
    /// A configuration as it is written.
    pub(super) fn new(config: Arc<Config>, zones: Loaded) -> Self {
        Self { config, zones, stale_answers: StaleAnswers::new() }
    }

    /// What follows it: what was said at run time stays.
    pub(super) fn followed_by(&self, config: Arc<Config>, zones: Loaded) -> Self {
        Self { config, zones, stale_answers: self.stale_answers.clone() }
    }

    /// Has everybody answered by it. Workers look at it once they are told ([`crate::listen::Workers::reconfigure`]).
    pub(super) fn publish(&self, state: &State, host: Arc<Host>) {
        state.publish(&with_stale_answers(&self.config, &self.stale_answers), host, &self.zones.zones);
    }

    /// Says whether stale answers are given out in one view or in all; `None`: as the configuration says.
    pub(super) fn set_stale(&mut self, view: Option<&str>, to: Option<bool>) {
        let views = self.config.views.iter().filter(|own| view.is_none_or(|name| own.name == name));
        for name in views.map(|view| view.name.clone()) {
            match to {
                Some(to) => _ = self.stale_answers.insert(name, to),
                None => _ = self.stale_answers.remove(&name),
            }
        }
    }

    /// How that is, in named's lines.
    pub(super) fn show_stale(&self, view: Option<&str>) -> String {
        let config = with_stale_answers(&self.config, &self.stale_answers);
        let views = config.views.iter().filter(|own| view.is_none_or(|name| own.name == name));
        views.map(line).collect()
    }
}

fn line(view: &View) -> String {
    let stale = &view.forward.stale;
    if !stale.keep {
        return format!("{}: stale cache disabled; stale answers unavailable\n", view.name);
    }
    let answers = if stale.answer { "enabled" } else { "disabled" };
    let seconds = [stale.answer_ttl, stale.max_ttl, stale.refresh_time].map(|time| time.as_secs());
    let [ttl, most, refresh] = seconds;
    format!(
        "{}: stale cache enabled; stale answers {answers} (stale-answer-ttl={ttl} max-stale-ttl={most} \
         stale-refresh-time={refresh})\n",
        view.name
    )
}

/// The configuration with what was said at run time.
fn with_stale_answers<'c>(config: &'c Config, answers: &StaleAnswers) -> Cow<'c, Config> {
    if answers.is_empty() {
        return Cow::Borrowed(config);
    }
    let mut config = config.clone();
    for view in &mut config.views {
        let Some(&to) = answers.get(&view.name) else { continue };
        view.forward.stale.answer = to;
        view.rules.iter_mut().for_each(|rule| rule.settings.stale.answer = to);
    }
    Cow::Owned(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_at_run_time_counts_for_its_view_alone() {
        let stale = crate::config::Stale { keep: true, ..Default::default() };
        let mut config = Config::default();
        config.views[0].forward.stale = stale;
        let mut other = config.views[0].clone();
        other.name = "other".to_owned();
        config.views.push(other);
        let answers: StaleAnswers = [("other".to_owned(), true)].into();
        let changed = with_stale_answers(&config, &answers);
        assert_eq!(changed.views.iter().map(|view| view.forward.stale.answer).collect::<Vec<_>>(), [false, true]);
        assert_eq!(
            line(&changed.views[1]),
            "other: stale cache enabled; stale answers enabled (stale-answer-ttl=30 max-stale-ttl=86400 \
             stale-refresh-time=30)\n"
        );
        assert_eq!(line(&View::default()), "_default: stale cache disabled; stale answers unavailable\n");
        assert!(matches!(with_stale_answers(&config, &StaleAnswers::new()), Cow::Borrowed(_)));
    }
}
