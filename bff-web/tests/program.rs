//! Tests of the built program `bff-web`: it prints its schema, checks its configuration, and ends on a signal.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The longest wait for the end of the program.
const LONGEST: Duration = Duration::from_secs(30);

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A command that runs the program in `folder`, without the settings in this process's environment.
fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bff-web"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["RUST_LOG", "BESPOKE_MODE", "JWT_PUBLIC_KEY_FILE"] {
        command.env_remove(name);
    }
    command
}

/// Waits for the end of the program. If that takes too long, the program is killed and the test fails.
fn ended(mut child: Child) -> Output {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > LONGEST {
            child.kill().unwrap();
            panic!("still runs after {LONGEST:?}");
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// `bespoke schema --client web` prints the same schema, as a test of the package `bespoke` checks.
#[test]
fn the_schema_is_printed_wherever_it_runs() {
    let expected = bff_web::client().assemble(&|_| None).view.expect("a view").sdl();
    for folder in [project(), std::env::temp_dir()] {
        // `output` reads while the program runs, because the schema may be larger than the buffer of a pipe.
        let output = program(&folder, &["--print-schema"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), expected, "in {}", folder.display());
    }
}

#[test]
fn a_missing_key_is_named_with_its_option() {
    let output = ended(program(&project(), &["--port", "0"]).spawn().unwrap());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("`auth.jwt.public_key_file`: the file `"), "{said}");
    assert!(said.contains("bff-web/jwt.pub.pem` cannot be used: it cannot be read: No such file"), "{said}");
}

#[test]
fn it_serves_from_the_projects_folder_until_a_signal() {
    let key = project().join("src/policy/test_keys/ed.pub").canonicalize().unwrap();
    let mut child = program(&project(), &["--port", "0", "--dev"]).env("JWT_PUBLIC_KEY_FILE", key).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    if !line.starts_with("web listens at http://127.0.0.1:") {
        panic!("{line}{}", text(&ended(child).stderr));
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let output = ended(child);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
