//! The files of GraphiQL, which are installed once with npm, if npm is there.
//!
//! The shop starts even if something is missing: the reason is printed, and the BFFs serve a plain form.

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncRead;
use tokio::process::{Child, Command};
use tokio::time::{Instant, interval_at, timeout};

use super::output::{each_line, say, say_as};
use super::project::Project;

/// The longest run of npm.
const NPM_TIMEOUT: Duration = Duration::from_secs(180);
/// The interval between two messages about npm's progress.
const TICK: Duration = Duration::from_secs(3);
/// The longest wait for npm's last output, and for its end after SIGKILL.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest wait for `node --version` and for `npm --version`.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);
/// The copy of the lock file from which the packages were installed.
const INSTALLED: &str = "node_modules/.installed-lock.json";

/// Installs the files that GraphiQL's page loads, unless they are there. When `stop` is ready, npm is killed.
pub(super) async fn prepare(project: Option<&Project>, no_npm: bool, stop: impl Future<Output = ()>) {
    let Some(project) = project else {
        return say("the project's folder is not here: a plain form is served instead of GraphiQL");
    };
    let folder = project.playground();
    if !folder.join("package-lock.json").is_file() {
        return say(&format!("{} has no package-lock.json: a plain form is served", folder.display()));
    }
    if is_installed(&folder) {
        return;
    }
    let by_hand = format!("(cd {} && npm ci --ignore-scripts)", folder.display());
    if no_npm {
        return say(&format!("GraphiQL is not installed: a plain form is served. To install it: {by_hand}"));
    }
    for program in ["node", "npm"] {
        if !answers(program).await {
            say(&format!("GraphiQL needs Node.js with npm, and `{program}` is not here: a plain form is served."));
            return say(&format!("Once they are installed, start the demo again, or run: {by_hand}"));
        }
    }
    say(&format!("installing GraphiQL, once: {by_hand}, at most {} s", NPM_TIMEOUT.as_secs()));
    match install(Path::new("npm"), &folder, stop).await {
        Ok(()) => say("GraphiQL is installed"),
        Err(why) => say(&format!("GraphiQL is not installed ({why}): a plain form is served. To try again: {by_hand}")),
    }
}

/// Whether an installation of the current lock file was completed.
fn is_installed(folder: &Path) -> bool {
    match fs::read(folder.join(INSTALLED)) {
        Ok(installed) => fs::read(folder.join("package-lock.json")).is_ok_and(|wanted| wanted == installed),
        // The packages may have been installed by hand: npm writes this file at the end of an installation.
        Err(_) => folder.join("node_modules/.package-lock.json").is_file(),
    }
}

/// Whether `program --version` succeeds in time.
async fn answers(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let Ok(mut child) = command.spawn() else { return false };
    let ended = timeout(VERSION_TIMEOUT, child.wait()).await;
    matches!(ended, Ok(Ok(status)) if status.success())
}

/// Runs `npm ci`.
async fn install(npm: &Path, folder: &Path, stop: impl Future<Output = ()>) -> Result<(), String> {
    let mut command = Command::new(npm);
    // At the log level `http`, npm writes a line for each file that it fetches.
    command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "http"]);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut npm = Npm(command.spawn().map_err(|error| format!("npm cannot be run: {error}"))?);
    let fetched = Cell::new(0_u32);
    let take = |line: String| match line.strip_prefix("npm http ") {
        Some(_) => fetched.set(fetched.get().saturating_add(1)),
        None => say_as("npm", &line),
    };
    let (stdout, stderr) = (npm.0.stdout.take(), npm.0.stderr.take());
    let output = async { tokio::join!(each_line_of(stdout, take), each_line_of(stderr, take)) };
    let begun = Instant::now();
    let progress = async {
        let mut ticks = interval_at(begun + TICK, TICK);
        loop {
            ticks.tick().await;
            say(&format!("npm has fetched {} files in {} s", fetched.get(), begun.elapsed().as_secs()));
        }
    };
    // The output is read for a moment after npm's end, but not until the pipes close: a program that npm left behind
    // may hold them open.
    let run = async {
        let end = async { timeout(NPM_TIMEOUT, npm.0.wait()).await };
        let (mut end, mut output) = (pin!(end), pin!(output));
        tokio::select! {
            ended = &mut end => {
                let _ = timeout(LAST_WORDS_TIMEOUT, output).await;
                ended
            }
            _ = &mut output => end.await,
        }
    };
    let ended = tokio::select! {
        ended = run => Some(ended),
        () = stop => None,
        () = progress => None,
    };
    match ended {
        Some(Ok(Ok(status))) => return note_installed(folder, status),
        Some(Ok(Err(error))) => return Err(format!("npm cannot be waited for: {error}")),
        Some(Err(_)) | None => npm.kill().await,
    }
    Err(if ended.is_some() { "npm took too long" } else { "npm was interrupted" }.to_owned())
}

