//! RTP's times, which begin anywhere in each stream, on one line.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use str0m::media::MediaData;

/// Room for times that go back.
const FIRST: i64 = 1 << 50;
/// What a sender's report may move sound against picture: more is no correction.
const BELIEVED: i64 = 2_000_000_000;

/// Picture and sound of one publisher: by their first arrivals, and by the sender's reports once both have come.
pub(super) struct Timing {
    started: Instant,
    picture: Stream,
    sound: Stream,
    aligned: bool,
}

/// Nanoseconds.
#[derive(Default)]
struct Stream {
    /// From the stream's time to the line.
    offset: Option<i64>,
    /// From the stream's time to the sender's clock.
    sender: Option<i64>,
}

impl Timing {
    pub fn new(started: Instant) -> Self {
        Self { started, picture: Stream::default(), sound: Stream::default(), aligned: false }
    }

    /// When a frame is shown, in nanoseconds on the line.
    pub fn at(&mut self, data: &MediaData, picture: bool) -> u64 {
        let (numer, denom) = (i128::from(data.time.numer()), i128::from(data.time.denom().max(1)));
        let nanoseconds = |ticks: i128| i64::try_from(ticks * 1_000_000_000 / denom).unwrap_or(i64::MAX / 4);
        let own = nanoseconds(numer);
        let stream = if picture { &mut self.picture } else { &mut self.sound };
        if let (None, Some(report)) = (stream.sender, data.last_sender_info) {
            // Both are modulo 2³².
            let since = (data.time.numer() as u32).wrapping_sub(report.rtp_time.numer() as u32).cast_signed();
            let reported = i64::try_from(since_epoch(report.ntp_time)).unwrap_or(0);
            stream.sender = Some(reported.saturating_add(nanoseconds(since.into())).saturating_sub(own));
        }
        let arrived = i64::try_from(data.network_time.saturating_duration_since(self.started).as_nanos()).unwrap_or(0);
        stream.offset.get_or_insert(FIRST.saturating_add(arrived).saturating_sub(own));
        self.align();
        let offset = if picture { self.picture.offset } else { self.sound.offset };
        u64::try_from(own.saturating_add(offset.unwrap_or(FIRST))).unwrap_or(0)
    }

    /// Moves sound to where the sender's clock says it belongs, once: later reports would only make even frames uneven.
    fn align(&mut self) {
        if self.aligned {
            return;
        }
        let (Some(picture), Some(sound)) =
            (self.picture.offset.zip(self.picture.sender), self.sound.offset.zip(self.sound.sender))
        else {
            return;
        };
        let belongs = picture.0.saturating_sub(picture.1).saturating_add(sound.1);
        if belongs.saturating_sub(sound.0).saturating_abs() < BELIEVED {
            self.sound.offset = Some(belongs);
        }
        self.aligned = true;
    }
}

fn since_epoch(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}
