//! Where the cameras stand. The main stand is in the west, so goal `-x` is north.

/// A camera's place round the pitch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Slug, as in the addresses of its media.
    pub id: &'static str,
    /// Name for people, shown beside the score.
    pub name: &'static str,
    /// Degrees clockwise round the pitch seen from above; 0 is behind the main stand.
    pub bearing: u16,
    /// Metres: along the pitch, across it, up.
    pub(crate) at: [f32; 3],
    /// The point of the pitch in the middle of the background.
    pub(crate) aim: [f32; 3],
    /// Horizontal field of view of a frame, in degrees.
    pub(crate) view: f32,
    /// Width of the background, in frames: what the camera pans over.
    pub(crate) pan: f32,
}

const fn place(
    id: &'static str,
    name: &'static str,
    bearing: u16,
    at: [f32; 3],
    aim: [f32; 3],
    view: f32,
    pan: f32,
) -> Place {
    Place { id, name, bearing, at, aim, view, pan }
}

/// Every camera there is, in order of index.
pub const PLACES: [Place; 8] = [
    place("main", "Main stand", 0, [0.0, -70.0, 19.0], [0.0, -2.0, 0.0], 48.0, 2.0),
    place("opposite", "Opposite", 180, [0.0, 66.0, 15.0], [0.0, 2.0, 0.0], 50.0, 2.0),
    place("goal-north", "North goal", 90, [-75.0, 0.0, 12.0], [-33.0, 0.0, 0.0], 50.0, 1.25),
    place("goal-south", "South goal", 270, [80.0, 0.0, 16.0], [32.0, 0.0, 0.0], 46.0, 1.25),
    place("corner-nw", "Corner NW", 45, [-58.0, -58.0, 18.0], [-10.0, -4.0, 0.0], 50.0, 1.35),
    place("corner-se", "Corner SE", 225, [58.0, 58.0, 14.0], [12.0, 6.0, 0.0], 50.0, 1.35),
    place("pitchside", "Pitchside", 340, [13.8, -38.0, 5.5], [8.0, -6.0, 0.0], 54.0, 2.0),
    place("tactical", "Tactical", 135, [-60.0, 60.0, 34.0], [-5.0, -1.0, 0.0], 58.0, 1.15),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearings_are_where_the_cameras_stand() {
        for place in PLACES {
            let bearing = (-place.at[0]).atan2(-place.at[1]).to_degrees().rem_euclid(360.0);
            assert!((bearing - f32::from(place.bearing)).abs() < 1.0, "{}: {bearing}", place.id);
        }
    }

    #[test]
    fn ids_are_slugs_and_differ() {
        for (i, place) in PLACES.iter().enumerate() {
            assert!(place.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
            assert!(PLACES[..i].iter().all(|other| other.id != place.id));
        }
    }
}
