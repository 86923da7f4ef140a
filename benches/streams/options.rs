//! The options of the command line.

use crate::Failed;
use std::path::PathBuf;
use std::time::Duration;

/// The options of a run.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The path of the program `bespoke`.
    pub(crate) bespoke: PathBuf,
    pub(crate) subscribers: usize,
    pub(crate) transports: Vec<Transport>,
    /// Whether all subscribers watch one value. Otherwise each watches a value of its own.
    pub(crate) is_equal: bool,
    pub(crate) forms: Vec<Form>,
    /// The interval of polling.
    pub(crate) every: Duration,
    /// The time between two changes of one value.
    pub(crate) change: Duration,
    /// How long values change while calls, memory and processor time are measured.
    pub(crate) lasts: Duration,
    /// The delay of each answer of the source.
    pub(crate) delay: Duration,
    /// Whether the source sends an `ETag` and heeds `If-None-Match`.
    pub(crate) has_tags: bool,
    /// Whether each event needs a joined call.
    pub(crate) is_joined: bool,
    /// The number of subscribers that connect at the same time.
    pub(crate) at_once: usize,
}

/// The transport of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    ServerSentEvents,
}

/// How the operation names the value that it watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Literal,
    Variable,
}

impl Options {
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, Failed> {
        let (bespoke, mut rest) = arguments.split_first().ok_or("streams takes the program `bespoke`")?;
        let mut options = Self {
            bespoke: bespoke.into(),
            subscribers: 700,
            transports: vec![Transport::WebSocket, Transport::ServerSentEvents],
            is_equal: false,
            forms: vec![Form::Literal, Form::Variable],
            every: Duration::from_secs(2),
            change: Duration::from_secs(5),
            lasts: Duration::from_secs(20),
            delay: Duration::from_millis(2),
            has_tags: false,
            is_joined: false,
            at_once: 64,
        };
        while let Some((name, after)) = rest.split_first() {
            rest = match (*name, after.split_first()) {
                ("--equal", _) => {
                    options.is_equal = true;
                    after
                }
                ("--etag", _) => {
                    options.has_tags = true;
                    after
                }
                ("--joined", _) => {
                    options.is_joined = true;
                    after
                }
                (name, Some((value, after))) => {
                    options.set(name, value)?;
                    after
                }
                (unknown, None) => return Err(format!("`{unknown}` is no option, or lacks its value").into()),
            };
        }
        Ok(options)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Failed> {
        let duration = |unit: f64| -> Result<Duration, Failed> {
            Ok(Duration::try_from_secs_f64(value.parse::<f64>()?.max(0.0) * unit)?)
        };
        match (name, value) {
            ("--subscribers", _) => self.subscribers = value.parse::<usize>()?.max(1),
            ("--over", "ws") => self.transports = vec![Transport::WebSocket],
            ("--over", "sse") => self.transports = vec![Transport::ServerSentEvents],
            ("--over", "both") => {}
            ("--by", "literal") => self.forms = vec![Form::Literal],
            ("--by", "variable") => self.forms = vec![Form::Variable],
            ("--by", "both") => {}
            ("--every", _) => self.every = duration(1.0)?.max(Duration::from_millis(100)),
            ("--change", _) => self.change = duration(1.0)?.max(Duration::from_millis(100)),
            ("--seconds", _) => self.lasts = duration(1.0)?,
            ("--delay", _) => self.delay = duration(0.001)?,
            ("--at-once", _) => self.at_once = value.parse::<usize>()?.max(1),
            _ => return Err(format!("`{name} {value}` is no option").into()),
        }
        Ok(())
    }
}
