//! What becomes of the cost of a cached answer as zones, prefixes and answers grow.
//!
//! A random access to more memory than the processor's caches hold costs more on any machine and in any design; how much
//! is measured here too, by a chase through memory of the same size, so that the machine's share can be told from ours.

use super::*;

/// What is compared: its name, few, many, and for each what there is of it and what is asked.
type Comparison = (&'static str, u64, u64, [(Amounts, Questions); 2]);

/// Octets of memory that a cached answer touches or is found by.
const ANSWER_OCTETS: u64 = 220;

impl Bench {
    /// Costs with little and with much, of two servers that take turns.
    pub(super) fn growth(&mut self) -> io::Result<()> {
        let mut rows = Vec::new();
        for peer in self.ours_or_chosen() {
            for (what, few, many, settings) in self.comparisons() {
                table::note(&format!("growth: {}, {what}", peer.name));
                let Some([few_us, many_us]) = self.compare(peer, settings)? else { continue };
                let ratio = few_us.zip(many_us).map(|(few, many)| many / few);
                let mut row = vec![format!("{}: {what}", peer.name), few.to_string(), number(few_us, 2)];
                row.extend([many.to_string(), number(many_us, 2), number(ratio, 2)]);
                rows.push(row);
                if is_ours(peer.name) {
                    self.report.judge_most(&format!("cost as {what} grow from {few} to {many}"), ratio, 1.15, "x", 2);
                }
            }
        }
        let head = ["as these grow", "few", "cpu us/answer", "many", "cpu us/answer", "many / few"];
        self.report.table("Growth: cost of a cached answer by UDP", &head, &rows);
        self.tell_memory();
        Ok(())
    }

    fn comparisons(&self) -> [Comparison; 3] {
        let (many, names, none) = (self.args.many, self.args.most_names, Amounts::default());
        let hot = Questions::new("h", Order::Random(HOT_NAMES));
        let zones = |zones: usize| {
            (Amounts { zones, ..none }, Questions::new("h", Order::Random(ZONE_NAMES)).in_zones(zones as u64))
        };
        let prefixes = |prefixes| (Amounts { prefixes, ..none }, hot.clone());
        [
            ("forward zones", 10, many as u64, [zones(10), zones(many)]),
            ("prefixes in the access list", 10, many as u64, [prefixes(10), prefixes(many)]),
            (
                "cached answers",
                HOT_NAMES,
                names,
                [(none, hot.clone()), (none, Questions::new("h", Order::Random(names)))],
            ),
        ]
    }

    /// The median cost of each of two settings, in interleaved rounds.
    fn compare(&mut self, peer: &Peer, settings: [(Amounts, Questions); 2]) -> io::Result<Option<[Option<f64>; 2]>> {
        let mut servers = Vec::new();
        for (amounts, questions) in settings {
            let Some((process, address, _)) = self.start(peer, amounts)? else { return Ok(None) };
            let (mut each_once, names) = questions.each_once();
            load::run(&self.place, address, &mut each_once, Duration::from_secs(300), names)?;
            servers.push((process, address, questions, Vec::new()));
        }
        for _ in 0..self.args.rounds {
            for (process, address, questions, costs) in &mut servers {
                let before = process.cpu();
                let limit = Duration::from_secs_f64(self.args.seconds);
                let tally = load::run(&self.place, *address, questions, limit, u64::MAX)?;
                costs.push(reading(process.cpu() - before, &tally).cpu_us);
            }
        }
        Ok(Some([median(&servers[0].3), median(&servers[1].3)]))
    }

    /// Says what one dependent access costs where few and where many answers are.
    fn tell_memory(&mut self) {
        let (few, many) = (HOT_NAMES * ANSWER_OCTETS, self.args.most_names * ANSWER_OCTETS);
        let (near, far) = (stand::chase::ns_per_access(few), stand::chase::ns_per_access(many));
        let text = format!(
            "\nOne access to memory whose address the one before has told takes {near:.0} ns within the {:.1} MB of {HOT_NAMES} \
             answers and {far:.0} ns within the {:.0} MB of {}. To find one answer takes two at least (its place, itself): \
             {:.2} us more, if queries do not wait for them together.",
            few as f64 / 1e6,
            many as f64 / 1e6,
            self.args.most_names,
            2.0 * (far - near) / 1e3,
        );
        self.report.say(&text);
    }
}
