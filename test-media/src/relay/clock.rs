//! The clock of an MPEG transport stream (ISO/IEC 13818-1), set wrong on its way: PCR, PTS and DTS.

use super::Conditions;

const PACKET: usize = 188;
const SYNC: u8 = 0x47;
/// Ticks of 90 kHz before the clock begins anew.
const WRAP: u64 = 1 << 33;
/// Where packets of a transport stream may begin in a datagram: at once, or after SRT's header.
const HEADERS: [usize; 2] = [0, 16];

/// Sets the clock of a stream wrong.
#[derive(Default)]
pub(super) struct Clock {
    /// The time at which it stands still.
    stopped: Option<u64>,
}

impl Clock {
    /// Changes the timestamps in a datagram that carries whole packets; leaves any other as it is.
    pub fn apply(&mut self, conditions: &Conditions, datagram: &mut [u8]) {
        if !conditions.clock_stopped {
            self.stopped = None;
            if conditions.clock_shift_ms == 0 {
                return;
            }
        }
        let shift = conditions.clock_shift_ms.saturating_mul(90).rem_euclid(WRAP as i64) as u64;
        let whole = |at: &usize| {
            let packets = datagram.get(*at..).unwrap_or_default();
            !packets.is_empty() && packets.len().is_multiple_of(PACKET) && packets.chunks(PACKET).all(|p| p[0] == SYNC)
        };
        let Some(begin) = HEADERS.iter().find(|at| whole(at)) else { return };
        for packet in datagram[*begin..].chunks_exact_mut(PACKET) {
            let mut set = |time: u64| {
                let time = (time + shift) % WRAP;
                if conditions.clock_stopped { *self.stopped.get_or_insert(time) } else { time }
            };
            rewrite(packet, &mut set);
        }
    }
}

/// Gives every timestamp of a packet to `set`, and puts what it says in its place.
fn rewrite(packet: &mut [u8], set: &mut impl FnMut(u64) -> u64) {
    let (begins, control) = (packet[1] & 0x40 != 0, packet[3] >> 4 & 3);
    let mut payload = 4;
    if control & 2 != 0 {
        let length = usize::from(packet[4]);
        payload = 5 + length;
        if length >= 7 && packet[5] & 0x10 != 0 {
            let base =
                packet[6..10].iter().fold(0, |n, byte| n << 8 | u64::from(*byte)) << 1 | u64::from(packet[10] >> 7);
            let base = set(base);
            packet[6..10].copy_from_slice(&((base >> 1) as u32).to_be_bytes());
            packet[10] = (base as u8) << 7 | packet[10] & 0x7f;
        }
    }
    let Some(pes) = packet.get_mut(payload..).filter(|_| begins && control & 1 != 0) else { return };
    // Pictures, sounds and private streams have the long header.
    if pes.len() < 19 || pes[..3] != [0, 0, 1] || !(pes[3] == 0xbd || (0xc0..=0xef).contains(&pes[3])) {
        return;
    }
    if pes[7] & 0x80 != 0 {
        stamp(&mut pes[9..14], set);
    }
    if pes[7] & 0x40 != 0 {
        stamp(&mut pes[14..19], set);
    }
}

/// A timestamp of 33 bits in five bytes, between marker bits.
fn stamp(bytes: &mut [u8], set: &mut impl FnMut(u64) -> u64) {
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|i| u64::from(bytes[i]));
    let time = (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1;
    let time = set(time);
    bytes[0] = bytes[0] & 0xf1 | ((time >> 30 & 7) as u8) << 1;
    bytes[1] = (time >> 22) as u8;
    bytes[2] = ((time >> 15) as u8) << 1 | 1;
    bytes[3] = (time >> 7) as u8;
    bytes[4] = (time as u8) << 1 | 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet with a PCR and the beginning of a picture.
    fn packet(pcr: u64, pts: u64, dts: u64) -> Vec<u8> {
        let mut packet = vec![0xff; PACKET];
        packet[..6].copy_from_slice(&[SYNC, 0x41, 0, 0x30, 7, 0x10]);
        packet[12..21].copy_from_slice(&[0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10]);
        packet[21..26].copy_from_slice(&[0x31, 0, 1, 0, 1]);
        packet[26..31].copy_from_slice(&[0x11, 0, 1, 0, 1]);
        let mut times = [pcr, pts, dts].into_iter();
        rewrite(&mut packet, &mut |_| times.next().expect("three timestamps"));
        packet
    }

    fn times(packet: &[u8]) -> Vec<u64> {
        let mut times = Vec::new();
        rewrite(&mut packet.to_vec(), &mut |time| {
            times.push(time);
            time
        });
        times
    }

    fn shifted(millis: i64, datagram: &[u8]) -> Vec<u8> {
        let mut datagram = datagram.to_vec();
        let conditions = Conditions { clock_shift_ms: millis, ..Conditions::default() };
        Clock::default().apply(&conditions, &mut datagram);
        datagram
    }

    #[test]
    fn timestamps_are_read_as_they_were_written() {
        for time in [0, 1, 0x7fff, 0x8000, 0x1_2345_6789, WRAP - 1] {
            assert_eq!(times(&packet(time, time, time)), [time; 3], "{time:#x}");
        }
    }

    #[test]
    fn all_three_are_shifted_and_wrap() {
        let second = 90_000;
        let shifted = shifted(10_000, &packet(WRAP - 5 * second, WRAP - 2 * second, 7 * second));
        assert_eq!(times(&shifted), [5 * second, 8 * second, 17 * second]);
        assert_eq!(times(&self::shifted(-10_000, &shifted)), [WRAP - 5 * second, WRAP - 2 * second, 7 * second]);
    }

    #[test]
    fn srt_carries_the_same_packets_and_anything_else_is_left_alone() {
        let srt = [vec![0; 16], packet(1, 2, 3), packet(4, 5, 6)].concat();
        let late = shifted(1, &srt);
        assert_eq!(times(&late[16..]), [91, 92, 93]);
        assert_eq!(times(&late[16 + PACKET..]), [94, 95, 96]);
        for other in [vec![], vec![SYNC; 187], vec![0; 188], srt[1..].to_vec()] {
            assert_eq!(shifted(1, &other), other);
        }
    }

    #[test]
    fn a_stopped_clock_says_the_same_until_it_goes_again() {
        let mut clock = Clock::default();
        let mut stopped = |stopped, pcr| {
            let mut packet = packet(pcr, pcr + 5, pcr + 3);
            clock.apply(&Conditions { clock_stopped: stopped, ..Conditions::default() }, &mut packet);
            times(&packet)
        };
        assert_eq!(stopped(true, 1_000), [1_000; 3]);
        assert_eq!(stopped(true, 4_600), [1_000; 3]);
        assert_eq!(stopped(false, 8_200), [8_200, 8_205, 8_203]);
        assert_eq!(stopped(true, 9_000), [9_000; 3]);
    }
}
