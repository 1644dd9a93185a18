//! [`Plot`]: lines over time, as a small SVG.

use std::fmt::Write;

/// Lines over minutes.
pub(crate) struct Plot<'a> {
    pub(crate) title: &'a str,
    pub(crate) minutes: u32,
    /// The vertical axis: its end, and how far apart its marks are.
    pub(crate) top: f64,
    pub(crate) step: f64,
    /// A line across, and what it is.
    pub(crate) level: Option<(f64, &'a str)>,
    pub(crate) lines: Vec<Line>,
}

/// One value every so many seconds.
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) seconds_apart: u32,
    pub(crate) values: Vec<f64>,
}

impl Plot<'_> {
    pub(crate) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
             <text x=\"{LEFT}\" y=\"18\" font-size=\"14\">{}</text>\n",
            self.title
        );
        self.axes(&mut svg);
        if let Some((level, name)) = self.level {
            let y = self.y(level);
            line(
                &mut svg,
                (LEFT, y, RIGHT, y),
                "#888\" stroke-dasharray=\"4 3",
            );
            text(&mut svg, RIGHT, y - 4.0, "end", name);
        }
        for (index, (values, color)) in self.lines.iter().zip(COLORS).enumerate() {
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" points=\"{}\"/>",
                self.points(values)
            );
            let y = TOP + 14.0 + 18.0 * index as f64;
            line(
                &mut svg,
                (RIGHT - 190.0, y - 4.0, RIGHT - 170.0, y - 4.0),
                color,
            );
            text(&mut svg, RIGHT - 164.0, y, "start", &values.name);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn axes(&self, svg: &mut String) {
        let marks = (self.top / self.step).round() as u32;
        for mark in 0..=marks {
            let value = f64::from(mark) * self.step;
            let y = self.y(value);
            line(svg, (LEFT, y, RIGHT, y), "#ddd");
            text(svg, LEFT - 6.0, y + 4.0, "end", &value.to_string());
        }
        for mark in 0..=MARKS {
            let minutes = f64::from(self.minutes * mark) / f64::from(MARKS);
            let x = self.x(minutes * 60.0);
            text(svg, x, BOTTOM + 16.0, "middle", &minutes.to_string());
        }
        text(svg, RIGHT, BOTTOM + 32.0, "end", "minutes");
    }

    /// Without those that are on a straight line between their neighbours.
    fn points(&self, line: &Line) -> String {
        let mut points = String::new();
        for (index, value) in line.values.iter().enumerate() {
            let before = index
                .checked_sub(1)
                .and_then(|index| line.values.get(index));
            if before == Some(value) && line.values.get(index + 1) == Some(value) {
                continue;
            }
            let seconds = index as f64 * f64::from(line.seconds_apart);
            let _ = write!(points, "{:.1},{:.1} ", self.x(seconds), self.y(*value));
        }
        points.trim_end().to_owned()
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * seconds / 60.0 / f64::from(self.minutes)
    }

    fn y(&self, value: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * value.min(self.top) / self.top
    }
}

fn line(svg: &mut String, (x1, y1, x2, y2): (f64, f64, f64, f64), stroke: &str) {
    let _ = writeln!(
        svg,
        "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{stroke}\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 50.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 255.0;

/// On the horizontal axis.
const MARKS: u32 = 6;

/// Distinguishable for colour-blind readers (Okabe and Ito).
const COLORS: [&str; 3] = ["#0072b2", "#d55e00", "#009e73"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_where_their_values_are_and_straight_lines_need_two() {
        let plot = Plot {
            title: "",
            minutes: 10,
            top: 100.0,
            step: 50.0,
            level: None,
            lines: Vec::new(),
        };
        let line = Line {
            name: String::new(),
            seconds_apart: 60,
            values: vec![0.0, 0.0, 0.0, 50.0, 1000.0],
        };
        assert_eq!(
            plot.points(&line),
            "50.0,255.0 180.0,255.0 245.0,142.5 310.0,30.0"
        );
    }
}
