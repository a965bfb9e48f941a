//! Deliveries per second over the number of clients, both axes logarithmic, as an SVG that GitHub
//! renders.

use std::fmt::Write;

use crate::compare::Results;
use crate::load::Outcome;
use crate::report::median_of;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 570.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 370.0;
/// The labels at the ends of the lines have at least this distance.
const LABEL_HEIGHT: f64 = 16.0;
const COLOURS: [&str; 6] = ["#d1242f", "#8250df", "#9a6700", "#1a7f37", "#0969da", "#656d76"];

struct Line {
    name: &'static str,
    colour: &'static str,
    /// Clients and deliveries per second.
    points: Vec<(f64, f64)>,
}

pub(crate) fn svg(results: &Results) -> String {
    let lines = lines(results);
    let points = || lines.iter().flat_map(|line| &line.points);
    let clients = Axis::around(points().map(|point| point.0), LEFT, RIGHT);
    let decades = points().map(|point| 10_f64.powf(point.1.log10().floor()));
    let ceilings = points().map(|point| 10_f64.powf(point.1.log10().ceil()));
    let deliveries = Axis::around(decades.chain(ceilings), BOTTOM, TOP);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#1f2328\">\n\
         <title>Deliveries per second over the number of clients</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"14\">deliveries per second, all clients sending\
         </text>\n"
    );
    for exponent in 0..12 {
        let value = 10_f64.powi(exponent);
        if let Some(y) = deliveries.position(value) {
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{RIGHT}\" stroke=\"#d1d9e0\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                short(value)
            );
        }
    }
    for size in results.plan.sizes.iter().filter(|size| size.stalled == 0) {
        if let Some(x) = clients.position(as_f64(size.clients)) {
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                BOTTOM + 18.0,
                size.clients
            );
        }
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">clients</text>",
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 38.0
    );

    let mut labels = Vec::new();
    for line in &lines {
        let positions = line
            .points
            .iter()
            .filter_map(|&(x, y)| Some((clients.position(x)?, deliveries.position(y)?)));
        let mut path = String::new();
        for (x, y) in positions {
            let _ = write!(path, "{}{x:.1} {y:.1}", if path.is_empty() { 'M' } else { 'L' });
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{}\"/>",
                line.colour
            );
            if clients.is_end(x) {
                labels.push((y, line));
            }
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
            line.colour
        );
    }
    add_labels(&mut svg, labels);
    svg.push_str("</svg>\n");
    svg
}

fn lines(results: &Results) -> Vec<Line> {
    let plan = &results.plan;
    let line = |(at, strategy): (usize, &crate::servers::Strategy)| {
        let mut points = Vec::new();
        for (at_size, size) in plan.sizes.iter().enumerate() {
            let rate = median_of(results.rounds(at, at_size), |o: &Outcome| Some(o.per_second()));
            if let Some(rate) = rate
                && rate > 0.0
                && size.stalled == 0
            {
                points.push((as_f64(size.clients), rate));
            }
        }
        Line { name: strategy.name(), colour: COLOURS[at % COLOURS.len()], points }
    };
    plan.strategies.iter().enumerate().map(line).collect()
}

/// From top to bottom: each label is pushed down as far as the label above it requires.
fn add_labels(svg: &mut String, mut labels: Vec<(f64, &Line)>) {
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut lowest = f64::NEG_INFINITY;
    for (y, line) in labels {
        lowest = y.max(lowest + LABEL_HEIGHT);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{}\">{}</text>",
            RIGHT + 10.0,
            lowest + 4.0,
            line.colour,
            line.name
        );
    }
}

/// Maps a range of values logarithmically to a range of pixels.
struct Axis {
    values: (f64, f64),
    pixels: (f64, f64),
}

impl Axis {
    fn around(values: impl Iterator<Item = f64>, start: f64, end: f64) -> Self {
        let (low, high) = values
            .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        Self { values: (low, high.max(low * 1.01)), pixels: (start, end) }
    }

    fn position(&self, value: f64) -> Option<f64> {
        let (low, high) = self.values;
        let share = (value / low).log(high / low);
        let inside = (-1e-9..=1.0 + 1e-9).contains(&share);
        inside.then_some(self.pixels.0 + share * (self.pixels.1 - self.pixels.0))
    }

    fn is_end(&self, pixel: f64) -> bool {
        (pixel - self.pixels.1).abs() < 0.5
    }
}

fn short(value: f64) -> String {
    if value >= 1e6 { format!("{} M", value / 1e6) } else { format!("{} k", value / 1e3) }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of clients are far below 2^52")]
fn as_f64(clients: usize) -> f64 {
    clients as f64
}
