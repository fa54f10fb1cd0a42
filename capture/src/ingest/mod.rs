//! One connection to a source: received, demuxed, decoded, handed to the camera's [`Intake`]. Built anew after every
//! loss.

mod branch;
pub(crate) mod codec;
mod colour;
mod front;
mod hls;
mod inlet;
mod intake;
mod pace;
mod plain;
mod relay;
mod reports;

use std::{
    net::IpAddr,
    sync::{Arc, Mutex},
};

use gstreamer as gst;
use gstreamer::prelude::*;

use crate::{
    Error, Source,
    push::Seat,
    source::{Container, Kind, LimitError, Limits},
    worker::lock,
};

pub(crate) use inlet::{Closed, Coding, Inlet, Times};
pub(crate) use intake::{Intake, Needs, Pictures, Progress};
pub(crate) use plain::plain;

/// The pipeline of one connection.
pub(crate) struct Ingest {
    pipeline: gst::Pipeline,
    seekable: bool,
    /// Where a publisher hands over its frames, and the seat where the pipeline waits for one.
    waits: Option<(Arc<Inlet>, Arc<Seat>)>,
    /// After the pipeline: it is dropped last.
    held: Held,
}

/// What a pipeline needs outside of itself, for as long as it lives.
pub(crate) trait Peer: Send {
    /// What it knows of why the source fails.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// Who is at the other end, when it is one and known.
    fn address(&self) -> Option<IpAddr> {
        None
    }
}

/// Whom a connection is with.
impl Peer for Arc<Mutex<Option<IpAddr>>> {
    fn address(&self) -> Option<IpAddr> {
        *lock(self)
    }
}

/// A [`Peer`], if there is one.
type Held = Option<Box<dyn Peer>>;

impl Peer for std::fs::File {}

/// What a pipeline has to say.
pub(crate) enum Note {
    /// An element gave up: why, and what it says to developers. Either may quote the address.
    Error(String, String),
    /// The source has ended.
    End,
}

impl Ingest {
    /// Builds the pipeline and sets it going. This may take as long as a connection takes.
    ///
    /// A source that calls us has a `seat`, where the pipeline waits for it.
    pub fn start(name: &str, source: &Source, seat: Option<&Arc<Seat>>, intake: &Arc<Intake>) -> Result<Self, Error> {
        let pipeline = gst::Pipeline::with_name(&format!("{name}-ingest"));
        let seekable = matches!(&source.kind, Kind::File(file) if file.container != Container::MpegTs);
        let waits = seat.map(|seat| (Inlet::new(&pipeline, intake), Arc::clone(seat)));
        let mut ingest = Self { pipeline, seekable, waits, held: None };
        ingest.held = front::build(&ingest.pipeline, source, intake)?;
        match &source.kind {
            Kind::File(_) => intake.clock.attach_from_now(&ingest.pipeline),
            _ => intake.clock.attach(&ingest.pipeline),
        }
        match ingest.pipeline.set_state(gst::State::Playing) {
            Ok(_) => {
                if let Some((inlet, seat)) = &ingest.waits {
                    seat.offer(Arc::clone(inlet));
                }
                Ok(ingest)
            }
            Err(_) => {
                // What failed says so on the bus, and need not have said it yet.
                let note = ingest.note(gst::ClockTime::from_mseconds(200));
                let why = match (note, &source.kind) {
                    (Some(Note::Error(why, detail)), kind) => match plain(source, &format!("{why} {detail}")) {
                        Some(plain) => plain,
                        None if matches!(kind, Kind::File(_)) => format!("the file cannot be played: {why}"),
                        None => why,
                    },
                    (_, Kind::File(_)) => "the file cannot be read".into(),
                    (_, Kind::Decklink(_)) => {
                        "there is no DeckLink input of this number, or Blackmagic's Desktop Video is not installed"
                            .into()
                    }
                    _ => "the pipeline does not start".into(),
                };
                Err(Error::Pipeline { pipeline: ingest.pipeline.name().into(), why })
            }
        }
    }

    /// What is known of why the source fails, beyond what the pipeline says.
    pub fn complaint(&self) -> Option<String> {
        self.held.as_ref().and_then(|held| held.complaint())
    }

    /// Holds what is connected to limits that were replaced.
    ///
    /// # Errors
    /// When the other end is outside of them now.
    pub fn hold(&self, limits: &Limits, source: &Kind) -> Result<(), LimitError> {
        if limits.has_networks() {
            // From now on every packet says whom it is from.
            let sockets = self.pipeline.iterate_all_by_element_factory_name("udpsrc");
            sockets.into_iter().flatten().for_each(|socket| socket.set_property("retrieve-sender-address", true));
        }
        match (self.held.as_ref().and_then(|held| held.address()), source) {
            (Some(ip), _) => limits.check(ip),
            // Redirected unseen, it may be anywhere.
            (None, Kind::Rtsp(_)) if limits.has_networks() => Err(LimitError::Unseen),
            (None, Kind::Rtmp(rtmp)) => limits.resolve(&rtmp.host, rtmp.port()).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// The next thing that the pipeline says, waiting at most `time`.
    pub fn note(&self, time: gst::ClockTime) -> Option<Note> {
        let types = [gst::MessageType::Error, gst::MessageType::Eos];
        match self.pipeline.bus()?.timed_pop_filtered(time, &types)?.view() {
            gst::MessageView::Error(error) => {
                let detail = error.debug().map_or_else(String::new, Into::into);
                Some(Note::Error(error.error().message().to_owned(), detail))
            }
            _ => Some(Note::End),
        }
    }

    /// Plays a file that has ended from its beginning; whether that is possible. (tsdemux cannot seek without PCR.)
    pub fn rewind(&self, intake: &Intake) -> bool {
        let rewound = || {
            self.pipeline.set_state(gst::State::Paused).ok()?;
            self.pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO).ok()?;
            intake.clock.attach_from_now(&self.pipeline);
            intake.rewound();
            self.pipeline.set_state(gst::State::Playing).ok()
        };
        self.seekable && rewound().is_some()
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        if let Some((inlet, seat)) = &self.waits {
            seat.withdraw();
            inlet.close();
        }
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
