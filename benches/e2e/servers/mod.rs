//! The servers that are compared. Each listens on a free port and says where on standard output.

pub(crate) mod calls_only;
pub(crate) mod resolvers;
pub(crate) mod unshared;

use crate::Failed;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use bytes::Bytes;
use testkit::posts::{POSTS, PostsUpstream, answer};
use tokio::net::TcpListener;

/// The two services.
pub(crate) async fn upstream() -> Result<(), Failed> {
    let upstream = PostsUpstream::start(POSTS).await?;
    println!("{}", upstream.base_url());
    std::future::pending().await
}

/// Constant bytes.
pub(crate) async fn constant() -> Result<(), Failed> {
    let body = Bytes::from(answer(POSTS));
    serve(Router::new().route("/graphql", post(async move |_: Bytes| json(body.clone())))).await
}

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

/// Where the upstream is, and a client for it.
fn client() -> Result<(String, reqwest::Client), Failed> {
    // The second time in a process it finds a provider installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok((std::env::var("POSTS_URL")?, client))
}
