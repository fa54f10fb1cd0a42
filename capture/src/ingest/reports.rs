//! Capture time in RTP: from sender reports and descriptions to the [`Intake`].

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::Intake;
use crate::{
    Basis,
    sync::{Declared, Report, Stream},
    worker::lock,
};

/// Senders that are remembered: a picture, a sound, and what a restart of either leaves.
const MOST: usize = 8;

/// A stream whose timestamps make a larger step against its own time, in nanoseconds, has begun anew: what was reported
/// before is about another row of timestamps.
const STEP: i64 = 120_000_000;

/// The newest sender report of each stream of one connection.
#[derive(Debug, Default)]
pub(super) struct Reports {
    known: Mutex<Vec<Known>>,
    /// Whether the streams' own times have been moved against each other since the last packet.
    moved: AtomicBool,
}

/// A report, and how far the UTC that follows from it was from the stream's own time when it was first used.
#[derive(Debug)]
struct Known {
    report: Report,
    ahead: Option<i64>,
}

impl Reports {
    /// Notes the reports that an `rtpbin` receives.
    pub fn collect(self: &Arc<Self>, manager: &gst::Element) {
        let reports = Arc::clone(self);
        manager.connect("new-jitterbuffer", false, move |values| {
            let buffer = values.get(1).and_then(|value| value.get::<gst::Element>().ok())?;
            let (reports, taking) = (Arc::clone(&reports), Arc::clone(&reports));
            keep_clocks_from(&buffer);
            buffer.connect("handle-sync", false, move |values| {
                let sync = values.get(1)?.get::<gst::Structure>().ok()?;
                let packet = sync.get::<gst::Buffer>("sr-buffer").ok()?;
                taking.take(&Report::read(&packet.map_readable().ok()?));
                None
            });
            // Picture and sound are brought together: times move, timestamps do not, and what was reported holds.
            buffer.connect_notify(Some("ts-offset"), move |_, _| reports.moved.store(true, Ordering::Release));
            None
        });
    }

    /// Tells the intake when each packet that leaves this pad was captured, as far as the sender says.
    pub fn watch(self: &Arc<Self>, pad: &gst::Pad, intake: &Arc<Intake>) {
        let Some(stream) = Timed::of(pad, intake) else { return };
        let (reports, intake) = (Arc::clone(self), Arc::clone(intake));
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, info| {
            let first = || info.buffer_list().and_then(|list| list.get(0));
            let buffer = info.buffer().map(AsRef::as_ref).or_else(first);
            if let Some(buffer) = buffer {
                reports.tell(&stream, pad, buffer, &intake);
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn take(&self, news: &[Report]) {
        let mut all = lock(&self.known);
        for report in news {
            all.retain(|known| known.report.ssrc != report.ssrc);
            if all.len() == MOST {
                all.remove(0);
            }
            all.push(Known { report: *report, ahead: None });
        }
    }

    fn tell(&self, stream: &Timed, pad: &gst::Pad, buffer: &gst::BufferRef, intake: &Intake) -> Option<()> {
        let (rtp, ssrc) = {
            let packet = buffer.map_readable().ok()?;
            let word = |at: usize| packet.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
            (word(4)?, word(8)?)
        };
        let segment = pad.sticky_event::<gst::event::Segment>(0)?;
        let time = segment.segment().downcast_ref::<gst::ClockTime>()?.to_running_time(buffer.pts()?)?;
        let source = crate::clock::signed(time.nseconds());
        if self.moved.swap(false, Ordering::Acquire) {
            lock(&self.known).iter_mut().for_each(|known| known.ahead = None);
            intake.uncaptured();
        }
        // A clock that two machines share is better than one that the sender keeps for itself.
        let (basis, utc) = match stream.declared {
            Some(declared) => (Basis::Rfc7273, declared.utc_of(rtp, stream.rate, intake.clock.utc())),
            None => {
                let mut all = lock(&self.known);
                let place = all.iter().position(|known| known.report.ssrc == ssrc)?;
                let utc = all[place].report.utc_of(rtp, stream.rate);
                let ahead = utc.saturating_sub(source);
                if (*all[place].ahead.get_or_insert(ahead)).saturating_sub(ahead).saturating_abs() > STEP {
                    all.remove(place);
                    intake.uncaptured();
                    return None;
                }
                (Basis::Rtcp, utc)
            }
        };
        intake.captured(basis, source, utc);
        Some(())
    }
}

/// Hides a declared clock from a jitter buffer: it would ask that server itself, whatever `networks` say, and in GStreamer
/// 1.22 the end of such a clock can lock the system clock that all pipelines share. What is declared is read in [`Timed`].
fn keep_clocks_from(buffer: &gst::Element) {
    let Some(pad) = buffer.static_pad("sink") else { return };
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &mut info.data
            && let gst::EventView::Caps(described) = event.view()
        {
            let mut caps = described.caps_owned();
            caps.make_mut().iter_mut().for_each(|stream| stream.remove_field("a-ts-refclk"));
            *event = gst::event::Caps::new(&caps);
        }
        gst::PadProbeReturn::Ok
    });
}

/// A stream whose timestamps mean something.
struct Timed {
    /// RTP timestamps in a second.
    rate: u32,
    declared: Option<Declared>,
}

impl Timed {
    /// The stream of a pad, if it is the one that the source is placed by.
    fn of(pad: &gst::Pad, intake: &Intake) -> Option<Self> {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let caps = caps.structure(0)?;
        let wanted = if intake.needs.master() == Stream::Sound { "audio" } else { "video" };
        if caps.get::<&str>("media").ok()? != wanted {
            return None;
        }
        let attribute = |name: &str| caps.get::<&str>(name).ok();
        let declared = attribute("a-ts-refclk").zip(attribute("a-mediaclk"));
        let declared = declared.and_then(|(refclk, mediaclk)| Declared::read(refclk, mediaclk));
        Some(Self { rate: caps.get::<i32>("clock-rate").ok()?.try_into().ok()?, declared })
    }
}
