//! The process of a BFF, which serves its built-in client over the services of this shop.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bespoke::internals::cli::{Origin, ServeOptions, serve_client};
use bespoke::internals::config::{Config, JwtConfig, Mode, PlaygroundConfig};
use clap::Args;
use demo::ServiceName;
use demo::keys::{AUDIENCE, ISSUER};

use super::layout::BffName;
use super::process::TOKEN_VARIABLE;
use super::project::Project;

/// The longest time from a signal to the end of a BFF. It is shorter than the time after which SIGKILL follows.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// Which BFF, and the shop around it.
#[derive(Debug, Clone, Args)]
pub(crate) struct BffArguments {
    /// web or mobile.
    name: BffName,
    /// Port on 127.0.0.1.
    #[arg(long)]
    port: u16,
    /// The port before that of the first service.
    #[arg(long, value_name = "PORT", default_value_t = 4_100)]
    services_base: u16,
    /// PEM file of the Ed25519 public key whose tokens are trusted.
    #[arg(long, value_name = "FILE")]
    jwt_public_key: PathBuf,
    /// The project's folder, for GraphiQL's page and tabs. Without it, a plain form is served.
    #[arg(long, value_name = "FOLDER")]
    project: Option<PathBuf>,
}

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// As [`serve_client`].
pub(crate) fn serve(arguments: &BffArguments) -> anyhow::Result<ExitCode> {
    let client = match arguments.name {
        BffName::Web => bff_web::client(),
        BffName::Mobile => bff_mobile::client(),
    };
    let project = arguments.project.clone().and_then(Project::at);
    let settings = Settings {
        port: arguments.port,
        services_base: arguments.services_base,
        key_file: std::path::absolute(&arguments.jwt_public_key)?,
        playground: project.as_ref().map(Project::playground),
        token: std::env::var(TOKEN_VARIABLE).ok(),
    };
    let base = match &project {
        Some(project) => project.bff(arguments.name),
        None => std::env::current_dir()?,
    };
    let configure = Box::new(move |config: &mut Config| settings.apply(config));
    serve_client(client, ServeOptions { base, configure, origin: Origin::Program, watch: false })
}

/// The service behind a source of the BFFs, or `None` if the source is not a service of this shop.
fn service_of(source: &str) -> Option<ServiceName> {
    match source {
        // Writes of orders have a source of their own, because they carry the caller's token.
        "checkout" => Some(ServiceName::Orders),
        name => name.parse().ok(),
    }
}

/// The settings with which the shop overrides a BFF's own configuration.
#[derive(Clone)]
struct Settings {
    port: u16,
    services_base: u16,
    key_file: PathBuf,
    /// The folder of GraphiQL's page. `None` if a plain form is served instead.
    playground: Option<PathBuf>,
    token: Option<String>,
}

impl Settings {
    fn apply(&self, config: &mut Config) {
        config.server.host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        config.server.port = self.port;
        config.server.mode = Mode::Development;
        config.server.shutdown_grace = SHUTDOWN_GRACE;
        for name in ServiceName::ALL {
            config.services.entry(name.as_str().to_owned()).or_default();
        }
        for (name, service) in &mut config.services {
            if let Some(of) = service_of(name) {
                service.url = Some(self.service_url(of));
            }
        }
        match &mut config.auth.jwt {
            Some(jwt) => jwt.public_key_file.clone_from(&self.key_file),
            none => {
                *none = Some(JwtConfig {
                    public_key_file: self.key_file.clone(),
                    issuer: ISSUER.to_owned(),
                    audience: AUDIENCE.to_owned(),
                    leeway: Duration::from_secs(30),
                });
            }
        }
        config.playground = match &self.playground {
            Some(folder) => PlaygroundConfig {
                dir: Some(folder.clone()),
                tabs: std::mem::take(&mut config.playground.tabs),
                token: self.token.clone(),
            },
            // The paths of the BFF's own configuration would lead nowhere.
            None => PlaygroundConfig { token: self.token.clone(), ..PlaygroundConfig::default() },
        };
    }

    fn service_url(&self, name: ServiceName) -> String {
        let port = self.services_base.saturating_add(name.port_offset());
        let path = if name == ServiceName::Reviews { "/graphql" } else { "" };
        format!("http://127.0.0.1:{port}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_of_both_bffs_moves_with_the_shop() {
        for client in [bff_web::client(), bff_mobile::client()] {
            let mut config = client.assemble(&|_| None).config.expect("the built-in configuration");
            let settings = Settings {
                port: 14_000,
                services_base: 14_100,
                key_file: "key.pem".into(),
                playground: None,
                token: None,
            };
            settings.apply(&mut config);
            for (name, service) in &config.services {
                let url = service.url.as_deref().unwrap_or_default();
                assert!(url.starts_with("http://127.0.0.1:141"), "`{name}` of {} stays at {url}", client.name());
            }
            assert_eq!(config.services["checkout"].url, config.services["orders"].url);
            assert_eq!(config.server.admin_address(), None, "one port for each process is enough here");
        }
    }
}
