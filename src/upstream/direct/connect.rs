//! Making connections to one host: name resolution, TCP, and TLS if the host's URL has `https`.

use super::super::client::ClientOptions;
use super::super::tls::Tls;
use super::DirectError;
use super::transport::Transport;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::ServerName;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::Service;

/// The name that a host's certificate must have, and the TLS setup that checks it.
#[derive(Debug, Clone)]
pub(in super::super) struct Secure {
    pub(in super::super) tls: Arc<Tls>,
    pub(in super::super) name: ServerName<'static>,
}

/// Makes connections to one host.
#[derive(Debug)]
pub(super) struct Connect {
    /// The scheme and authority of the host.
    pub(super) origin: Uri,
    connector: HttpConnector,
    /// The TLS of the host; `None` if it is reached without TLS.
    secure: Option<Secure>,
    timeout: Duration,
}

impl Connect {
    pub(super) fn new(origin: Uri, secure: Option<Secure>, options: &ClientOptions) -> Self {
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        // The connector divides this time among the addresses of a name, so that a silent
        // address leaves time for the next.
        connector.set_connect_timeout(Some(options.connect_timeout));
        Self { origin, connector, secure, timeout: options.connect_timeout }
    }

    /// Makes a connection within the connect timeout, which includes name resolution and the TLS handshake.
    pub(super) async fn connect(&self) -> Result<Transport, DirectError> {
        let connecting = async {
            let mut connector = self.connector.clone();
            poll_fn(|cx| connector.poll_ready(cx)).await.map_err(|error| DirectError::Connect(error.into()))?;
            let stream = connector.call(self.origin.clone()).await;
            let stream = stream.map_err(|error| DirectError::Connect(error.into()))?.into_inner();
            let Some(Secure { tls, name }) = &self.secure else { return Ok(Transport::Plain(stream)) };
            let secured = TlsConnector::from(tls.config()).connect(name.clone(), stream).await;
            secured.map(|stream| Transport::Tls(Box::new(stream))).map_err(|error| DirectError::Connect(error.into()))
        };
        timeout(self.timeout, connecting).await.map_err(|_| DirectError::Slow)?
    }
}
