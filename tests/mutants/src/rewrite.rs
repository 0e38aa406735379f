//! Puts the hooks in.

use std::ops::Range;

use crate::{sites::Site, tree::Source};

/// The text of a file with every site wrapped into its hook.
pub(crate) fn wrap(source: &Source, sites: &[&Site]) -> Result<String, String> {
    for (nth, one) in sites.iter().enumerate() {
        for other in &sites[nth + 1..] {
            if !nest(&one.range, &other.range) {
                return Err(format!("{}: sites of lines {} and {} overlap", source.name, one.line, other.line));
            }
        }
    }
    // At one place the ends come first, the innermost first; then the starts, the outermost first. Of sites with one range
    // the first is the outermost.
    let mut inserts: Vec<(usize, bool, isize, isize, &str)> = Vec::new();
    for site in sites {
        let (length, number) = (site.range.len() as isize, site.number as isize);
        inserts.push((site.range.start, true, -length, number, &site.before));
        inserts.push((site.range.end, false, length, -number, &site.after));
    }
    inserts.sort();
    let mut text = String::new();
    let mut from = 0;
    for (at, _, _, _, insert) in inserts {
        text.push_str(&source.text[from..at]);
        text.push_str(insert);
        from = at;
    }
    text.push_str(&source.text[from..]);
    Ok(text)
}

/// Whether two ranges are apart, or one inside the other.
fn nest(a: &Range<usize>, b: &Range<usize>) -> bool {
    let apart = a.end <= b.start || b.end <= a.start;
    let inside = |inner: &Range<usize>, outer: &Range<usize>| outer.start <= inner.start && inner.end <= outer.end;
    apart || inside(a, b) || inside(b, a)
}
