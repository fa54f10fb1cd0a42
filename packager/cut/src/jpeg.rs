//! Scales a frame and encodes it as a JPEG.

use ffmpeg_next::{Packet, Rational, codec, format::Pixel, frame, software::scaling};

use crate::CutError;

/// JPEG quality as FFmpeg counts it, 2 the best and 31 the worst.
const QUALITY: i32 = 4;

/// How large a picture is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The greatest width in pixels. The height follows; nothing is enlarged.
    pub max_width: u32,
}

impl Size {
    /// Width and height for a frame: both even, as the colours' planes want.
    fn fit(self, width: u32, height: u32) -> (u32, u32) {
        let even = |n: u64| u32::try_from(n / 2 * 2).unwrap_or(u32::MAX - 1).max(2);
        let fitted = width.min(self.max_width.max(2));
        (even(fitted.into()), even(u64::from(height) * u64::from(fitted) / u64::from(width.max(1))))
    }
}

/// A JPEG of a frame.
pub(crate) fn encode(frame: &frame::Video, size: Size) -> Result<Vec<u8>, CutError> {
    let (width, height) = size.fit(frame.width(), frame.height());
    let mut scaler = scaling::Context::get(
        frame.format(),
        frame.width(),
        frame.height(),
        Pixel::YUVJ420P,
        width,
        height,
        scaling::Flags::AREA,
    )
    .map_err(CutError::ffmpeg("making the scaler"))?;
    let mut scaled = frame::Video::empty();
    scaler.run(frame, &mut scaled).map_err(CutError::ffmpeg("scaling"))?;

    let codec = codec::encoder::find(codec::Id::MJPEG).ok_or(CutError::Ffmpeg {
        doing: "looking for the JPEG encoder",
        source: ffmpeg_next::Error::EncoderNotFound,
    })?;
    let context = codec::context::Context::new_with_codec(codec);
    let mut encoder = context.encoder().video().map_err(CutError::ffmpeg("making the JPEG encoder"))?;
    encoder.set_width(width);
    encoder.set_height(height);
    encoder.set_format(Pixel::YUVJ420P);
    encoder.set_time_base(Rational(1, 25));
    encoder.set_qmin(QUALITY);
    encoder.set_qmax(QUALITY);
    let mut encoder = encoder.open_as(codec).map_err(CutError::ffmpeg("opening the JPEG encoder"))?;
    scaled.set_pts(Some(0));
    encoder.send_frame(&scaled).map_err(CutError::ffmpeg("encoding"))?;
    encoder.send_eof().map_err(CutError::ffmpeg("encoding"))?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet).map_err(CutError::ffmpeg("encoding"))?;
    Ok(packet.data().unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_keeps_its_shape_and_is_not_enlarged() {
        for (max_width, frame, fitted) in [
            (320, (640, 360), (320, 180)),
            (1000, (640, 360), (640, 360)),
            (321, (1920, 1080), (320, 180)),
            (100, (99, 51), (98, 50)),
            (0, (640, 360), (2, 2)),
            (u32::MAX, (1, 1), (2, 2)),
        ] {
            assert_eq!(Size { max_width }.fit(frame.0, frame.1), fitted, "{max_width} {frame:?}");
        }
    }
}
