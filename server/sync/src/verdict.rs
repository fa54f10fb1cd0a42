//! What may be concluded of how late a camera is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    look::{CELLS, Seen},
    measure::{correlate, median},
};

/// Lags that are looked for, in seconds: more than a camera is late by.
const MOST: f64 = 4.0;
/// How alike two whole pictures' changes must be, and by how much more than at any other lag.
const WHOLE: (f64, f64) = (0.6, 0.2);
/// The same of parts of them, of which there are many to choose from.
const PART: (f64, f64) = (0.8, 0.25);
/// The same of sounds.
const SOUND: (f64, f64) = (0.5, 0.15);
/// A flash makes the whole picture lighter by so much from one frame to the next.
const FLASH: f64 = 20.0;
/// Strips in this many frames are enough.
const STRIPS: usize = 10;

/// By what a delay was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// The machine-readable strip of synthetic pictures.
    Strip,
    /// A flash.
    Flash,
    /// What moves in the whole picture.
    Picture,
    /// What changes in a part of it, as the digits of a scoreboard.
    Region,
    /// The same electrical sound.
    Sound,
}

/// How late a camera is against the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Delay {
    /// By what.
    pub by: By,
    /// Milliseconds; less than 0 when it is early.
    pub behind_ms: f64,
    /// From 0 to 1.
    pub confidence: f64,
}

/// By picture: by the surest means that both cameras' pictures have.
pub(crate) fn by_picture(reference: &Seen, camera: &Seen, fps: f64) -> Option<Delay> {
    strip(reference, camera, fps)
        .or_else(|| flash(reference, camera, fps))
        .or_else(|| whole(reference, camera, fps))
        .or_else(|| region(reference, camera, fps))
}

/// By sound, in milliseconds. Whether that says anything of the camera is not known here.
pub(crate) fn by_sound(reference: &BTreeMap<i64, f64>, camera: &BTreeMap<i64, f64>) -> Option<Delay> {
    let peak = correlate(reference, camera, (MOST * 1e3) as i64, 20)?;
    let sure = peak.height >= SOUND.0 && peak.height - peak.next >= SOUND.1;
    sure.then(|| Delay { by: By::Sound, behind_ms: peak.lag as f64, confidence: round(peak.height) })
}

fn strip(reference: &Seen, camera: &Seen, fps: f64) -> Option<Delay> {
    if reference.strips.len() < STRIPS || camera.strips.len() < STRIPS {
        return None;
    }
    let (one, other) = (median(reference.strips.clone())?, median(camera.strips.clone())?);
    let frame = 1e3 / fps;
    let near = camera.strips.iter().filter(|strip| (*strip - other).abs() <= frame).count();
    // What was drawn earlier stands later.
    Some(Delay {
        by: By::Strip,
        behind_ms: (one - other).round(),
        confidence: round(near as f64 / camera.strips.len() as f64),
    })
}

fn flash(reference: &Seen, camera: &Seen, fps: f64) -> Option<Delay> {
    let (ours, theirs) = (flashes(reference)?, flashes(camera)?);
    let most = (MOST * fps) as i64;
    // How many flashes each lag explains, a frame more or less.
    let explained =
        |lag: i64| ours.iter().filter(|at| theirs.iter().any(|other| (other - *at - lag).abs() <= 1)).count();
    let exact = |lag: i64| ours.iter().filter(|at| theirs.contains(&(*at + lag))).count();
    let best = (-most..=most).max_by_key(|lag| (explained(*lag), exact(*lag), -lag.abs()))?;
    let (found, few) = (explained(best), ours.len().min(theirs.len()));
    let rival = (-most..=most).filter(|lag| (lag - best).abs() > 2).map(explained).max()?;
    let sure = found > 0 && found > rival && found * 2 >= few;
    let confidence = round((found - rival.min(found)) as f64 / few as f64);
    sure.then(|| Delay { by: By::Flash, behind_ms: (best as f64 * 1e3 / fps).round(), confidence })
}

/// The frames in which the whole picture becomes lighter at once; `None` when there is none.
fn flashes(seen: &Seen) -> Option<Vec<i64>> {
    let frames: Vec<_> = seen.cells.iter().collect();
    let steps: Vec<(i64, f64)> = frames
        .windows(2)
        .map(|pair| {
            let ((_, one), (at, next)) = (pair[0], pair[1]);
            let mut rises: [f32; CELLS] = std::array::from_fn(|cell| next[cell] - one[cell]);
            // Nearly everywhere, not much in one place.
            rises.sort_by(f32::total_cmp);
            (*at, f64::from(rises[CELLS / 4]))
        })
        .collect();
    let usual = median(steps.iter().map(|(_, step)| step.abs()).collect())?;
    let found: Vec<i64> = steps.iter().filter(|(_, step)| *step >= FLASH.max(usual * 8.0)).map(|(at, _)| *at).collect();
    (!found.is_empty()).then_some(found)
}

