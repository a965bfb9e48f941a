//! Medians of all rounds, as tables for a terminal or for GitHub.

use std::fmt::Write;

use crate::compare::{Results, Round};
use crate::load::Outcome;

/// One quantity to compare: its title, how to take it from an outcome, and how to print it.
type Quantity = (&'static str, fn(&Outcome) -> Option<f64>, fn(f64) -> String);

const QUANTITIES: [Quantity; 5] = [
    ("Deliveries per second", |o| Some(o.per_second()), rate),
    ("Latency, median", |o| moving(o).then_some(o.p50?.as_secs_f64()), time),
    ("Latency, 99th percentile", |o| moving(o).then_some(o.p99?.as_secs_f64()), time),
    ("CPU time of the server per million deliveries", |o| o.cpu_per_million(), time),
    (
        "Load of the generator, in percent of one core",
        |o| o.generator_percent(),
        |p| format!("{p:.0}"),
    ),
];

/// The tables of a whole comparison.
pub(crate) fn tables(results: &Results, markdown: bool) -> String {
    let mut text = String::new();
    for (title, value, show) in QUANTITIES {
        let cell = |strategy, size| median_of(results.rounds(strategy, size), value).map(show);
        add_table(&mut text, title, results, 0, cell, markdown);
    }
    let title = format!("Deliveries of {}, as a multiple of", results.plan.strategies[0].name());
    add_table(
        &mut text,
        &title,
        results,
        1,
        |strategy, size| ratio(results, strategy, size),
        markdown,
    );
    add_complaints(&mut text, results);
    text
}

pub(crate) fn median_of(rounds: &[Round], value: fn(&Outcome) -> Option<f64>) -> Option<f64> {
    median(rounds.iter().flatten().filter_map(value))
}

/// The first strategy's deliveries divided by another strategy's. This is the median of the ratios
/// of all rounds, because only runs of the same seconds have the same conditions.
fn ratio(results: &Results, strategy: usize, size: usize) -> Option<String> {
    let pairs = results.rounds(0, size).iter().zip(results.rounds(strategy, size));
    let ratios = pairs.filter_map(|(ours, theirs)| {
        let (ours, theirs) = (ours.as_ref()?, theirs.as_ref()?);
        moving(theirs).then(|| ours.per_second() / theirs.per_second())
    });
    median(ratios).map(|ratio| format!("{ratio:.2}×"))
}

/// One row for each strategy from `first` on, and one column for each size.
fn add_table(
    text: &mut String,
    title: &str,
    results: &Results,
    first: usize,
    cell: impl Fn(usize, usize) -> Option<String>,
    markdown: bool,
) {
    let (strategies, sizes) = (&results.plan.strategies, &results.plan.sizes);
    if first == strategies.len() {
        return;
    }
    let mut rows = vec![vec![String::new()]];
    rows[0].extend(sizes.iter().map(|size| size.label()));
    for (at, strategy) in strategies.iter().enumerate().skip(first) {
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
            let outcomes = || results.rounds(at, at_size).iter().flatten();
            let dropped: usize = outcomes().map(|outcome| outcome.dropped).sum();
            let wrong: u64 = outcomes().map(|outcome| outcome.wrong).sum();
            if dropped > 0 || wrong > 0 {
                let (name, size) = (strategy.name(), size.label());
                let _ = writeln!(
                    text,
                    "{name}, {size}: {dropped} reading clients dropped, {wrong} lines wrong"
                );
            }
        }
    }
}

/// One line for a single run.
pub(crate) fn line(label: &str, outcome: &Outcome) -> String {
    let mut line = format!("{label:>18}");
    for (_, value, show) in QUANTITIES {
        let _ = write!(line, " {:>10}", value(outcome).map_or_else(|| "-".into(), show));
    }
    if outcome.dropped > 0 || outcome.wrong > 0 {
        let _ =
            write!(line, "  {} clients dropped, {} lines wrong", outcome.dropped, outcome.wrong);
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
