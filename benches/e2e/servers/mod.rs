//! The servers that are compared. Each listens on a free port and prints its address to standard output.

pub(crate) mod by_hand;
pub(crate) mod calls_alone;
pub(crate) mod constant;
pub(crate) mod unshared;
pub(crate) mod upstream;

use crate::Failed;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bytes::Bytes;
use tokio::net::TcpListener;

async fn serve(routes: Router) -> Result<(), Failed> {
    let listener = listener().await?;
    Ok(axum::serve(listener, routes).await?)
}

async fn listener() -> Result<TcpListener, Failed> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    println!("http://{}", listener.local_addr()?);
    Ok(listener)
}

fn json(body: impl Into<Bytes>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], body.into())
}

/// Reads the answer of the servers that send constant bytes.
fn answer() -> Result<Bytes, Failed> {
    Ok(std::fs::read(std::env::var("ANSWER")?)?.into())
}

/// The base URL of the services, and a client for them.
fn client() -> Result<(String, reqwest::Client), Failed> {
    // The call fails if a provider is installed already, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok((std::env::var("POSTS_URL")?, client))
}
