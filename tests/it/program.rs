//! Programs that tests start: their output and their end, with a deadline for every wait.
//!
//! Always true: a program ends when its handle is dropped, and every wait ends after [`LONGEST`] or the time that a
//! test names.

use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// The longest wait for anything. It is long, because programs without optimisations on shared processors are slow.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);

/// The most bytes that are kept of a stream. Further output is read and discarded.
const MAX_SAID: usize = 4 << 20;

/// A command that runs the program `bespoke` without the settings in this process's environment.
pub(crate) fn bespoke(arguments: &[&str]) -> Command {
    ours(Path::new(env!("CARGO_BIN_EXE_bespoke")), arguments)
}

/// A command that runs the program `bff-web` in the same way. It belongs to another package, which `./test` builds
/// first.
pub(crate) fn bff_web(arguments: &[&str]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_bespoke")).with_file_name("bff-web");
    assert!(program.exists(), "{} is missing: run `cargo build --workspace`", program.display());
    ours(&program, arguments)
}

fn ours(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    // The width of help texts depends on `COLUMNS`. The other variables would change the configuration.
    command.env("COLUMNS", "100").env_remove("RUST_LOG").env_remove("BESPOKE_MODE");
    // The demo makes a key of its own when it starts.
    command.env("JWT_PUBLIC_KEY_FILE", Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy/test_keys/ed.pub"));
    command
}

/// A command that runs a Node.js program of this repository, such as `tests/browser/graphiql.mjs`.
///
/// # Panics
/// When Node.js or the packages of the program are missing. The message says how to install them.
pub(crate) fn node(script: &str) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let folder = script.parent().expect("a folder");
    let has_node = std::process::Command::new("node").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(has_node, "Node.js is not installed: run `./test --setup-only`");
    assert_installed(folder);
    let mut command = Command::new("node");
    command.arg(&script).current_dir(folder);
    command
}

/// Asserts that the packages of a folder's lock file are installed.
pub(crate) fn assert_installed(folder: &Path) {
    let wanted = std::fs::read(folder.join("package-lock.json")).expect("a lock file");
    let installed = std::fs::read(folder.join("node_modules/.installed-lock.json")).unwrap_or_default();
    assert!(wanted == installed, "the packages of {} are missing or old: run `./test --setup-only`", folder.display());
}

/// The exit code and the output of a program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end.
pub(crate) async fn run(command: Command) -> Ended {
    run_with(command, Stdio::null()).await
}

/// Runs a program to its end, for at most `longest`.
pub(crate) async fn run_for(command: Command, longest: Duration) -> Ended {
    Program::start(command).ended_within(longest).await
}

/// Runs a program to its end, with this standard input.
pub(crate) async fn run_with(command: Command, stdin: Stdio) -> Ended {
    Program::start_with(command, stdin).ended().await
}

/// A running program.
pub(crate) struct Program {
    child: Child,
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
}

impl Program {
    pub(crate) fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    fn start_with(mut command: Command, stdin: Stdio) -> Self {
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}: {command:?}"));
        let stdout = Stream::read(child.stdout.take().unwrap());
        let stderr = Stream::read(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    /// The URL in the line that says where the program listens.
    pub(crate) async fn url(&mut self) -> String {
        self.urls().await.remove(0)
    }

    /// All URLs in that line: first that of GraphQL, and last that of health and metrics if they have a port of their
    /// own.
    pub(crate) async fn urls(&mut self) -> Vec<String> {
        let stderr = self.stderr.clone();
        let line = tokio::select! {
            line = self.stdout.next("http://") => line,
            status = self.child.wait() => panic!("ended with {} instead of listening: {}", status.unwrap(), stderr.text()),
        };
        let words = line.split([',', ' ', '\n']).filter(|word| word.starts_with("http://"));
        words.map(str::to_owned).collect()
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("the program runs")
    }

    pub(crate) fn send(&self, signal: Signal) {
        let id = i32::try_from(self.child.id().expect("the program runs")).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Waits until the program has ended and all of its output is read.
    pub(crate) async fn ended(self) -> Ended {
        self.ended_within(LONGEST).await
    }

    async fn ended_within(mut self, longest: Duration) -> Ended {
        let status = timeout(longest, self.child.wait()).await;
        let Ok(status) = status else {
            panic!("did not end within {longest:?}; said {}{}", self.stdout.text(), self.stderr.text())
        };
        let (stdout, stderr) = (self.stdout.whole().await, self.stderr.whole().await);
        Ended { code: status.unwrap().code(), stdout, stderr }
    }
}

/// The output of a program to one stream so far, and how much of it [`Self::next`] has returned.
#[derive(Clone)]
pub(crate) struct Stream {
    said: Arc<Mutex<String>>,
    /// Changes with every line, and is closed at the end of the stream.
    more: watch::Receiver<()>,
    next: usize,
}

impl Stream {
    fn read(stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let said = Arc::new(Mutex::new(String::new()));
        let (tell, more) = watch::channel(());
        let this = Self { said: Arc::clone(&said), more, next: 0 };
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut said = said.lock().unwrap();
                if said.len() < MAX_SAID {
                    said.push_str(&line);
                    said.push('\n');
                }
                drop(said);
                let _ = tell.send(());
            }
        });
        this
    }

    /// All output so far.
    pub(crate) fn text(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits for a line that contains `wanted`. Returns the output after the last such wait, up to and including that
    /// line.
    pub(crate) async fn next(&mut self, wanted: &str) -> String {
        let search = async {
            loop {
                self.more.mark_unchanged();
                let said = self.text();
                let new = &said[self.next..];
                if let Some(at) = new.find(wanted) {
                    let end = new[at..].find('\n').map_or(new.len(), |end| at + end + 1);
                    self.next += end;
                    return Some(new[..end].to_owned());
                }
                if self.more.changed().await.is_err() {
                    // The last line may have come after the search.
                    let said = self.text();
                    return said[self.next..].contains(wanted).then(|| said[self.next..].to_owned());
                }
            }
        };
        match timeout(LONGEST, search).await {
            Ok(Some(text)) => text,
            Ok(None) => panic!("ended without {wanted:?}:\n{}", self.text()),
            Err(_) => panic!("no {wanted:?} within {LONGEST:?}:\n{}", self.text()),
        }
    }

    /// Waits for the end of the stream and returns all output.
    async fn whole(&mut self) -> String {
        let _ = timeout(LONGEST, async { while self.more.changed().await.is_ok() {} }).await;
        self.text()
    }
}

/// A temporary folder, which is removed when the value is dropped.
pub(crate) struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Folder {
    /// A folder with copies of `parts`, which are files and folders below `from` in this repository. Without parts it
    /// is empty.
    pub(crate) fn copy(from: &str, parts: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("project-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
        // Another process may have had the same process id and been killed.
        let _ = std::fs::remove_dir_all(&folder.0);
        std::fs::create_dir_all(&folder.0).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(from);
        for part in parts {
            copy(&from.join(part), &folder.0.join(part));
        }
        folder
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }

    /// Replaces `old`, which must occur exactly once, in a file.
    pub(crate) fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.0.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.matches(old).count(), 1, "{old:?} in {file}");
        std::fs::write(&path, text.replace(old, new)).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else {
        std::fs::create_dir_all(to.parent().expect("a folder")).unwrap();
        std::fs::copy(from, to).unwrap_or_else(|error| panic!("{error}: {}", from.display()));
    }
}
