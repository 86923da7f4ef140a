//! A service for a test: a router that is served over HTTP on a free port until the value is dropped.

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Routed {
    url: String,
    serving: JoinHandle<()>,
}

impl Drop for Routed {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Routed {
    pub(crate) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self { url, serving }
    }

    /// The base URL, `http://127.0.0.1:port`, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}
