//! Workers: threads that serve connections, each with its own runtime.
//!
//! In: accepted connections. Out: each connection is served by the worker that had the fewest connections when it
//! arrived. It stays there until its end, even if it becomes a WebSocket.
//! Elsewhere: accepting connections and bounding their number ([`super::serve()`]).
//!
//! A runtime with several threads moves tasks between them, and wakes one thread for work that another has just done.
//! For requests that take microseconds, that is much of the work. Here a request, its calls and its answer stay on one
//! thread. What requests share (flights, plans, metrics) is still shared between workers.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Threads that serve connections. Dropping this ends the threads and the work that they still do.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    handle: Handle,
    connections: Arc<AtomicUsize>,
    /// The thread runs until this is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// One worker for each processor that this process may use.
    ///
    /// # Errors
    /// When a thread or a runtime cannot be created.
    pub fn for_each_processor() -> io::Result<Self> {
        Self::start(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// Starts `count` workers.
    ///
    /// # Errors
    /// When a thread or a runtime cannot be created.
    pub fn start(count: NonZeroUsize) -> io::Result<Self> {
        Ok(Self { workers: (0..count.get()).map(Worker::start).collect::<io::Result<_>>()? })
    }

    /// The runtimes of the workers.
    pub fn runtimes(&self) -> impl Iterator<Item = Handle> {
        self.workers.iter().map(|worker| worker.handle.clone())
    }

    /// How many connections each worker serves.
    #[cfg(test)]
    pub(super) fn loads(&self) -> Vec<usize> {
        self.workers.iter().map(|worker| worker.connections.load(Ordering::Relaxed)).collect()
    }

    /// Spawns a connection on the worker that has the fewest connections.
    pub(super) fn spawn(&self, tasks: &mut JoinSet<()>, connection: impl Future<Output = ()> + Send + 'static) {
        let fewest = self.workers.iter().min_by_key(|worker| worker.connections.load(Ordering::Relaxed));
        let Some(worker) = fewest else { return };
        let counted = ConnectionCount::begin(&worker.connections);
        let connection = async move {
            connection.await;
            drop(counted);
        };
        tasks.spawn_on(connection, &worker.handle);
    }
}

/// Counts one connection until it is dropped.
struct ConnectionCount(Arc<AtomicUsize>);

impl ConnectionCount {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for ConnectionCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // The channel ends with an error when the sender is dropped, which is the signal to stop.
            let _ = runtime.block_on(stopped);
            // This ends the tasks of the runtime. Threads that are blocked by a DNS lookup or by a file that hangs end
            // with the process, because waiting for them would have no deadline.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(run)?;
        Ok(Self { handle, connections: Arc::default(), stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // An error means that the worker has panicked, so it has ended too.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tokio::sync::mpsc;

    #[tokio::test]
    async fn connections_go_to_the_worker_with_the_fewest_and_end_with_it() {
        let workers = Workers::start(NonZeroUsize::new(2).expect("not zero")).expect("threads");
        let (said, mut saying) = mpsc::channel(8);
        let mut tasks = JoinSet::new();
        let connection = |said: mpsc::Sender<_>| async move {
            said.send(std::thread::current().name().map(str::to_owned)).await.expect("a receiver");
            std::future::pending::<()>().await;
        };
        (0..6).for_each(|_| workers.spawn(&mut tasks, connection(said.clone())));
        drop(said);
        let mut by_worker = HashMap::new();
        for _ in 0..6 {
            *by_worker.entry(saying.recv().await.flatten().expect("a named thread")).or_insert(0) += 1;
        }
        assert_eq!(by_worker, HashMap::from([("worker-0".to_owned(), 3), ("worker-1".to_owned(), 3)]));
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
        assert!(workers.workers.iter().all(|worker| worker.connections.load(Ordering::Relaxed) == 0));
        workers.spawn(&mut tasks, std::future::pending());
        drop(workers);
        let ended = tasks.join_next().await.expect("a task");
        assert!(ended.is_err_and(|error| error.is_cancelled()), "a worker's end is its connections' end");
    }
    #[tokio::test]
    async fn a_thread_that_is_blocked_keeps_no_worker() {
        let workers = Workers::start(NonZeroUsize::MIN).expect("a thread");
        let (begun, beginning) = oneshot::channel();
        let (release, released) = std::sync::mpsc::sync_channel::<()>(0);
        let mut tasks = JoinSet::new();
        workers.spawn(&mut tasks, async move {
            let blocked = move || {
                let _ = begun.send(());
                released.recv()
            };
            let _ = tokio::task::spawn_blocking(blocked).await;
        });
        beginning.await.expect("it blocks");
        let dropped = tokio::task::spawn_blocking(move || drop(workers));
        tokio::time::timeout(std::time::Duration::from_secs(30), dropped).await.expect("no wait").expect("no panic");
        drop(release);
    }
}
