//! What sources may reach: folders for files, networks for everything else.

use std::{
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use cap_std::{ambient_authority, fs::Dir};
use ipnet::{IpNet, Ipv4Net};

/// What sources may reach. Without folders no file is opened; without networks every host may be called.
///
/// Shared by all sources that are held to it: they follow when it is [replaced](Self::replace) while they run.
#[derive(Debug, Default)]
pub struct Limits(ArcSwap<Rules>);

/// [`Limits`] as they are at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
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
    /// A connection from before there were networks, which may have been led elsewhere.
    #[error(
        "there are `networks` of [capture] now, and nobody knows where the camera was redirected to; it is called anew"
    )]
    Unseen,
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
        let networks = networks.into_iter().map(plain).collect();
        Ok(Self(ArcSwap::from_pointee(Rules {
            folders: folders.iter().map(real).collect::<Result<_, _>>()?,
            networks,
        })))
    }

    /// Holds every source that shares these limits to `others` from now on. A source that reaches what it may is not
    /// touched; one that does not is lost, and says why.
    pub fn replace(&self, others: &Self) {
        let others = others.now();
        if *self.now() != *others {
            self.0.store(others);
        }
    }

    /// As they are now: the same [`Arc`] until they are replaced.
    pub(crate) fn now(&self) -> Arc<Rules> {
        self.0.load_full()
    }

    /// Whether only some networks may be reached.
    pub(crate) fn has_networks(&self) -> bool {
        !self.0.load().networks.is_empty()
    }

    /// Whether an address may be reached.
    pub(crate) fn check(&self, ip: IpAddr) -> Result<(), LimitError> {
        // An IPv4 address may come in IPv6's clothes.
        let ip = ip.to_canonical();
        let rules = self.0.load();
        let networks = &rules.networks;
        let allowed = networks.is_empty() || networks.iter().any(|network| network.contains(&ip));
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
        self.now().place(path).map(|_| ())
    }

    /// Opens a regular file inside of a folder. Nothing on the way there, link or `..`, leads out of it.
    pub(crate) fn open(&self, path: &Path) -> Result<std::fs::File, LimitError> {
        let rules = self.now();
        let (folder, inside) = rules.place(path)?;
        let failed = |why: &str| LimitError::File { path: path.to_owned(), why: why.to_owned() };
        let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(|_| failed("has no folder any more"))?;
        let is_file = dir.metadata(&inside).map_err(|_| failed("is not there, or cannot be read"))?.is_file();
        if !is_file {
            return Err(failed("is no file"));
        }
        dir.open(&inside).map(cap_std::fs::File::into_std).map_err(|_| failed("cannot be read"))
    }
}

impl Rules {
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

/// A network of IPv4 addresses in IPv6's clothes (`::ffff:10.0.0.0/104`) as the network that it is: addresses are undressed
/// before they are compared.
fn plain(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let length = v6.prefix_len().checked_sub(96);
    let v4 = v6.addr().to_ipv4_mapped().zip(length).and_then(|(ip, length)| Ipv4Net::new(ip, length).ok());
    v4.map_or(network, IpNet::V4)
}
