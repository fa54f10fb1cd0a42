//! Charts as SVG: lines over a growing number, and bars beside each other. Readable on light and dark pages alike.

use std::fmt::Write;

use crate::spread::short;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 50.0;
/// Told apart by eyes that see no red or green, too.
const COLOURS: [&str; 5] = ["#d1495b", "#2e6fba", "#e0a030", "#4a9d7f", "#7a5ca8"];

/// One server's points.
#[derive(Clone, Debug)]
pub struct Series {
    /// Who.
    pub name: String,
    /// Where it is, what it took, from the lowest to the highest round.
    pub points: Vec<Point>,
}

/// A place on a chart.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Along the bottom.
    pub x: f64,
    /// The median.
    pub y: f64,
    /// The lowest.
    pub low: f64,
    /// The highest.
    pub high: f64,
}

/// A chart's words.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// What is seen.
    pub title: &'a str,
    /// What grows.
    pub x: &'a str,
    /// What is measured, with its unit.
    pub y: &'a str,
}

/// Lines; the bottom is logarithmic, as growth is.
pub fn lines(words: Words<'_>, series: &[Series]) -> String {
    let xs: Vec<f64> = series.iter().flat_map(|s| s.points.iter().map(|p| p.x)).collect();
    let (from, to) = (min(&xs).max(1e-9), max(&xs));
    let place = |x: f64| {
        let share = if to > from { (x.max(1e-9) / from).ln() / (to / from).ln() } else { 0.5 };
        LEFT + 14.0 + share * (WIDTH - LEFT - RIGHT - 28.0)
    };
    let top = axis(series.iter().flat_map(|s| s.points.iter().map(|p| p.high)));
    let mut out = frame(words, top, series.iter().map(|s| s.name.as_str()));
    let mut marks: Vec<f64> = xs.clone();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    for x in marks {
        text(&mut out, place(x), HEIGHT - BOTTOM + 18.0, "middle", &whole(x));
    }
    for (n, series) in series.iter().enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        let path: Vec<String> =
            series.points.iter().map(|p| format!("{:.1},{:.1}", place(p.x), height(p.y, top))).collect();
        let _ = writeln!(
            out,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2.5"/>"#,
            path.join(" ")
        );
        for point in &series.points {
            spread(&mut out, place(point.x), point, top, colour);
            let _ = writeln!(
                out,
                r#"<circle cx="{:.1}" cy="{:.1}" r="4" fill="{colour}"/>"#,
                place(point.x),
                height(point.y, top)
            );
        }
    }
    out + "</svg>\n"
}

/// Bars: a group for each of `groups`, in it a bar a series; a point's `x` is its group's number.
pub fn bars(words: Words<'_>, groups: &[String], series: &[Series]) -> String {
    let top = axis(series.iter().flat_map(|s| s.points.iter().map(|p| p.high)));
    let mut out = frame(words, top, series.iter().map(|s| s.name.as_str()));
    let group = (WIDTH - LEFT - RIGHT) / groups.len().max(1) as f64;
    let bar = (group * 0.8 / series.len().max(1) as f64).min(70.0);
    for (n, name) in groups.iter().enumerate() {
        text(&mut out, LEFT + (n as f64 + 0.5) * group, HEIGHT - BOTTOM + 18.0, "middle", name);
    }
    for (n, one) in series.iter().enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        for point in &one.points {
            let middle = LEFT + (point.x + 0.5) * group + (n as f64 - (series.len() as f64 - 1.0) / 2.0) * bar;
            let y = height(point.y, top);
            let _ = writeln!(
                out,
                r#"<rect x="{:.1}" y="{y:.1}" width="{:.1}" height="{:.1}" fill="{colour}"/>"#,
                middle - bar * 0.45,
                bar * 0.9,
                HEIGHT - BOTTOM - y
            );
            spread(&mut out, middle, point, top, "#777");
            text(&mut out, middle, height(point.high.max(point.y), top) - 5.0, "middle", &short(point.y));
        }
    }
    out + "</svg>\n"
}

