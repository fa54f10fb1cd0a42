//! The API's objects.

use packager::{Format, Slug};
use serde_json::{Value, json};

use crate::{
    app::App,
    catalog::{Highlight, Mark, Stage},
    lineup::{Camera, Sound},
};

/// A camera, as everybody may see it: why it is lost is the crew's alone, for addresses and paths of the venue stand there.
pub fn camera(camera: &Camera) -> Value {
    let mut object = camera_for_crew(camera);
    object["message"] = Value::Null;
    object
}

/// A camera, as the crew sees it.
pub fn camera_for_crew(camera: &Camera) -> Value {
    let (health, message) = camera.health.lock().clone();
    let renditions: Vec<Value> = camera
        .renditions
        .iter()
        .filter_map(|live| {
            live.timeline(|t| {
                let format = t.format.as_ref()?;
                let (width, height) = format.resolution()?;
                let (peak, _) = t.bandwidth();
                let codec = Format::codecs(format);
                Some(json!({"id": live.id.rendition.as_str(), "width": width, "height": height, "codec": codec, "bandwidth": peak}))
            })
        })
        .collect();
    let timing = camera.timing.lock().clone();
    let id = camera.id.as_str();
    let mut urls = json!({"live": format!("/live/{id}/index.m3u8"), "plain": format!("/live/{id}/plain.m3u8")});
    if camera.source().is_some() {
        urls["source"] = json!(format!("/live/{id}/source.m3u8"));
    }
    json!({
        "id": id, "name": camera.name, "bearing": camera.bearing, "tiles": camera.tiles, "state": health, "message": message,
        "encoder": camera.engine.map(capture::Engine::name), "encoder_tested": camera.engine.map(capture::Engine::is_tested),
        "renditions": renditions, "loose": camera.loose, "urls": urls, "offset_ms": camera.offset_ms,
        "time": timing.basis.as_str(),
        "skew_ms": timing.skew_ms, "drift_ppm": timing.drift_ppm, "warning": timing.warning,
    })
}

/// A sound.
pub(super) fn sound(sound: &Sound) -> Value {
    let id = sound.id.as_str();
    let urls = json!({"live": format!("/live/audio/{id}/index.m3u8")});
    let (camera, group) = (sound.camera.as_ref().map(Slug::as_str), sound.group.as_ref().map(Slug::as_str));
    let loudness = sound.loudness();
    // A tenth is what meters show.
    let tenth = |value: Option<f64>| value.map(|value| (value * 10.0).round() / 10.0);
    json!({
        "id": id, "name": sound.name, "language": sound.language, "camera": camera, "group": group, "urls": urls,
        "loudness": {
            "momentary": tenth(loudness.momentary), "short_term": tenth(loudness.short_term),
            "integrated": tenth(loudness.integrated), "true_peak": tenth(loudness.true_peak),
        },
    })
}

/// A mark.
pub(super) fn mark(app: &App, mark: &Mark) -> Value {
    let (from, to) = mark.range.times(app.venue.grid);
    json!({
        "id": mark.id, "kind": mark.kind, "in": app.wall(from).micros(), "out": app.wall(to).micros(),
        "created": packager::wall::Wall(mark.created).micros(),
    })
}

/// A highlight.
pub fn highlight(app: &App, h: &Highlight) -> Value {
    let (from, to) = h.range.times(app.venue.grid);
    let state = match h.stage {
        Stage::Draft => "draft",
        Stage::Recalled => "recalled",
        Stage::Published if !app.received(h) => "growing",
        Stage::Published => "published",
    };
    let id = &h.id;
    let angles: serde_json::Map<String, Value> = h
        .angles
        .iter()
        .map(|camera| (camera.clone(), json!(format!("/highlights/{id}/{camera}/index.m3u8"))))
        .collect();
    json!({
        "id": id, "state": state, "title": h.title, "kind": h.kind, "mark": h.mark,
        "in": app.wall(from).micros(), "out": app.wall(to).micros(), "duration": (to.0 - from.0) as f64 / 1e9,
        "version": h.version, "created": packager::wall::Wall(h.created).micros(),
        "urls": {
            "multivariant": format!("/highlights/{id}/index.m3u8"), "player": format!("/highlights/{id}/player.m3u8"),
            "poster": format!("/highlights/{id}/poster.jpg"), "angles": angles,
        },
    })
}
