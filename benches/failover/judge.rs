//! What a scene did to clients, in figures, and whether that is what was to be reached.

use super::*;

/// Extra upstream packets that are allowed in a second, in per cent of the questions.
const EXTRA: f64 = 5.0;
/// The shortest time after which a question is sent to the same upstream again, in milliseconds (`upstream::server`):
/// sooner would ask a live upstream twice that has to ask others itself.
const RETRANSMISSION_MS: f64 = 100.0;
/// Within this time clients hear that all upstreams are dead, in milliseconds; and the timers' tick.
const TOLD_MS: f64 = 1800.0 + 10.0;

/// The figures of a phase.
pub(super) struct Phase {
    sent: usize,
    lost: usize,
    failed: usize,
    wrong: usize,
    /// Of good answers, ascending, in milliseconds.
    good_ms: Vec<f64>,
    /// Of failures, the longest, in milliseconds.
    failed_ms: f64,
    /// Failures say why.
    explained: bool,
    /// The moment of the last question that was lost, failed or took long, in seconds from the beginning.
    normal_after: f64,
    /// Upstream packets beyond one for each question, in per cent: of the whole phase, and of the worst second.
    extra: (Option<f64>, Option<f64>),
}

impl Phase {
    pub(super) fn of(played: &Played, from: Duration, to: Duration) -> Self {
        let of_phase = |sample: &&Sample| sample.at >= from && sample.at < to;
        let samples: Vec<&Sample> = played.outcome.samples.iter().filter(of_phase).collect();
        let count = |is: &dyn Fn(&Sample) -> bool| samples.iter().filter(|sample| is(sample)).count();
        let ms = |sample: &Sample| sample.took.map(|took| took.as_secs_f64() * 1e3);
        let mut good_ms: Vec<f64> = samples.iter().filter(|s| is_good(s)).filter_map(|s| ms(s)).collect();
        good_ms.sort_unstable_by(f64::total_cmp);
        let failures = || samples.iter().filter(|sample| sample.rcode != 0);
        let noticed = |sample: &&&Sample| !is_good(sample) || sample.took.is_none_or(|took| took > SLOW_ANSWER);
        Self {
            sent: samples.len(),
            lost: count(&|sample| sample.took.is_none()),
            failed: count(&|sample| sample.rcode != 0),
            wrong: count(&|sample| sample.rcode == 0 && sample.wrong),
            good_ms,
            failed_ms: failures().filter_map(|sample| ms(sample)).fold(0.0, f64::max),
            explained: failures().all(|sample| sample.explained),
            normal_after: samples.iter().filter(noticed).map(|s| (s.at - from).as_secs_f64()).fold(0.0, f64::max),
            extra: extra_packets(played, from, to),
        }
    }

    pub(super) fn cells(&self, name: &str, phase: &str) -> Vec<String> {
        let mut cells = vec![name.to_owned(), phase.to_owned(), self.sent.to_string()];
        cells.extend([self.lost, self.failed, self.wrong].map(|count| count.to_string()));
        cells.extend([0.5, 0.99, 1.0].map(|share| number(percentile(&self.good_ms, share), 1)));
        let (whole, worst) = self.extra;
        cells.extend([number(Some(self.normal_after), 2), number(whole, 1), number(worst, 1)]);
        cells
    }

    fn bad(&self) -> usize {
        self.lost + self.failed + self.wrong
    }

    fn percentile_ms(&self, share: f64) -> f64 {
        percentile(&self.good_ms, share).unwrap_or(f64::INFINITY)
    }
}

fn is_good(sample: &Sample) -> bool {
    sample.rcode == 0 && !sample.wrong
}

fn later(latest: Option<f64>, at: f64) -> Option<f64> {
    Some(latest.map_or(at, |latest| latest.max(at)))
}

/// Holds the phases before, in and after the trouble of a scene against its target.
pub(super) fn judge(report: &mut Report, scene: &Scene, [before, trouble, after]: &[Phase; 3]) {
    let phases = [before, trouble, after];
    let bad: usize = phases.iter().map(|phase| phase.bad()).sum();
    let worst_ms = phases.iter().map(|phase| phase.percentile_ms(1.0)).filter(|ms| ms.is_finite()).fold(0.0, f64::max);
    let (measured, target, met) = match scene.target {
        Target::Seamless(limit_ms) => {
            let extra = phases.iter().filter_map(|phase| phase.extra.1).fold(0.0, f64::max);
            (
                format!("{bad} not answered well, worst {worst_ms:.1} ms, extra {extra:.1} % in the worst second"),
                format!("0, ≤ {limit_ms} ms, ≤ {EXTRA} %"),
                bad == 0 && worst_ms <= limit_ms && extra <= EXTRA,
            )
        }
        Target::Unnoticed => {
            let (good, now) = (before.percentile_ms(0.99), trouble.percentile_ms(0.99));
            (
                format!("{bad} not answered well, p99 {now:.1} ms"),
                format!("0, ≤ {:.1} ms: both good, and 20 ms", good + 20.0),
                bad == 0 && now <= good + 20.0,
            )
        }
        Target::Patient => {
            let (now, limit) = (trouble.percentile_ms(0.99), 3.0 * RETRANSMISSION_MS);
            let target = format!("0, ≤ {limit} ms: three times the retransmission's");
            (format!("{bad} not answered well, p99 {now:.1} ms"), target, bad == 0 && now <= limit)
        }
        Target::Slow => {
            let heard = worst_ms / 1e3 >= SLOW.as_secs_f64() - 0.1;
            let text = format!("{bad} not answered well, the slow one in {:.2} s", worst_ms / 1e3);
            (text, "0, answered after 3 s".to_owned(), bad == 0 && heard)
        }
        Target::Told => {
            let lost: usize = phases.iter().map(|phase| phase.lost + phase.wrong).sum();
            let failed_ms = phases.iter().map(|phase| phase.failed_ms).fold(0.0, f64::max);
            let explained = phases.iter().all(|phase| phase.explained);
            let why = if explained { "with" } else { "without" };
            (
                format!(
                    "{lost} lost, failures told within {:.2} s {why} EDE, normal {:.2} s after",
                    failed_ms / 1e3,
                    after.normal_after
                ),
                "0, ≤ 1.8 s with EDE, ≤ 0.5 s".to_owned(),
                lost == 0 && failed_ms <= TOLD_MS && explained && after.normal_after <= 0.5,
            )
        }
    };
    report.judge(scene.title, measured, &target, Some(met));
}

/// Upstream packets beyond one for each question, in per cent: of the phase, and of its worst whole second after the
/// first, which is when a change is found out.
fn extra_packets(played: &Played, from: Duration, to: Duration) -> (Option<f64>, Option<f64>) {
    let sent = |from: Duration, to: Duration| {
        played.outcome.samples.iter().filter(|sample| sample.at >= from && sample.at < to).count() as f64
    };
    let arrived = |from: Duration, to: Duration| {
        let since = |at: Duration| played.outcome.began_ms + at.as_millis() as u64;
        played.arrivals.iter().filter(|ms| **ms >= since(from) && **ms < since(to)).count() as f64
    };
    let extra = |from: Duration, to: Duration| {
        let questions = sent(from, to);
        (questions > 0.0).then(|| (arrived(from, to) - questions) / questions * 100.0)
    };
    let second = Duration::from_secs(1);
    let seconds = (1..).map(|number| from + number * second).take_while(|start| *start + second <= to);
    let worst = seconds.filter_map(|start| extra(start, start + second)).fold(None, later);
    (extra(from, to), worst)
}
