//! Capture time in RTP: sender reports (RFC 3550, 6.4.1) and clocks that a description declares (RFC 7273).
//! All instants here are nanoseconds of UTC since 1970.

/// From 1900, where NTP begins, to 1970.
const NTP_EPOCH: i64 = 2_208_988_800;
/// International atomic time, which PTP counts, is ahead of UTC by this much since 2017.
const TAI_SECONDS: i64 = 37;
const SECOND: i64 = 1_000_000_000;

/// What a sender last reported: an instant and the RTP timestamp of that instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub ssrc: u32,
    pub utc: i64,
    pub rtp: u32,
}

impl Report {
    /// The sender reports of a compound RTCP packet. What does not hold together is left out.
    pub fn read(mut packet: &[u8]) -> Vec<Self> {
        let mut reports = Vec::new();
        while let Some((head, _)) = packet.split_first_chunk::<4>() {
            let length = (usize::from(u16::from_be_bytes([head[2], head[3]])) + 1) * 4;
            let Some((this, rest)) = packet.split_at_checked(length) else { break };
            let word = |at: usize| this.get(at..at + 4).and_then(|w| w.try_into().ok()).map(u32::from_be_bytes);
            if head[0] >> 6 == 2
                && head[1] == 200
                && let (Some(ssrc), Some(seconds), Some(fraction), Some(rtp)) = (word(4), word(8), word(12), word(16))
                // Without a clock, a sender says 0.
                && seconds != 0
            {
                // NTP's second 2^32 is in 2036: smaller numbers belong to the next era.
                let era = if seconds < 1 << 31 { 1 << 32 } else { 0 };
                let nanos = (i128::from(fraction) * i128::from(SECOND)) >> 32;
                let seconds = i64::from(seconds) + era - NTP_EPOCH;
                let utc = seconds * SECOND + i64::try_from(nanos).unwrap_or(0);
                reports.push(Self { ssrc, utc, rtp });
            }
            packet = rest;
        }
        reports
    }

    /// When the instant of an RTP timestamp near the report's was.
    pub fn utc_of(&self, rtp: u32, rate: u32) -> i64 {
        self.utc.saturating_add(nanos(rtp.wrapping_sub(self.rtp), rate))
    }
}

/// A clock and its relation to RTP timestamps, declared in a session's description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    /// From the clock's epoch to 1970, in nanoseconds of UTC.
    epoch: i64,
    /// The RTP timestamp at the clock's epoch.
    offset: u32,
}

impl Declared {
    /// Reads `a=ts-refclk` and `a=mediaclk` (RFC 7273, 4 and 5). `None` for clocks that say nothing of UTC.
    pub fn read(refclk: &str, mediaclk: &str) -> Option<Self> {
        // GPS and a camera's own clock (`local`, a MAC) are left alone: no sender is known that declares them with an offset.
        let epoch = match refclk.split(['=', ':']).next()? {
            "ntp" => -NTP_EPOCH * SECOND,
            "ptp" => -TAI_SECONDS * SECOND,
            _ => return None,
        };
        // `direct=OFFSET`, and what may follow it (a rate).
        let offset = mediaclk.strip_prefix("direct=")?.split([' ', ';']).next()?;
        Some(Self { epoch, offset: offset.parse().ok()? })
    }

    /// When the instant of an RTP timestamp was: the one nearest to `about`, of those that 32 bits leave open.
    pub fn utc_of(&self, rtp: u32, rate: u32, about: i64) -> i64 {
        let since = i128::from(about) - i128::from(self.epoch);
        let ticks = since * i128::from(rate) / i128::from(SECOND);
        // The low 32 bits are meant.
        let expected = (ticks as u32).wrapping_add(self.offset);
        about.saturating_add(nanos(rtp.wrapping_sub(expected), rate))
    }
}

/// A signed difference of RTP timestamps in nanoseconds.
fn nanos(ticks: u32, rate: u32) -> i64 {
    i64::from(ticks.cast_signed()) * SECOND / i64::from(rate.max(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A sender report as RFC 3550 draws it, behind an empty receiver report.
    fn compound(seconds: u32, fraction: u32, rtp: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 201, 0, 1, 0, 0, 0, 9];
        packet.extend([0x80, 200, 0, 6, 0, 0, 0, 7]);
        [seconds, fraction, rtp, 0, 0].iter().for_each(|word| packet.extend(word.to_be_bytes()));
        packet
    }

    #[test]
    fn a_sender_report_is_read() {
        let (day, half) = (1_795_000_000_u32, 1 << 31);
        let packet = compound(day.wrapping_add(2_208_988_800), half, 90_000);
        let report = Report { ssrc: 7, utc: i64::from(day) * SECOND + SECOND / 2, rtp: 90_000 };
        assert_eq!(Report::read(&packet), [report]);
        assert_eq!(Report::read(&compound(0, 0, 1)), [], "a sender without a clock");
        assert_eq!(Report::read(&packet[..packet.len() - 1]), [], "cut off");
        assert_eq!(report.utc_of(90_000 + 3_600, 90_000), report.utc + 40_000_000);
        assert_eq!(report.utc_of(90_000_u32.wrapping_sub(180_000), 90_000), report.utc - 2 * SECOND);
    }

    #[test]
    fn a_declared_clock_is_read() {
        let ntp = Declared::read("ntp=10.0.0.1:123", "direct=0").expect("NTP");
        assert_eq!(ntp.epoch, -NTP_EPOCH * SECOND);
        let ptp = Declared::read("ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:0", "direct=963214424").expect("PTP");
        assert_eq!(ptp.offset, 963_214_424);
        for (refclk, mediaclk) in [
            ("local", "direct=0"),
            ("localmac=00-00-00-00-00-00", "direct=0"),
            ("gps", "direct=0"),
            ("ntp=10.0.0.1", "sender"),
            ("ntp=10.0.0.1", "direct=x"),
            ("", ""),
        ] {
            assert_eq!(Declared::read(refclk, mediaclk), None, "{refclk} {mediaclk}");
        }
    }

    proptest! {
        #[test]
        fn a_declared_clock_says_when(utc in 0..4_000_000_000_000_000_000i64, late in -3 * SECOND..3 * SECOND, offset: u32) {
            for (refclk, epoch) in [("ntp=x", -NTP_EPOCH), ("ptp=IEEE1588-2008:x:0", -TAI_SECONDS)] {
                let clock = Declared::read(refclk, &format!("direct={offset}")).expect("a clock");
                let ticks = (i128::from(utc) - i128::from(epoch) * i128::from(SECOND)) * 90_000 / i128::from(SECOND);
                let rtp = (ticks as u32).wrapping_add(offset);
                prop_assert!((clock.utc_of(rtp, 90_000, utc + late) - utc).abs() < 23_000);
            }
        }

        #[test]
        fn nothing_in_a_packet_is_a_panic(packet in proptest::collection::vec(any::<u8>(), 0..80), rtp: u32, rate: u32) {
            for report in Report::read(&packet) {
                report.utc_of(rtp, rate);
            }
        }
    }
}
