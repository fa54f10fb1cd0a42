//! `budgets.toml`: what must not get worse.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::spread::Spread;

/// All budgets, by the measure's name.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct Budgets(BTreeMap<String, Budget>);

/// The aim of a measure and the bound beyond which something is clearly broken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// What the figure is.
    pub what: String,
    /// The lowest median that is within the budget.
    pub at_least: Option<f64>,
    /// The highest median that is within the budget.
    pub at_most: Option<f64>,
    /// What stands in the way, where it is known to be beyond the budget.
    pub why: Option<String>,
    /// A clear regression: the best round is beyond this. CI fails.
    pub clear: f64,
}

/// How a figure stands to its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within.
    Pass,
    /// Beyond the budget.
    Over,
    /// Beyond the bound that no noise explains.
    Regression,
}

impl Budgets {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is not as it should be: the budget is named.
    pub fn parse(text: &str) -> Result<Self> {
        let budgets: Self = toml::from_str(text).context("budgets.toml")?;
        for (name, budget) in &budgets.0 {
            let sound = match (budget.at_least, budget.at_most) {
                (Some(least), None) => budget.clear <= least,
                (None, Some(most)) => budget.clear >= most,
                _ => bail!("{name}: expected one of at_least and at_most"),
            };
            if !sound {
                bail!("{name}: `clear` lies within the budget");
            }
        }
        Ok(budgets)
    }

    /// The budget of a measure.
    pub fn of(&self, name: &str) -> Option<&Budget> {
        self.0.get(name)
    }

    /// The names of all.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Budget {
    /// How this figure stands to it: the median to the budget, the best round to the clear bound.
    pub fn judge(&self, figure: Spread) -> Verdict {
        let least = self.at_least.is_some();
        let within = |value: f64, bound: f64| if least { value >= bound } else { value <= bound };
        let best = if least { figure.high } else { figure.low };
        let bound = self.at_least.or(self.at_most).unwrap_or(self.clear);
        match () {
            () if within(figure.median, bound) => Verdict::Pass,
            () if within(best, self.clear) => Verdict::Over,
            () => Verdict::Regression,
        }
    }

    /// The bound in words.
    pub fn bound(&self) -> String {
        match (self.at_least, self.at_most) {
            (Some(least), _) => format!("at least {least}"),
            (_, most) => format!("at most {}", most.unwrap_or(self.clear)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(low: f64, median: f64, high: f64) -> Spread {
        Spread { median, low, high }
    }

    #[test]
    fn a_figure_is_judged_by_its_median_and_its_best_round() -> Result<()> {
        let budgets = Budgets::parse(
            "[fast]\nwhat = \"a\"\nat_least = 1.0\nclear = 0.5\n[small]\nwhat = \"b\"\nat_most = 10\nclear = 20\n",
        )?;
        let judge = |name, figure| budgets.of(name).map(|b| b.judge(figure));
        assert_eq!(judge("fast", spread(0.9, 1.1, 1.2)), Some(Verdict::Pass));
        assert_eq!(judge("fast", spread(0.3, 0.4, 0.6)), Some(Verdict::Over));
        assert_eq!(judge("fast", spread(0.3, 0.4, 0.45)), Some(Verdict::Regression));
        assert_eq!(judge("small", spread(9.0, 10.0, 90.0)), Some(Verdict::Pass));
        assert_eq!(judge("small", spread(19.0, 30.0, 90.0)), Some(Verdict::Over));
        assert_eq!(judge("small", spread(21.0, 30.0, 90.0)), Some(Verdict::Regression));
        assert_eq!(judge("small", spread(f64::NAN, f64::NAN, f64::NAN)), Some(Verdict::Regression));
        Ok(())
    }

    #[test]
    fn budgets_that_contradict_themselves_are_refused() {
        for text in [
            "[a]\nwhat = \"a\"\nclear = 1.0",
            "[a]\nwhat = \"a\"\nat_least = 1.0\nat_most = 2.0\nclear = 1.0",
            "[a]\nwhat = \"a\"\nat_least = 1.0\nclear = 2.0",
            "[a]\nwhat = \"a\"\nat_most = 2.0\nclear = 1.0",
            "[a]\nwhat = \"a\"\nat_most = 2.0\nclear = 3.0\nelse = 1",
        ] {
            assert!(Budgets::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_budgets_of_this_repository_can_be_read() -> Result<()> {
        Budgets::parse(include_str!("../budgets.toml")).map(drop)
    }
}
