//! Marks and text of a chart. Text is kept inside: its width is estimated, and it moves or is cut where there is no room.

use crate::show;

use super::super::html::escape;

/// Height of the letters of a chart, in its own units, which are pixels where nothing scales it.
pub(super) const TEXT: f64 = 12.0;

/// Which point of a text its place names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What a text takes at the most: no common font has wider letters on average.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * TEXT * 0.58
}

/// The text, its middle cut out where it is wider than that.
pub(super) fn fitted(text: &str, width: f64) -> String {
    show::name(text.as_bytes(), ((width / (TEXT * 0.58)) as usize).max(2))
}

/// A drawing under construction.
pub(super) struct Svg {
    pub(super) width: f64,
    pub(super) height: f64,
    body: String,
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.body += &format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>");
    }

    /// A line through points; it carries data.
    pub(super) fn curve(&mut self, points: &[(f64, f64)], class: &str, told: &str) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.body += &format!(
            "<polyline class=\"mark curve {class}\" points=\"{}\"><title>{}</title></polyline>",
            path.join(" "),
            escape(told)
        );
    }

    /// A point that carries data.
    pub(super) fn dot(&mut self, (x, y): (f64, f64), radius: f64, class: &str, told: &str) {
        self.body += &format!(
            "<circle class=\"mark {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"><title>{}</title></circle>",
            escape(told)
        );
    }

    /// A point of another shape, for those who see no colours.
    pub(super) fn diamond(&mut self, (x, y): (f64, f64), radius: f64, class: &str, told: &str) {
        let (left, right, top, bottom) = (x - radius, x + radius, y - radius, y + radius);
        self.body += &format!(
            "<path class=\"mark {class}\" d=\"M{left:.1} {y:.1}L{x:.1} {top:.1}L{right:.1} {y:.1}L{x:.1} {bottom:.1}Z\"><title>{}</title></path>",
            escape(told)
        );
    }

    /// An area that carries data, its colour as strong as that.
    pub(super) fn area(&mut self, at: (f64, f64), size: (f64, f64), strength: f64, told: &str) {
        self.body += &format!(
            "<rect class=\"mark area\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill-opacity=\"{strength:.2}\"><title>{}</title></rect>",
            at.0,
            at.1,
            size.0,
            size.1,
            escape(told)
        );
    }

    /// A text, moved so that it stays inside.
    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let text = fitted(text, self.width);
        let width = text_width(&text);
        let (before, name) = match anchor {
            Anchor::Start => (0.0, "start"),
            Anchor::Middle => (width / 2.0, "middle"),
            Anchor::End => (width, "end"),
        };
        let x = x.min(self.width - width + before).max(before);
        self.body += &format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{name}\">{}</text>",
            escape(&text)
        );
    }

    /// The element; `told` says what it shows to those who don't see it.
    pub(super) fn finish(self, class: &str, told: &str) -> String {
        format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"{}\">{}</svg>\n",
            self.width,
            self.height,
            escape(told),
            self.body
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Anchor, Svg, fitted, text_width};

    #[test]
    fn text_stays_inside() {
        let mut svg = Svg::new(100.0, 20.0);
        svg.text((99.0, 10.0), Anchor::Start, "t", "0123456789");
        svg.text((1.0, 10.0), Anchor::End, "t", "<&>");
        let html = svg.finish("c", "\"told\"");
        let start = 100.0 - text_width("0123456789");
        assert!(html.contains(&format!("x=\"{start:.1}\"")) && html.contains(">&lt;&amp;&gt;<"), "{html}");
        assert!(html.contains("aria-label=\"&quot;told&quot;\""), "{html}");
        assert!(text_width(&fitted("a name that is far too long", 60.0)) <= 60.0);
    }
}
