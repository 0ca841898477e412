//! HTTPS, by rustls.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig as TlsConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::ServerConfig;
use crate::error::Error;

/// Builds the TLS acceptor with the certificate of the settings; `None` if they have none.
///
/// # Errors
/// If certificate or key cannot be read, or do not belong together.
pub(super) fn acceptor(settings: &ServerConfig) -> Result<Option<TlsAcceptor>, Error> {
    let (certfile, keyfile) = match (&settings.certfile, &settings.keyfile) {
        (None, None) => return Ok(None),
        (Some(certfile), Some(keyfile)) => (certfile, keyfile),
        _ => {
            return Err(Error::setup_without_line(
                "HTTPS needs both: `config.server.certfile` and `config.server.keyfile`",
            ));
        }
    };
    let unusable = |what: &Path, error: &dyn std::fmt::Display| {
        Error::setup_without_line(format!("cannot use {} for HTTPS: {error}", what.display()))
    };
    let certificates = CertificateDer::pem_file_iter(certfile).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| unusable(certfile, &error))?;
    let key = PrivateKeyDer::from_pem_file(keyfile).map_err(|error| unusable(keyfile, &error))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = TlsConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config =
        config.with_no_client_auth().with_single_cert(certificates, key).map_err(|error| unusable(certfile, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}
