//! Two workers beside one, on a machine whose cores the load needs too.
//!
//! No load can saturate both cores and have room itself, so capacity is computed: a worker that spends so much CPU time
//! on an answer can give so many in a second of its core. One worker is offered a rate far below that, two are offered
//! twice as much, so that each has as much to do as the one; load runs on both cores either way. What workers would do to
//! each other (locks, shared cache lines, the kernel's own) shows as CPU time for an answer.

use std::thread;

use super::*;

/// Offered to each worker, as a share of what one can answer: low enough that two and the load fit on two cores.
const SHARE: f64 = 0.2;
/// Offered to one worker at first, a second, to learn what an answer costs it.
const FIRST_RATE: f64 = 20_000.0;
/// Each load of a round lasts so many times `--seconds`, since the kernel counts CPU time in steps of 10 ms.
const LONGER: f64 = 4.0;

/// What one or two workers did in a round.
#[derive(Clone, Copy)]
struct Shift {
    cpu_us: f64,
    /// The share of the CPU time that the busiest worker had.
    busiest: f64,
    lost: u64,
}

impl Bench {
    pub(super) fn workers(&mut self) -> io::Result<()> {
        let cores = [self.place.server_core, self.place.load_core];
        if cores[0] == cores[1] {
            self.report.say("\n### Workers\n\nThere is one core only.");
            return Ok(());
        }
        table::note("workers");
        let [Some(one), Some(two)] = [self.start_workers(&cores[..1])?, self.start_workers(&cores)?] else {
            return Ok(());
        };
        let rate = SHARE * 1e6 / self.shift(&one, FIRST_RATE)?.cpu_us;
        let mut shifts: [Vec<Shift>; 2] = Default::default();
        for _ in 0..self.args.rounds.max(3) {
            for (index, server) in [&one, &two].into_iter().enumerate() {
                shifts[index].push(self.shift(server, rate * (index + 1) as f64)?);
            }
        }
        let cost = |index: usize| median(&shifts[index].iter().map(|shift| shift.cpu_us).collect::<Vec<_>>());
        let scale = cost(0).zip(cost(1)).map(|(one, two)| 2.0 * one / two);
        let cells = |index: usize| {
            let of = |value: fn(&Shift) -> f64| median(&shifts[index].iter().map(value).collect::<Vec<_>>());
            let workers = (index + 1) as f64;
            let capacity = cost(index).map(|cost| workers * 1e6 / cost);
            let lost: u64 = shifts[index].iter().map(|shift| shift.lost).sum();
            let offered = number(Some(rate * workers), 0);
            let busiest = number(of(|shift| 100.0 * shift.busiest), 0);
            let scale = number(if index == 0 { Some(1.0) } else { scale }, 2);
            let mut row = vec![(index + 1).to_string(), offered, number(cost(index), 2), busiest];
            row.extend([number(capacity, 0), scale, lost.to_string()]);
            row
        };
        let rows = [cells(0), cells(1)];
        let head = ["workers", "offered/s", "cpu us/answer", "busiest has %", "capacity/s", "x one", "lost"];
        self.report.table("Workers: cached, UDP, load and server on both cores, capacity computed", &head, &rows);
        let what = "two workers serve, computed from CPU time for an answer at equal load a worker";
        let met = scale.filter(|scale| scale.is_finite()).map(|scale| scale >= 1.8);
        self.report.judge(what, format!("{} x one", number(scale, 2)), "≥ 1.8 x one", met);
        Ok(())
    }

    /// Ours with a worker on each of these cores, its cache filled.
    fn start_workers(&mut self, cores: &[usize]) -> io::Result<Option<(Process, SocketAddr)>> {
        let peer = &PEERS[0];
        let address = peer.address(&self.place)?;
        let command = peers::prepare(&self.place, peer, address, &[self.upstream], Amounts::default())?;
        let process = Process::start_among(&self.place, cores, peer.name, &command)?;
        let Some((process, address, _)) = self.await_start(peer.name, process, address)? else { return Ok(None) };
        let mut hot = Questions::new("h", Order::Turn(HOT_NAMES));
        load::run(&self.place, address, &mut hot, Duration::from_secs(5), 2 * HOT_NAMES)?;
        Ok(Some((process, address)))
    }

    /// Half of the load comes from each core.
    fn shift(&self, (process, address): &(Process, SocketAddr), rate: f64) -> io::Result<Shift> {
        let time = self.seconds().mul_f64(LONGER);
        let (before, threads_before) = (process.cpu(), process.thread_seconds());
        let half = |core| {
            tandem::sys::cores::stay_on(core);
            let mut hot = Questions::new("h", Order::Random(HOT_NAMES));
            load::paced(&self.place, *address, &mut hot, rate / 2.0, time)
        };
        let (one, other) = thread::scope(|scope| {
            let other = scope.spawn(|| half(self.place.server_core));
            let one = scope.spawn(|| half(self.place.load_core));
            (one.join(), other.join())
        });
        let (one, other) = (one.expect("a load does not panic")?, other.expect("a load does not panic")?);
        let cpu = process.cpu() - before;
        let sum = Tally { right: one.right + other.right, lost: one.lost + other.lost, ..one };
        let spent: Vec<f64> = threads_before.iter().zip(process.thread_seconds()).map(|(was, is)| is - was).collect();
        let busiest = spent.iter().copied().fold(0.0, f64::max) / spent.iter().sum::<f64>();
        Ok(Shift { cpu_us: reading(cpu, &sum).cpu_us, busiest, lost: sum.lost })
    }
}
