//! What is said in the end: as text for people, as JSON for programs.

use std::fmt::Write;

use serde::Serialize;
use url::Url;

use crate::{
    observe::Place,
    rules::{Rule, Severity},
};

/// A breach of a rule.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// Which rule.
    #[serde(flatten)]
    pub rule: &'static Rule,
    /// In which playlist or resource.
    pub url: String,
    /// The line there, of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The segment, of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msn: Option<u64>,
    /// The part, of the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// What should be there, of the first.
    pub expected: String,
    /// What is there, of the first.
    pub found: String,
    /// How often it was seen there.
    pub count: usize,
}

/// Where something is.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    url: &'a Url,
    line: Option<usize>,
    msn: Option<u64>,
    part: Option<usize>,
}

impl<'a> At<'a> {
    /// In this resource.
    pub fn new(url: &'a Url) -> Self {
        Self { url, line: None, msn: None, part: None }
    }

    /// On this line.
    pub fn line(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }

    /// In this segment.
    pub fn msn(self, msn: u64) -> Self {
        Self { msn: Some(msn), ..self }
    }

    /// In this segment or part.
    pub fn place(self, place: Place) -> Self {
        Self { msn: Some(place.msn), part: place.part, ..self }
    }
}

/// Findings as they come: those of one rule in one resource are counted together.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds one.
    pub fn add(&mut self, rule: &'static Rule, at: At<'_>, expected: impl Into<String>, found: impl Into<String>) {
        let url = at.url.to_string();
        match self.0.iter_mut().find(|f| std::ptr::eq(f.rule, rule) && f.url == url) {
            Some(known) => known.count += 1,
            None => self.0.push(Finding {
                rule,
                url,
                line: at.line,
                msn: at.msn,
                part: at.part,
                expected: expected.into(),
                found: found.into(),
                count: 1,
            }),
        }
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Media playlists.
    pub playlists: usize,
    /// Answers of media playlists.
    pub editions: usize,
    /// Segments whose media were read.
    pub segments: usize,
    /// Parts whose media were read.
    pub parts: usize,
    /// Awkward requests.
    pub probes: usize,
}

/// The verdict.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was checked.
    pub url: String,
    /// How much of it.
    pub checked: Counts,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// What was not checked, and why.
    pub unchecked: Vec<String>,
}

impl Report {
    /// A report of these findings.
    pub fn new(url: &Url, checked: Counts, findings: Findings, mut unchecked: Vec<String>) -> Self {
        let mut findings = findings.0;
        findings.sort_by_key(|f| f.rule.severity);
        unchecked.sort();
        unchecked.dedup();
        Self { url: url.to_string(), checked, findings, unchecked }
    }

    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|f| f.rule.severity == severity).count()
    }

    /// Whether it passes: no errors and, when `strict`, no warnings.
    pub fn passes(&self, strict: bool) -> bool {
        self.count(Severity::Error) == 0 && (!strict || self.count(Severity::Warning) == 0)
    }

    /// The exit status of the command: 0 when it passes, 1 when not, 2 when no media playlist was read.
    pub fn status(&self, strict: bool) -> u8 {
        match self.checked.editions {
            0 => 2,
            _ => u8::from(!self.passes(strict)),
        }
    }

    /// As JSON.
    pub fn json(&self) -> String {
        // Strings and numbers only: there is nothing in it that JSON cannot say.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let Counts { playlists, editions, segments, parts, probes } = self.checked;
        let _ = writeln!(out, "{}", clean(&self.url));
        let _ = writeln!(
            out,
            "read: {playlists} media playlists in {editions} answers, {segments} segments, {parts} parts, {probes} \
             awkward requests\n"
        );
        for finding in &self.findings {
            let Finding { rule, url, line, msn, part, expected, found, count } = finding;
            let _ = writeln!(out, "{} {}  [{}]", rule.severity.name(), rule.id, rule.section);
            let mut at = clean(url);
            for (name, value) in [("line", *line), ("part", *part)] {
                if let Some(value) = value {
                    at = format!("{at}, {name} {value}");
                }
            }
            if let Some(msn) = msn {
                at = format!("{at}, segment {msn}");
            }
            let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
            let _ = writeln!(out, "  at        {at}{times}");
            let _ = writeln!(out, "  expected  {}\n  found     {}", clean(expected), clean(found));
            let _ = writeln!(out, "  do        {}\n", rule.advice);
        }
        for what in &self.unchecked {
            let _ = writeln!(out, "not checked: {}", clean(what));
        }
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        let _ = writeln!(out, "{errors} errors, {warnings} warnings, {} notes", self.count(Severity::Note));
        out
    }
}

/// Text from the network, without what would move a terminal's cursor.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
}
