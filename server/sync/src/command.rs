//! `virage sync`: asks, measures, says, and writes when it is told to.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::Serialize;

use crate::{
    Error,
    fetch::{Camera, Server, Sound},
    listen::heard,
    look::Seen,
    verdict::{By, Delay, by_picture, by_sound},
};

/// Measures how late each camera of a running server is against another, by picture, and proposes `offset_ms`.
///
/// By the strip of synthetic pictures, a flash, what moves, or what changes in a part of the picture, as the digits of a
/// scoreboard. Sound counts only among inputs that are declared to carry the same electrical sound (`group` in `[[audio]]`):
/// microphones in a stadium hear the same thing up to 300 ms apart for each 100 m, and say where they stand, not how late
/// they are. Ends with 0 when every live camera was measured, with 1 when one was not.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The server's plain address.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The camera that all others are measured against; the first live one when left out.
    #[arg(long)]
    reference: Option<String>,
    /// How many of the last seconds are looked at.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(5..=120))]
    seconds: u16,
    /// Say it as JSON.
    #[arg(long)]
    json: bool,
    /// Write the proposed offsets into the server's configuration; without it nothing is changed.
    #[arg(long)]
    write: bool,
    /// The file that holds the crew's token (`crew.token` in the data folder).
    #[arg(long)]
    token_file: Option<PathBuf>,
}

/// What is said of one camera.
#[derive(Debug, Serialize)]
struct Line {
    camera: String,
    /// By what it was measured; `null` when it could not be.
    #[serde(flatten)]
    delay: Option<Delay>,
    offset_ms: i64,
    /// The offset that would put it in step; `null` when it is, or when nothing is proposed.
    proposed_ms: Option<i64>,
    /// How late its microphone hears, where that says nothing of the camera.
    acoustic_ms: Option<f64>,
    note: Option<String>,
    written: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    reference: String,
    cameras: Vec<Line>,
}

/// Offsets that differ by less than this are left alone: half of what can be seen at 25 frames.
const ENOUGH_MS: f64 = 20.0;

/// Runs the command. It blocks while it works.
///
/// # Errors
/// When nothing could be measured at all, or writing failed.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let token = args.token_file.as_deref().map(token).transpose()?;
    if args.write && token.is_none() {
        return Err(Error::Token);
    }
    let server = Server::new(&args.url, token)?;
    let mut report = measure(&server, args)?;
    if args.write {
        for line in &mut report.cameras {
            if let Some(offset) = line.proposed_ms {
                server.set_offset(&line.camera, offset)?;
                line.written = true;
            }
        }
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
    } else {
        print(&report, args.write);
    }
    let unknown = report.cameras.iter().any(|line| line.delay.is_none());
    Ok(ExitCode::from(u8::from(unknown)))
}

fn token(file: &Path) -> Result<String, Error> {
    let read = std::fs::read_to_string(file);
    let token = read.map_err(|source| Error::TokenFile { file: file.display().to_string(), source })?;
    Ok(token.trim().to_owned())
}

fn measure(server: &Server, args: &Args) -> Result<Report, Error> {
    let seconds = f64::from(args.seconds);
    let (num, den) = server.rate()?;
    let fps = f64::from(num) / f64::from(den);
    // A mosaic shows others: it has no delay of its own that could be set.
    let live = |camera: &Camera| camera.state == "live" && camera.tiles.is_none();
    let cameras: Vec<Camera> = server.cameras()?.into_iter().filter(live).collect();
    let known = || cameras.iter().map(|camera| camera.id.as_str()).collect::<Vec<_>>().join(", ");
    let wanted = |camera: &&Camera| args.reference.as_ref().is_none_or(|id| *id == camera.id);
    let found = || args.reference.clone().unwrap_or_default();
    let reference = cameras.iter().find(wanted).ok_or_else(|| Error::Reference { found: found(), known: known() })?;
    let sounds: BTreeMap<String, Sound> =
        server.sounds()?.into_iter().filter_map(|sound| Some((sound.camera.clone()?, sound))).collect();

    let look = |camera: &Camera| seen(server, camera, seconds, (num, den));
    let listen = |camera: &Camera| sounds.get(&camera.id).and_then(|sound| hearing(server, sound, seconds));
    let (seen, heard) = (look(reference)?, listen(reference));
    let group = |camera: &Camera| sounds.get(&camera.id).and_then(|sound| sound.group.as_deref());
    let mut lines = Vec::new();
    for camera in cameras.iter().filter(|camera| camera.id != reference.id) {
        let picture = by_picture(&seen, &look(camera)?, fps);
        let sound = heard.as_ref().zip(listen(camera).as_ref()).and_then(|(one, other)| by_sound(one, other));
        let electrical = group(camera).is_some() && group(camera) == group(reference);
        lines.push(line(camera, picture, sound, electrical, fps));
    }
    Ok(Report { reference: reference.id.clone(), cameras: lines })
}

