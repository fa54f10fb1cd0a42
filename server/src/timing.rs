//! What is known of each camera's clock: what it is placed by, skew to the reference camera, drift, and a warning when
//! something is wrong.

use std::{sync::Arc, time::Duration};

use capture::Basis;

use crate::{app::App, http, lineup::Camera};

/// How often clocks are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What is known of a camera's clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timing {
    /// What its pictures are placed by.
    pub basis: Basis,
    /// How far its pictures stand behind those of the reference camera, in milliseconds; `None` where nothing says.
    pub skew_ms: Option<f64>,
    /// How much faster than ours its clock runs, in parts per million; `None` where nothing says.
    pub drift_ppm: Option<f64>,
    /// What is wrong, as a sentence for a person.
    pub warning: Option<String>,
}

/// Looks at every camera's clock until the process ends, and tells every page when something becomes wrong or right.
pub async fn watch(app: Arc<App>) {
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        look(&app);
    }
}

fn look(app: &App) {
    let lineup = app.lineup();
    let measured = |camera: &Camera| camera.meter.lock().as_ref().map(capture::Meter::timing).unwrap_or_default();
    let Some(reference) = lineup.reference() else { return };
    let behind = measured(reference).behind;
    let frame_ms = app.venue.grid.frame_time(1).0 as f64 / 1e6;
    for camera in &lineup.cameras {
        let is_reference = camera.id == reference.id;
        let now = of(measured(camera), (!is_reference).then_some((reference.id.as_str(), behind)), frame_ms);
        let news = {
            let mut known = camera.timing.lock();
            let news = (known.basis, &known.warning) != (now.basis, &now.warning);
            *known = now.clone();
            news
        };
        if news {
            tracing::info!(camera = %camera.id, time = now.basis.as_str(), warning = now.warning, "camera's clock");
            app.events.tell_apart("camera.state", &http::camera_for_crew(camera), &http::camera_object(camera));
        }
    }
}

/// `reference`: the other camera's id, and how far its pictures stand behind their capture; `None` for that camera itself.
fn of(measured: capture::Timing, reference: Option<(&str, Option<i64>)>, frame_ms: f64) -> Timing {
    let tenths = |value: f64| (value * 10.0).round() / 10.0;
    let skew_ms = match reference {
        None => measured.behind.map(|_| 0.0),
        Some((_, other)) => measured.behind.zip(other).map(|(one, other)| tenths((one - other) as f64 / 1e6)),
    };
    let mut warnings = Vec::new();
    if let Some(latency) = measured.disbelieved {
        let seconds = latency as f64 / 1e9;
        let off = if seconds < 0.0 { "ahead of" } else { "behind" };
        // One digit is enough, and does not change each second.
        warnings.push(format!(
            "the sender's clock is {:.0} s {off} ours and cannot be believed: placed by arrival; set the clock of the camera, or ours",
            seconds.abs().max(1.0)
        ));
    }
    if let (Some(skew), Some((other, _))) = (skew_ms, reference)
        && skew.abs() > frame_ms
    {
        let side = if skew > 0.0 { "behind" } else { "ahead of" };
        // In whole frames, so that jitter does not make a new sentence each second.
        let frames = (skew.abs() / frame_ms).round();
        warnings.push(format!(
            "its pictures stand {frames} frames {side} those of \"{other}\": change `offset_ms`, or set `time = \"auto\"`"
        ));
    }
    let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    Timing { basis: measured.basis, skew_ms, drift_ppm: measured.drift_ppm.map(tenths), warning }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn camera(behind: Option<i64>) -> capture::Timing {
        capture::Timing { behind, ..Default::default() }
    }

    #[test]
    fn skew_beyond_one_frame_is_a_warning() {
        for (behind, other, skew, warns) in [
            (Some(0), Some(0), Some(0.0), false),
            (Some(30 * MS), Some(0), Some(30.0), false),
            (Some(280 * MS), Some(0), Some(280.0), true),
            (Some(0), Some(280 * MS), Some(-280.0), true),
            (None, Some(0), None, false),
            (Some(0), None, None, false),
        ] {
            let timing = of(camera(behind), Some(("main", other)), 40.0);
            assert_eq!(timing.skew_ms, skew);
            assert_eq!(timing.warning.is_some(), warns, "{timing:?}");
        }
        assert_eq!(of(camera(Some(280 * MS)), None, 40.0).skew_ms, Some(0.0), "the reference itself");
        let said = of(camera(Some(280 * MS)), Some(("main", Some(0))), 40.0).warning;
        assert!(said.is_some_and(|said| said.contains("7 frames behind") && said.contains("\"main\"")));
    }

    #[test]
    fn a_clock_that_is_not_believed_says_how_far_off_it_is() {
        let wrong = capture::Timing { disbelieved: Some(-3_600_000 * MS), ..Default::default() };
        let said = of(wrong, Some(("main", Some(0))), 40.0).warning;
        assert!(said.is_some_and(|said| said.contains("3600 s ahead of ours") && said.contains("arrival")));
    }
}
