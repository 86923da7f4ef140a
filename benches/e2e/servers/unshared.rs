//! Bespoke as `bespoke serve` runs it, but without sharing of operations and calls: each request makes its own calls.

use super::listener;
use crate::Failed;
use bespoke::internals::config::Config;
use bespoke::internals::engine::{Client, EngineOptions};
use bespoke::internals::flight::FlightOptions;
use bespoke::internals::http::{ServeLimits, Server, Workers, router, serve_by};
use bespoke::internals::observe::{self, Metrics};
use bespoke::internals::project::Files;
use std::sync::Arc;

pub(crate) async fn serve() -> Result<(), Failed> {
    let client = Client::new("web", Files::read(std::path::Path::new(&std::env::var("PROJECT")?))?);
    let assembled = client.assemble(&|name| std::env::var(name).ok());
    let Some(config): Option<Config> = assembled.config.clone() else {
        return Err(format!("the project has errors: {:?}", assembled.findings).into());
    };
    let flights = FlightOptions { enabled: false, ..FlightOptions::default() };
    let options = EngineOptions { flights: flights.clone(), operations: flights, ..EngineOptions::default() };
    let engine = client.engine(assembled, &options)?;
    let _log = observe::init(config.server.log)?;
    let limits = ServeLimits::from(&config.server);
    let server = Server::new(config.server, Arc::new(engine), Arc::new(Metrics::new()));
    let workers = Workers::for_each_processor()?;
    serve_by(&workers, listener().await?, router(Arc::new(server)), std::future::pending(), limits).await;
    Ok(())
}
