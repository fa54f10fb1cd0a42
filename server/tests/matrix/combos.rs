//! Which combinations there are, and which few of them hold every pair.

use std::collections::BTreeSet;

/// How a source reaches us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Srt,
    Udp,
    Rtsp,
    File,
}

/// How it is coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Coding {
    Baseline,
    BFrames,
    OpenGop,
    /// Key frames four seconds apart, with `max_gop = 10`.
    LongGop,
    /// Frames left out here and there.
    Vfr,
    NoSound,
    H265,
    /// Two fields a frame, 1080 lines.
    Interlaced,
}

/// A rate as ffmpeg and the configuration write it.
pub type Rate = &'static str;

pub const WAYS: [Way; 4] = [Way::Srt, Way::Udp, Way::Rtsp, Way::File];
pub const RATES: [Rate; 5] = ["24000/1001", "25", "30000/1001", "50", "60000/1001"];
pub const VENUES: [Rate; 3] = ["25", "50", "30000/1001"];
pub const CODINGS: [Coding; 8] = [
    Coding::Baseline,
    Coding::BFrames,
    Coding::OpenGop,
    Coding::LongGop,
    Coding::Vfr,
    Coding::NoSound,
    Coding::H265,
    Coding::Interlaced,
];

/// One combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Combo {
    pub way: Way,
    /// Pictures a second; of an interlaced source fields.
    pub rate: Rate,
    pub venue: Rate,
    pub coding: Coding,
}

impl Combo {
    /// Interlaced pictures have 50 or 59.94 fields a second; nothing else is interlaced.
    fn exists(&self) -> bool {
        self.coding != Coding::Interlaced || ["50", "60000/1001"].contains(&self.rate)
    }

    fn pairs(&self) -> [(String, String); 6] {
        let all = [
            format!("{:?}", self.way),
            self.rate.to_owned(),
            format!("at {}", self.venue),
            format!("{:?}", self.coding),
        ];
        let pair = |a: usize, b: usize| (all[a].clone(), all[b].clone());
        [pair(0, 1), pair(0, 2), pair(0, 3), pair(1, 2), pair(1, 3), pair(2, 3)]
    }
}

/// Every combination that exists.
pub fn whole() -> Vec<Combo> {
    let mut all = Vec::new();
    for venue in VENUES {
        for way in WAYS {
            for rate in RATES {
                all.extend(CODINGS.map(|coding| Combo { way, rate, venue, coding }));
            }
        }
    }
    all.retain(Combo::exists);
    all
}

/// Few combinations in which every pair of two properties that exists occurs.
pub fn pairwise() -> Vec<Combo> {
    let all = whole();
    let mut open: BTreeSet<_> = all.iter().flat_map(Combo::pairs).collect();
    let mut chosen = Vec::new();
    while !open.is_empty() {
        let gain = |combo: &Combo| combo.pairs().iter().filter(|pair| open.contains(*pair)).count();
        // The first of the best: the same ones every time.
        let best = all.iter().rev().copied().max_by_key(gain).expect("an open pair is in some combination");
        best.pairs().iter().for_each(|pair| {
            open.remove(pair);
        });
        chosen.push(best);
    }
    chosen
}

#[test]
fn every_pair_occurs_in_few_combinations() {
    let pairs = |combos: &[Combo]| combos.iter().flat_map(Combo::pairs).collect::<BTreeSet<_>>();
    let (all, few) = (whole(), pairwise());
    assert_eq!(pairs(&all), pairs(&few));
    assert!(few.len() * 5 < all.len(), "{} of {}", few.len(), all.len());
}
