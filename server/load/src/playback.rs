//! The play clock: what is in the buffers, when a picture shows, when it stalls. No clock in it: the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// Interruptions shorter than a frame are not seen.
const UNSEEN: Duration = Duration::from_millis(40);
/// Sums of durations are as exact as playlists write them.
const EXACT: f64 = 0.002;

/// Picture (or both in one) and sound.
pub(crate) const TRACKS: usize = 2;

/// One viewer's play clock. Positions are seconds from where the first picture was fetched.
#[derive(Clone, Debug)]
pub(crate) struct Playback {
    /// Where each track's buffer ends; none for a track that does not exist.
    ends: [Option<f64>; TRACKS],
    /// The playhead at `at`.
    position: f64,
    at: Instant,
    state: State,
    /// Seconds ahead of the playhead with which it starts to move.
    need: f64,
    /// Where the content ends, when it does and that is known.
    length: Option<f64>,
    seen: Seen,
    starved: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Nothing has been shown, or since a change of the angle nothing of it.
    Waiting {
        since: Instant,
        first: bool,
    },
    Playing,
    Stalled {
        since: Instant,
    },
    Ended,
}

/// What a viewer has seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// From the first request until the picture moved.
    pub(crate) start: Option<Duration>,
    /// Each stall.
    pub(crate) stalls: Vec<Duration>,
    /// Each change of the angle, from the wish until the picture moved.
    pub(crate) turns: Vec<Duration>,
    /// The content was played to its end.
    pub(crate) ended: bool,
}

