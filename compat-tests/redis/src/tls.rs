//! One Redis server over TLS.

use tempfile::TempDir;

use super::process::Process;
use super::server::{free_ports, start};

/// A Redis server that takes connections over TLS alone, on a free port of 127.0.0.1.
#[derive(Debug)]
pub struct TlsRedisServer {
    url: String,
    _running: Process,
    _folder: TempDir,
}

impl TlsRedisServer {
    /// Starts a server with this certificate and its key, both as PEM.
    ///
    /// # Errors
    /// The reason why there is none, such as that the Redis here has no TLS.
    pub fn start(certificate: &str, key: &str) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).map_err(|error| error.to_string())?;
            Ok::<_, String>(path.to_string_lossy().into_owned())
        };
        let (certificate, key) = (write("certificate.pem", certificate)?, write("key.pem", key)?);
        let (port, _) = free_ports().map_err(|error| error.to_string())?;
        let tls = ["--tls-port", &port.to_string(), "--tls-cert-file", &certificate, "--tls-key-file", &key];
        let options = ["--bind", "127.0.0.1", "--port", "0", "--tls-auth-clients", "no"];
        let running = start(folder.path(), &[&options[..], &tls[..]].concat())?;
        Ok(Self { url: format!("rediss://127.0.0.1:{port}"), _running: running, _folder: folder })
    }

    /// The URL of the server, as `Redis::open` reads it.
    pub fn url(&self) -> &str {
        &self.url
    }
}
