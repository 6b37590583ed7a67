//! Plots as SVG text: bars for costs, lines for how a cost grows or a latency goes.
//!
//! A white ground of its own, so that they can be read on dark pages too.

// Each benchmark compiles this module for itself and uses a part of it.
#![allow(dead_code)]

use std::fmt::Write as _;

/// Ours first; eight that differ in hue and lightness (Okabe and Ito's, whose differences colour-blind people see too).
const COLOURS: [&str; 8] = ["#d55e00", "#0072b2", "#009e73", "#e69f00", "#cc79a7", "#56b4e9", "#8c8c1a", "#555555"];

const WIDTH: f64 = 760.0;
const ROW: f64 = 22.0;
/// Room for the names of bars.
const NAMES: f64 = 120.0;

fn text(out: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>").expect("text");
}

fn rectangle(out: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
    let line =
        format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{colour}\"/>");
    writeln!(out, "{line}").expect("text");
}

fn frame(height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {WIDTH} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

/// Groups of bars: title, and names with values; each group has a scale of its own.
pub(crate) fn bars(groups: &[(String, Vec<(String, f64)>)], unit: &str) -> String {
    let (mut out, mut y) = (String::new(), 24.0);
    for (title, values) in groups {
        text(&mut out, (8.0, y), "start", title);
        let most = values.iter().map(|(_, value)| *value).fold(1e-9, f64::max);
        y += 8.0;
        for (index, (name, value)) in values.iter().enumerate() {
            let length = value / most * (WIDTH - NAMES - 90.0);
            text(&mut out, (NAMES - 8.0, y + 14.0), "end", name);
            rectangle(&mut out, (NAMES, y + 3.0), (length, ROW - 6.0), COLOURS[index % COLOURS.len()]);
            text(&mut out, (NAMES + length + 6.0, y + 14.0), "start", &format!("{value:.2} {unit}"));
            y += ROW;
        }
        y += 26.0;
    }
    frame(y, &out)
}

/// A strip of points for each name, over seconds; values in milliseconds on a logarithmic scale from 0.1 to 10,000.
/// `marks` are moments with a word to each.
pub(crate) fn strips(title: &str, strips: &[(String, Vec<(f64, f64)>)], seconds: f64, marks: &[(f64, &str)]) -> String {
    const STRIP: f64 = 110.0;
    let (left, right) = (NAMES, WIDTH - 20.0);
    let x = |at: f64| left + (at / seconds.max(1e-9)).clamp(0.0, 1.0) * (right - left);
    let height = |ms: f64| ((ms.clamp(0.1, 10_000.0).log10() + 1.0) / 5.0) * (STRIP - 24.0);
    let mut out = String::new();
    text(&mut out, (8.0, 18.0), "start", title);
    let mut top = 34.0;
    for (index, (name, points)) in strips.iter().enumerate() {
        let bottom = top + STRIP - 24.0;
        text(&mut out, (8.0, top + 40.0), "start", name);
        for (ms, label) in [(0.1, "0.1 ms"), (10.0, "10 ms"), (1000.0, "1 s")] {
            let y = bottom - height(ms);
            rectangle(&mut out, (left, y), (right - left, 0.5), "#cccccc");
            text(&mut out, (left - 4.0, y + 4.0), "end", label);
        }
        for (at, _) in marks {
            rectangle(&mut out, (x(*at), top), (1.0, bottom - top), "#999999");
        }
        for (at, ms) in points {
            let colour = COLOURS[index % COLOURS.len()];
            rectangle(&mut out, (x(*at), bottom - height(*ms)), (2.5, 2.5), colour);
        }
        top += STRIP;
    }
    for (at, word) in marks {
        text(&mut out, (x(*at), top + 2.0), "middle", word);
    }
    frame(top + 14.0, &out)
}
