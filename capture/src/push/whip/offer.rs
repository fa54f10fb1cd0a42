//! From an offer to an answer.

use std::time::{Duration, Instant};

use str0m::{Candidate, Rtc, change::SdpOffer};

use super::{Refused, sockets::Sockets};

/// How long a frame waits for what is missing of it: a repetition takes a round trip.
const MISSING: Duration = Duration::from_millis(500);

/// What is said of an offer that the library does not take. Its own words quote memory.
const UNANSWERABLE: &str = "it lacks what WebRTC needs: ICE user and password, a DTLS fingerprint, or media to send";

/// An offer that holds something of use.
pub(super) struct Offer {
    sdp: SdpOffer,
    video: Video,
}

/// The picture's codec: the first of these that is offered, whatever the publisher prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Video {
    H264,
    H265,
    Av1,
    Vp8,
}

impl Offer {
    pub fn read(text: &str) -> Result<Self, Refused> {
        let offered = |name: &str| {
            let line = |line: &str| {
                line.strip_prefix("a=rtpmap:")
                    .and_then(|l| l.split_once(' '))
                    .map(|(_, codec)| codec.to_ascii_uppercase())
            };
            text.lines().filter_map(line).any(|codec| codec.starts_with(name))
        };
        let known = [("H264/", Video::H264), ("H265/", Video::H265), ("AV1/", Video::Av1), ("VP8/", Video::Vp8)];
        let video = known.into_iter().find(|(name, _)| offered(name)).map(|(_, video)| video);
        // The publisher's candidates are not needed, for it calls us; those of browsers may be names that only they know.
        let needed: Vec<&str> = text.lines().filter(|line| !line.starts_with("a=candidate:")).collect();
        let sdp = SdpOffer::from_sdp_string(&(needed.join("\r\n") + "\r\n"))
            .map_err(|_| Refused::Offer("it cannot be read as SDP (RFC 8866)"))?;
        Ok(Self { sdp, video: video.ok_or(Refused::Codecs)? })
    }

    /// A session that waits for the publisher at these sockets, and its answer.
    pub fn answer(self, sockets: &Sockets) -> Result<(Rtc, String), Refused> {
        let mut config = Rtc::builder()
            .clear_codecs()
            .enable_opus(true, false)
            // Publishers find us; we look for nobody.
            .set_ice_lite(true)
            .set_reordering_timeout_video(Some(MISSING))
            .set_reordering_timeout_audio(Some(MISSING / 2));
        config = match self.video {
            Video::H264 => config.enable_h264(true),
            Video::H265 => config.enable_h265(true),
            Video::Av1 => config.enable_av1(true),
            Video::Vp8 => config.enable_vp8(true),
        };
        let mut rtc = config.build(Instant::now());
        for address in sockets.addresses() {
            let candidate = Candidate::host(address, "udp").map_err(|e| Refused::Port(e.to_string()))?;
            rtc.add_local_candidate(candidate);
        }
        let answer = rtc.sdp_api().accept_offer(self.sdp).map_err(|_| Refused::Offer(UNANSWERABLE))?;
        let sdp = answer.to_sdp_string();
        // A codec of a profile that is not taken leaves its line with port 0.
        let refused = sdp.lines().any(|line| line.starts_with("m=video 0 "));
        let picture = sdp.lines().any(|line| line.starts_with("m=video "));
        if refused || !picture { Err(Refused::Codecs) } else { Ok((rtc, sdp)) }
    }
}

/// The ICE user fragment in SDP.
pub(super) fn ufrag(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_offer_is_refused_in_words_of_ours() {
        for text in ["", "v=0", "v=0\r\no=- 1 1 IN IP4 x\r\nm=nonsense\r\n", "{}", "a=rtpmap:96 H264/90000"] {
            let refused = Offer::read(text).err().map(|refused| refused.to_string());
            assert_eq!(
                refused.as_deref(),
                Some("the body is not an SDP offer: it cannot be read as SDP (RFC 8866)"),
                "{text}"
            );
        }
    }
}
