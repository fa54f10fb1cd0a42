//! HTTPS: the operator's certificate, or one from a local authority made in the data folder.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// The server's side of TLS: 1.2 and 1.3, HTTP/2 first.
///
/// # Errors
/// When the certificate or key cannot be read, do not fit, or cannot be made.
pub fn server(files: Option<&(PathBuf, PathBuf)>, data: &Path) -> Result<Arc<ServerConfig>> {
    let (cert, key) = match files {
        Some(files) => files.clone(),
        None => local(data)?,
    };
    let named = |what: &str, path: &Path| format!("{what} {}", path.display());
    let chain = CertificateDer::pem_file_iter(&cert)
        .with_context(|| named("cannot read the certificate", &cert))?
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| named("expected a certificate chain in PEM:", &cert))?;
    if chain.is_empty() {
        bail!("expected a certificate chain in PEM; found none in {}", cert.display());
    }
    let key_der = PrivateKeyDer::from_pem_file(&key).with_context(|| named("expected a private key in PEM:", &key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key_der)
        .with_context(|| format!("{} and {} do not fit each other", cert.display(), key.display()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A local authority (`ca.pem`, to be trusted once on the venue's devices) and a certificate for this machine.
fn local(data: &Path) -> Result<(PathBuf, PathBuf)> {
    let folder = data.join("tls");
    let (ca_file, ca_key_file) = (folder.join("ca.pem"), folder.join("ca.key"));
    let (cert_file, key_file) = (folder.join("server.pem"), folder.join("server.key"));
    if cert_file.exists() && key_file.exists() {
        return Ok((cert_file, key_file));
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let now = jiff::Timestamp::now();
    let day = |days: i64| {
        let at = now + jiff::SignedDuration::from_hours(24 * days);
        let date = at.to_zoned(jiff::tz::TimeZone::UTC).date();
        rcgen::date_time_ymd(
            date.year().into(),
            u8::try_from(date.month()).unwrap_or(1),
            u8::try_from(date.day()).unwrap_or(1),
        )
    };
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Virage local authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (ca.not_before, ca.not_after) = (day(-1), day(3650));
    let ca_key = KeyPair::generate()?;
    let ca_cert = ca.self_signed(&ca_key)?;

    let mut names = vec!["localhost".to_owned()];
    names.extend(hostname());
    let mut leaf = CertificateParams::new(names)?;
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    leaf.subject_alt_names.extend(loopback.into_iter().chain(own_address()).map(rcgen::SanType::IpAddress));
    leaf.distinguished_name.push(DnType::CommonName, "Virage");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Browsers refuse certificates that live longer than 398 days.
    (leaf.not_before, leaf.not_after) = (day(-1), day(390));
    let key = KeyPair::generate()?;
    let cert = leaf.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;

    secret(&ca_key_file, &ca_key.serialize_pem())?;
    std::fs::write(&ca_file, ca_cert.pem())?;
    secret(&key_file, &key.serialize_pem())?;
    // Last: its presence says that everything is there.
    std::fs::write(&cert_file, format!("{}{}", cert.pem(), ca_cert.pem()))?;
    Ok((cert_file, key_file))
}

/// Writes a file that its owner alone may read.
fn secret(path: &Path, text: &str) -> Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let legal = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
    legal.then(|| name.to_owned())
}

/// The address by which this machine would reach the world: what phones in the venue will type. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