fn line(camera: &Camera, picture: Option<Delay>, sound: Option<Delay>, electrical: bool, fps: f64) -> Line {
    let delay = picture.or(sound.filter(|_| electrical));
    let by_arrival = camera.time == "arrival";
    let proposed_ms = delay
        .filter(|delay| by_arrival && delay.behind_ms.abs() > ENOUGH_MS.min(500.0 / fps))
        .map(|delay| camera.offset_ms + delay.behind_ms as i64);
    let possible = proposed_ms.filter(|offset| (-1_000..=10_000).contains(offset));
    let note = match (&delay, proposed_ms, possible) {
        (None, ..) => Some("not measurable: nothing in the pictures says when".to_owned()),
        (Some(_), Some(offset), None) => {
            Some(format!("{offset} ms is no possible offset: measure against another camera"))
        }
        (Some(delay), None, _) if !by_arrival && delay.behind_ms.abs() > 1e3 / fps => {
            Some(format!("placed by its own time ({}), which is off: offset_ms would not be read", camera.time))
        }
        _ => None,
    };
    let acoustic_ms = sound.filter(|_| !electrical).map(|sound| sound.behind_ms);
    let (id, offset_ms) = (camera.id.clone(), camera.offset_ms);
    Line { camera: id, delay, offset_ms, proposed_ms: possible, acoustic_ms, note, written: false }
}

/// What is seen of a camera: its smallest picture that is large enough to read a strip in.
fn seen(server: &Server, camera: &Camera, seconds: f64, rate: (u32, u32)) -> Result<Seen, Error> {
    const READABLE: u32 = 180;
    let mut renditions: Vec<_> = camera.renditions.iter().collect();
    renditions.sort_by_key(|rendition| (rendition.height < READABLE, rendition.bandwidth));
    let Some(rendition) = renditions.first() else { return Ok(Seen::default()) };
    let name = format!("{}/{}", camera.id, rendition.id);
    let wrong = |e: cut::CutError| Error::Server { url: format!("/live/{name}"), why: e.to_string() };
    Seen::of(&server.media(&name, seconds)?, rate, rendition.id == "source").map_err(wrong)
}

/// What is heard of a sound; nothing when it cannot be had, which is no reason to stop.
fn hearing(server: &Server, sound: &Sound, seconds: f64) -> Option<BTreeMap<i64, f64>> {
    heard(&server.media(&format!("audio/{}", sound.id), seconds).ok()?).ok()
}

fn print(report: &Report, write: bool) {
    println!("Reference: {}", report.reference);
    println!(
        "{:<20} {:<8} {:>10} {:>11} {:>10} {:>10}",
        "camera", "by", "behind", "confidence", "offset_ms", "proposed"
    );
    for line in &report.cameras {
        let by = match line.delay.map(|delay| delay.by) {
            Some(By::Strip) => "strip",
            Some(By::Flash) => "flash",
            Some(By::Picture) => "picture",
            Some(By::Region) => "region",
            Some(By::Sound) => "sound",
            None => "-",
        };
        let behind = line.delay.map_or_else(|| "unknown".into(), |delay| format!("{:.0} ms", delay.behind_ms));
        let confidence = line.delay.map_or_else(String::new, |delay| format!("{:.2}", delay.confidence));
        let proposed = line.proposed_ms.map_or_else(|| "-".into(), |offset| offset.to_string());
        println!("{:<20} {by:<8} {behind:>10} {confidence:>11} {:>10} {proposed:>10}", line.camera, line.offset_ms);
        if let Some(acoustic) = line.acoustic_ms {
            println!("  acoustic, ± {:.0} ms: a microphone says where it stands; never proposed", acoustic.abs());
        }
        line.note.iter().for_each(|note| println!("  {note}"));
    }
    match (write, report.cameras.iter().any(|line| line.proposed_ms.is_some())) {
        (true, true) => println!("Written to the server's configuration."),
        (false, true) => println!("Nothing was changed: --write writes what is proposed."),
        (_, false) => println!("Nothing to change."),
    }
}
