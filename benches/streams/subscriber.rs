//! One subscriber, which connects, subscribes, and notes each event.

use crate::Failed;
use crate::options::{Form, Transport};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// The transport and the operation of a subscriber.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) id: usize,
    pub(crate) transport: Transport,
    pub(crate) form: Form,
    pub(crate) is_joined: bool,
}

/// One thing that a subscriber has seen.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    Value(u64),
    /// An event with errors, or the end of the stream.
    Wrong(String),
}

/// What one subscriber has seen so far, with the moment of each event.
pub(crate) type Notes = Arc<Mutex<Vec<(Instant, Seen)>>>;

/// Connects and subscribes, and then notes each event until the stream ends. Calls `begun` at the first event.
pub(crate) async fn subscribe(address: &str, plan: &Plan, notes: &Notes, begun: impl FnOnce()) {
    let mut begun = Some(begun);
    let mut note = |seen: Seen| {
        notes.lock().unwrap_or_else(PoisonError::into_inner).push((Instant::now(), seen));
        if let Some(begun) = begun.take() {
            begun();
        }
    };
    let ended = match plan.transport {
        Transport::WebSocket => over_web_socket(address, plan, &mut note).await,
        Transport::ServerSentEvents => over_events(address, plan, &mut note).await,
    };
    note(Seen::Wrong(ended.map_or_else(|error| error.to_string(), |()| "the stream has ended".to_owned())));
}

async fn over_web_socket(address: &str, plan: &Plan, note: &mut impl FnMut(Seen)) -> Result<(), Failed> {
    let mut request = format!("ws://{address}/graphql").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", "graphql-transport-ws".parse()?);
    let config = WebSocketConfig::default().read_buffer_size(2048).write_buffer_size(0);
    let stream = TcpStream::connect(address).await?;
    let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    socket.send(Message::text(json!({ "type": "connection_init" }).to_string())).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        let Message::Text(text) = message else {
            if message.is_close() {
                return Err(format!("closed: {message:?}").into());
            }
            continue;
        };
        let message: Value = serde_json::from_str(&text)?;
        match message["type"].as_str() {
            Some("connection_ack") => {
                let subscribe = json!({ "id": "a", "type": "subscribe", "payload": plan.request() });
                socket.send(Message::text(subscribe.to_string())).await?;
            }
            Some("next") => note(Seen::of(&message["payload"])),
            _ => return Err(text.to_string().into()),
        }
    }
    Ok(())
}

async fn over_events(address: &str, plan: &Plan, note: &mut impl FnMut(Seen)) -> Result<(), Failed> {
    let mut stream = BufReader::with_capacity(1024, TcpStream::connect(address).await?);
    let body = plan.request().to_string();
    let request = format!(
        "POST /graphql HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.get_mut().write_all(request.as_bytes()).await?;
    let mut line = String::new();
    let mut is_first = true;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if std::mem::take(&mut is_first) && !line.starts_with("HTTP/1.1 200") {
            return Err(line.trim().into());
        }
        // The other lines are framing, of HTTP chunks and of the event stream.
        match line.strip_prefix("data: ") {
            Some(data) => note(Seen::of(&serde_json::from_str(data)?)),
            None if line.starts_with("event: complete") => return Ok(()),
            None => {}
        }
    }
}

impl Plan {
    fn request(&self) -> Value {
        let fields = if self.is_joined { "id value unit { name }" } else { "id value" };
        match self.form {
            Form::Literal => {
                json!({ "query": format!("subscription {{ value(id: \"{}\") {{ {fields} }} }}", self.id) })
            }
            Form::Variable => json!({
                "query": format!("subscription ($id: ID!) {{ value(id: $id) {{ {fields} }} }}"),
                "variables": { "id": self.id.to_string() },
            }),
        }
    }
}

impl Seen {
    fn of(payload: &Value) -> Self {
        match payload["data"]["value"]["value"].as_u64() {
            Some(value) if payload.get("errors").is_none() => Self::Value(value),
            _ => Self::Wrong(payload.to_string()),
        }
    }
}
