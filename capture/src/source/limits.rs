//! What sources may reach: folders for files, networks for everything else.

use std::{
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
};

use cap_std::{ambient_authority, fs::Dir};
use ipnet::IpNet;

/// What sources may reach. Without folders no file is opened; without networks every host may be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    folders: Vec<PathBuf>,
    networks: Vec<IpNet>,
}

/// Something that is outside of the [`Limits`], or that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// A folder that is none.
    #[error("{0} is not a folder that can be opened")]
    NoFolder(PathBuf),
    /// A file that is in none of the folders.
    #[error("{0} is in none of the folders that files may be played from: name its folder in `folders` of [capture]")]
    Outside(PathBuf),
    /// A file that cannot be opened.
    #[error("the file {path} {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// An address that is in none of the networks.
    #[error("{0} is in none of the `networks` of [capture]")]
    Network(IpAddr),
    /// A source that would be connected to by a library of its own, past the networks.
    #[error("{what} cannot be held to the `networks` of [capture]: use {instead}")]
    Unchecked {
        /// What it is.
        what: &'static str,
        /// What can be.
        instead: &'static str,
    },
    /// A name that stands for no address.
    #[error("no address is known for the host {0}")]
    Unknown(String),
}

impl Limits {
    /// Files may be played from these folders and what is below them; these networks may be called, or all when there
    /// are none.
    ///
    /// # Errors
    /// When a folder cannot be opened.
    pub fn new(folders: &[PathBuf], networks: Vec<IpNet>) -> Result<Self, LimitError> {
        // Where the folder really is: what is compared and opened later is the same wherever links lead by then.
        let real = |folder: &PathBuf| {
            let real = folder.canonicalize().ok().filter(|folder| folder.is_dir());
            real.ok_or_else(|| LimitError::NoFolder(folder.clone()))
        };
        Ok(Self { folders: folders.iter().map(real).collect::<Result<_, _>>()?, networks })
    }

    /// Whether only some networks may be reached.
    pub(crate) fn has_networks(&self) -> bool {
        !self.networks.is_empty()
    }

    /// Whether an address may be reached.
    pub(crate) fn check(&self, ip: IpAddr) -> Result<(), LimitError> {
        // An IPv4 address may come in IPv6's clothes.
        let ip = ip.to_canonical();
        let allowed = self.networks.is_empty() || self.networks.iter().any(|network| network.contains(&ip));
        if allowed { Ok(()) } else { Err(LimitError::Network(ip)) }
    }

    /// Resolves a host, once: the addresses that may be connected to.
    pub(crate) fn resolve_all(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, LimitError> {
        let found = (host, port).to_socket_addrs().map_err(|_| LimitError::Unknown(host.into()))?;
        let mut refused = LimitError::Unknown(host.into());
        let mut allowed = Vec::new();
        for address in found {
            match self.check(address.ip()) {
                Ok(()) => allowed.push(address),
                Err(error) => refused = error,
            }
        }
        if allowed.is_empty() { Err(refused) } else { Ok(allowed) }
    }

    /// Resolves a host, once: the address to connect to, IPv4 before IPv6.
    pub(crate) fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, LimitError> {
        let mut all = self.resolve_all(host, port)?;
        all.sort_by_key(SocketAddr::is_ipv6);
        all.first().copied().ok_or_else(|| LimitError::Unknown(host.into()))
    }

    /// Whether a path is in a folder, as far as its text and today's links tell. It need not be there yet.
    pub(crate) fn check_path(&self, path: &Path) -> Result<(), LimitError> {
        self.place(path).map(|_| ())
    }

    /// Opens a regular file inside of a folder. Nothing on the way there, link or `..`, leads out of it.
    pub(crate) fn open(&self, path: &Path) -> Result<std::fs::File, LimitError> {
        let (folder, inside) = self.place(path)?;
        let failed = |why: &str| LimitError::File { path: path.to_owned(), why: why.to_owned() };
        let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(|_| failed("has no folder any more"))?;
        let is_file = dir.metadata(&inside).map_err(|_| failed("is not there, or cannot be read"))?.is_file();
        if !is_file {
            return Err(failed("is no file"));
        }
        dir.open(&inside).map(cap_std::fs::File::into_std).map_err(|_| failed("cannot be read"))
    }

    /// The folder that a path is in, and the path inside of it.
    fn place(&self, path: &Path) -> Result<(&Path, PathBuf), LimitError> {
        let outside = || LimitError::Outside(path.to_owned());
        // The real place of what is there; of what is not there yet, its folder's.
        let real = path.canonicalize().ok().or_else(|| {
            let folder = path.parent()?.canonicalize().ok()?;
            Some(folder.join(path.file_name()?))
        });
        let real = real.unwrap_or_else(|| path.to_owned());
        let inside = |folder: &PathBuf| real.strip_prefix(folder).ok().map(Path::to_owned);
        let found = self.folders.iter().find_map(|folder| inside(folder).map(|inside| (folder.as_path(), inside)));
        found
            .filter(|(_, inside)| !inside.components().any(|c| c == std::path::Component::ParentDir))
            .ok_or_else(outside)
    }
}
