//! Medians of all rounds, as tables for a terminal or for GitHub.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::compare::{Results, Round};
use crate::load::Outcome;
use crate::servers::Strategy;

/// How to take a quantity from an outcome.
type Value = fn(&Outcome) -> Option<f64>;

/// One quantity to compare.
struct Quantity {
    title: &'static str,
    value: Value,
    show: fn(f64) -> String,
}

const DELIVERIES: Quantity =
    Quantity { title: "Deliveries per second", value: |o| Some(o.per_second()), show: rate };
const MEDIAN: Quantity = Quantity { title: "Latency, median", value: median_latency, show: time };
const P99: Quantity =
    Quantity { title: "Latency, 99th percentile", value: high_latency, show: time };
const CPU: Quantity = Quantity {
    title: "CPU time of the server per million deliveries",
    value: Outcome::cpu_per_million,
    show: time,
};
const GENERATOR: Quantity = Quantity {
    title: "Load of the generator, in percent of one core",
    value: Outcome::generator_percent,
    show: |percent| format!("{percent:.0}"),
};
const QUANTITIES: [Quantity; 5] = [DELIVERIES, MEDIAN, P99, CPU, GENERATOR];

fn median_latency(outcome: &Outcome) -> Option<f64> {
    moving(outcome).then_some(outcome.p50?.as_secs_f64())
}

fn high_latency(outcome: &Outcome) -> Option<f64> {
    moving(outcome).then_some(outcome.p99?.as_secs_f64())
}

/// The tables of a whole comparison.
pub(crate) fn tables(results: &Results, markdown: bool) -> String {
    let mut text = String::new();
    for Quantity { title, value, show } in QUANTITIES {
        let cell = |strategy, size| median_of(results.rounds(strategy, size), value).map(show);
        add_table(&mut text, title, results, cell, markdown);
    }
    let ours = results.plan.strategies.iter().position(|one| *one == Strategy::TcpChat);
    for Quantity { title, value, .. } in [DELIVERIES, MEDIAN, P99] {
        let Some(ours) = ours else { break };
        let title = format!("{title}: tcp-chat divided by");
        let cell = |rival, size| ratio(results, (ours, rival), size, value);
        add_table(&mut text, &title, results, cell, markdown);
    }
    add_complaints(&mut text, results);
    text
}

fn median_of(rounds: &[Round], value: Value) -> Option<f64> {
    median(rounds.iter().flatten().filter_map(value))
}

/// The value of one strategy divided by that of a rival. This is the median of the ratios of all
/// rounds, because only runs of the same seconds have the same conditions.
fn ratio(
    results: &Results,
    (ours, rival): (usize, usize),
    size: usize,
    value: Value,
) -> Option<String> {
    let pairs = results.rounds(ours, size).iter().zip(results.rounds(rival, size));
    let ratios = pairs.filter_map(|(ours, theirs)| {
        let (ours, theirs) = (value(ours.as_ref()?)?, value(theirs.as_ref()?)?);
        (theirs > 0.0).then(|| ours / theirs)
    });
    median(ratios).map(|ratio| format!("{ratio:.2}×"))
}

/// One row for each strategy, and one column for each size.
fn add_table(
    text: &mut String,
    title: &str,
    results: &Results,
    cell: impl Fn(usize, usize) -> Option<String>,
    markdown: bool,
) {
    let (strategies, sizes) = (&results.plan.strategies, &results.plan.sizes);
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(sizes.iter().map(|size| size.label()));
    for (at, strategy) in strategies.iter().enumerate() {
        let cells = (0..sizes.len()).map(|size| cell(at, size).unwrap_or_else(|| "-".into()));
        rows.push([strategy.name().to_string()].into_iter().chain(cells).collect());
    }
    let (edge, gap, heading) = if markdown { ("|", " | ", "**") } else { ("", "  ", "") };
    let _ = writeln!(text, "{heading}{title}{heading}\n");
    for (at, row) in rows.iter().enumerate() {
        let _ = write!(text, "{edge} {:24}", row[0]);
        for cell in &row[1..] {
            let _ = write!(text, "{gap}{cell:>14}");
        }
        let _ = writeln!(text, " {edge}");
        if markdown && at == 0 {
            let _ = writeln!(text, "|---|{}", "---:|".repeat(sizes.len()));
        }
    }
    text.push('\n');
}

