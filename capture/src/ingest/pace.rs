//! The pace of a source that comes by whole segments: its timestamps, from wherever it begins.

use std::sync::Mutex;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;

use crate::{clock::signed, sync::MS, worker::lock};

/// Room for the other stream's first buffer, and for a fetch that takes long.
const LEAD: i64 = 300 * MS;
/// Later than this, or so much earlier, and the timestamps have jumped.
const LATE: i64 = -500 * MS;
const EARLY: i64 = 3_000 * MS;

/// What is added to the source's running time to have the pipeline's; the same for picture and sound.
#[derive(Default)]
pub(super) struct Pacer(Mutex<Option<i64>>);

impl Pacer {
    /// Has a sink wait for each buffer's time.
    pub fn hold(self: &std::sync::Arc<Self>, sink: &app::AppSink) {
        let Some(pad) = sink.static_pad("sink") else { return };
        let (pacer, sink) = (std::sync::Arc::clone(self), sink.downgrade());
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let shift = sink.upgrade().and_then(|sink| {
                let buffer = info.buffer()?;
                let segment = pad.sticky_event::<gst::event::Segment>(0)?;
                let segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
                let at = match segment.to_running_time_full(buffer.pts().or(buffer.dts())?)? {
                    gst::Signed::Positive(time) => signed(time.nseconds()),
                    gst::Signed::Negative(time) => -signed(time.nseconds()),
                };
                let now = signed(sink.current_running_time()?.nseconds());
                Some((self::shift(&mut lock(&pacer.0), at, now), sink))
            });
            if let Some((shift, sink)) = shift {
                sink.set_property("ts-offset", shift);
            }
            gst::PadProbeReturn::Ok
        });
    }
}

fn shift(kept: &mut Option<i64>, at: i64, now: i64) -> i64 {
    match *kept {
        Some(shift) if (LATE..EARLY).contains(&at.saturating_add(shift).saturating_sub(now)) => shift,
        _ => *kept.insert(now.saturating_add(LEAD).saturating_sub(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_kept_to_until_they_jump() {
        let mut kept = None;
        let (start, now) = (1_000_000 * MS, 5_000 * MS);
        let first = shift(&mut kept, start, now);
        assert_eq!(start + first, now + LEAD);
        assert_eq!(shift(&mut kept, start + 2_000 * MS, now), first, "ahead by what demuxers hold");
        assert_eq!(shift(&mut kept, start + 1_000 * MS, now + 1_700 * MS), first, "a little late");
        let jumped = shift(&mut kept, 0, now + 2_000 * MS);
        assert_eq!(jumped, now + 2_000 * MS + LEAD, "back to zero");
        assert_eq!(shift(&mut kept, 40 * MS, now + 2_100 * MS), jumped);
    }
}
