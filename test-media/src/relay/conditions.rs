//! How bad the network is, in words that a command line and a script can say.

use std::{str::FromStr, time::Duration};

/// The conditions of a relay, both ways. Shares are from 0 to 1. The default is a perfect network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    /// How long each packet is under way.
    pub delay: Duration,
    /// How much longer it may be, evenly spread. Packets keep their order, as behind a queue.
    pub jitter: Duration,
    /// The share of packets that is lost, each by itself.
    pub loss: f64,
    /// The share of packets that is lost while a burst lasts: 50 packets on average, after 200 without on average.
    pub burst: f64,
    /// The share of packets that the ones of the next 20 ms overtake.
    pub reorder: f64,
    /// The share of packets that comes twice.
    pub duplicate: f64,
    /// Bits a second that fit through, in thousands; 0 is no limit. What does not fit waits.
    pub rate_kbps: u64,
    /// The share of packets with one byte changed.
    pub flip: f64,
    /// The share of packets after which as much nonsense is sent.
    pub insert: f64,
    /// Nothing passes, and all of it when this ends.
    pub freeze: bool,
    /// Nothing passes, and it is gone. Over TCP connections stay open, and break when this ends.
    pub black_hole: bool,
    /// Milliseconds that are added to the clock of an MPEG transport stream (PCR, PTS and DTS, modulo 33 bits).
    pub clock_shift_ms: i64,
    /// The clock of an MPEG transport stream stands still: every timestamp is the first one of this state.
    pub clock_stopped: bool,
}

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected delay=MS, jitter=MS, loss=, burst=, reorder=, duplicate=, flip= or insert= with a share from 0 to 1, rate=KBPS, \
     freeze=on|off, hole=on|off, shift=MS or stopped=on|off; found \"{0}\""
)]
pub struct Unreadable(String);

impl Conditions {
    /// Changes what a text like `loss=0.02` says.
    ///
    /// # Errors
    /// When it says nothing that there is: nothing is changed.
    pub fn apply(&mut self, text: &str) -> Result<(), Unreadable> {
        self.try_apply(text).ok_or_else(|| Unreadable(text.to_owned()))
    }

    fn try_apply(&mut self, text: &str) -> Option<()> {
        let (name, value) = text.trim().split_once('=')?;
        let millis = || value.parse().ok().map(Duration::from_millis);
        let share = || f64::from_str(value).ok().filter(|share| (0.0..=1.0).contains(share));
        let switch = || match value {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        };
        match name {
            "delay" => self.delay = millis()?,
            "jitter" => self.jitter = millis()?,
            "loss" => self.loss = share()?,
            "burst" => self.burst = share()?,
            "reorder" => self.reorder = share()?,
            "duplicate" => self.duplicate = share()?,
            "rate" => self.rate_kbps = value.parse().ok()?,
            "flip" => self.flip = share()?,
            "insert" => self.insert = share()?,
            "freeze" => self.freeze = switch()?,
            "hole" => self.black_hole = switch()?,
            "shift" => self.clock_shift_ms = value.parse().ok()?,
            "stopped" => self.clock_stopped = switch()?,
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_can_be_said() {
        let mut conditions = Conditions::default();
        let said = "delay=40 jitter=10 loss=0.02 burst=0.3 reorder=0.01 duplicate=0.1 rate=4000 flip=1 insert=0 freeze=on \
                    hole=off shift=-10000 stopped=on";
        said.split_whitespace().for_each(|text| conditions.apply(text).expect(text));
        let expected = Conditions {
            delay: Duration::from_millis(40),
            jitter: Duration::from_millis(10),
            loss: 0.02,
            burst: 0.3,
            reorder: 0.01,
            duplicate: 0.1,
            rate_kbps: 4_000,
            flip: 1.0,
            insert: 0.0,
            freeze: true,
            black_hole: false,
            clock_shift_ms: -10_000,
            clock_stopped: true,
        };
        assert_eq!(conditions, expected);
    }

    #[test]
    fn what_cannot_be_read_changes_nothing_and_is_quoted() {
        let mut conditions = Conditions::default();
        for text in ["", "loss", "loss=2", "loss=-1", "loss=NaN", "delay=-1", "freeze=yes", "gremlins=1"] {
            let error = conditions.apply(text).expect_err(text);
            assert!(error.to_string().ends_with(&format!("found \"{text}\"")), "{error}");
        }
        assert_eq!(conditions, Conditions::default());
    }
}
