//! A running `demo`, as seen from outside: its processes, ports, output and answers.
//!
//! Always true: every wait ends after [`DEADLINE`] at the latest, and no process outlives its [`Shop`].

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

pub(crate) use rustix::process::Signal;

/// Longest wait for anything; starts are slow where programs are not optimised and processors shared.
const DEADLINE: Duration = Duration::from_secs(60);
/// From one look at something that tells nobody of its changes to the next.
const PAUSE: Duration = Duration::from_millis(20);

const CHILDREN: [(&str, u16); 9] = [
    ("web", 0),
    ("mobile", 1),
    ("users", 101),
    ("catalog", 102),
    ("inventory", 103),
    ("carts", 104),
    ("orders", 105),
    ("payments", 106),
    ("reviews", 107),
];

/// Every process of a shop with its port.
pub(crate) fn ports(base: u16) -> impl Iterator<Item = (&'static str, u16)> {
    CHILDREN.into_iter().map(move |(name, offset)| (name, base + offset))
}

/// A port base that is free now; different ones for tests that run side by side.
pub(crate) fn free_base() -> u16 {
    let mut random = [0; 2];
    getrandom::fill(&mut random).unwrap();
    // Below the ports that systems give to outgoing connections.
    let first = u16::from_ne_bytes(random) % 90;
    let bases = (0..90).map(|step| 12_000 + (first + step) % 90 * 200);
    let mut free =
        bases.filter(|&base| ports(base).all(|(_, port)| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()));
    free.next().expect("a free range of ports")
}

/// A started program that is waited for.
pub(crate) struct Shop {
    program: Child,
    base: u16,
    children: BTreeMap<String, Pid>,
    stdout: Output,
    stderr: Output,
}

/// The folder for temporary files of a shop.
fn temporary(base: u16) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shop-{base}"))
}

/// A program that has ended instead of opening the shop.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Shop {
    /// Starts the program; returns when it says that the shop is open, or has ended.
    pub(crate) async fn start(base: u16, arguments: &[&str]) -> Result<Shop, Failure> {
        Self::start_with(base, arguments, &[]).await
    }

    /// The same, with variables in the environment.
    pub(crate) async fn start_with(base: u16, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Shop, Failure> {
        // A test that has failed may have left its own.
        let _ = std::fs::remove_dir_all(temporary(base));
        std::fs::create_dir_all(temporary(base)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
        command.args(["--no-npm", "--start-timeout", "60s", "--port-base", &base.to_string()]);
        // The last one of an option holds.
        command.args(arguments).env_remove("RUST_LOG").env("TMPDIR", temporary(base)).envs(variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut program = command.spawn().unwrap();
        let stdout = Output::read(program.stdout.take().unwrap());
        let stderr = Output::read(program.stderr.take().unwrap());
        let failed = tokio::select! {
            _ = stdout.line("Ctrl-C stops everything.") => None,
            status = program.wait() => Some(status.unwrap()),
        };
        if let Some(status) = failed {
            stderr.end().await;
            std::fs::remove_dir(temporary(base)).expect("no temporary files are left");
            return Err(Failure { code: status.code(), stderr: stderr.text() });
        }
        let mut shop = Self { program, base, children: BTreeMap::new(), stdout, stderr };
        shop.children = shop.find_children();
        Ok(shop)
    }

    fn pid(&self) -> Pid {
        let id = self.program.id().expect("the program runs");
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }

    /// Names and process ids of the program's own children.
    fn find_children(&self) -> BTreeMap<String, Pid> {
        let mut children = BTreeMap::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw)
            else {
                continue;
            };
            if state_and_parent(pid).is_some_and(|(_, parent)| parent == self.pid().as_raw_pid()) {
                let arguments = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
                let name = arguments.split('\0').nth(2).unwrap_or_default();
                children.insert(name.to_owned(), pid);
            }
        }
        children
    }

    pub(crate) fn children(&self) -> &BTreeMap<String, Pid> {
        &self.children
    }

    /// The token that the summary shows for a user.
    pub(crate) fn token(&self, user: &str) -> String {
        let text = self.stdout.text();
        let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("user {user} ")));
        line.expect("a line with the user's token").trim().to_owned()
    }

    pub(crate) fn send(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub(crate) fn kill_child(&self, name: &str) {
        kill_process(self.children[name], Signal::KILL).unwrap();
    }

    /// Waits for a line of standard error that contains `text`.
    pub(crate) async fn wait_for_line(&self, text: &str) -> String {
        self.stderr.line(text).await
    }

    /// Waits for the program's end; checks its exit code, that no child is alive and that no port is open.
    pub(crate) async fn check_end(&mut self, code: Option<i32>) {
        let children = std::mem::take(&mut self.children);
        assert!(children.len() >= 7, "{children:?}");
        let status = timeout(DEADLINE, self.program.wait()).await.expect("the program ends").unwrap();
        assert_eq!(status.code(), code, "{status}\n{}", self.stderr.text());
        if code.is_none() {
            // Nobody has waited for the children; a process whose first thread has ended may hold its port still.
            until("every child has ended", async || children.values().all(|&pid| !is_alive(pid))).await;
            for (name, port) in ports(self.base) {
                until(&format!("the port of `{name}` is closed"), async || !is_listening(port).await).await;
            }
        }
        for (name, pid) in children {
            assert!(!is_alive(pid), "`{name}` is alive");
        }
        for (name, port) in ports(self.base) {
            assert!(!is_listening(port).await, "the port of `{name}` is open");
        }
        // A killed program cannot tidy up.
        let left = std::fs::read_dir(temporary(self.base)).unwrap().count();
        assert_eq!(left, usize::from(code.is_none()), "temporary files");
        std::fs::remove_dir_all(temporary(self.base)).unwrap();
    }
}

