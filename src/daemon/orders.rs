//! What commands ask for: reloads, one zone anew, stale answers, the end.
//!
//! Each is answered with what came of it. What changes the server waits while something is being read.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::reload::What;
use super::{Daemon, zones};
use crate::logging::{self, Category, Severity};
use crate::office::reply::{Code, Done, Ending, Failure, Reply};
use crate::office::{Order, Origin, Request, ServeStale};
use crate::wire::Name;

/// Lines of what is wrong with a configuration that an operator is told; the log has all.
const MAX_LINES: usize = 10;

impl Daemon {
    /// Does it, now or when it may be done, and tells who asked; returns how the process is to end, if it is.
    pub(super) fn carry_out(&mut self, request: Request) -> Option<Ending> {
        let Request { order, answer } = request;
        let reply: Reply = match order {
            Order::End(ending) => return Some(ending),
            Order::Recursing(into) => {
                self.workers.report(&into);
                Ok(Done::default())
            }
            Order::ServeStale(ServeStale::Show, view) => Ok(self.in_force.show_stale(view.as_deref()).into()),
            Order::Reload => {
                self.reload(What::Zones, Some(answer));
                return None;
            }
            Order::Reconfig => {
                self.reload(What::Configuration, Some(answer));
                return None;
            }
            order if self.beside.is_busy() => {
                self.waiting.requests.push_back(Request { order, answer });
                return None;
            }
            Order::ReloadZone(view, apex) => {
                self.begin_zone(view, apex, answer);
                return None;
            }
            Order::Scan => {
                self.follow_interfaces();
                Ok(Done::default())
            }
            Order::ServeStale(ServeStale::Set(to), view) => {
                self.in_force.set_stale(view.as_deref(), to);
                self.publish(Arc::clone(&self.reader.shared.desks.state.present().host));
                Ok(Done::default())
            }
        };
        // Who asked may be gone.
        let _ = answer.send(reply);
        None
    }

    /// What a configuration that is in force asks for and the server has not: lines for a person, and words for the log.
    pub(super) fn shortcomings(&self) -> Done {
        let unread: Vec<&Origin> = self.in_force.zones.unread().collect();
        let zone = |origin: &&Origin| {
            let why = origin.error().unwrap_or("see the log");
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

    fn begin_zone(&mut self, view: String, apex: Name, asker: oneshot::Sender<Reply>) {
        let (reader, in_force) = (self.reader.clone(), self.in_force.clone());
        let begun = self.beside.begin(move || {
            let read = reader.read_zone(&in_force, &view, &apex);
            Box::new(move |daemon| {
                let reply = match read {
                    Some((origin, is_changed)) => daemon.end_zone(origin, is_changed),
                    None => Err(Failure::with(Code::NotFound, format!("no matching zone '{apex}' in view '{view}'"))),
                };
                // Who asked may be gone.
                let _ = asker.send(reply);
            })
        });
        if let Err(error) = begun {
            self.lose_work(&format!("the system gives no thread: {error}"));
        }
    }

    fn end_zone(&mut self, origin: Origin, is_changed: bool) -> Reply {
        let reply = match (origin.is_in_force, is_changed) {
            (false, _) => Err(told(&origin.fault_lines().collect::<Vec<_>>().join("\n"))),
            (true, true) => Ok("zone reload successful".into()),
            (true, false) => Ok("zone reload up-to-date".into()),
        };
        self.in_force.zones.replace(origin);
        self.tell_all(|_| ());
        reply
    }
}

/// What was wrong, but for what would fill a screen.
pub(super) fn told(text: &str) -> Failure {
    Failure::from(first_lines(text))
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
    fn a_flood_of_faults_is_cut() {
        let text = (1..=14).map(|line| format!("x:{line}: wrong")).collect::<Vec<_>>().join("\n");
        let failure = told(&text);
        assert!(failure.text.ends_with("x:10: wrong\n(4 lines more in the log)"), "{}", failure.text);
        assert_eq!(told("one").text, "one");
    }
}
