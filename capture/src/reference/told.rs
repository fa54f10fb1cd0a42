//! What a clock tells over the network, weighed: plain arithmetic. UTC is told as how far it is ahead of the machine's
//! monotonic clock, in nanoseconds.

/// What is told differs by less than this from one time to the next; more is a step, or a mistake.
const STEP: i64 = 50_000_000;
/// So often in a row a step has to be told before it is taken.
const SURE: u32 = 3;
/// What is told within a step moves what is known by this part: one late answer is next to nothing.
const WEIGHT: i64 = 4;

/// What is known of a clock.
#[derive(Debug, Default)]
pub(super) struct Told {
    ahead: Option<i64>,
    /// Another time that was told of late, and how often in a row.
    other: Option<(i64, u32)>,
}

/// What has become of what was told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    /// UTC is known for the first time.
    First,
    /// It is followed.
    Usual,
    /// It differs from what is known, and is not believed yet.
    Odd,
    /// The clock was stepped by so much.
    Stepped(i64),
}

impl Told {
    /// What is known.
    pub fn ahead(&self) -> Option<i64> {
        self.ahead
    }

    /// Takes what is told.
    pub fn hear(&mut self, ahead: i64) -> News {
        let Some(known) = self.ahead else {
            self.ahead = Some(ahead);
            return News::First;
        };
        let error = ahead.saturating_sub(known);
        if error.saturating_abs() < STEP {
            self.other = None;
            self.ahead = Some(known.saturating_add(error / WEIGHT));
            return News::Usual;
        }
        let times = match self.other {
            Some((other, times)) if ahead.saturating_sub(other).saturating_abs() < STEP => times + 1,
            _ => 1,
        };
        self.other = Some((ahead, times));
        if times < SURE {
            return News::Odd;
        }
        *self = Self { ahead: Some(ahead), other: None };
        News::Stepped(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const HOUR: i64 = 3_600_000 * MS;

    #[test]
    fn a_step_is_taken_when_it_is_told_three_times() {
        let mut told = Told::default();
        assert_eq!(told.hear(HOUR), News::First);
        assert_eq!(told.hear(HOUR + 4 * MS), News::Usual);
        assert_eq!(told.ahead(), Some(HOUR + MS));
        for step in [HOUR, -2 * HOUR] {
            let known = told.ahead().expect("told");
            assert_eq!((told.hear(known + step), told.hear(known + step + MS)), (News::Odd, News::Odd));
            assert_eq!(told.ahead(), Some(known), "not yet");
            assert_eq!(told.hear(known + step), News::Stepped(step));
            assert_eq!(told.ahead(), Some(known + step));
        }
    }

    #[test]
    fn what_is_told_once_or_never_twice_alike_moves_nothing() {
        let mut told = Told::default();
        told.hear(0);
        for i in 1..100 {
            assert_eq!(told.hear(i * HOUR), News::Odd);
            if i % 2 == 0 {
                assert_eq!(told.hear(0), News::Usual);
            }
        }
        assert_eq!(told.ahead(), Some(0));
    }
}
