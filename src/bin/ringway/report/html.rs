//! Text into HTML: nothing that a file says is taken for markup.

/// The text, with what has a meaning in HTML or SVG made harmless.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            letter if letter.is_control() && letter != '\n' => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Which way the cells of a column lean, and whether they are left out where there is no room.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// Words.
    Words,
    /// Words that a narrow page does without.
    WideWords,
    /// A number.
    Number,
    /// A number that a narrow page does without.
    WideNumber,
}

impl Column {
    fn class(self) -> &'static str {
        match self {
            Self::Words => "",
            Self::WideWords => " class=\"wide\"",
            Self::Number => " class=\"n\"",
            Self::WideNumber => " class=\"n wide\"",
        }
    }
}

/// A table under construction. Cells are given as plain text.
pub(super) struct Table {
    columns: Vec<Column>,
    html: String,
}

impl Table {
    /// A table with a header.
    pub(super) fn new(header: &[(&str, Column)]) -> Self {
        let head: String = header
            .iter()
            .map(|&(name, column)| format!("<th scope=\"col\"{}>{}</th>", column.class(), escape(name)))
            .collect();
        let columns = header.iter().map(|&(_, column)| column).collect();
        Self { columns, html: format!("<table><thead><tr>{head}</tr></thead><tbody>\n") }
    }

    /// Adds a row, with a class for all of it; the first cell names it.
    pub(super) fn row(&mut self, class: &str, cells: &[String]) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.html += &format!("<tr{class}>");
        for (nth, (cell, column)) in cells.iter().zip(&self.columns).enumerate() {
            let (tag, scope) = if nth == 0 { ("th", " scope=\"row\"") } else { ("td", "") };
            self.html += &format!("<{tag}{scope}{}>{}</{tag}>", column.class(), escape(cell));
        }
        self.html += "</tr>\n";
    }

    /// The table, which scrolls by itself where even its narrow form has no room.
    pub(super) fn finish(self) -> String {
        format!("<div class=\"scroll\">{}</tbody></table></div>\n", self.html)
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Table, escape};

    #[test]
    fn markup_in_a_text_is_text() {
        assert_eq!(
            escape("<b onclick='x()'>\"&\u{7}</b>"),
            "&lt;b onclick=&#39;x()&#39;&gt;&quot;&amp;\u{fffd}&lt;/b&gt;"
        );
        let mut table = Table::new(&[("<a>", Column::Words), ("b", Column::Number)]);
        table.row("", &["<i>".into(), "1".into()]);
        let html = table.finish();
        assert!(html.contains("&lt;a&gt;") && html.contains("&lt;i&gt;") && !html.contains("<i>"), "{html}");
    }
}