/// Whether a process runs; one that has ended and that nobody has waited for does not.
fn is_alive(pid: Pid) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

fn state_and_parent(pid: Pid) -> Option<(char, i32)> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    // proc_pid_stat(5): the name is in parentheses and may hold anything.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Waits until `holds`, which nobody announces.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(PAUSE).await;
        }
    };
    timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// What a stream of the program has said so far.
#[derive(Clone, Default)]
struct Output {
    said: Arc<Mutex<(Vec<String>, bool)>>,
    more: Arc<Notify>,
}

impl Output {
    fn read(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let this = Self::default();
        let output = this.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                output.said.lock().unwrap().0.push(line);
                output.more.notify_waiters();
            }
            output.said.lock().unwrap().1 = true;
            output.more.notify_waiters();
        });
        this
    }

    fn text(&self) -> String {
        self.said.lock().unwrap().0.join("\n")
    }

    async fn line(&self, text: &str) -> String {
        let found = self.wait(|(lines, _)| lines.iter().find(|line| line.contains(text)).cloned());
        timeout(DEADLINE, found).await.unwrap_or_else(|_| panic!("no line with {text:?} in:\n{}", self.text()))
    }

    async fn end(&self) {
        let _ = timeout(DEADLINE, self.wait(|(_, has_ended)| has_ended.then_some(()))).await;
    }

    async fn wait<T>(&self, find: impl Fn(&(Vec<String>, bool)) -> Option<T>) -> T {
        loop {
            // Before the look, so that nothing said in between is missed.
            let mut more = std::pin::pin!(self.more.notified());
            more.as_mut().enable();
            if let Some(found) = find(&self.said.lock().unwrap()) {
                return found;
            }
            more.await;
        }
    }
}

pub(crate) async fn is_listening(port: u16) -> bool {
    matches!(timeout(DEADLINE, TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await, Ok(Ok(_)))
}

async fn exchange(port: u16, request: &str) -> String {
    let answer = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(DEADLINE, answer).await.expect("an answer in time").expect("an answer")
}

/// `GET path`, as HTTP/1.1 text.
pub(crate) async fn get(port: u16, path: &str) -> String {
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\naccept: text/html\r\nconnection: close\r\n\r\n");
    exchange(port, &request).await
}

/// Sends a query to `/graphql`, with a user's token if there is one.
pub(crate) async fn graphql(port: u16, query: &str, token: Option<String>) -> Value {
    let body = json!({ "query": query }).to_string();
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let answer = exchange(
        port,
        &format!(
            "POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n\
             accept: application/json\r\n{authorization}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ),
    )
    .await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("not HTTP: {answer}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {head}\n\n{body}"))
}