fn whole(reference: &Seen, camera: &Seen, fps: f64) -> Option<Delay> {
    let all: Vec<usize> = (0..CELLS).collect();
    let (one, other) = (changes(reference, &all), changes(camera, &all));
    alike(&one, &other, fps, WHOLE, By::Picture)
}

/// Any part of the one picture against any part of the other: a scoreboard stands elsewhere in each.
fn region(reference: &Seen, camera: &Seen, fps: f64) -> Option<Delay> {
    let parts = |seen: &Seen| -> Vec<BTreeMap<i64, f64>> { (0..CELLS).map(|cell| changes(seen, &[cell])).collect() };
    let (ours, theirs) = (parts(reference), parts(camera));
    let pairs = ours.iter().flat_map(|one| theirs.iter().map(move |other| (one, other)));
    pairs
        .filter_map(|(one, other)| alike(one, other, fps, PART, By::Region))
        .max_by(|a, b| a.confidence.total_cmp(&b.confidence))
}

fn alike(
    one: &BTreeMap<i64, f64>,
    other: &BTreeMap<i64, f64>,
    fps: f64,
    (height, margin): (f64, f64),
    by: By,
) -> Option<Delay> {
    let peak = correlate(one, other, (MOST * fps) as i64, 3)?;
    let sure = peak.height >= height && peak.height - peak.next >= margin;
    let behind_ms = (peak.lag as f64 * 1e3 / fps).round();
    sure.then(|| Delay { by, behind_ms, confidence: round(peak.height) })
}

/// How much some cells change with each frame. What an encoder makes of a picture that stands still is nothing.
fn changes(seen: &Seen, cells: &[usize]) -> BTreeMap<i64, f64> {
    const STILL: f64 = 0.5;
    let frames: Vec<_> = seen.cells.iter().collect();
    let step = |pair: &[(&i64, &[f32; CELLS])]| {
        let sum: f64 = cells.iter().map(|cell| f64::from((pair[1].1[*cell] - pair[0].1[*cell]).abs())).sum();
        let mean = sum / cells.len() as f64;
        (*pair[1].0, if mean < STILL { 0.0 } else { mean })
    };
    frames.windows(2).map(step).collect()
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten seconds at 25 frames: `draw` says what a cell is in a frame, and the camera is so many frames late.
    fn seen(late: i64, draw: impl Fn(i64, usize) -> f32) -> Seen {
        let cells = (0..250).map(|frame| (90_000 + frame, std::array::from_fn(|cell| draw(frame - late, cell))));
        Seen { cells: cells.collect(), strips: Vec::new() }
    }

    /// A number from 0 to 96 that does not repeat.
    fn wobble(frame: i64) -> f32 {
        let mixed = frame.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed >> 40) % 97) as f32
    }

    #[test]
    fn one_flash_is_enough() {
        let stadium = |frame: i64, _: usize| if (100..104).contains(&frame) { 200.0 } else { 80.0 };
        let delay = by_picture(&seen(0, stadium), &seen(7, stadium), 25.0).expect("measured");
        assert_eq!((delay.by, delay.behind_ms), (By::Flash, 280.0));
        // One that comes each second could be any.
        let strobe = |frame: i64, _: usize| if frame.rem_euclid(25) < 4 { 200.0 } else { 80.0 };
        assert_eq!(by_picture(&seen(0, strobe), &seen(7, strobe), 25.0), None);
    }

    #[test]
    fn what_moves_is_recognised_and_what_does_not_is_not() {
        let moving = |frame: i64, cell: usize| 80.0 + wobble(frame) * (cell % 3) as f32 / 5.0;
        let delay = by_picture(&seen(0, moving), &seen(-3, moving), 25.0).expect("measured");
        assert_eq!((delay.by, delay.behind_ms), (By::Picture, -120.0));
        let other = |frame: i64, cell: usize| 80.0 + wobble(frame * 3 + 11) * (cell % 5) as f32 / 5.0;
        assert_eq!(by_picture(&seen(0, moving), &seen(0, other), 25.0), None, "two pictures of different things");
        assert_eq!(by_picture(&seen(0, |_, _| 80.0), &seen(7, |_, _| 80.0), 25.0), None, "nothing moves");
    }

    #[test]
    fn a_scoreboard_in_another_corner_is_found() {
        // The rest of each picture moves by itself. The digits change at no regular times.
        let digits = |frame: i64| (0..frame.max(0)).filter(|f| (f * f + f / 7) % 19 == 3).count() as f32 % 2.0 * 60.0;
        let picture = |corner: usize, salt: i64| {
            move |frame: i64, cell: usize| {
                if cell == corner { digits(frame) } else { 60.0 + wobble(frame * salt + cell as i64 * 31) / 3.0 }
            }
        };
        let delay = by_picture(&seen(0, picture(0, 3)), &seen(7, picture(CELLS - 1, 5)), 25.0).expect("measured");
        assert_eq!((delay.by, delay.behind_ms), (By::Region, 280.0));
    }
}