/// A server's errors under load must be visible beside its figures.
fn add_complaints(text: &mut String, results: &Results) {
    for (at, strategy) in results.plan.strategies.iter().enumerate() {
        for (at_size, size) in results.plan.sizes.iter().enumerate() {
            let complaints: BTreeSet<String> =
                results.rounds(at, at_size).iter().flatten().filter_map(complaint).collect();
            for complaint in complaints {
                let _ = writeln!(text, "{}, {}: {complaint}", strategy.name(), size.label());
            }
        }
    }
}

fn complaint(outcome: &Outcome) -> Option<String> {
    let Outcome { dropped, wrong, missing, .. } = *outcome;
    (dropped > 0 || wrong > 0 || missing > 0)
        .then(|| format!("{dropped} readers dropped, {wrong} messages wrong, {missing} missing"))
}

/// All outcomes, one a line.
pub(crate) fn csv(results: &Results) -> String {
    let mut text = "server,clients,silent,bytes,round,deliveries_per_second,p50_us,p99_us,\
        server_cpu_us_per_million,generator_percent,dropped,wrong,missing\n"
        .to_string();
    for (at, strategy) in results.plan.strategies.iter().enumerate() {
        for (at_size, size) in results.plan.sizes.iter().enumerate() {
            for (round, outcome) in results.rounds(at, at_size).iter().enumerate() {
                let Some(outcome) = outcome else { continue };
                let show = |value: Option<f64>, unit: f64| {
                    value.map_or_else(String::new, |value| format!("{:.1}", value / unit))
                };
                let _ = writeln!(
                    text,
                    "\"{}\",{},{},{},{},{},{},{},{},{},{},{},{}",
                    strategy.name(),
                    size.clients,
                    size.silent,
                    size.bytes,
                    round + 1,
                    show((DELIVERIES.value)(outcome), 1.0),
                    show(median_latency(outcome), 1e-6),
                    show(high_latency(outcome), 1e-6),
                    show(outcome.cpu_per_million(), 1e-6),
                    show(outcome.generator_percent(), 1.0),
                    outcome.dropped,
                    outcome.wrong,
                    outcome.missing
                );
            }
        }
    }
    text
}

/// One line for a single run.
pub(crate) fn line(label: &str, outcome: &Outcome) -> String {
    let mut line = format!("{label:>18}");
    for Quantity { value, show, .. } in QUANTITIES {
        let _ = write!(line, " {:>10}", value(outcome).map_or_else(|| "-".into(), show));
    }
    if let Some(complaint) = complaint(outcome) {
        let _ = write!(line, "  {complaint}");
    }
    line
}

pub(crate) fn headline() -> String {
    format!(
        "{:>18} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "", "deliver./s", "p50", "p99", "CPU per M", "generator %"
    )
}

impl Outcome {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(crate) fn per_second(&self) -> f64 {
        self.deliveries as f64 / self.window.as_secs_f64()
    }

    fn cpu_per_million(&self) -> Option<f64> {
        let share = self.server_cpu?.as_secs_f64() / self.window.as_secs_f64();
        moving(self).then(|| share * 1e6 / self.per_second())
    }

    fn generator_percent(&self) -> Option<f64> {
        Some(self.generator_cpu?.as_secs_f64() / self.window.as_secs_f64() * 100.0)
    }
}

fn moving(outcome: &Outcome) -> bool {
    outcome.deliveries > 0
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    Some(f64::midpoint(*upper, values[(values.len() - 1) / 2]))
}

fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "frozen".into(),
        small if small < 1e6 => format!("{:.0} k", small / 1e3),
        medium if medium < 1e7 => format!("{:.2} M", medium / 1e6),
        large => format!("{:.1} M", large / 1e6),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        small if small < 1e-3 => format!("{:.0} µs", small * 1e6),
        medium if medium < 1.0 => format!("{:.1} ms", medium * 1e3),
        large => format!("{large:.2} s"),
    }
}
