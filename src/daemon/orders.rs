//! What commands ask for: reloads, one zone anew, stale answers, the end.
//!
//! Each is answered with what came of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use super::{Anew, Daemon, zones};
use crate::config::{Config, View};
use crate::logging::{self, Category, Severity};
use crate::office::reply::{Code, Done, Ending, Failure, Reply};
use crate::office::{Order, Origin, Request, ServeStale};
use crate::wire::Name;

/// Lines of what is wrong with a configuration that an operator is told; the log has all.
const MAX_LINES: usize = 10;

/// Whether views give out answers after their TTL, where somebody has said so at run time. By view; over reloads.
pub(super) type StaleAnswers = BTreeMap<String, bool>;

impl Daemon {
    /// Does it, and tells who asked; returns how the process is to end, if it is.
    pub(super) fn carry_out(&mut self, request: Request) -> Option<Ending> {
        let reply: Reply = match request.order {
            Order::End(ending) => return Some(ending),
            Order::Reload => self.reload(Anew::Zones).map(|()| self.shortcomings()).map_err(told),
            Order::Reconfig => self.reload(Anew::Configuration).map(|()| self.shortcomings()).map_err(told),
            Order::ReloadZone(view, apex) => self.reload_zone(&view, &apex),
            Order::Scan => {
                self.follow_interfaces();
                Ok(Done::default())
            }
            Order::Recursing(into) => {
                self.workers.report(&into);
                Ok(Done::default())
            }
            Order::ServeStale(ServeStale::Show, view) => Ok(self.show_stale(view.as_deref()).into()),
            Order::ServeStale(ServeStale::Set(to), view) => {
                self.set_stale(view.as_deref(), to);
                Ok(Done::default())
            }
        };
        // Who asked may be gone.
        let _ = request.answer.send(reply);
        None
    }

    /// What a configuration that is in force asks for and the server has not: lines for a person, and words for the log.
    fn shortcomings(&self) -> Done {
        let unread: Vec<&Origin> = self.zones.origins.iter().filter(|origin| !origin.is_in_force).collect();
        let zone = |origin: &&Origin| {
            let is_error = |fault: &&String| !fault.contains(": warning: ");
            let why = origin.faults.iter().find(is_error).map_or("see the log", String::as_str);
            format!("zone {} not loaded: {why}", zones::label(&origin.view, &origin.zone.apex))
        };
        let missing = self.listening.missing();
        let address = |address: &SocketAddr| format!("not listening on {} port {}", address.ip(), address.port());
        let lines: Vec<String> = missing.iter().map(address).chain(unread.iter().map(zone)).collect();
        let counts = [
            (unread.len(), counted(unread.len(), "zone", "zones") + " not loaded"),
            (missing.len(), format!("not listening on {}", counted(missing.len(), "address", "addresses"))),
        ];
        let lacking = counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text);
        let lacking = lacking.collect::<Vec<_>>().join(", ");
        Done { text: first_lines(&lines.join("\n")), lacking, ..Done::default() }
    }

    fn reload_zone(&mut self, view: &str, apex: &Name) -> Reply {
        let checks = self.checks.follow(&self.config.health_checks).map_err(|error| error.to_string())?;
        let host = Arc::clone(&self.shared.desks.state.present().host);
        let context = zones::Context { checks: &checks, region: self.config.region.as_deref(), host: &host.name };
        let read = zones::read_one(&self.config, &mut self.zones, (view, apex), context, &self.shared.keeper);
        let Some((origin, is_changed)) = read else {
            return Err(Failure::with(Code::NotFound, format!("no matching zone '{apex}' in view '{view}'")));
        };
        self.tell_all(|_| ());
        match (origin.is_in_force, is_changed) {
            (false, _) => Err(told(origin.faults.join("\n"))),
            (true, true) => Ok("zone reload successful".into()),
            (true, false) => Ok("zone reload up-to-date".into()),
        }
    }

    fn views_of<'c>(&'c self, view: Option<&'c str>) -> impl Iterator<Item = &'c View> {
        self.config.views.iter().filter(move |own| view.is_none_or(|name| own.name == name))
    }

    fn set_stale(&mut self, view: Option<&str>, to: Option<bool>) {
        let names: Vec<String> = self.views_of(view).map(|view| view.name.clone()).collect();
        for name in names {
            match to {
                Some(to) => _ = self.stale_answers.insert(name, to),
                None => _ = self.stale_answers.remove(&name),
            }
        }
        let host = Arc::clone(&self.shared.desks.state.present().host);
        let config = with_stale_answers(&self.config, &self.stale_answers);
        self.shared.desks.state.publish(&config, host, &self.zones.zones);
        self.workers.reconfigure();
    }

    /// named's lines.
    fn show_stale(&self, view: Option<&str>) -> String {
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
pub(super) fn with_stale_answers<'c>(config: &'c Config, answers: &StaleAnswers) -> Cow<'c, Config> {
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

/// What was wrong, but for what would fill a screen.
fn told(text: String) -> Failure {
    Failure::from(first_lines(&text))
}

fn first_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = lines.get(..MAX_LINES).unwrap_or(&lines).join("\n");
    if lines.len() > MAX_LINES {
        shown += &format!("\n({} lines more in the log)", lines.len() - MAX_LINES);
    }
    shown
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Says who has the process end.
pub(super) fn log_ending(ending: Ending) {
    let how = if ending == Ending::Stop { "stop" } else { "halt" };
    logging::event!(Category::General, Severity::Notice, "told to {how} by the control channel");
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

    #[test]
    fn a_flood_of_faults_is_cut() {
        let text = (1..=14).map(|line| format!("x:{line}: wrong")).collect::<Vec<_>>().join("\n");
        let failure = told(text);
        assert!(failure.text.ends_with("x:10: wrong\n(4 lines more in the log)"), "{}", failure.text);
        assert_eq!(told("one".to_owned()).text, "one");
    }
}
