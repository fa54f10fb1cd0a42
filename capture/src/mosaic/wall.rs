//! One layout: every camera's pictures in the size of its tile, by slot, until they are painted.

use std::collections::VecDeque;

use gstreamer as gst;
use gstreamer_video::{
    VideoColorimetry, VideoConverter, VideoConverterConfig, VideoFormat, VideoFrameExt, VideoFrameRef, VideoInfo,
    VideoResamplerMethod,
};
use packager::{Grid, MediaTime, Slug};

use super::{
    Layout, Tile,
    inbox::Picture,
    label::Label,
    paint::{Sheet, Sizes},
};
use crate::Rung;

/// Tiles, and the picture that they are painted on.
pub(super) struct Wall {
    grid: Grid,
    sizes: Sizes,
    /// Everything that does not move: ground, labels, and what tiles say without a picture.
    blank: Vec<u8>,
    views: Vec<View>,
}

/// One camera's tile.
struct View {
    camera: Slug,
    label: Label,
    kept: VecDeque<(u64, Vec<u8>)>,
    /// When the newest came.
    came: MediaTime,
    scaler: Option<Scaler>,
}

struct Scaler {
    canvas: Rung,
    from: VideoInfo,
    to: VideoInfo,
    converter: VideoConverter,
    /// A tile of GStreamer's shape.
    tile: gst::Buffer,
}

impl Wall {
    pub fn new(grid: Grid, canvas: Rung, layout: Layout) -> Self {
        let sizes = Sizes::new(canvas, layout.side);
        let (width, height) = sizes.tile();
        let mut blank = Sheet::blank(sizes);
        let mut sheet = Sheet { sizes, out: &mut blank };
        let view = |(place, Tile { camera, label, absent, .. })| {
            let label = Label::new(&format!("{} {label}", place + 1), camera.as_str(), width, height);
            sheet.absent(place, &Label::new(absent, absent, width, height));
            sheet.label(place, &label);
            View { camera, label, kept: VecDeque::new(), came: MediaTime(0), scaler: None }
        };
        let views = layout.tiles.into_iter().enumerate().map(view).collect();
        Self { grid, sizes, blank, views }
    }

    /// Takes a camera's picture that has come now, when it is newer than all before.
    pub fn keep(&mut self, camera: &Slug, picture: &Picture, now: MediaTime) {
        let Some(view) = self.views.iter_mut().find(|view| view.camera == *camera) else { return };
        if view.kept.back().is_some_and(|(newest, _)| picture.frame <= *newest) {
            return;
        }
        if view.scaler.as_ref().is_none_or(|scaler| scaler.canvas != picture.canvas) {
            view.scaler = Scaler::new(picture.canvas, self.sizes.tile(), self.grid);
        }
        if let Some(tile) = view.scaler.as_mut().and_then(|scaler| scaler.scale(&picture.buffer)) {
            view.kept.push_back((picture.frame, tile));
            view.came = now;
        }
    }

    /// Whether every camera of which something has come since `lately` has come as far as a slot, and there is one.
    pub fn has(&self, frame: u64, lately: MediaTime) -> bool {
        let mut newest =
            self.views.iter().filter(|view| view.came > lately).filter_map(|view| view.kept.back()).peekable();
        newest.peek().is_some() && newest.all(|(newest, _)| *newest >= frame)
    }

    /// Paints a slot, with each camera's picture of that slot, or the one before it if it is no older than `stays` slots;
    /// what came before is forgotten.
    pub fn paint(&mut self, frame: u64, stays: u64, out: &mut [u8]) {
        out.copy_from_slice(&self.blank);
        let mut sheet = Sheet { sizes: self.sizes, out };
        for (place, view) in self.views.iter_mut().enumerate() {
            while view.kept.get(1).is_some_and(|(next, _)| *next <= frame) {
                view.kept.pop_front();
            }
            if let Some((_, tile)) = view.kept.front().filter(|(of, _)| *of <= frame && frame - of <= stays) {
                sheet.tile(place, tile);
                sheet.label(place, &view.label);
            }
        }
    }
}

impl Scaler {
    fn new(canvas: Rung, (width, height): (usize, usize), grid: Grid) -> Option<Self> {
        let rate = gst::Fraction::new(grid.rate.num().cast_signed(), grid.rate.den().cast_signed());
        let hd: VideoColorimetry = "bt709".parse().ok()?;
        let info =
            |width, height| VideoInfo::builder(VideoFormat::I420, width, height).fps(rate).colorimetry(&hd).build();
        let from = info(canvas.width(), canvas.height).ok()?;
        let to = info(u32::try_from(width).ok()?, u32::try_from(height).ok()?).ok()?;
        let mut config = VideoConverterConfig::new();
        config.set_resampler_method(VideoResamplerMethod::Linear);
        let converter = VideoConverter::new(&from, &to, Some(config)).ok()?;
        let tile = gst::Buffer::with_size(to.size()).ok()?;
        Some(Self { canvas, from, to, converter, tile })
    }

    /// The planes of a picture in a tile's size, without padding.
    fn scale(&mut self, picture: &gst::Buffer) -> Option<Vec<u8>> {
        let mut to = VideoFrameRef::from_buffer_ref_writable(self.tile.get_mut()?, &self.to).ok()?;
        self.converter.frame_ref(&VideoFrameRef::from_buffer_ref_readable(picture, &self.from).ok()?, &mut to);
        let (width, height) = (self.to.width() as usize, self.to.height() as usize);
        let mut planes = Vec::with_capacity(width * height * 3 / 2);
        for (plane, half) in [(0, 1), (1, 2), (2, 2)] {
            let stride = usize::try_from(*to.plane_stride().get(plane)?).ok()?;
            let data = to.plane_data(u32::try_from(plane).ok()?).ok()?;
            data.chunks(stride).take(height / half).for_each(|row| planes.extend_from_slice(&row[..width / half]));
        }
        Some(planes)
    }
}
