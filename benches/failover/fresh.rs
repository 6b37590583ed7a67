//! Names that are asked all the time and whose answers live for seconds: does anybody ever wait, and what does it cost?
//!
//! Before an upstream that knows the records (its TTLs are whole) an answer that is fetched anew in time is always there.
//! Before one that answers from a cache (its TTLs are what is left) fetching early gains nothing until its own time has
//! come: asking it again and again would be a storm.

use super::*;

/// Names, each asked all the time, in turn: one that nobody asked for in the last tenth of its TTL is not asked for again.
const NAMES: u64 = 50;
/// In milliseconds: how long the upstream takes, and what a client that had to wait for it takes at least.
const UPSTREAM_MS: u64 = 40;
const WAITED_MS: u64 = 30;
/// How long is measured, in TTLs.
const TTLS: u32 = 5;

/// Upstream questions for a name in the time of a TTL, at most: one each nine tenths of it, and up to a second that the
/// upstream's rounding takes.
const WHOLE: f64 = 1.4;
/// One early, one in time, and the same.
const LEFT: f64 = 2.4;

pub(super) struct Fresh {
    pub(super) name: &'static str,
    title: &'static str,
    ttl: u32,
    manner: &'static str,
    /// Upstream questions for a name in the time of a TTL, at most.
    limit: f64,
    /// Nobody is to wait.
    always_there: bool,
}

pub(super) const SCENES: [Fresh; 4] = [
    Fresh {
        name: "fresh-5",
        title: "TTL 5 s, upstream that knows the records",
        ttl: 5,
        manner: "ttl 5",
        limit: WHOLE,
        always_there: true,
    },
    Fresh {
        name: "fresh-10",
        title: "TTL 10 s, upstream that knows the records",
        ttl: 10,
        manner: "ttl 10",
        limit: WHOLE,
        always_there: true,
    },
    Fresh {
        name: "fresh-5-cached",
        title: "TTL 5 s, upstream that answers from its cache",
        ttl: 5,
        manner: "cached 5",
        limit: LEFT,
        always_there: false,
    },
    Fresh {
        name: "fresh-10-cached",
        title: "TTL 10 s, upstream that answers from its cache",
        ttl: 10,
        manner: "cached 10",
        limit: LEFT,
        always_there: false,
    },
];

impl Bench {
    pub(super) fn play_fresh(&mut self, scene: &Fresh) -> io::Result<()> {
        let ours = [PEERS[0].name.to_owned()];
        let names = if self.args.only.is_empty() { &ours } else { &self.args.only[..] };
        let mut rows = Vec::new();
        for peer in peers::installed(names) {
            table::note(&format!("{}: {}", scene.name, peer.name));
            rows.extend(self.keep_asking(scene, peer)?);
        }
        let head = ["server", "asked", "lost", "failed", "waited", "max ms", "upstream questions a name and TTL"];
        self.report.table(&format!("Fresh: {NAMES} names asked all the time, {}", scene.title), &head, &rows);
        Ok(())
    }

    fn keep_asking(&mut self, scene: &Fresh, peer: &Peer) -> io::Result<Option<Vec<String>>> {
        let mut upstream = Upstream::start(&self.place)?;
        upstream.tell(scene.manner)?;
        upstream.tell(&format!("late 100 {UPSTREAM_MS}"))?;
        let listen = peer.address(&self.place)?;
        let command = peers::prepare(&self.place, peer, listen, &[upstream.address], peers::Amounts::default())?;
        let mut process = Process::start(&self.place, peer.name, &command)?;
        if process.await_answer(listen, self.place.client(0), START).is_none() {
            self.report.say(&format!("\n{} does not answer: {}", peer.name, process.last_words()));
            return Ok(None);
        }
        upstream.arrivals()?;
        // The first answers are waited for in the nature of things: a TTL passes before the measuring begins.
        let ttl = Duration::from_secs(scene.ttl.into());
        let (from, time) = (ttl, ttl * if self.args.quick { 2 } else { 1 + TTLS });
        self.runs += 1;
        let plan = Plan {
            questions: Questions::new(&format!("fresh{}-", self.runs), Order::Turn(NAMES)),
            slow: Questions::new(SLOW_PREFIX, Order::New),
            rate: self.args.rate,
            time,
            patience: Duration::from_secs_f64(self.args.patience),
            slow_at: Vec::new(),
        };
        let outcome = open_loop::run(&self.place, listen, &plan, &mut |_| Ok(()))?;
        let since = |at: Duration| outcome.began_ms + at.as_millis() as u64;
        let arrivals = upstream.arrivals()?.into_iter().filter(|ms| (since(from)..since(time)).contains(ms)).count();
        let each = arrivals as f64 / NAMES as f64 / (time - from).div_duration_f64(ttl);
        let samples: Vec<&Sample> = outcome.samples.iter().filter(|sample| sample.at >= from).collect();
        let count = |is: &dyn Fn(&Sample) -> bool| samples.iter().filter(|sample| is(sample)).count();
        let lost = count(&|sample| sample.took.is_none());
        let failed = count(&|sample| sample.rcode != 0 || sample.wrong);
        let waited = count(&|sample| sample.took.is_some_and(|took| took >= Duration::from_millis(WAITED_MS)));
        let most = samples.iter().filter_map(|sample| sample.took).max().map(|took| took.as_secs_f64() * 1e3);
        if peer.name == PEERS[0].name {
            let measured = format!("{} lost or failed, {waited} waited, {each:.2} upstream questions", lost + failed);
            let (waits, limit) = (if scene.always_there { "0, 0" } else { "0, some" }, scene.limit);
            let met = lost + failed == 0 && each <= limit && (waited == 0 || !scene.always_there);
            let what = format!("Names asked all the time, {}, a name and TTL", scene.title);
            self.report.judge(&what, measured, &format!("{waits}, ≤ {limit}"), Some(met));
        }
        let mut row = vec![peer.name.to_owned(), samples.len().to_string()];
        row.extend([lost, failed, waited].map(|count| count.to_string()));
        row.extend([number(most, 1), number(Some(each), 2)]);
        Ok(Some(row))
    }
}