/// The next round number above all of them.
pub fn axis(values: impl Iterator<Item = f64>) -> f64 {
    let most = values.filter(|v| v.is_finite()).fold(0.0, f64::max);
    if most <= 0.0 {
        return 1.0;
    }
    let unit = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|s| s * unit).find(|top| *top >= most * 1.05).unwrap_or(unit * 15.0)
}

fn height(value: f64, top: f64) -> f64 {
    let share = if value.is_finite() { (value / top).clamp(0.0, 1.0) } else { 0.0 };
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

fn frame<'a>(words: Words<'_>, top: f64, names: impl Iterator<Item = &'a str>) -> String {
    let mut out = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12" role="img">
<title>{title}</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
"##,
        title = escape(words.title)
    );
    let _ = writeln!(out, r##"<text x="{LEFT}" y="20" font-size="15" fill="#222">{}</text>"##, escape(words.title));
    let mut x = LEFT;
    for (n, name) in names.enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        let _ = writeln!(out, r#"<rect x="{x:.1}" y="32" width="11" height="11" fill="{colour}"/>"#);
        text(&mut out, x + 16.0, 42.0, "start", name);
        x += 34.0 + 7.0 * name.chars().count() as f64;
    }
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let y = height(value, top);
        let _ = writeln!(out, r##"<path d="M{LEFT} {y:.1}H{}" stroke="#ddd"/>"##, WIDTH - RIGHT);
        text(&mut out, LEFT - 8.0, y + 4.0, "end", &if value == 0.0 { "0".into() } else { short(value) });
    }
    let middle = (TOP + HEIGHT - BOTTOM) / 2.0;
    let _ = writeln!(
        out,
        r##"<text x="16" y="{middle}" text-anchor="middle" fill="#444" transform="rotate(-90 16 {middle})">{}</text>"##,
        escape(words.y)
    );
    text(&mut out, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 10.0, "middle", words.x);
    out
}

fn spread(out: &mut String, x: f64, point: &Point, top: f64, colour: &str) {
    let (low, high) = (height(point.low, top), height(point.high, top));
    let _ = writeln!(out, r#"<path d="M{x:.1} {low:.1}V{high:.1}" stroke="{colour}" stroke-width="1.5"/>"#);
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = escape(words);
    let _ = writeln!(out, r##"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" fill="#444">{words}</text>"##);
}

fn whole(x: f64) -> String {
    if x.fract() == 0.0 && x < 100.0 { format!("{x}") } else { short(x) }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn min(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn max(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_above_all() {
        for (most, top) in [(0.0, 1.0), (0.9, 1.0), (1.0, 1.5), (97.0, 150.0), (1234.0, 1500.0), (99_000.0, 150_000.0)]
        {
            assert_eq!(axis([most].into_iter()), top, "{most}");
        }
        assert_eq!(axis([f64::NAN].into_iter()), 1.0);
    }

    #[test]
    fn heights_stay_inside() {
        assert_eq!(height(0.0, 10.0), HEIGHT - BOTTOM);
        assert_eq!(height(10.0, 10.0), TOP);
        assert_eq!(height(20.0, 10.0), TOP);
        assert_eq!(height(f64::NAN, 10.0), HEIGHT - BOTTOM);
    }

    #[test]
    fn charts_hold_every_point_and_escape_words() {
        let series = [Series {
            name: "a<b".into(),
            points: [1.0, 10.0, 100.0].map(|x| Point { x, y: x, low: x, high: x }).to_vec(),
        }];
        let words = Words { title: "t", x: "x", y: "y" };
        let chart = lines(words, &series);
        assert_eq!(chart.matches("<circle").count(), 3);
        assert!(chart.contains("a&lt;b"));
        assert_eq!(bars(words, &["g".into()], &series).matches("<rect").count(), 2 + 3);
    }
}
