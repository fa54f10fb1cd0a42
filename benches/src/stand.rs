//! Where servers are measured: one camera from a file, passed through, so that the server under test paints and encodes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::{
    peers::{Multimux, Nginx},
    process::{Virage, get, pause, text},
};

/// The live playlist of the one camera.
pub const LIVE: &str = "/live/main/source/index.m3u8";
/// The same for players without parts.
pub const PLAIN: &str = "/live/main/source/plain.m3u8";

/// Virage with one camera and a published highlight, and nginx with the very same bytes at the very same paths.
pub struct Stand {
    _folder: tempfile::TempDir,
    /// The server that is measured.
    pub virage: Virage,
    /// The files' yardstick.
    pub nginx: Nginx,
    /// The origin that repackages the same clip, where it was built.
    pub multimux: Option<Multimux>,
    /// A media object of a highlight, near 64 kB.
    pub media: Object,
    /// The plain playlist.
    pub playlist: Object,
    /// The highlight's multivariant playlist.
    pub highlight: String,
    /// The clip of 20 s that the camera is.
    pub clip: PathBuf,
}

/// What is asked for again and again.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its path on the server.
    pub path: String,
    /// Bytes.
    pub size: usize,
}

impl Object {
    /// Looks at what a server has there.
    ///
    /// # Errors
    /// When it has nothing.
    pub fn of(base: &str, path: &str) -> Result<Self> {
        Ok(Self { path: path.to_owned(), size: get(&format!("{base}{path}"))?.len() })
    }
}

impl Stand {
    /// The same server once more, whose memory nobody has used yet; ended with its folder when dropped.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn fresh(&self) -> Result<(Virage, tempfile::TempDir)> {
        let folder = tempfile::tempdir()?;
        let virage = serve(folder.path(), &folder.path().join("data"), &self.clip)?;
        virage.wait(LIVE)?;
        // A mark wants something that it can be of.
        pause(Duration::from_secs(3));
        Ok((virage, folder))
    }

    /// Starts all, publishes a highlight of 8 s and copies it.
    ///
    /// # Errors
    /// When a program is missing or does not answer.
    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let clip = folder.path().join("clip.ts");
        paint(&clip, "640x360", 25, 500)?;
        let data = folder.path().join("data");
        let virage = serve(folder.path(), &data, &clip)?;
        let multimux = Multimux::start(folder.path(), &clip)?;
        virage.wait(LIVE)?;
        // As much past as a mark wants.
        pause(Duration::from_secs(11));
        let mark = virage.post("/api/v1/marks", &json!({"kind": "goal", "before": 8, "after": 0}))?;
        let made = virage.post("/api/v1/highlights", &json!({"mark": mark["id"], "publish": true}))?;
        let highlight = made["urls"]["multivariant"].as_str().context("a highlight's address")?.to_owned();
        let root = folder.path().join("files");
        let copied = mirror(&virage.url, &highlight, &root)?;
        let media = copied.into_iter().filter(|o| o.path.ends_with(".m4s")).min_by_key(|o| o.size.abs_diff(65_536));
        save(&virage.url, PLAIN, &root)?;
        let playlist = Object::of(&virage.url, PLAIN)?;
        let nginx = Nginx::start(folder.path(), &root, Some(&data.join("tls")))?;
        let media = media.context("a highlight without media")?;
        Ok(Self { _folder: folder, virage, nginx, multimux, media, playlist, highlight, clip })
    }
}

/// Starts a server whose only camera is the clip.
fn serve(folder: &Path, data: &Path, clip: &Path) -> Result<Virage> {
    let config = folder.join("virage.toml");
    fs::write(
        &config,
        format!(
            "[server]\nlisten = \"127.0.0.1:0\"\ntls = {{ listen = \"127.0.0.1:0\" }}\ndata = {data:?}\n\
             [venue]\nname = \"bench\"\nfps = \"25\"\nring = \"10m\"\n\
             [capture]\nfolders = [{:?}]\n\
             [[camera]]\nid = \"main\"\nsource = \"file://{}?loop=true\"\npassthrough = true\n",
            clip.parent().context("a clip's folder")?,
            clip.display()
        ),
    )?;
    Virage::start(&["serve", "--config", config.to_str().context("a name")?], data)
}

/// Makes a clip with a key frame a second, at a constant rate.
///
/// # Errors
/// When ffmpeg is missing or fails.
pub fn paint(clip: &Path, size: &str, fps: u32, kbps: u32) -> Result<()> {
    let rate = format!("{kbps}k");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &format!("testsrc2=size={size}:rate={fps}"), "-t", "20"])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", &rate, "-minrate", &rate])
        .args(["-maxrate", &rate, "-bufsize", &format!("{}k", kbps / 2), "-nal-hrd", "cbr", "-sc_threshold", "0"])
        .args(["-g", &fps.to_string(), "-f", "mpegts"])
        .arg(clip)
        .status()
        .context("cannot start ffmpeg")?;
    if !status.success() {
        bail!("ffmpeg made no clip");
    }
    Ok(())
}

/// Copies playlists and what they name, at the same paths.
fn mirror(base: &str, path: &str, root: &Path) -> Result<Vec<Object>> {
    let (mut todo, mut done) = (vec![path.to_owned()], Vec::<Object>::new());
    while let Some(path) = todo.pop() {
        if done.iter().any(|o| o.path == path) {
            continue;
        }
        if path.ends_with(".m3u8") {
            let playlist = ended(base, &path)?;
            todo.extend(names(&playlist).map(|name| join(&path, &name)));
        }
        let size = save(base, &path, root)?;
        done.push(Object { path, size });
    }
    Ok(done)
}

/// A playlist once it has its end: a copy does not grow, and players wait for more of what does.
fn ended(base: &str, path: &str) -> Result<String> {
    for _ in 0..100 {
        let playlist = text(&format!("{base}{path}"))?;
        if ["#EXT-X-ENDLIST", "#EXT-X-STREAM-INF"].iter().any(|end| playlist.contains(end)) {
            return Ok(playlist);
        }
        pause(Duration::from_millis(100));
    }
    bail!("{path} does not end")
}

fn save(base: &str, path: &str, root: &Path) -> Result<usize> {
    let bytes = get(&format!("{base}{path}"))?;
    let file = root.join(path.trim_start_matches('/'));
    fs::create_dir_all(file.parent().context("a path without a folder")?)?;
    fs::write(file, &bytes)?;
    Ok(bytes.len())
}

/// What a playlist names.
fn names(playlist: &str) -> impl Iterator<Item = String> {
    playlist.lines().filter_map(|line| match line.strip_prefix('#') {
        Some(tag) => tag.split("URI=\"").nth(1)?.split('"').next().map(str::to_owned),
        None => Some(line.trim().to_owned()).filter(|l| !l.is_empty()),
    })
}

/// A path seen from another.
pub fn join(from: &str, name: &str) -> String {
    if name.starts_with('/') {
        return name.to_owned();
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => (),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_seen_from_their_playlist() {
        assert_eq!(join("/live/main/a/index.m3u8", "../../../media/x.m4s"), "/media/x.m4s");
        assert_eq!(join("/live/index.m3u8", "main/a.m3u8"), "/live/main/a.m3u8");
        assert_eq!(join("/live/index.m3u8", "/a.m3u8"), "/a.m3u8");
    }

    #[test]
    fn a_playlist_names_lines_and_uris() {
        let playlist = "#EXTM3U\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1,\n1.m4s\n\n#EXT-X-ENDLIST\n";
        assert_eq!(names(playlist).collect::<Vec<_>>(), ["init.mp4", "1.m4s"]);
    }
}
