//! `virage verify URL`.

use std::{
    collections::HashMap,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Args as Clap, builder::RangedU64ValueParser};
use tokio::task::JoinSet;
use url::Url;

use crate::{
    checks,
    fetch::{self, Ask, Fetch, Trust},
    follow::{self, Limits},
    observe::{Presentation, Role, Top},
    playlist::{self, Multivariant, Playlist},
    report::Report,
};

/// Checks an HLS or LL-HLS presentation against the rules that break players.
#[derive(Clone, Debug, Clap)]
pub struct Args {
    /// A multivariant or media playlist: http or https.
    pub url: String,
    /// How many seconds a live presentation is followed.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Fails on warnings too.
    #[arg(long)]
    pub strict: bool,
    /// Believes any certificate.
    #[arg(long, conflicts_with = "ca")]
    pub insecure: bool,
    /// Believes this authority (PEM) beside the public ones.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Media playlists that are followed; others are only counted.
    #[arg(long, default_value_t = 16, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub renditions: usize,
    /// Segments that are fetched of each playlist that has ended: its first ones, and the last.
    #[arg(long, default_value_t = 20, value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub segments: usize,
}

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not an address.
    #[error("`{0}` is not an http or https address")]
    Address(String),
    /// Nothing came from it.
    #[error("{url}: {why}")]
    Fetch {
        /// What was asked for.
        url: String,
        /// What went wrong.
        #[source]
        why: fetch::Error,
    },
    /// The client could not be made.
    #[error(transparent)]
    Client(#[from] fetch::Error),
    /// It was refused.
    #[error("{url}: answered with status {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// It is something else.
    #[error("{0}: this is not an HLS playlist")]
    NotPlaylist(String),
    /// Its only media playlist cannot be read.
    #[error("{url}: {why}")]
    Rendition {
        /// The playlist.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// The report cannot be written.
    #[error("the report cannot be written: {0}")]
    Output(String),
}

/// Checks and prints the report. Exit status: 0 clean, 1 findings (errors; with `--strict`, warnings too), 2 when no
/// media playlist was read.
///
/// # Errors
/// When nothing could be checked: the caller exits with 2.
pub async fn run(args: Args) -> Result<ExitCode, Error> {
    let report = check(&args).await?;
    let text = if args.json { report.json() } else { report.text() };
    let written = std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes());
    written.map_err(|e| Error::Output(e.to_string()))?;
    Ok(ExitCode::from(report.status(args.strict)))
}

/// Checks.
///
/// # Errors
/// When nothing could be checked.
pub async fn check(args: &Args) -> Result<Report, Error> {
    let url: Url = args.url.parse().map_err(|_| Error::Address(args.url.clone()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Error::Address(args.url.clone()));
    }
    let trust = match (&args.ca, args.insecure) {
        (_, true) => Trust::Anything,
        (Some(file), _) => Trust::Also(file.clone()),
        (None, _) => Trust::Public,
    };
    let fetch = Fetch::new(&trust)?;
    let answer = fetch.get(&url, Ask::playlist()).await;
    let answer = answer.map_err(|why| Error::Fetch { url: url.to_string(), why })?;
    if answer.meta.status != 200 {
        return Err(Error::Status { url: url.to_string(), status: answer.meta.status });
    }
    let limits = Limits { time: Duration::from_secs(args.seconds), segments: args.segments, start: Instant::now() };
    let mut seen = Presentation::default();
    let mut chosen = match playlist::read(&answer.text()) {
        None => return Err(Error::NotPlaylist(url.to_string())),
        Some(Playlist::Media(_)) => vec![(answer.meta.url, Role::Alone)],
        Some(Playlist::Multivariant(list)) => {
            let chosen = playlists(&answer.meta.url, &list, &mut seen.unchecked);
            seen.multivariant = Some(Top { url: answer.meta.url.clone(), meta: answer.meta, list });
            chosen
        }
    };
    if chosen.len() > args.renditions {
        let left = chosen.len() - args.renditions;
        seen.unchecked.push(format!("{left} of {} media playlists: --renditions {}", chosen.len(), args.renditions));
        chosen.truncate(args.renditions);
    }
    let mut tasks = JoinSet::new();
    for (index, (url, role)) in chosen.into_iter().enumerate() {
        let fetch = fetch.clone();
        tasks.spawn(async move { (index, follow::rendition(fetch, url, role, limits).await) });
    }
    let mut renditions = Vec::new();
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(done) => renditions.push(done),
            // A panic is a bug: it is not hidden as a playlist that nobody looked at.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    renditions.sort_by_key(|(index, _)| *index);
    seen.renditions = renditions.into_iter().map(|(_, rendition)| rendition).collect();
    if seen.multivariant.is_none()
        && let Some(rendition) = seen.renditions.first().filter(|r| r.editions.is_empty())
    {
        let why = rendition.failure.clone().unwrap_or_default();
        return Err(Error::Rendition { url: url.to_string(), why });
    }
    Ok(checks::all(url, seen))
}

/// The media playlists that a multivariant playlist names, each once: all of one before others are left out, first the
/// pictures and sounds.
fn playlists(base: &Url, list: &Multivariant, unchecked: &mut Vec<String>) -> Vec<(Url, Role)> {
    let mut order: Vec<Url> = Vec::new();
    let mut roles: HashMap<Url, Role> = HashMap::new();
    let mut add = |url: Url, role: Role| match roles.get_mut(&url) {
        None => {
            order.push(url.clone());
            roles.insert(url, role);
        }
        Some(Role::Picture { streams, groups }) => {
            if let Role::Picture { streams: more, groups: angles } = role {
                streams.extend(more);
                groups.extend(angles);
            }
        }
        Some(Role::Sound(groups)) => {
            if let Role::Sound(more) = role {
                groups.extend(more);
            }
        }
        Some(_) => {}
    };
    for (index, stream) in list.streams.iter().enumerate() {
        if let Ok(url) = base.join(&stream.uri) {
            add(url, Role::Picture { streams: vec![index], groups: Vec::new() });
        }
    }
    for kind in ["AUDIO", "VIDEO", "SUBTITLES"] {
        for (index, group) in list.groups.iter().enumerate().filter(|(_, g)| g.kind() == kind) {
            let Some(Ok(url)) = group.attributes.get("URI").map(|uri| base.join(uri)) else { continue };
            let role = match kind {
                "AUDIO" => Role::Sound(vec![index]),
                "VIDEO" => Role::Picture { streams: Vec::new(), groups: vec![index] },
                _ => Role::Subtitles,
            };
            add(url, role);
        }
    }
    if list.i_frames > 0 {
        unchecked.push(format!("{} I-frame playlists", list.i_frames));
    }
    order.into_iter().filter_map(|url| roles.remove(&url).map(|role| (url, role))).collect()
}
