//! The role `compare`: for each workload, it starts all servers, compares their answers, and loads one after the other
//! in several rounds.

use crate::Failed;
use crate::load::{Load, ask, excerpt, send};
use crate::options::Options;
use crate::process::{Process, Setup, cpu, in_repository};
use crate::report::{Machine, Measured, Program, Round, Row, write};
use crate::workloads::{Server, Workload};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many starts are timed. Their median is the reported time to ready.
const STARTS: usize = 9;

pub(crate) async fn compare(options: &Options) -> Result<(), Failed> {
    let folder = Folder::new()?;
    let machine = Machine::this()?;
    let program = program(options, &folder).await?;
    let mut all = Vec::new();
    for workload in &options.workloads {
        eprintln!("{}: {}", workload.id, workload.what);
        let rows = measure(workload, options, &folder).await.map_err(|error| format!("{}: {error}", workload.id))?;
        all.push(Measured { workload: workload.clone(), rows });
    }
    let text = write(options, &machine, &program, &all);
    println!("{text}");
    match &options.write {
        Some(file) => Ok(std::fs::write(file, text)?),
        None => Ok(()),
    }
}

/// A folder for answers, which is removed when the value is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failed> {
        let folder = std::env::temp_dir().join(format!("bespoke-e2e-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn setup(&self, workload: &Workload, upstream: &Process) -> Setup {
        Setup {
            upstream: format!("http://{}", upstream.address),
            project: in_repository(workload.project),
            answer: self.0.join(workload.id),
            calls: workload.calls.join(" "),
            max_answer_bytes: None,
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed stays among the temporary files, which does no harm.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn measure(workload: &Workload, options: &Options, folder: &Folder) -> Result<Vec<Row>, Failed> {
    let upstream = Process::upstream(workload.delay, workload.cache_control)?;
    let setup = folder.setup(workload, &upstream);
    // The answer of Bespoke is the expected one, because some of the other servers do not make an answer but send it
    // on.
    let answer = ask(&Process::bespoke(&options.bespoke, &setup)?.address, &workload.query).await?;
    std::fs::write(&setup.answer, &answer)?;
    let mut rows = Vec::new();
    for &server in workload.servers {
        let process = start(server, options, &setup)?;
        let other = ask(&process.address, &workload.query).await?;
        if other != answer || !answer.starts_with(br#"{"data":{"#) {
            let (answer, other) = (excerpt(&answer), excerpt(&other));
            return Err(format!("{} answers\n{other}\nand bespoke\n{answer}", server.name()).into());
        }
        rows.push((process, Row { server, rounds: Vec::new(), peak_mib: 0.0 }));
    }
    for number in 0..=options.rounds {
        // Every other round runs backwards, so that it does not matter which server comes after which.
        rows.reverse();
        for (process, row) in &mut rows {
            let load = Load {
                address: process.address.clone(),
                query: workload.query.clone(),
                answer: answer.clone().into(),
                connections: workload.connections,
                lasts: options.lasts,
                own_ids: row.server == Server::OwnIds,
            };
            let round = round(process, &upstream, load).await;
            let round = round.map_err(|error| format!("{}: {error}", row.server.name()))?;
            if number > 0 {
                row.rounds.push(round);
            }
        }
    }
    rows.sort_by_key(|(_, row)| workload.servers.iter().position(|&server| server == row.server));
    rows.into_iter().map(|(process, row)| Ok(Row { peak_mib: process.peak_mib()?, ..row })).collect()
}

fn start(server: Server, options: &Options, setup: &Setup) -> Result<Process, Failed> {
    match server {
        Server::Constant => Process::role("constant", setup),
        Server::CallsAlone => Process::role("calls-alone", setup),
        Server::Bespoke | Server::OwnIds => Process::bespoke(&options.bespoke, setup),
        Server::Parts => Process::bespoke(&options.bespoke, &Setup { max_answer_bytes: Some(0), ..setup.clone() }),
        Server::Unshared => Process::role("unshared", setup),
        Server::ByHand => Process::role("by-hand", setup),
    }
}

async fn round(process: &Process, upstream: &Process, load: Load) -> Result<Round, Failed> {
    let this = std::process::id();
    let before = (calls(upstream).await?, process.cpu()?, cpu(this)?);
    let loaded = send(&load).await?;
    let after = (process.cpu()? - before.1, cpu(this)? - before.2);
    let requests = loaded.requests as f64;
    Ok(Round {
        per_second: loaded.per_second,
        cpu: after.0.as_secs_f64() * 1e6 / requests,
        load_cpu: after.1.as_secs_f64() * 1e6 / requests,
        calls: (calls(upstream).await? - before.0) / requests,
        median: loaded.median.as_secs_f64() * 1e6,
    })
}

/// The number of calls that the services have received so far.
async fn calls(upstream: &Process) -> Result<f64, Failed> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok(client.get(format!("http://{}/calls", upstream.address)).send().await?.text().await?.parse()?)
}

async fn program(options: &Options, folder: &Folder) -> Result<Program, Failed> {
    let workload = options.workloads.first().ok_or("no workload")?;
    let upstream = Process::upstream(Duration::ZERO, "")?;
    let setup = folder.setup(workload, &upstream);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(time_to_ready(&options.bespoke, &setup).await?);
    }
    starts.sort_unstable();
    Ok(Program { bytes: std::fs::metadata(&options.bespoke)?.len(), time_to_ready: starts[STARTS / 2] })
}

/// The time from the start of the process to the first answer of `/readyz`.
async fn time_to_ready(bespoke: &Path, setup: &Setup) -> Result<Duration, Failed> {
    let started = Instant::now();
    let process = Process::bespoke(bespoke, setup)?;
    let url = format!("http://{}/readyz", process.address);
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build()?.get(url).send().await?.error_for_status()?;
    Ok(started.elapsed())
}
