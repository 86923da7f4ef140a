//! The port of each process.
//!
//! In: a port base. Out: the processes with their ports, after a check that the ports are free.

use std::fmt::{self, Write as _};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::str::FromStr;

use demo::ServiceName;

/// The default port base: web listens on 4000, mobile on 4001, and the services on 4101 to 4107.
pub(super) const DEFAULT_BASE: u16 = 4_000;
/// The distance from the port base to the port before that of the first service.
const SERVICES_OFFSET: u16 = 100;
/// The distance from the port base to the last port.
const LAST_OFFSET: u16 = SERVICES_OFFSET + ServiceName::ALL.len() as u16;
/// The distance of a suggested port base from the one that is taken.
const SUGGESTION_STEP: usize = 1_000;

/// The name of one of the two BFFs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BffName {
    /// The BFF of the web shop.
    Web,
    /// The BFF of the phone app.
    Mobile,
}

impl BffName {
    /// Both BFFs, in the order of their ports.
    pub(super) const ALL: [Self; 2] = [Self::Web, Self::Mobile];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Mobile => "mobile",
        }
    }
}

impl FromStr for BffName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|name| name.as_str() == text);
        found.ok_or_else(|| format!("no BFF is called `{text}`; there are web and mobile"))
    }
}

/// One process of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProcessName {
    Service(ServiceName),
    Bff(BffName),
}

impl ProcessName {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Service(name) => name.as_str(),
            Self::Bff(name) => name.as_str(),
        }
    }

    /// The path that answers 200 once the process can do its work.
    pub(super) fn ready_path(self) -> &'static str {
        match self {
            Self::Service(_) => "/healthz",
            Self::Bff(_) => "/readyz",
        }
    }
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text is written with `pad` instead of `write_str`, so that columns line up.
        f.pad(self.as_str())
    }
}

/// The processes of a shop and their ports.
#[derive(Debug)]
pub(super) struct Layout {
    base: u16,
    processes: Vec<(ProcessName, u16)>,
}

/// Reads a port base. An error if it is not a number, is 0, or is so high that a port would exceed 65535.
pub(super) fn port_base(text: &str) -> Result<u16, String> {
    let highest = u16::MAX - LAST_OFFSET;
    match text.parse() {
        Ok(base) if (1..=highest).contains(&base) => Ok(base),
        _ => Err(format!("a port base is a number from 1 to {highest}")),
    }
}

impl Layout {
    /// Gives each process a port from `base` on, which must be a result of [`port_base`].
    pub(super) fn new(base: u16, with_bffs: bool) -> Self {
        let port = |offset: u16| base.saturating_add(offset);
        let services = ServiceName::ALL
            .into_iter()
            .map(|name| (ProcessName::Service(name), port(SERVICES_OFFSET + name.port_offset())));
        let bffs = BffName::ALL.into_iter().zip(0..).map(|(name, offset)| (ProcessName::Bff(name), port(offset)));
        let bffs = bffs.filter(|_| with_bffs);
        Self { base, processes: services.chain(bffs).collect() }
    }

    /// The processes with their ports: the services in the order of their ports, then the BFFs.
    pub(super) fn processes(&self) -> &[(ProcessName, u16)] {
        &self.processes
    }

    /// The port before that of the first service.
    pub(super) fn services_base(&self) -> u16 {
        self.base.saturating_add(SERVICES_OFFSET)
    }

    /// Checks that nothing listens on any of the ports.
    ///
    /// # Errors
    /// [`PortsTaken`], with every port that is taken.
    pub(super) fn check_free(&self) -> Result<(), PortsTaken> {
        let taken: Vec<_> = self
            .processes
            .iter()
            .filter_map(|&(process, port)| bind(port).err().map(|cause| TakenPort { process, port, cause }))
            .collect();
        if taken.is_empty() { Ok(()) } else { Err(PortsTaken { taken, free_base: self.free_base() }) }
    }

    fn free_base(&self) -> Option<u16> {
        let with_bffs = self.processes.len() > ServiceName::ALL.len();
        let bases = (self.base..=u16::MAX - LAST_OFFSET).step_by(SUGGESTION_STEP).skip(1);
        let mut free =
            bases.filter(|&base| Self::new(base, with_bffs).processes.iter().all(|&(_, port)| bind(port).is_ok()));
        free.next()
    }
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
}

/// The error for ports that another program holds.
#[derive(Debug)]
pub(super) struct PortsTaken {
    taken: Vec<TakenPort>,
    /// A port base whose ports are free; `None` if none was found.
    free_base: Option<u16>,
}

#[derive(Debug)]
struct TakenPort {
    process: ProcessName,
    port: u16,
    cause: std::io::Error,
}

impl std::error::Error for PortsTaken {}

impl fmt::Display for PortsTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was started, because ports are taken:")?;
        for TakenPort { process, port, cause } in &self.taken {
            match cause.kind() {
                ErrorKind::AddrInUse => write!(f, "\n  port {port}, which `{process}` needs, is in use")?,
                _ => write!(f, "\n  port {port}, which `{process}` needs: {cause}")?,
            }
        }
        f.write_str("\nIs another shop running? Stop it")?;
        if let Some(first) = self.taken.first() {
            write!(f, " (`ss -ltnp 'sport = :{}'` names the process)", first.port)?;
        }
        if let Some(base) = self.free_base {
            write!(f, ", or move this one: add `--port-base {base}`")?;
        }
        f.write_char('.')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_has_the_port_that_its_base_gives() {
        let ports = |base, with_bffs| {
            let layout = Layout::new(base, with_bffs);
            layout.processes().iter().map(|(name, port)| format!("{name} {port}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(
            ports(4_000, true),
            "users 4101, catalog 4102, inventory 4103, carts 4104, orders 4105, payments 4106, reviews 4107, \
             web 4000, mobile 4001"
        );
        assert!(ports(65_428, true).contains("reviews 65535"));
        assert!(!ports(4_000, false).contains("web"));
    }

    #[test]
    fn a_port_base_leaves_room_for_the_last_service() {
        assert_eq!(port_base("65428"), Ok(65_428));
        for refused in ["0", "65429", "-1", "70000", "x", ""] {
            assert!(port_base(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn taken_ports_are_named_all_at_once_with_who_needs_them() {
        let holders = (20_000..30_000).step_by(200).find_map(|base| {
            let layout = Layout::new(base, true);
            let held = [bind(base).ok()?, bind(base + 105).ok()?];
            layout
                .processes()
                .iter()
                .filter(|(_, port)| ![base, base + 105].contains(port))
                .try_for_each(|&(_, port)| bind(port).map(drop).ok())?;
            Some((base, layout, held))
        });
        let (base, layout, _held) = holders.expect("some of fifty port ranges is free");
        let said = layout.check_free().unwrap_err().to_string();
        assert!(said.contains(&format!("port {}, which `orders` needs, is in use", base + 105)), "{said}");
        assert!(said.contains(&format!("port {base}, which `web` needs, is in use")), "{said}");
        assert!(said.contains("--port-base "), "{said}");
        assert!(!said.contains("`users`"), "{said}");
    }
}
