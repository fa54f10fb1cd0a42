//! The mosaic of all angles: the camera `multiview`, whose source is `multiview://auto` or `multiview://{n}x{n}`.

use packager::Slug;
use toml::Spanned;

use super::{
    Camera, Config, Source,
    check::{Check, ConfigError},
    file,
};

/// The mosaic's id, and its source's scheme. No other camera can have them.
const ID: &str = "multiview";
/// Tiles a side.
const SIDES: std::ops::RangeInclusive<u32> = 2..=4;

/// What is read of a source of this scheme; nothing when it has another.
pub(super) fn source(check: &Check<'_>, id: &Slug, address: &Spanned<String>) -> Result<Option<Source>, ConfigError> {
    let Some(layout) = address.get_ref().strip_prefix("multiview://") else {
        if id.as_str() != ID {
            return Ok(None);
        }
        let message = "camera \"multiview\" is the mosaic of all angles: expected `source` as \"multiview://auto\"";
        return Err(check.at(address.span(), message));
    };
    if id.as_str() != ID {
        let message = format!("camera \"{id}\": only the camera \"multiview\" can be the mosaic of all angles");
        return Err(check.at(address.span(), message));
    }
    let side = SIDES.into_iter().find(|side| layout == format!("{side}x{side}"));
    if side.is_none() && layout != "auto" {
        let message = "camera \"multiview\", `source`: expected multiview://auto, multiview://2x2, multiview://3x3 or \
                       multiview://4x4";
        return Err(check.at(address.span(), message));
    }
    Ok(Some(Source::Multiview(side)))
}

/// Refuses what a mosaic has none of.
pub(super) fn fields(check: &Check<'_>, camera: &file::Camera) -> Result<(), ConfigError> {
    let given = [
        ("bearing", camera.bearing.as_ref().map(Spanned::span)),
        ("offset_ms", camera.offset_ms.as_ref().map(Spanned::span)),
        ("max_gop", camera.max_gop.as_ref().map(Spanned::span)),
        ("time", camera.time.as_ref().map(Spanned::span)),
        ("passthrough", camera.passthrough.then(|| camera.id.span())),
    ];
    if let Some((name, Some(span))) = given.into_iter().find(|(_, span)| span.is_some()) {
        return Err(check.at(span, format!("camera \"multiview\": a mosaic has no `{name}`: leave it out")));
    }
    if camera.rungs.is_empty() {
        return Err(check.at(camera.id.span(), "camera \"multiview\": expected `rungs`, one at least; found none"));
    }
    Ok(())
}

/// Looks whether there is room for all cameras; the mosaic is the last of them and as late as the latest, and its own wait.
pub(super) fn complete(check: &Check<'_>, text: &Spanned<String>, cameras: &mut [Camera]) -> Result<(), ConfigError> {
    let Some((mosaic, others)) = cameras.split_last_mut() else { return Ok(()) };
    let wanted = match mosaic.source {
        Source::Multiview(wanted) => wanted,
        _ => return Ok(()),
    };
    if !fits(wanted.unwrap_or(*SIDES.end()), others.len()) {
        let (count, found) = (others.len(), text.get_ref());
        let message = match smallest(others.len()) {
            Some(side) => format!(
                "camera \"multiview\", `source`: expected room for {count} cameras, as multiview://{side}x{side} or \
                 multiview://auto have; found {found:?}"
            ),
            None => format!("camera \"multiview\": expected no more than 16 cameras beside it; found {count}"),
        };
        return Err(check.at(text.span(), message));
    }
    let latest = others.iter().map(|camera| camera.offset_ms).max().unwrap_or(0).max(0);
    mosaic.offset_ms = latest + ::capture::Mosaic::WAITS_MS;
    Ok(())
}

fn fits(side: u32, cameras: usize) -> bool {
    cameras <= (side * side) as usize
}

/// The smallest side that has room.
fn smallest(cameras: usize) -> Option<u32> {
    SIDES.into_iter().find(|side| fits(*side, cameras))
}

/// Who stands where in the mosaic: in the order of bearings. `None` when there is no mosaic.
pub(crate) fn layout(config: &Config) -> Option<::capture::Layout> {
    let (mosaic, others) = config.cameras.split_last()?;
    let Source::Multiview(wanted) = mosaic.source else { return None };
    let tile = |camera: &Camera| ::capture::Tile {
        camera: camera.id.clone(),
        label: camera.name.clone(),
        offset_ms: camera.offset_ms,
        absent: match camera {
            camera if camera.paused => "PAUSED",
            // It is not decoded.
            camera if camera.rungs.is_empty() => "NO RUNGS",
            _ => "NO SIGNAL",
        },
    };
    let side = wanted.or_else(|| smallest(others.len())).unwrap_or(*SIDES.end());
    Some(::capture::Layout { side, tiles: others.iter().map(tile).collect() })
}
