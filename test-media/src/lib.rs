//! A synthetic football match, seen by up to eight cameras at once, with its sound.
//!
//! Everything is a pure function of a seed and of *media time* (seconds on the timeline that all
//! angles share), so processes that never talk to each other draw the same instant. Each frame
//! carries a machine-readable [`strip`] that survives encoding and scaling: a test at the far end
//! of the chain reads which camera drew which frame, and when.
//!
//! ```
//! use test_media::{draw::Camera, strip::Strip};
//!
//! let mut camera = Camera::new(0, 640, 360)?;
//! let mut frame = vec![0; camera.frame_len()];
//! let strip = Strip { camera: 0, frame: 250, utc_ms: 1_760_000_000_000 };
//! camera.draw(10.0, strip, &mut frame)?;
//! assert_eq!(Strip::read(&frame, 640, 360, 640), Some(strip));
//! # Ok::<(), test_media::Error>(())
//! ```

pub mod draw;
pub mod fps;
mod noise;
pub mod relay;
pub mod scene;
pub mod sound;
pub mod strip;
pub mod y4m;

/// What the crate refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The frame size is odd or out of range.
    #[error("a frame is from 160x90 to 1920x1080 with even sides, not {width}x{height}")]
    Size {
        /// Width asked for, in pixels.
        width: usize,
        /// Height asked for, in pixels.
        height: usize,
    },
    /// There is no camera of that index.
    #[error("cameras are 0 to {last}, not {found}")]
    Camera {
        /// Index asked for.
        found: usize,
        /// Index of the last camera.
        last: usize,
    },
    /// The buffer is not one tightly packed I420 frame.
    #[error("a frame is {expected} bytes, not {found}")]
    Buffer {
        /// Bytes of one frame.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
    /// The sound format is out of range.
    #[error("sound is 8000 to 192000 Hz in 1 to 8 channels, not {rate} Hz in {channels}")]
    Sound {
        /// Samples per second asked for.
        rate: u32,
        /// Channels asked for.
        channels: u16,
    },
    /// The text is not a frame rate.
    #[error("a frame rate is like 25 or 30000/1001, not {found:?}")]
    Fps {
        /// The text.
        found: String,
    },
}
