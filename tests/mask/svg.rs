//! Grouped bars of percentages as an SVG that reads in light and dark.

/// What is drawn.
pub struct Chart {
    pub title: String,
    /// One line under the title: what is counted, and how it was made.
    pub note: String,
    /// What the bars of a row are, at most three.
    pub series: Vec<&'static str>,
    pub groups: Vec<Group>,
}

/// Rows under a heading.
pub struct Group {
    pub title: &'static str,
    pub rows: Vec<Row>,
}

/// One category: a percentage a series; `None` is drawn as a dash.
pub struct Row {
    pub label: String,
    pub percent: Vec<Option<f64>>,
}

const WIDTH: f64 = 760.0;
/// Where bars begin, and how long one of 100 % is.
const BARS_X: f64 = 250.0;
const BARS_WIDTH: f64 = 440.0;
/// A bar, the gap between two rows, a heading.
const BAR: f64 = 9.0;
const GAP: f64 = 9.0;
const HEADING: f64 = 44.0;
const TOP: f64 = 84.0;

/// Fills that people who see colours otherwise can tell apart, on white and on near-black.
const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#1f2328}\
.t{font-size:16px;font-weight:600}.h{font-weight:600}.v{font-size:9px}.g{stroke:#d0d7de}\
.s0{fill:#0969da}.s1{fill:#bc4c00}.s2{fill:#8c959f}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.g{stroke:#3d444d}\
.s0{fill:#58a6ff}.s1{fill:#f0883e}.s2{fill:#7d8590}}";

impl Chart {
    /// The whole file.
    pub fn svg(&self) -> String {
        let row_height = BAR * self.series.len() as f64 + GAP;
        let rows: usize = self.groups.iter().map(|group| group.rows.len()).sum();
        let height = TOP + HEADING * self.groups.len() as f64 + row_height * rows as f64 + 12.0;
        let mut body = self.head();
        let mut y = TOP;
        for group in &self.groups {
            body += &text(12.0, y + 16.0, "h", "start", group.title);
            y += HEADING;
            for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
                let (x, to) =
                    (BARS_X + BARS_WIDTH * percent / 100.0, y + row_height * group.rows.len() as f64);
                body += &format!("<path class=\"g\" d=\"M{x:.1} {:.1}V{to:.1}\"/>\n", y - 6.0);
                body += &text(x, y - 9.0, "v", "middle", &format!("{percent} %"));
            }
            for row in &group.rows {
                body += &row.bars(y);
                y += row_height;
            }
        }
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
             height=\"{height:.0}\" role=\"img\" aria-labelledby=\"title\">\n<title id=\"title\">{}</title>\n\
             <style>{STYLE}</style>\n{body}</svg>\n",
            escaped(&self.title)
        )
    }

    fn head(&self) -> String {
        let mut head =
            text(12.0, 26.0, "t", "start", &self.title) + &text(12.0, 46.0, "", "start", &self.note);
        let mut x = 12.0;
        for (index, name) in self.series.iter().enumerate() {
            head += &format!("<rect class=\"s{index}\" x=\"{x:.1}\" y=\"59\" width=\"10\" height=\"10\"/>\n");
            head += &text(x + 15.0, 69.0, "", "start", name);
            x += 40.0 + 6.6 * name.chars().count() as f64;
        }
        head
    }
}

impl Row {
    fn bars(&self, y: f64) -> String {
        let mut bars =
            text(BARS_X - 8.0, y + BAR * self.percent.len() as f64 / 2.0 + 4.0, "", "end", &self.label);
        for (index, percent) in self.percent.iter().enumerate() {
            let y = y + BAR * index as f64;
            let width = BARS_WIDTH * percent.unwrap_or(0.0) / 100.0;
            if width > 0.0 {
                bars += &format!(
                    "<rect class=\"s{index}\" x=\"{BARS_X}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>\n",
                    BAR - 1.0
                );
            }
            let said = percent
                .map_or_else(|| "–".to_owned(), |percent| format!("{}", (percent * 10.0).round() / 10.0));
            bars += &text(BARS_X + width + 4.0, y + BAR - 1.5, "v", "start", &said);
        }
        bars
    }
}

fn text(x: f64, y: f64, class: &str, anchor: &str, words: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\" text-anchor=\"{anchor}\">{}</text>\n",
        escaped(words)
    )
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[test]
fn a_chart_draws_every_bar_to_scale_and_says_every_value() {
    let row =
        |label: &str, percent: [Option<f64>; 2]| Row { label: label.to_owned(), percent: percent.to_vec() };
    let rows = vec![row("a < b", [Some(50.0), Some(0.0)]), row("c & d", [Some(99.96), None])];
    let chart = Chart {
        title: "Bars".to_owned(),
        note: "seed 1".to_owned(),
        series: vec!["ours", "theirs"],
        groups: vec![Group { title: "All", rows }],
    };
    let svg = chart.svg();
    assert!(svg.contains(&format!("width=\"{:.1}\"", BARS_WIDTH / 2.0)), "{svg}");
    for said in [">50<", ">0<", ">100<", ">–<", "a &lt; b", "c &amp; d", "prefers-color-scheme:dark"] {
        assert!(svg.contains(said), "{said} in {svg}");
    }
    // Two of the legend, and one for each of the two values that are not 0.
    assert_eq!(svg.matches("<rect").count(), 4);
}