impl Playback {
    /// A viewer who asks for the first thing at `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Playback {
            ends: [None; TRACKS],
            position: 0.0,
            at: now,
            state: State::Waiting { since: now, first: true },
            need: 0.0,
            length: None,
            seen: Seen::default(),
            starved: false,
        }
    }

    /// The tracks that there are.
    pub(crate) fn tracks(&mut self, sound: bool) {
        self.ends = [Some(0.0), sound.then_some(0.0)];
    }

    /// Puts the playhead somewhere else; `need` seconds are to be buffered before it moves.
    pub(crate) fn seek(&mut self, position: f64, need: f64, now: Instant) {
        self.advance(now);
        self.position = position;
        self.need = need;
        if self.state == State::Playing {
            // A jump is seen as a stall until there is enough at the new place.
            self.state = State::Stalled { since: now };
        }
    }

    /// How long the content is, as one of the tracks knows it: the shortest one's end is the end.
    pub(crate) fn lasts(&mut self, length: f64, now: Instant) {
        self.advance(now);
        let length = self.length.map_or(length, |known| known.min(length));
        self.length = Some(length);
        if let State::Stalled { since } = self.state
            && self.position + EXACT >= length
        {
            // It had come to the end before it was said that this is the end.
            self.stalled(now.saturating_duration_since(since));
            self.state = State::Ended;
            self.seen.ended = true;
        }
    }

    /// The content's length, when it has an end and that is known.
    pub(crate) fn length(&self) -> Option<f64> {
        self.length
    }

    /// A track's buffer now ends at `end`.
    pub(crate) fn feed(&mut self, track: usize, end: f64, now: Instant) {
        self.advance(now);
        if let Some(found) = self.ends.get_mut(track).and_then(Option::as_mut) {
            *found = found.max(end);
        }
        let left = self.length.map_or(f64::INFINITY, |length| length - self.position);
        if self.end() - self.position + EXACT < self.need.min(left) {
            return;
        }
        match self.state {
            State::Waiting { since, first: true } => self.seen.start = Some(now.duration_since(since)),
            State::Waiting { since, first: false } => self.seen.turns.push(now.duration_since(since)),
            State::Stalled { since } => self.stalled(now.duration_since(since)),
            State::Playing | State::Ended => return,
        }
        self.state = State::Playing;
    }

    /// The viewer asks for another angle: what the picture's buffer holds ahead is of no use.
    pub(crate) fn turn(&mut self, now: Instant) {
        self.advance(now);
        if let Some(end) = &mut self.ends[0] {
            *end = self.position;
        }
        self.state = State::Waiting { since: now, first: false };
    }

    /// The viewer leaves; a stall that lasts until then counts.
    pub(crate) fn leave(mut self, now: Instant) -> Seen {
        self.advance(now);
        if let State::Stalled { since } = self.state {
            self.stalled(now.duration_since(since));
        }
        self.seen
    }

    /// The playhead.
    pub(crate) fn position(&mut self, now: Instant) -> f64 {
        self.advance(now);
        self.position
    }

    /// Seconds that a track has ahead of the playhead.
    pub(crate) fn ahead(&mut self, track: usize, now: Instant) -> f64 {
        self.advance(now);
        let end = self.ends.get(track).copied().flatten().unwrap_or(self.position);
        (end - self.position).max(0.0)
    }

    /// Whether the picture moves.
    pub(crate) fn playing(&mut self, now: Instant) -> bool {
        self.advance(now);
        self.state == State::Playing
    }

    /// Whether the content has been played to its end.
    pub(crate) fn ended(&mut self, now: Instant) -> bool {
        self.advance(now);
        self.state == State::Ended
    }

    /// Whether it stalled since this was asked last.
    pub(crate) fn starved(&mut self) -> bool {
        std::mem::take(&mut self.starved)
    }

    /// Lets time pass.
    fn advance(&mut self, now: Instant) {
        let gone = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        if self.state != State::Playing {
            return;
        }
        let end = self.end();
        let position = self.position + gone.as_secs_f64();
        if position <= end {
            self.position = position;
            return;
        }
        self.position = end;
        if self.length.is_some_and(|length| end + EXACT >= length) {
            self.state = State::Ended;
            self.seen.ended = true;
            return;
        }
        let since = now.checked_sub(Duration::from_secs_f64(position - end)).unwrap_or(now);
        self.state = State::Stalled { since };
        self.starved = true;
    }

    /// Where the shortest buffer ends.
    fn end(&self) -> f64 {
        self.ends.iter().flatten().copied().fold(f64::INFINITY, f64::min)
    }

    fn stalled(&mut self, lasted: Duration) {
        if lasted >= UNSEEN {
            self.seen.stalls.push(lasted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(time: f64) -> Duration {
        Duration::from_secs_f64(time)
    }

    /// Fed with two seconds of both tracks after 0.5 s; needs one.
    fn playing(begun: Instant) -> Playback {
        let mut playback = Playback::new(begun);
        playback.tracks(true);
        playback.seek(0.0, 1.0, begun);
        playback.feed(0, 2.0, begun + seconds(0.25));
        assert!(!playback.playing(begun + seconds(0.25)), "no picture without sound");
        playback.feed(1, 2.0, begun + seconds(0.5));
        playback
    }

    #[test]
    fn starts_when_both_tracks_have_enough() {
        let begun = Instant::now();
        let mut playback = playing(begun);
        assert!((playback.position(begun + seconds(1.5)) - 1.0).abs() < 1e-6);
        assert_eq!(playback.leave(begun + seconds(2.0)), Seen { start: Some(seconds(0.5)), ..Seen::default() });
    }

    #[test]
    fn a_stall_lasts_from_the_empty_buffer_to_enough_again() {
        let begun = Instant::now();
        let mut playback = playing(begun);
        // Empty at 2.5; a little at 3, enough at 4.5.
        playback.feed(0, 2.5, begun + seconds(3.0));
        playback.feed(1, 3.5, begun + seconds(4.0));
        playback.feed(0, 3.5, begun + seconds(4.5));
        assert!(playback.starved() && !playback.starved());
        let seen = playback.leave(begun + seconds(5.0));
        assert_eq!(seen.stalls.len(), 1);
        assert!((seen.stalls[0].as_secs_f64() - 2.0).abs() < 1e-3, "{seen:?}");
    }

    #[test]
    fn a_viewer_who_leaves_in_a_stall_has_seen_it() {
        let begun = Instant::now();
        let seen = playing(begun).leave(begun + seconds(6.5));
        assert!((seen.stalls[0].as_secs_f64() - 4.0).abs() < 1e-3, "{seen:?}");
    }

    #[test]
    fn the_end_is_no_stall() {
        let begun = Instant::now();
        let mut playback = playing(begun);
        playback.lasts(2.0, begun + seconds(1.0));
        assert!(playback.ended(begun + seconds(3.0)));
        let seen = playback.leave(begun + seconds(9.0));
        assert!(seen.ended && seen.stalls.is_empty());
    }

    #[test]
    fn a_turn_is_no_stall_and_needs_no_more_than_what_is_left() {
        let begun = Instant::now();
        let mut playback = playing(begun);
        playback.lasts(2.0, begun + seconds(1.0));
        playback.turn(begun + seconds(2.0));
        playback.feed(0, 2.0, begun + seconds(2.25));
        assert!(playback.playing(begun + seconds(2.5)));
        let seen = playback.leave(begun + seconds(4.0));
        assert_eq!((seen.turns.len(), seen.stalls.len(), seen.ended), (1, 0, true));
    }
}
