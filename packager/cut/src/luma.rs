//! Every picture of a segment, as brightness.

use ffmpeg_next::{Packet, codec, format::Pixel, frame};

use crate::{
    CutError,
    decode::{annex_b, init, parameter_sets},
    samples::{Header, samples},
};

/// The brightness of one picture: `height` rows of `width` pixels, `stride` bytes apart.
#[derive(Clone, Copy, Debug)]
pub struct Luma<'a> {
    /// When it is shown, in ticks of media time.
    pub tick: i64,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes from row to row.
    pub stride: usize,
    /// The rows.
    pub data: &'a [u8],
}

/// Shows every picture of a segment to `look`, in the order of showing. `header` and `segment` are as for
/// [`still`](crate::still). Pictures that cannot be decoded are left out.
///
/// # Errors
/// When the bytes are not H.264 video as the packager writes it.
pub fn luma(header: &[u8], segment: &[u8], mut look: impl FnMut(Luma<'_>)) -> Result<(), CutError> {
    init();
    let header = Header::read(header)?;
    let codec = codec::decoder::find(codec::Id::H264).ok_or(CutError::Ffmpeg {
        doing: "looking for the H.264 decoder",
        source: ffmpeg_next::Error::DecoderNotFound,
    })?;
    let context = codec::context::Context::new_with_codec(codec);
    let mut decoder = context.decoder().video().map_err(CutError::ffmpeg("opening the H.264 decoder"))?;
    let mut receive = |decoder: &mut codec::decoder::Video| {
        let mut frame = frame::Video::empty();
        while decoder.receive_frame(&mut frame).is_ok() {
            let planar = matches!(frame.format(), Pixel::YUV420P | Pixel::YUVJ420P);
            if let Some(tick) = frame.timestamp().filter(|_| planar) {
                let (width, height) = (frame.width() as usize, frame.height() as usize);
                look(Luma { tick, width, height, stride: frame.stride(0), data: frame.data(0) });
            }
        }
    };
    let mut stream = parameter_sets(&header);
    for sample in samples(segment)? {
        annex_b(sample.data, usize::from(header.avcc.length_size), &mut stream);
        let mut packet = Packet::copy(&stream);
        packet.set_pts(Some(sample.pts));
        packet.set_dts(Some(sample.dts));
        if decoder.send_packet(&packet).is_ok() {
            receive(&mut decoder);
        }
        stream.clear();
    }
    if decoder.send_eof().is_ok() {
        receive(&mut decoder);
    }
    Ok(())
}
