//! Encryption by rustls, as librdkafka's settings say.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::settings::{Settings, wrong};
use crate::KafkaError;

/// Whom to believe, and who we are.
pub(super) fn config(settings: &Settings<'_>) -> Result<Arc<ClientConfig>, KafkaError> {
    // A broker that anybody can play is none that records are sent to.
    for (key, meant) in [("enable.ssl.certificate.verification", "true"), ("ssl.endpoint.identification.algorithm", "https")] {
        if let Some(value) = settings.get(key).filter(|value| !value.eq_ignore_ascii_case(meant)) {
            return Err(wrong(key, value));
        }
    }
    let identity = identity(settings)?;
    let failed = |error: rustls::Error| KafkaError::Failed(format!("TLS: {error}"));
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_root_certificates(authorities(settings)?);
    let config = match identity {
        Some((certificates, key)) => builder.with_client_auth_cert(certificates, key).map_err(failed)?,
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

/// Those that are named, or those of the system.
fn authorities(settings: &Settings<'_>) -> Result<RootCertStore, KafkaError> {
    let found = match (settings.get("ssl.ca.pem"), settings.get("ssl.ca.location")) {
        (Some(pem), _) => certificates("ssl.ca.pem", pem.as_bytes())?,
        (None, Some(path)) if path != "probe" => authorities_at("ssl.ca.location", Path::new(path))?,
        // One that can't be read is left out; who is signed by it will be told so.
        _ => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found);
    if roots.is_empty() {
        return Err(KafkaError::Failed("TLS: there is no authority to believe: kafka.client.ssl.ca.location names one".to_owned()));
    }
    Ok(roots)
}

/// In a file, or in all files of a folder.
fn authorities_at(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, KafkaError> {
    if !path.is_dir() {
        return certificates(key, &read(key, path)?);
    }
    let failed = |error: std::io::Error| KafkaError::Failed(format!("kafka.client.{key}: {}: {error}", path.display()));
    let mut all = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.is_file() {
            // Other things than certificates may lie there.
            all.extend(certificates(key, &read(key, &file)?).unwrap_or_default());
        }
    }
    Ok(all)
}

/// The certificates and the key that say who we are, if we are to say it.
fn identity(settings: &Settings<'_>) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, KafkaError> {
    let pem = |[text, location]: [&'static str; 2]| match (settings.get(text), settings.get(location)) {
        (Some(pem), _) => Ok(Some((text, pem.as_bytes().to_vec()))),
        (None, Some(path)) => read(location, Path::new(path)).map(|pem| Some((location, pem))),
        (None, None) => Ok(None),
    };
    let (certificate, key) = (pem(["ssl.certificate.pem", "ssl.certificate.location"])?, pem(["ssl.key.pem", "ssl.key.location"])?);
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some((named, pem)), Some((key_named, key))) => {
            // An encrypted one is not known by its first line.
            let key = PrivateKeyDer::from_pem_slice(&key)
                .map_err(|error| KafkaError::Failed(format!("kafka.client.{key_named}: no key without a password: {error}")))?;
            Ok(Some((certificates(named, &pem)?, key)))
        }
        _ => Err(KafkaError::Failed("kafka.client.ssl.certificate.location and ssl.key.location go together".to_owned())),
    }
}

fn certificates(key: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, KafkaError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| KafkaError::Failed(format!("kafka.client.{key}: {error}")))?;
    if found.is_empty() {
        return Err(KafkaError::Failed(format!("kafka.client.{key}: there is no certificate in it")));
    }
    Ok(found)
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, KafkaError> {
    fs::read(path).map_err(|error| KafkaError::Failed(format!("kafka.client.{key}: {}: {error}", path.display())))
}
