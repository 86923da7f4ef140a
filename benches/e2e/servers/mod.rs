//! The servers that are compared. Each listens on a free port and says where on standard output.

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

/// What the constant servers answer.
fn answer() -> Result<Bytes, Failed> {
    Ok(std::fs::read(std::env::var("ANSWER")?)?.into())
}

/// Where the services are, and a client for them.
fn client() -> Result<(String, reqwest::Client), Failed> {
    // The second time in a process it finds a provider installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok((std::env::var("POSTS_URL")?, client))
}