async fn each_line_of(stream: Option<impl AsyncRead + Unpin>, take: impl FnMut(String)) {
    if let Some(stream) = stream {
        each_line(stream, take).await;
    }
}

fn note_installed(folder: &Path, status: ExitStatus) -> Result<(), String> {
    if !status.success() {
        return Err(format!("npm has ended with {status}"));
    }
    // Without this copy, the next start runs npm again or trusts npm's own file. Either is fine.
    let _ = fs::copy(folder.join("package-lock.json"), folder.join(INSTALLED));
    Ok(())
}

/// A running npm. Dropping it kills npm and the programs that npm has started.
struct Npm(Child);

impl Npm {
    fn kill_group(&self) {
        // There is no number if npm has ended and has been waited for.
        if let Some(pid) = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    async fn kill(&mut self) {
        self.kill_group();
        let _ = timeout(LAST_WORDS_TIMEOUT, self.0.wait()).await;
    }
}

impl Drop for Npm {
    fn drop(&mut self) {
        self.kill_group();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    /// A folder with a lock file and a program that stands in for npm. Dropping the value removes the folder.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str, npm: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("bespoke-demo-test-{name}-{}", std::process::id()));
            fs::create_dir_all(folder.join("node_modules")).unwrap();
            let this = Self(folder);
            this.write("package-lock.json", "1");
            this.write("npm", &format!("#!/bin/sh\n{npm}\n"));
            fs::set_permissions(this.0.join("npm"), fs::Permissions::from_mode(0o755)).unwrap();
            this
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.join(name), text).unwrap();
        }

        async fn install(&self, stop: impl Future<Output = ()>) -> Result<(), String> {
            install(&self.0.join("npm"), &self.0, stop).await
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn an_installation_counts_when_it_was_completed_from_the_present_lock_file() {
        let folder = Folder::new("completed", "");
        assert!(!is_installed(&folder.0), "an interrupted npm leaves the folder only");
        folder.write("node_modules/.package-lock.json", "npm's");
        assert!(is_installed(&folder.0), "by hand");
        folder.write(INSTALLED, "1");
        assert!(is_installed(&folder.0), "by the demo or by `./test`");
        folder.write("package-lock.json", "2");
        assert!(!is_installed(&folder.0), "the lock file has changed since");
    }

    #[tokio::test]
    async fn npm_runs_in_the_folder_and_no_script_of_a_package_does() {
        let folder = Folder::new("runs", r#"[ "$1 $2" = "ci --ignore-scripts" ] && [ -f package-lock.json ]"#);
        assert_eq!(folder.install(pending()).await, Ok(()));
        assert!(is_installed(&folder.0));
    }

    #[tokio::test]
    async fn a_failed_npm_installs_nothing() {
        let folder = Folder::new("fails", "exit 3");
        assert_eq!(folder.install(pending()).await, Err("npm has ended with exit status: 3".to_owned()));
        assert!(!is_installed(&folder.0));
    }

    #[tokio::test]
    async fn an_interrupted_npm_ends_with_what_it_started() {
        let folder = Folder::new("interrupted", "sleep 60 & echo $! > started.new; mv started.new started; wait");
        let started = folder.0.join("started");
        let stop = async {
            while !started.exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let ended = timeout(Duration::from_secs(20), folder.install(stop)).await;
        assert_eq!(ended.expect("in time"), Err("npm was interrupted".to_owned()));
        let pid: i32 = fs::read_to_string(&started).unwrap().trim().parse().unwrap();
        let limit = Instant::now() + Duration::from_secs(10);
        loop {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // A process that nobody has waited for yet is a zombie; one that was killed may need a moment to become
            // one.
            if stat.is_empty() || stat.contains(") Z ") {
                break;
            }
            assert!(Instant::now() < limit, "still there: {stat}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_missing_program_does_not_answer() {
        assert!(!answers("no-such-program-as-this").await);
    }
}
