//! What a run found: tables and charts in `docs/performance.md`, figures beside their budgets.

use std::{fmt::Write, fs, path::Path};

use anyhow::{Context, Result};

use crate::{
    budgets::{Budgets, Verdict},
    row,
    spread::{Spread, short},
};

/// All that was found, in the order in which it was measured.
#[derive(Debug, Default)]
pub struct Report {
    /// Chapters of the page.
    pub chapters: Vec<Chapter>,
    /// Figures that may have a budget, by name.
    pub figures: Vec<(String, Spread)>,
}

/// Figures beside their budgets.
#[derive(Debug, Default)]
pub struct Judged {
    /// A table, the first row its head.
    pub rows: Vec<Vec<String>>,
    /// Those that miss their budget: how far, and what stands in the way.
    pub over: Vec<String>,
    /// Whether one is a clear regression.
    pub regression: bool,
}

/// A measure's place in the page.
#[derive(Debug, Default)]
pub struct Chapter {
    /// Its heading.
    pub title: String,
    /// How it is measured.
    pub how: String,
    /// The first row is the head.
    pub table: Vec<Vec<String>>,
    /// A chart's name and its SVG.
    pub charts: Vec<(String, String)>,
    /// What repeats it.
    pub command: String,
}

impl Report {
    /// Adds a chapter, and shows it.
    pub fn add(&mut self, chapter: Chapter) {
        println!("\n{}\n{}\nrepeat: {}", chapter.title, table(&chapter.table), chapter.command);
        self.chapters.push(chapter);
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: &str, figure: Spread) {
        self.figures.push((name.to_owned(), figure));
    }

    /// The figures beside their budgets.
    ///
    /// # Errors
    /// When a figure has no budget: what is measured may get worse unnoticed.
    pub fn judge(&self, budgets: &Budgets) -> Result<Judged> {
        let mut judged = Judged { rows: vec![row!["measure", "figure", "budget", ""]], ..Judged::default() };
        for (name, figure) in &self.figures {
            let budget = budgets.of(name).with_context(|| format!("{name} has no budget in benches/budgets.toml"))?;
            let verdict = budget.judge(*figure);
            judged.regression |= verdict == Verdict::Regression;
            let word = match verdict {
                Verdict::Pass => "pass".to_owned(),
                Verdict::Over => "over".to_owned(),
                Verdict::Regression => format!("FAIL, beyond {}", short(budget.clear)),
            };
            if verdict != Verdict::Pass {
                let why = budget.why.as_deref().unwrap_or("not understood yet");
                judged.over.push(format!("{}, {} ({}): {why}.", budget.what, figure, budget.bound()));
            }
            judged.rows.push(row![budget.what, figure, budget.bound(), word]);
        }
        Ok(judged)
    }

    /// Writes the page and its charts.
    ///
    /// # Errors
    /// When a figure has no budget, or the files cannot be written.
    pub fn write(&self, docs: &Path, machine: &[String], absent: &[(&str, String)], budgets: &Budgets) -> Result<()> {
        let mut page = format!("{HEAD}\n");
        for line in machine {
            let _ = writeln!(page, "- {line}");
        }
        page += "\n## Budgets\nFrom `benches/budgets.toml`: medians of this run, with the lowest and the highest round.\n\n";
        let judged = self.judge(budgets)?;
        page += &table(&judged.rows);
        page += "\n## Over the budget, and why\n";
        for line in &judged.over {
            let _ = writeln!(page, "- {line}");
        }
        if judged.over.is_empty() {
            page += "Nothing in this run.\n";
        }
        let charts = docs.join("performance");
        fs::create_dir_all(&charts)?;
        for chapter in &self.chapters {
            let _ = write!(page, "\n## {}\n{}\n\n{}", chapter.title, chapter.how, table(&chapter.table));
            for (name, svg) in &chapter.charts {
                fs::write(charts.join(format!("{name}.svg")), svg)?;
                let _ = write!(page, "\n![{}](performance/{name}.svg)\n", chapter.title);
            }
            let _ = writeln!(page, "\nRepeat: `{}`", chapter.command);
        }
        page += "\n## Not measured\n";
        for (name, why) in absent {
            let _ = writeln!(page, "- {name}: {why}.");
        }
        Ok(fs::write(docs.join("performance.md"), page)?)
    }
}

const HEAD: &str = "# Performance
Written by `make bench`; do not edit. Virage and its peers in one run, on one machine, client and server on the same cores, in
turns (A B A B), at least three rounds each: the median, and in brackets the lowest and the highest. Figures of another machine
differ; their ratios less so.

## Machine and versions";

/// A table as Markdown has it, aligned for people who read it as text.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let mut out = String::new();
    for (n, row) in rows.iter().enumerate() {
        for (c, width) in widths.iter().enumerate() {
            let _ = write!(out, "| {:<width$} ", row.get(c).map_or("", String::as_str));
        }
        out += "|\n";
        if n == 0 {
            widths.iter().for_each(|width| out += &format!("|{}", "-".repeat(width + 2)));
            out += "|\n";
        }
    }
    out
}

/// A row of a table.
#[macro_export]
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($cell.to_string()),*] };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misses_its_budget_says_why_and_nothing_goes_without() -> Result<()> {
        let budgets = Budgets::parse("[a]\nwhat = \"A\"\nwhy = \"the copy\"\nat_most = 1\nclear = 3\n")?;
        let mut report = Report::default();
        report.figure("a", Spread::of(&[2.0]));
        let judged = report.judge(&budgets)?;
        assert!(!judged.regression);
        assert_eq!(judged.over, ["A, 2.00 (2.00 to 2.00) (at most 1): the copy."]);
        report.figure("b", Spread::of(&[2.0]));
        assert!(report.judge(&budgets).is_err());
        Ok(())
    }

    #[test]
    fn a_table_is_aligned() {
        let rows = [row!["who", "what"], row!["virage", 1]];
        assert_eq!(table(&rows), "| who    | what |\n|--------|------|\n| virage | 1    |\n");
    }
}
