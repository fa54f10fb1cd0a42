//! A viewer's link: bytes pass one after the other, at its rate.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// A link that all transfers of one viewer share.
pub(crate) struct Link {
    bytes_per_second: Option<f64>,
    free: Mutex<Instant>,
}

impl Link {
    /// A link of so many bits per second, or without a limit.
    pub(crate) fn new(bits_per_second: Option<f64>) -> Self {
        Link { bytes_per_second: bits_per_second.map(|b| b / 8.0), free: Mutex::new(Instant::now()) }
    }

    /// Waits until `bytes` more have passed.
    pub(crate) async fn pass(&self, bytes: usize) {
        if let Some(until) = self.reserve(bytes, Instant::now()) {
            tokio::time::sleep_until(until).await;
        }
    }

    /// When `bytes` will have passed that come at `now`.
    fn reserve(&self, bytes: usize, now: Instant) -> Option<Instant> {
        let rate = self.bytes_per_second?;
        let takes = Duration::from_secs_f64(bytes as f64 / rate);
        let mut free = self.free.lock();
        *free = (*free).max(now) + takes;
        Some(*free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_share_the_rate() {
        let link = Link::new(Some(80_000.0));
        let now = Instant::now();
        assert_eq!(link.reserve(10_000, now), Some(now + Duration::from_secs(1)));
        assert_eq!(link.reserve(5_000, now), Some(now + Duration::from_millis(1500)));
        let later = now + Duration::from_secs(9);
        assert_eq!(link.reserve(10_000, later), Some(later + Duration::from_secs(1)), "an idle link saves nothing up");
        assert_eq!(Link::new(None).reserve(1 << 30, now), None);
    }
}
