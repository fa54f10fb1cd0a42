//! Changes of the configuration while the server runs: by the API, which writes them into the file, and by SIGHUP, which
//! reads the edited file.
//!
//! The file is the truth. What the API changes is in the file before anything is done and before it is answered; what
//! cannot be written is not done.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::Path,
    sync::Arc,
};

use arc_swap::ArcSwap;
use packager::Kind;
use parking_lot::Mutex;

use crate::{
    app::App,
    change,
    config::{Config, Document, Venue},
};

/// The configuration as it is written, and as it runs.
pub struct Settings {
    document: ArcSwap<Document>,
    /// One change at a time: each begins with what the one before left.
    changing: Mutex<()>,
}

/// Why a change is not made. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The change needs a restart.
    #[error("{0} cannot change while the server runs: change the configuration file and start the server again")]
    Fixed(String),
    /// Somebody is editing the file.
    #[error("the configuration file was edited since it was read: send the server SIGHUP to read it, then try again")]
    Edited,
    /// The file is not to be written.
    #[error("the configuration file is read-only")]
    ReadOnly,
    /// The disk refuses.
    #[error("the configuration file cannot be written: {0}")]
    Unwritten(#[from] io::Error),
}

impl Settings {
    /// The configuration that the server starts with.
    pub fn new(document: Document) -> Self {
        Self { document: ArcSwap::from_pointee(document), changing: Mutex::new(()) }
    }

    /// The configuration as it is now.
    pub fn document(&self) -> Arc<Document> {
        self.document.load_full()
    }
}

/// Changes the configuration: written, then done. Takes as long as cameras take to stop: not on a thread that answers
/// requests.
///
/// # Errors
/// What `edit` says, and whatever keeps the change from being written, as `refused` says it: nothing has changed then.
pub fn change<E>(
    app: &Arc<App>,
    edit: impl FnOnce(&Document) -> Result<Document, E>,
    refused: impl Fn(Refusal) -> E,
) -> Result<(), E> {
    let _alone = app.settings.changing.lock();
    let before = app.settings.document();
    let mut after = edit(&before)?;
    after.held = hold(app, &before.config, &mut after.config);
    // What an edited file has said before is known to wait for the next start.
    let fixed: Vec<&str> = after.held.iter().filter(|name| !before.held.contains(name)).map(String::as_str).collect();
    if !fixed.is_empty() {
        return Err(refused(Refusal::Fixed(fixed.join(", "))));
    }
    if let Some(file) = &after.file
        && before.text != after.text
    {
        write(file, &before.text, &after.text).map_err(refused)?;
    }
    after.config.take_over(&before.config.limits);
    app.settings.document.store(Arc::new(after.clone()));
    change::apply(app, Some(&before.config), &after.config);
    Ok(())
}

/// Reads the file again and does what it says. A wrong one is refused in the log, and nothing changes; so is what needs a
/// restart.
pub fn reload(app: &Arc<App>) {
    let _alone = app.settings.changing.lock();
    let before = app.settings.document();
    let Some(file) = &before.file else {
        tracing::warn!("there is no configuration file to read again: this is a demo");
        return;
    };
    let mut after = match Document::load(file) {
        Ok(after) => after,
        Err(error) => {
            tracing::error!(%error, "the configuration is wrong; nothing was changed");
            return;
        }
    };
    after.held = hold(app, &before.config, &mut after.config);
    if !after.held.is_empty() {
        tracing::warn!("not applied until the server is started again: {}", after.held.join(", "));
    }
    after.config.take_over(&before.config.limits);
    app.settings.document.store(Arc::new(after.clone()));
    change::apply(app, Some(&before.config), &after.config);
    tracing::info!(cameras = after.config.cameras.len(), "the configuration was read again");
}

/// Holds on to what cannot change while the server runs, and names it.
fn hold(app: &App, running: &Config, after: &mut Config) -> Vec<String> {
    let mut held = Vec::new();
    // What limits sources is taken over: `Config::take_over`.
    let Config { listen, tls, data, venue, encoder, cameras, sounds: _, limits: _, clock, reference: _ } = after;
    keep("server.listen", &running.listen, listen, &mut held);
    keep("server.tls", &running.tls, tls, &mut held);
    keep("server.data", &running.data, data, &mut held);
    let Venue { grid, ring, preset, name: _, club: _, accent: _ } = venue;
    let names = [
        ("venue.fps", running.venue.grid.rate != grid.rate),
        ("venue.part_frames", running.venue.grid.part_frames != grid.part_frames),
        ("venue.segment_frames", running.venue.grid.segment_frames != grid.segment_frames),
    ];
    held.extend(names.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned()));
    *grid = running.venue.grid;
    keep("venue.ring", &running.venue.ring, ring, &mut held);
    keep("venue.preset", &running.venue.preset, preset, &mut held);
    keep("capture.clock", &running.clock, clock, &mut held);
    keep("capture.encoder", &running.encoder, encoder, &mut held);
    for camera in cameras.iter_mut().filter(|camera| camera.passthrough) {
        // Its playlist's target duration follows it, and players are promised that it never changes.
        let offered = app.rendition(camera.id.as_str(), "source").and_then(|live| live.offered());
        if let Some(Kind::Source { max_gop }) = offered {
            keep(&format!("`max_gop` of camera \"{}\"", camera.id), &max_gop, &mut camera.max_gop, &mut held);
        }
    }
    held
}

fn keep<T: PartialEq + Clone>(name: &str, running: &T, after: &mut T, held: &mut Vec<String>) {
    if running != after {
        held.push(name.to_owned());
        *after = running.clone();
    }
}

/// Replaces the file by another of the same owner and permissions: at any moment it is the one or the other, whole.
fn write(file: &Path, before: &str, after: &str) -> Result<(), Refusal> {
    // A link stays one.
    let file = fs::canonicalize(file)?;
    if fs::read_to_string(&file)? != before {
        return Err(Refusal::Edited);
    }
    let known = fs::metadata(&file)?;
    // Also for whoever may write everything.
    if known.permissions().readonly() {
        return Err(Refusal::ReadOnly);
    }
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = file.with_file_name(name);
    let written = (|| {
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        out.write_all(after.as_bytes())?;
        // Only root may give a file away; to anybody else it belongs already.
        let _ = fchown(&out, Some(known.uid()), Some(known.gid()));
        out.set_permissions(fs::Permissions::from_mode(known.mode() & 0o7777))?;
        out.sync_all()?;
        fs::rename(&fresh, &file)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written?;
    // It is done; should the folder not be synced, a power cut may bring the old file back, whole.
    let _ = file.parent().map(|folder| File::open(folder)?.sync_all());
    Ok(())
}
