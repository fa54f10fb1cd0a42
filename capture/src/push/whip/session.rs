//! One publisher over WebRTC, from its answer to its end.

use std::time::{Duration, Instant};

use str0m::{
    Event, IceConnectionState, Input, Output, Rtc, RtcError,
    format::Codec,
    media::{KeyframeRequestKind, MediaData, MediaKind, Mid},
    net::{Protocol, Receive},
};
use tokio::sync::Notify;

use super::{
    sockets::{Datagram, Sockets},
    timing::Timing,
};
use crate::ingest::{Closed, Coding, Inlet, Times};

/// From the answer to the first packet that is ours, in all.
const ARRIVING: Duration = Duration::from_secs(10);
/// How often a key frame is asked for: always while none has come, and for as long as the camera's own bitstream is
/// recorded, for browsers make one only when asked.
const KEY_FRAMES: Duration = Duration::from_millis(800);
/// After a loss, not more often than this.
const REPAIR: Duration = Duration::from_millis(300);

/// Runs the session to its end. Why it ended, for the camera's message.
pub(super) async fn run(rtc: Rtc, mut sockets: Sockets, inlet: &Inlet, left: &Notify) -> String {
    let now = Instant::now();
    let mut session = Session {
        started: now,
        rtc,
        inlet,
        timing: Timing::new(now),
        connected: false,
        picture: None,
        key_seen: false,
        asked: None,
    };
    let closed = inlet.closed();
    tokio::pin!(closed);
    loop {
        let until = match session.drain(&sockets) {
            Ok(until) => until,
            Err(End::Why(why)) => return why.into(),
            Err(End::Rtc(error)) => return format!("the publisher is gone: {error}"),
        };
        let until = until.min(session.next_request());
        let input = tokio::select! {
            () = &mut closed => break,
            () = left.notified() => {
                session.farewell(&sockets);
                return "the publisher has ended the stream".into();
            }
            datagram = sockets.next() => datagram,
            () = tokio::time::sleep_until(until.into()) => None,
        };
        if let Err(error) = session.take(input) {
            return format!("the publisher is gone: {error}");
        }
        if !session.connected && now.elapsed() > ARRIVING {
            return "a publisher was answered and did not come over UDP within 10 s: is the way to this machine's UDP ports open?".into();
        }
    }
    session.farewell(&sockets);
    "the camera takes nothing more".into()
}

struct Session<'a> {
    started: Instant,
    rtc: Rtc,
    inlet: &'a Inlet,
    timing: Timing,
    connected: bool,
    picture: Option<Mid>,
    key_seen: bool,
    /// When a key frame was last asked for.
    asked: Option<Instant>,
}

enum End {
    Why(&'static str),
    Rtc(RtcError),
}

impl From<RtcError> for End {
    fn from(error: RtcError) -> Self {
        Self::Rtc(error)
    }
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Why("the camera takes nothing more")
    }
}

impl Session<'_> {
    /// Sends what is to be sent, and tells what has come. Until when nothing is to be done.
    fn drain(&mut self, sockets: &Sockets) -> Result<Instant, End> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(until) => return Ok(until),
                Output::Transmit(out) => sockets.send(out.source, out.destination, &out.contents),
                Output::Event(event) => self.event(event)?,
            }
        }
    }

    fn take(&mut self, datagram: Option<Datagram>) -> Result<(), RtcError> {
        let now = Instant::now();
        if let Some(Datagram { from, to, bytes }) = datagram {
            // What is none of STUN, DTLS, RTP and RTCP is not for us.
            if let Ok(contents) = bytes.as_slice().try_into() {
                let receive = Receive { proto: Protocol::Udp, source: from, destination: to, contents };
                self.rtc.handle_input(Input::Receive(now, receive))?;
            }
        } else {
            self.rtc.handle_input(Input::Timeout(now))?;
        }
        if self.next_request() <= now {
            self.request(now);
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Connected => {
                self.connected = true;
                self.inlet.connected();
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                return Err(End::Why("the publisher is gone: its connection broke"));
            }
            Event::MediaAdded(media) if media.kind == MediaKind::Video && self.picture.is_none() => {
                self.picture = Some(media.mid);
            }
            Event::MediaData(data) => self.data(data)?,
            _ => {}
        }
        if self.rtc.is_alive() { Ok(()) } else { Err(End::Why("the publisher has ended the stream")) }
    }

    fn data(&mut self, data: MediaData) -> Result<(), End> {
        let coding = match data.params.spec().codec {
            Codec::H264 => Coding::H264,
            Codec::H265 => Coding::H265,
            Codec::Av1 => Coding::Av1,
            Codec::Vp8 => Coding::Vp8,
            Codec::Opus => Coding::Opus,
            _ => return Ok(()),
        };
        let picture = coding != Coding::Opus;
        let pts = self.timing.at(&data, picture);
        let key = data.is_keyframe();
        if picture {
            if !data.contiguous && !key {
                self.key_seen = false;
                if self.asked.is_none_or(|asked| asked.elapsed() > REPAIR) {
                    self.request(Instant::now());
                }
            }
            if key && !self.key_seen {
                self.key_seen = true;
                self.inlet.format(coding, &[])?;
            }
        }
        if self.inlet.full() {
            self.key_seen = false;
            return Ok(());
        }
        // WebRTC's encoders send in the order of showing.
        Ok(self.inlet.push(coding, Times { pts, dts: pts }, key || !picture, data.data)?)
    }

    /// When a key frame is to be asked for next.
    fn next_request(&self) -> Instant {
        if !self.connected || (self.key_seen && !self.inlet.wants_key_frames()) {
            return Instant::now() + ARRIVING;
        }
        self.asked.map_or(self.started, |asked| asked + KEY_FRAMES)
    }

    fn request(&mut self, now: Instant) {
        self.asked = Some(now);
        if let Some(mut writer) = self.picture.and_then(|mid| self.rtc.writer(mid)) {
            // Refused while nothing has come: the first frame is a key frame.
            let _ = writer.request_keyframe(None, KeyframeRequestKind::Pli);
        }
    }

    /// Tells the publisher that this is the end.
    fn farewell(&mut self, sockets: &Sockets) {
        if self.rtc.close().is_ok() {
            // What cannot be sent now is not missed: the publisher notices the silence.
            while let Ok(Output::Transmit(out)) = self.rtc.poll_output() {
                sockets.send(out.source, out.destination, &out.contents);
            }
        }
    }
}
