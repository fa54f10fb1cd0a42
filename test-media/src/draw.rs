//! The cameras: what each of them sees of the match, as I420 frames.
//!
//! What never moves (pitch, stands, boards, sky) is rendered once per camera, wider than the frame;
//! a frame is a window of it that follows play, with figures, ball, scoreboard and strip on top.

mod canvas;
mod crowd;
mod figure;
mod font;
mod goal;
mod lens;
mod place;
mod scoreboard;
mod stadium;

use crate::{
    Error,
    scene::{SEED, Scene},
    strip::{self, Strip},
};
use canvas::{Frame, Matrix, Planes};
use figure::Wardrobe;
use lens::Lens;
pub use place::{PLACES, Place};

/// A camera at its place round the pitch.
pub struct Camera {
    index: usize,
    scene: Scene,
    lens: Lens,
    background: Planes,
    flashes: crowd::Flashes,
    goals: [goal::Net; 2],
    wardrobe: Wardrobe,
    scoreboard: scoreboard::Scoreboard,
    width: usize,
    height: usize,
}

impl Camera {
    /// Camera `index` of [`PLACES`], with frames of `width` x `height` pixels, at the match of
    /// [`SEED`].
    ///
    /// Takes some tenths of a second for the background.
    ///
    /// # Errors
    /// [`Error::Camera`] for an index beyond [`PLACES`]; [`Error::Size`] for sides that are odd or
    /// beyond 160x90 to 1920x1080.
    pub fn new(index: usize, width: usize, height: usize) -> Result<Self, Error> {
        Self::with_seed(SEED, index, width, height)
    }

    /// The same at the match of another seed.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_seed(seed: u64, index: usize, width: usize, height: usize) -> Result<Self, Error> {
        let place = PLACES.get(index).ok_or(Error::Camera { found: index, last: PLACES.len() - 1 })?;
        let even = width.is_multiple_of(2) && height.is_multiple_of(2);
        if !even || !(160..=1920).contains(&width) || !(90..=1080).contains(&height) {
            return Err(Error::Size { width, height });
        }
        let matrix = Matrix::of_height(height);
        let lens = Lens::new(place, width, height);
        let mut background = stadium::render(&lens, &matrix);
        Ok(Camera {
            index,
            scene: Scene::new(seed),
            flashes: crowd::Flashes::find(&lens),
            goals: [goal::Net::new(&lens, -1.0), goal::Net::new(&lens, 1.0)],
            wardrobe: Wardrobe::new(&matrix),
            scoreboard: scoreboard::Scoreboard::new(place.name, &matrix, width, height),
            background: {
                background.grey_chroma(strip::rows(height));
                background
            },
            lens,
            width,
            height,
        })
    }

    /// Where the camera stands.
    pub fn place(&self) -> &'static Place {
        &PLACES[self.index]
    }

    /// Bytes of one I420 frame, tightly packed: `width * height * 3 / 2`.
    pub fn frame_len(&self) -> usize {
        self.width * self.height * 3 / 2
    }

    /// Draws the instant `t` (media time, seconds) into `out`, a tightly packed I420 frame.
    ///
    /// Limited range; BT.601 up to 576 lines and BT.709 above, as receivers assume of video that
    /// does not say.
    ///
    /// # Errors
    /// [`Error::Buffer`] when `out` is not [`frame_len`](Self::frame_len) bytes.
    pub fn draw(&mut self, t: f64, strip: Strip, out: &mut [u8]) -> Result<(), Error> {
        if out.len() != self.frame_len() {
            return Err(Error::Buffer { expected: self.frame_len(), found: out.len() });
        }
        let state = self.scene.state(t);
        let left = self.lens.follow(self.scene.focus(t), self.width);
        let mut frame = Frame::new(out, self.width, self.height);
        frame.window(&self.background, left);
        frame.shift = left as f32;

        self.flashes.draw(&mut frame, t, self.scene.excitement(t));
        let mut things: Vec<(f32, Thing)> = Vec::with_capacity(26);
        let depth = |x: f64, y: f64| self.lens.project([x as f32, y as f32, 0.0]).map_or(0.0, |p| p.depth);
        for (i, figure) in state.figures.iter().enumerate() {
            things.push((depth(figure.at.x, figure.at.y), Thing::Figure(i)));
        }
        things.push((depth(state.ball.at.x, state.ball.at.y), Thing::Ball));
        for net in 0..2 {
            things.push((depth(self.goals[net].line, 0.0), Thing::Net(net)));
        }
        things.sort_by(|a, b| b.0.total_cmp(&a.0));

        for figure in &state.figures {
            figure::shadow(&mut frame, &self.lens, figure);
        }
        for (_, thing) in things {
            match thing {
                Thing::Figure(i) => self.wardrobe.figure(&mut frame, &self.lens, &state.figures[i], i, t),
                Thing::Ball => self.wardrobe.ball(&mut frame, &self.lens, state.ball),
                Thing::Net(i) => self.goals[i].draw(&mut frame),
            }
        }
        let scored = self.scene.goals_between(t - 5.0, t + f64::EPSILON).last();
        self.scoreboard.draw(&mut frame, &state, scored);
        strip.draw(frame.luma(), self.width, self.height, self.width);
        Ok(())
    }
}

/// What is drawn from back to front.
enum Thing {
    Figure(usize),
    Ball,
    Net(usize),
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STRIP: Strip = Strip { camera: 1, frame: 2, utc_ms: 3 };

    #[test]
    fn every_camera_draws_and_shows_its_strip() {
        for index in 0..PLACES.len() {
            let mut camera = Camera::new(index, 320, 180).expect("a camera");
            let mut a = vec![0; camera.frame_len()];
            let mut b = a.clone();
            camera.draw(21.0, STRIP, &mut a).expect("a frame");
            camera.draw(21.4, STRIP, &mut b).expect("a frame");
            assert_eq!(Strip::read(&a, 320, 180, 320), Some(STRIP));
            assert_ne!(a, b, "{} stands still", camera.place().id);
            camera.draw(21.0, STRIP, &mut b).expect("a frame");
            assert_eq!(a, b, "the same instant is the same picture");
            assert!(a[320 * 12..320 * 180].iter().all(|y| (16..=235).contains(y)));
        }
    }

    #[test]
    fn wrong_arguments_are_refused() {
        assert!(matches!(Camera::new(8, 640, 360), Err(Error::Camera { found: 8, last: 7 })));
        for (width, height) in [(0, 0), (641, 360), (640, 361), (158, 90), (1922, 1080), (usize::MAX, 90)] {
            assert!(matches!(Camera::new(0, width, height), Err(Error::Size { .. })));
        }
        let mut camera = Camera::new(0, 160, 90).expect("a camera");
        assert!(matches!(camera.draw(0.0, STRIP, &mut [0; 9]), Err(Error::Buffer { expected: 21600, found: 9 })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn any_size_and_time_draws(index in 0usize..8, width in 80usize..200, height in 45usize..200, t: f64) {
            let (width, height) = (2 * width, 2 * height);
            let mut camera = Camera::new(index, width, height).expect("a camera");
            let mut frame = vec![0; camera.frame_len()];
            camera.draw(t, STRIP, &mut frame).expect("a frame");
            prop_assert_eq!(Strip::read(&frame, width, height, width), Some(STRIP));
        }
    }
}
