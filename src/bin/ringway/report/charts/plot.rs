//! Two axes with their names, and lines that are labelled where they end.

use super::{
    scale::{Kind, Scale},
    svg::{Anchor, Svg, TEXT, fitted, text_width},
};

/// Room for the names of values beside the upright axis.
const LEFT: f64 = 54.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 40.0;
/// Lines of text this far apart don't touch.
pub(super) const LINE: f64 = TEXT + 3.0;

/// What an axis shows.
pub(super) struct Axis<'t> {
    pub(super) kind: Kind,
    pub(super) range: (f64, f64),
    /// What, and in which unit.
    pub(super) title: &'t str,
    pub(super) name: fn(f64) -> String,
}

/// A line of data.
pub(super) struct Series {
    pub(super) label: String,
    /// Its colour and stroke.
    pub(super) class: String,
    /// Values, ascending by the first.
    pub(super) points: Vec<(f64, f64)>,
    /// What it says when it is pointed at.
    pub(super) told: String,
}

/// A drawing with two axes.
pub(super) struct Plot {
    pub(super) svg: Svg,
    pub(super) x: Scale,
    pub(super) y: Scale,
    /// Where the data ends: left, right, top, bottom.
    pub(super) edges: [f64; 4],
}

impl Plot {
    /// Axes for a drawing of that size, with so much room for labels on the right.
    pub(super) fn new((width, height): (f64, f64), right: f64, x: &Axis<'_>, y: &Axis<'_>) -> Self {
        let edges = [LEFT, width - right, TOP, height - BOTTOM];
        let [from, to, top, bottom] = edges;
        let mut svg = Svg::new(width, height);
        let across = Scale::new(x.kind, x.range, (from, to));
        let up = Scale::new(y.kind, y.range, (bottom, top));
        let mut above = f64::INFINITY;
        for tick in up.ticks() {
            let at = up.at(tick);
            svg.line((from, at), (to, at), "grid");
            if above - at >= LINE {
                svg.text((from - 6.0, at + 4.0), Anchor::End, "tick", &(y.name)(tick));
                above = at;
            }
        }
        svg.line((from, bottom), (to, bottom), "axis");
        let mut free = f64::NEG_INFINITY;
        for tick in across.ticks() {
            let (at, name) = (across.at(tick), (x.name)(tick));
            svg.line((at, bottom), (at, bottom + 4.0), "axis");
            if at - text_width(&name) / 2.0 >= free {
                svg.text((at, bottom + 17.0), Anchor::Middle, "tick", &name);
                free = at + text_width(&name) / 2.0 + 8.0;
            }
        }
        svg.text((0.0, TEXT), Anchor::Start, "title", y.title);
        svg.text((to, height - 6.0), Anchor::End, "title", x.title);
        Self { svg, x: across, y: up, edges }
    }

    /// Draws the lines, and names each at its right end.
    pub(super) fn series(&mut self, all: &[Series]) {
        let mut labels = Vec::new();
        for series in all {
            let points: Vec<_> = series.points.iter().map(|&(x, y)| (self.x.at(x), self.y.at(y))).collect();
            let Some(&end) = points.last() else { continue };
            if points.len() == 1 {
                self.svg.dot(end, 3.0, &series.class, &series.told);
            } else {
                self.svg.curve(&points, &series.class, &series.told);
            }
            labels.push((end, series));
        }
        let [_, right, top, bottom] = self.edges;
        let mut places: Vec<f64> = labels.iter().map(|((_, y), _)| *y).collect();
        apart(&mut places, LINE, top, bottom);
        for (((x, y), series), place) in labels.iter().zip(places) {
            // A hairline leads from a line that ends early, or whose label had to move.
            if right - x > 4.0 || (place - y).abs() > 3.0 {
                self.svg.line((x + 3.0, *y), (right + 4.0, place), "lead");
            }
            let label = fitted(&series.label, self.svg.width - right - 7.0);
            self.svg.text((right + 7.0, place + 4.0), Anchor::Start, &format!("label {}", series.class), &label);
        }
    }
}

/// Room that labels want on the right, at most a share of the width.
pub(super) fn label_room(width: f64, all: &[Series]) -> f64 {
    let widest = all.iter().map(|series| text_width(&series.label)).fold(0.0, f64::max);
    (widest + 10.0).clamp(24.0, width * 0.3)
}

/// Moves places as little as need be so that they are `gap` apart and stay between `low` and `high`; the order is kept.
pub(super) fn apart(places: &mut [f64], gap: f64, low: f64, high: f64) {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|&left, &right| places[left].total_cmp(&places[right]));
    let mut free = low;
    for &nth in &order {
        places[nth] = places[nth].max(free);
        free = places[nth] + gap;
    }
    let mut free = high;
    for &nth in order.iter().rev() {
        places[nth] = places[nth].min(free);
        free = places[nth] - gap;
    }
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn labels_keep_their_distance_and_their_order() {
        let mut places = [50.0, 10.0, 12.0, 99.0, 98.0];
        apart(&mut places, 10.0, 0.0, 100.0);
        assert_eq!(places, [50.0, 10.0, 20.0, 100.0, 90.0]);
        let mut crowded = [5.0; 4];
        apart(&mut crowded, 10.0, 0.0, 100.0);
        assert_eq!(crowded, [5.0, 15.0, 25.0, 35.0]);
    }
}
