//! Wall clock and media time: an anchor a run.

use crate::{MediaTime, Run};

/// An instant of UTC in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wall(pub i64);

impl Wall {
    /// RFC 3339 in UTC with as many digits of a second (3 or 6).
    fn format(self, digits: usize) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => format!("{at:.digits$}"),
            Err(_) => "1970-01-01T00:00:00Z".into(),
        }
    }

    /// RFC 3339 with microseconds: the API's form.
    pub fn micros(self) -> String {
        self.format(6)
    }

    /// RFC 3339 with milliseconds: the playlists' form.
    pub fn millis(self) -> String {
        self.format(3)
    }
}

/// Where a run's media time stands on the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The run.
    pub run: Run,
    /// The run's first instant.
    pub media: MediaTime,
    /// UTC at that instant.
    pub wall: Wall,
}

impl Anchor {
    /// UTC at an instant of this run.
    pub fn wall_at(&self, at: MediaTime) -> Wall {
        let micros = |t: MediaTime| i64::try_from((t.0 + 500) / 1000).unwrap_or(i64::MAX);
        Wall(self.wall.0.saturating_add(micros(at) - micros(self.media)))
    }

    /// The instant of this run at UTC `wall`; before the run's first instant, its extension backwards.
    pub fn media_at(&self, wall: Wall) -> MediaTime {
        let ahead = i128::from(wall.0) - i128::from(self.wall.0);
        let nanos = i128::from(self.media.0) + ahead * 1000;
        MediaTime(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }
}

/// All runs' anchors, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Anchors(Vec<Anchor>);

impl Anchors {
    /// Anchors in any order.
    pub fn new(mut anchors: Vec<Anchor>) -> Self {
        anchors.sort_by_key(|a| a.run);
        Self(anchors)
    }

    /// The anchor of a new run that starts when the system's clock says `now`, and the media time of this moment: both
    /// clocks go on from the newest ones, whatever the system's did meanwhile. `end` is the end of everything recorded,
    /// `grid_up` rounds an instant up to the next segment's boundary, where the run begins.
    pub fn begin(
        &mut self,
        now: Wall,
        end: MediaTime,
        grid_up: impl Fn(MediaTime) -> MediaTime,
    ) -> (Anchor, MediaTime) {
        let run = Run(self.0.last().map_or(1, |a| a.run.0.saturating_add(1)));
        // Whole milliseconds: what PROGRAM-DATE-TIME can say without rounding.
        let millis = |wall: Wall| Wall(wall.0.div_euclid(1000) * 1000);
        let (anchor, due) = match self.0.last() {
            None => (Anchor { run, media: grid_up(end), wall: millis(now) }, grid_up(end)),
            Some(last) => {
                // A clock that was stepped back is behind the timeline: the timeline's own goes on.
                let due = last.media_at(now).max(end).max(last.media);
                let media = grid_up(due);
                (Anchor { run, media, wall: millis(last.wall_at(media)) }, due)
            }
        };
        self.0.push(anchor);
        (anchor, due)
    }

    /// The newest run's anchor.
    pub fn newest(&self) -> Option<Anchor> {
        self.0.last().copied()
    }

    /// All, oldest first.
    pub fn all(&self) -> &[Anchor] {
        &self.0
    }

    /// UTC at an instant that run `run` recorded.
    pub fn wall_of(&self, run: Run, at: MediaTime) -> Wall {
        let anchor = self.0.iter().rev().find(|a| a.run <= run).or(self.0.first());
        anchor.map_or(Wall(0), |a| a.wall_at(at))
    }

    /// UTC at an instant of media time, by the run that was going then.
    pub fn wall_at(&self, at: MediaTime) -> Wall {
        let anchor = self.0.iter().rev().find(|a| a.media <= at).or(self.0.first());
        anchor.map_or(Wall(0), |a| a.wall_at(at))
    }

    /// The instant of media time at UTC `wall`.
    pub fn media_at(&self, wall: Wall) -> MediaTime {
        let anchor = self.0.iter().rev().find(|a| a.wall <= wall).or(self.0.first());
        anchor.map_or(MediaTime(0), |a| a.media_at(wall))
    }
}
