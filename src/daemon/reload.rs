//! Reloads: who asked for one, when it is made, and what follows for sockets, logs and channels.
//!
//! A reload is read beside the server ([`super::reading`]). Who asks for one meanwhile may have changed the files since
//! they were read, and gets another when this one has ended: one for all who asked, with its own true outcome. What else
//! would change the server waits as well.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::oneshot;

use super::orders::told;
use super::reading::Anew;
use super::{Daemon, LISTEN_AGAIN, cache_octets, working_directory};
use crate::access::Bounds;
use crate::config::Config;
use crate::logging::{self, Category, Severity};
use crate::office::reply::Reply;
use crate::office::{Request, show_addresses};
use crate::sys::memory;

/// What an operator has asked to be read anew. Both are; the log's words differ, as named's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// `reconfig`.
    Configuration,
    /// `reload`, SIGHUP.
    Zones,
}

/// A reload, and who waits for its outcome.
#[derive(Debug)]
pub(super) struct Round {
    what: What,
    askers: Vec<oneshot::Sender<Reply>>,
}

/// What waits until nothing is read any more. Bounded by those who ask: each of them waits for its outcome.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    reload: Option<Round>,
    pub(super) requests: VecDeque<Request>,
}

impl Waiting {
    /// Another one asks for a reload; a signal waits for no outcome.
    fn join(&mut self, what: What, asker: Option<oneshot::Sender<Reply>>) {
        let round = self.reload.get_or_insert(Round { what, askers: Vec::new() });
        round.what = round.what.max(what);
        round.askers.extend(asker);
    }
}

impl Daemon {
    /// Has everything read anew, now or as soon as what is being read has been.
    pub(super) fn reload(&mut self, what: What, asker: Option<oneshot::Sender<Reply>>) {
        self.waiting.join(what, asker);
        self.go_on();
    }

    /// Does what waits, as far as nothing is being read.
    pub(super) fn go_on(&mut self) {
        while !self.beside.is_busy() {
            if let Some(request) = self.waiting.requests.pop_front() {
                // Orders that end the process never wait.
                let _ = self.carry_out(request);
            } else if let Some(round) = self.waiting.reload.take() {
                self.begin_reload(round);
            } else {
                return;
            }
        }
    }

    fn begin_reload(&mut self, round: Round) {
        self.reader.setup.notify.reloading();
        let (reader, before) = (self.reader.clone(), self.in_force.clone());
        let begun = self.beside.begin(move || {
            let outcome = reader.read(&before);
            Box::new(move |daemon| daemon.end_reload(round, outcome))
        });
        if let Err(error) = begun {
            self.lose_work(&format!("the system gives no thread: {error}"));
        }
    }

    /// What was begun beside the server will not end; who waited for it has been told by the loss of his end.
    pub(super) fn lose_work(&self, why: &str) {
        logging::event!(Category::General, Severity::Error, "reading anew failed: {why}");
        self.reader.setup.notify.ready(&self.status());
    }

    fn end_reload(&mut self, round: Round, outcome: Result<Anew, String>) {
        let reply = match outcome {
            Ok(anew) => {
                self.put_in_force(anew);
                self.say_reloaded();
                self.say_loaded(round.what);
                Ok(self.shortcomings())
            }
            Err(text) => {
                let why = text.lines().next().unwrap_or_default().to_owned();
                self.office.tell(|facts| facts.failed = Some((SystemTime::now(), why)));
                logging::event!(
                    Category::General,
                    Severity::Error,
                    "reloading configuration failed: the old configuration stays in force"
                );
                Err(told(&text))
            }
        };
        self.reader.setup.notify.ready(&self.status());
        for asker in round.askers {
            // Who asked may be gone.
            let _ = asker.send(reply.clone());
        }
    }

    /// Everything else follows what was read. Whom it answers, and how, is published already: nobody is answered on a new
    /// address by old lists.
    fn put_in_force(&mut self, Anew { in_force, addresses, timer_orders }: Anew) {
        let before = std::mem::replace(&mut self.in_force, in_force);
        let config = Arc::clone(&self.in_force.config);
        self.follow_limits(&config, timer_orders);
        self.workers.reconfigure();
        self.listening.follow(&addresses, &self.workers);
        self.follow_log(&before.config, &config);
        // Their addresses may be among those that were left.
        self.channel.follow(&config);
        self.statistics.follow(&config);
        self.pid_file.follow(config.pid_file.as_deref());
        self.tell_all(|facts| facts.follow(&config, SystemTime::now()));
        // It may be large; where there is no thread it is freed here.
        let _ = std::thread::Builder::new().name("freeing".to_owned()).spawn(move || {
            drop(before);
            memory::give_back();
        });
    }

    fn follow_limits(&self, config: &Config, timer_orders: u64) {
        let shared = &self.reader.shared;
        shared.desks.state.present().timers.follow(&config.limits, timer_orders);
        shared.desks.waiting.set_bounds(Bounds::of_waiting_questions(&config.limits));
        shared.connections.set_bounds(Bounds::of_connections(&config.limits));
        shared.desks.upstream.cache.set_capacity(cache_octets(config.cache_size));
    }

    fn follow_log(&self, before: &Config, config: &Config) {
        // What was switched by hand stays, unless the file says otherwise than before.
        if config.logs_queries() != before.logs_queries() {
            self.reader.shared.desks.query_log.switch(config.logs_queries());
        }
        self.office.logger.reconfigure(&self.reader.setup.log.config(&config.logging), &working_directory());
    }

    fn say_reloaded(&self) {
        if self.listening.missing().is_empty() {
            logging::event!(Category::General, Severity::Info, "reloading configuration succeeded");
            return;
        }
        let (missing, every) = (show_addresses(self.listening.missing()), LISTEN_AGAIN.as_secs());
        logging::event!(
            Category::General,
            Severity::Error,
            "reloading configuration succeeded, but not listening on {missing}: tried again every {every} s"
        );
    }

    /// named's lines behind a reload: scripts wait for the last ones.
    fn say_loaded(&self, what: What) {
        let unread = self.in_force.zones.unread().count();
        match what {
            What::Configuration => {
                logging::event!(Category::General, Severity::Info, "scheduled loading new zones");
                logging::event!(Category::General, Severity::Info, "any newly configured zones are now loaded");
            }
            What::Zones => {
                match unread {
                    0 => logging::event!(Category::General, Severity::Info, "reloading zones succeeded"),
                    _ => {
                        let what = "reloading zones succeeded, but for so many that were not loaded:";
                        logging::event!(Category::General, Severity::Error, "{what} {unread}");
                    }
                }
                logging::event!(Category::General, Severity::Notice, "all zones loaded");
            }
        }
        logging::event!(Category::General, Severity::Notice, "running");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_meanwhile_shares_one_reload_and_the_fullest_word_counts() {
        let mut waiting = Waiting::default();
        let (first, _told) = oneshot::channel();
        waiting.join(What::Configuration, Some(first));
        waiting.join(What::Zones, None);
        let (second, _told) = oneshot::channel();
        waiting.join(What::Configuration, Some(second));
        let round = waiting.reload.expect("somebody asked");
        assert_eq!((round.what, round.askers.len()), (What::Zones, 2));
    }
}
