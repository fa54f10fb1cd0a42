//! YUV4MPEG2, the plain video that every encoder reads from a pipe.

use crate::fps::Fps;
use std::io::{self, BufRead, Write};

/// A line longer than this is no header.
const LONGEST_LINE: u64 = 1024;
/// Pixels of the largest picture that is read.
const LARGEST: usize = 8192 * 8192;

/// Writes the stream header for progressive limited-range I420.
///
/// # Errors
/// Those of `out`.
pub fn write_header(out: &mut impl Write, width: usize, height: usize, fps: Fps) -> io::Result<()> {
    let (num, den) = (fps.num(), fps.den());
    writeln!(out, "YUV4MPEG2 W{width} H{height} F{num}:{den} Ip A1:1 C420jpeg XCOLORRANGE=LIMITED")
}

/// Writes one frame, tightly packed I420.
///
/// # Errors
/// Those of `out`.
pub fn write_frame(out: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    out.write_all(b"FRAME\n")?;
    out.write_all(frame)
}

/// Reads the frames of a stream of 8-bit 4:2:0.
pub struct Reader<R> {
    input: R,
    width: usize,
    height: usize,
    frame: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the stream header.
    ///
    /// # Errors
    /// Those of `input`; [`io::ErrorKind::InvalidData`] when it is not YUV4MPEG2, or not 8-bit
    /// 4:2:0.
    pub fn new(mut input: R) -> io::Result<Self> {
        let header = line(&mut input)?.ok_or_else(|| wrong("it is empty"))?;
        let mut words = header.split(' ');
        if words.next() != Some("YUV4MPEG2") {
            return Err(wrong("it does not begin with YUV4MPEG2"));
        }
        let (mut width, mut height) = (0usize, 0usize);
        for word in words {
            let (key, value) = word.split_at_checked(1).unwrap_or(("", ""));
            match key {
                "W" => width = value.parse().map_err(|_| wrong("its width is no number"))?,
                "H" => height = value.parse().map_err(|_| wrong("its height is no number"))?,
                "C" if !matches!(value, "420" | "420jpeg" | "420mpeg2" | "420paldv") => {
                    return Err(wrong("its pictures are not 8-bit 4:2:0"));
                }
                _ => {}
            }
        }
        let pixels = width.checked_mul(height).filter(|n| (1..=LARGEST).contains(n));
        let pixels = pixels.ok_or_else(|| wrong("its size is missing or out of range"))?;
        let chroma = width.div_ceil(2) * height.div_ceil(2);
        Ok(Reader { input, width, height, frame: vec![0; pixels + 2 * chroma] })
    }

    /// Pixels across.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Lines.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The next frame, tightly packed I420, or `None` at the end.
    ///
    /// # Errors
    /// Those of the input, which include an end in the middle of a frame;
    /// [`io::ErrorKind::InvalidData`] where a frame should begin and does not.
    pub fn frame(&mut self) -> io::Result<Option<&[u8]>> {
        match line(&mut self.input)? {
            None => return Ok(None),
            Some(header) if header.split(' ').next() == Some("FRAME") => {}
            Some(_) => return Err(wrong("a frame does not begin with FRAME")),
        }
        self.input.read_exact(&mut self.frame)?;
        Ok(Some(&self.frame))
    }
}

/// One line without its end, or `None` at the end of the input.
fn line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    io::Read::take(&mut *input, LONGEST_LINE).read_until(b'\n', &mut bytes)?;
    match bytes.pop() {
        None => Ok(None),
        Some(b'\n') => String::from_utf8(bytes).map(Some).map_err(|_| wrong("a header is not text")),
        Some(_) => Err(wrong("a header does not end")),
    }
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a readable y4m: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_it_writes() {
        let mut stream = Vec::new();
        write_header(&mut stream, 4, 2, Fps::new(30000, 1001).expect("a rate")).expect("a header");
        let frames = [[7; 12], [9; 12]];
        for frame in &frames {
            write_frame(&mut stream, frame).expect("a frame");
        }
        let mut reader = Reader::new(&stream[..]).expect("a reader");
        assert_eq!((reader.width(), reader.height()), (4, 2));
        for frame in &frames {
            assert_eq!(reader.frame().expect("a frame"), Some(&frame[..]));
        }
        assert!(reader.frame().expect("the end").is_none());
        let mut cut = Reader::new(&stream[..stream.len() - 1]).expect("a reader");
        cut.frame().expect("the first frame is whole");
        assert!(cut.frame().is_err());
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for header in [
            "",
            "YUV4MPEG2 W4 H2",
            "RIFF\n",
            "YUV4MPEG2 W4\n",
            "YUV4MPEG2 W4 H0\n",
            "YUV4MPEG2 Wx H2\n",
            "YUV4MPEG2 W4 H2 C444\n",
            "YUV4MPEG2 W4 H2 C420p10\n",
            "YUV4MPEG2 W99999999999 H99999999999\n",
        ] {
            assert!(Reader::new(header.as_bytes()).is_err(), "{header}");
        }
    }

    proptest! {
        #[test]
        fn any_input_is_safe(bytes: Vec<u8>, header in "YUV4MPEG2( [WHCF][0-9]{0,3}){0,4}\n") {
            let stream = [header.as_bytes(), &bytes].concat();
            if let Ok(mut reader) = Reader::new(&stream[..]) {
                while let Ok(Some(_)) = reader.frame() {}
            }
            let _ = Reader::new(&bytes[..]).is_ok();
        }
    }
}
