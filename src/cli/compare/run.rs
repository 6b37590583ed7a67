//! Driving a comparison: a steady pace, so many questions at once, and what differs asked again.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tokio::signal;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until};

use super::client::Client;
use super::differ::{Difference, Rules, differences};
use super::questions::{Question, Questions, Read};
use super::response::Outcome;
use super::tally::{Compared, Tally};
use super::trial::Trial;
use super::{CompareArgs, Error};

/// How long before what differs is asked again.
const BETWEEN: Duration = Duration::from_millis(500);

/// A server that has answered none of so many questions is not there.
const PATIENCE: u64 = 50;

/// A pause is not made up for by more questions than belong to this time.
const MAX_ARREARS: Duration = Duration::from_millis(10);

/// Asks everything and counts what differs.
pub(super) fn compare(args: &CompareArgs, progress: bool) -> Result<Tally, Error> {
    let unreadable = |error| Error::Questions(args.queries.clone(), error);
    let text: Box<dyn io::BufRead + Send> = match args.queries.as_path() {
        path if path == Path::new("-") => Box::new(BufReader::new(io::stdin())),
        path => Box::new(BufReader::new(File::open(path).map_err(unreadable)?)),
    };
    let questions = Questions::new(text, args.overrides(), args.distinct);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::System)?;
    let client = Client { source: args.source, patience: args.timeout, udp_payload_bytes: args.bufsize };
    let trial = args.config.as_deref().map(|file| Trial::start(file, args.against)).transpose()?;
    let with = trial.as_ref().map(|trial| trial.address).or(args.with).expect("clap: one of both is given");
    let servers = [args.against, with];
    let tally = Tally::new(servers, args.examples.into());
    let run = Run { args, client, servers, rules: args.rules(), tally };
    let tally = runtime.block_on(run.drive(questions, progress))?;
    if tally.questions == 0 && !tally.interrupted {
        return Err(Error::NoQuestion(args.queries.clone(), tally.unread_lines));
    }
    match tally.silent_server() {
        Some(server) if tally.questions > 0 => Err(Error::Silent(server, tally.questions)),
        _ => Ok(tally),
    }
}

struct Run<'a> {
    args: &'a CompareArgs,
    client: Client,
    servers: [SocketAddr; 2],
    rules: Rules,
    tally: Tally,
}

impl Run<'_> {
    async fn drive(mut self, questions: Questions, progress: bool) -> Result<Tally, Error> {
        let mut questions = questions.hand_out().map_err(Error::System)?;
        let (begin, mut tasks, mut pace) = (Instant::now(), JoinSet::new(), Pace::new(self.args.qps));
        let (mut left, mut ticks) = (self.args.limit.unwrap_or(u64::MAX), interval(Duration::from_secs(1)));
        let interrupt = signal::ctrl_c();
        tokio::pin!(interrupt);
        // Until the last answer has come; a server that is not there ends it too.
        while (left > 0 || !tasks.is_empty()) && !self.is_in_vain() {
            let may_ask = left > 0 && tasks.len() < usize::from(self.args.parallel);
            tokio::select! {
                Some(done) = tasks.join_next() => self.tally.add(done.expect("a question does not panic")),
                read = pace.next(&mut questions), if may_ask => match read {
                    Read::Question(question) => {
                        (left, pace) = (left - 1, pace.step());
                        tasks.spawn(self.one(question));
                    }
                    Read::End { unread_lines, repeated } => {
                        (left, self.tally.unread_lines, self.tally.repeated) = (0, unread_lines, repeated);
                    }
                    Read::Failed(error) => return Err(Error::Questions(self.args.queries.clone(), error)),
                },
                _ = ticks.tick(), if progress => show(&self.tally),
                _ = &mut interrupt, if !self.tally.interrupted => (self.tally.interrupted, left) = (true, 0),
            }
        }
        self.tally.took = begin.elapsed();
        Ok(self.tally)
    }

    /// Whether some server has not answered although it was asked enough.
    fn is_in_vain(&self) -> bool {
        self.tally.questions >= PATIENCE && self.tally.silent_server().is_some()
    }

    /// Asks one question, again if something differs.
    fn one(&self, question: Question) -> impl Future<Output = Compared> + use<> {
        let (client, rules, again) = (self.client, self.rules.clone(), self.args.again);
        let servers = self.servers;
        async move {
            let mut outcomes = ask(&client, servers, &question).await;
            let mut differ = differences(&outcomes[0], &outcomes[1], &rules);
            let differed_at_first = !differ.is_empty();
            for _ in 0..again {
                if differ.is_empty() {
                    break;
                }
                sleep(BETWEEN).await;
                outcomes = ask(&client, servers, &question).await;
                keep_lasting(&mut differ, differences(&outcomes[0], &outcomes[1], &rules));
            }
            Compared { question, outcomes, differences: differ, differed_at_first }
        }
    }
}

/// Both at the same time.
async fn ask(client: &Client, [against, with]: [SocketAddr; 2], question: &Question) -> [Outcome; 2] {
    let (against, with) = tokio::join!(client.ask(against, question), client.ask(with, question));
    [against, with]
}

/// What differed every time, as it was the last time.
fn keep_lasting(differ: &mut Vec<Difference>, now: Vec<Difference>) {
    let before = std::mem::take(differ);
    differ.extend(now.into_iter().filter(|now| before.iter().any(|before| before.kind == now.kind)));
}

/// When the next question may leave.
#[derive(Clone, Copy)]
struct Pace {
    period: Duration,
    due: Instant,
}

impl Pace {
    fn new(qps: u32) -> Self {
        Self { period: Duration::from_secs(1) / qps.max(1), due: Instant::now() }
    }

    /// The next question, when it may leave. Dropped halfway, it loses none.
    async fn next(&self, questions: &mut Receiver<Read>) -> Read {
        sleep_until(self.due).await;
        // The thread sends an end before it ends.
        let ended = Read::End { unread_lines: 0, repeated: 0 };
        questions.recv().await.unwrap_or(ended)
    }

    /// The pace after one has left.
    fn step(self) -> Self {
        let earliest = Instant::now().checked_sub(MAX_ARREARS).unwrap_or(self.due);
        Self { due: self.due.max(earliest) + self.period, ..self }
    }
}

fn show(tally: &Tally) {
    let mut terminal = io::stderr().lock();
    // A terminal that is gone misses nothing.
    let _ = write!(terminal, "\r\x1b[K{}", tally.progress()).and_then(|()| terminal.flush());
}
