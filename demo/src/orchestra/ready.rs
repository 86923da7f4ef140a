//! The wait until every process answers.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::layout::{Layout, ProcessName};

/// The pause between two questions to a process.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// The error if not every process answers in time.
#[derive(Debug, thiserror::Error)]
#[error("the shop cannot start: after {} s there is no answer from{}", .after.as_secs(), list(.silent))]
pub(super) struct NotReady {
    after: Duration,
    silent: Vec<(ProcessName, u16)>,
}

fn list(silent: &[(ProcessName, u16)]) -> String {
    silent.iter().fold(String::new(), |mut text, (name, port)| {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a text cannot fail.
        let _ = write!(text, "{comma} `{name}` (port {port})");
        text
    })
}

/// Asks all processes in parallel, and returns once each of them has answered 200.
///
/// # Errors
/// [`NotReady`] if that takes longer than `within`.
pub(super) async fn wait_for_all(layout: &Layout, within: Duration) -> Result<(), NotReady> {
    let deadline = Instant::now() + within;
    let mut silent = layout.processes().to_vec();
    let mut asked = JoinSet::new();
    for &(name, port) in layout.processes() {
        asked.spawn(async move {
            while !is_ready(port, name.ready_path()).await {
                sleep(PAUSE).await;
            }
            name
        });
    }
    while let Ok(Some(answered)) = timeout_at(deadline, asked.join_next()).await {
        if let Ok(ready) = answered {
            silent.retain(|&(name, _)| name != ready);
        }
    }
    if silent.is_empty() { Ok(()) } else { Err(NotReady { after: within, silent }) }
}

/// Whether the process on `port` answers `GET path` with 200 now.
async fn is_ready(port: u16, path: &str) -> bool {
    let status = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut status = [0; "HTTP/1.1 200".len()];
        stream.read_exact(&mut status).await?;
        std::io::Result::Ok(status)
    };
    matches!(timeout(ANSWER_TIMEOUT, status).await, Ok(Ok(status)) if &status == b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use super::*;
    use demo::ServiceName;

    #[tokio::test]
    async fn a_process_is_ready_when_it_answers_200() {
        for (answer, expected) in [
            (&b"HTTP/1.1 200 OK\r\n\r\n"[..], true),
            (&b"HTTP/1.1 503 Service Unavailable\r\n\r\n"[..], false),
            (&b""[..], false),
        ] {
            let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 1_024];
                let read = stream.read(&mut head).await.unwrap();
                stream.write_all(answer).await.unwrap();
                String::from_utf8_lossy(&head[..read]).into_owned()
            });
            assert_eq!(is_ready(port, "/readyz").await, expected, "{answer:?}");
            assert!(server.await.unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
        }
    }

    #[test]
    fn the_silent_ones_are_named() {
        let silent =
            vec![(ProcessName::Service(ServiceName::Carts), 4_104), (ProcessName::Service(ServiceName::Users), 4_101)];
        let said = NotReady { after: Duration::from_secs(20), silent }.to_string();
        assert_eq!(
            said,
            "the shop cannot start: after 20 s there is no answer from `carts` (port 4104), `users` (port 4101)"
        );
    }
}
