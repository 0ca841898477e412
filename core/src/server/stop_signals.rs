//! The signals that stop a server.

/// The signals that stop a server, ctrl-c and SIGTERM, from the moment when the process listens for them.
#[cfg(unix)]
pub(crate) struct StopSignals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl StopSignals {
    /// Begins to listen: from now on the signals do not end the process by themselves.
    pub(crate) fn listen() -> Self {
        use tokio::signal::unix::{Signal, SignalKind, signal};
        let begin = |kind: SignalKind| -> Option<Signal> {
            let begun = signal(kind);
            begun.inspect_err(|error| tracing::error!("cannot listen for signal {}: {error}", kind.as_raw_value())).ok()
        };
        Self { interrupt: begin(SignalKind::interrupt()), terminate: begin(SignalKind::terminate()) }
    }

    /// Waits for the next signal. Returns whether it is ctrl-c, which all programs of the terminal get.
    pub(crate) async fn next(&mut self) -> bool {
        tokio::select! {
            () = received(&mut self.interrupt) => true,
            () = received(&mut self.terminate) => false,
        }
    }
}

#[cfg(unix)]
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// The signal that stops a server: ctrl-c.
#[cfg(not(unix))]
pub(crate) struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    /// Makes the listener, which listens from its first wait on.
    pub(crate) fn listen() -> Self {
        Self
    }

    /// Waits for the next signal. Returns whether it is ctrl-c.
    pub(crate) async fn next(&mut self) -> bool {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!("cannot listen for ctrl-c: {error}");
            std::future::pending::<()>().await;
        }
        true
    }
}
