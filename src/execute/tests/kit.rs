//! A kit for tests of planning and execution: it runs operations, from text to answer, with services that follow a
//! script.
//!
//! Everything else is real: composition, the view, lowering, planning, projection and completion.

use crate::cache::{Cache, CacheOptions, Tier};
use crate::compose::{Graph, SourceId};
use crate::execute::{Bounds, CacheRules, CauseReport, Feed, Polls, Run, SourceAccess, Wording, run, run_in_parts};
use crate::operation::{GivenVariables, Limits, Particulars, Variables, prepare};
use crate::plan::tests::Project;
use crate::plan::{Plan, describe, plan};
use crate::policy::Caller;
use crate::upstream::{Answer, CallError, CallErrorKind, Context, CredentialScope, Request, Subgraph, Writes};
use crate::view::View;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A project under test.
pub(super) struct Kit {
    graph: Arc<Graph>,
    view: View,
    /// The claims of the caller. `None` if the caller is anonymous.
    pub(super) claims: Option<crate::json::Value>,
    /// How long each call takes, unless the script says `now`.
    delay: Duration,
    /// How long after its start a run has its deadline.
    timeout: Duration,
    /// The cache, which is kept between runs.
    caching: Option<Arc<CacheRules>>,
    /// How long after the first run the next run is.
    pub(super) later: Duration,
    /// How many items of all lists of one answer are kept.
    max_list_items: u32,
    causes: Arc<CauseReport>,
    /// The bounds of an operation.
    pub(super) bounds: Bounds,
}

impl Kit {
    /// Composes REST services, each given as `(name, SDL)`.
    pub(super) fn rest(services: &[(&str, &str)]) -> Self {
        Self::new(Project::rest(services, None))
    }

    /// Composes GraphQL services, each given as `(name, SDL)`.
    pub(super) fn graphql(services: &[(&str, &str)]) -> Self {
        Self::new(Project::graphql(services, None))
    }

    /// Composes one REST service with a contract.
    pub(super) fn contract(contract: &str, sdl: &str) -> Self {
        Self::new(Project::contract(contract, sdl))
    }

    /// Composes REST services with a client schema of its own.
    pub(super) fn rest_with_client(services: &[(&str, &str)], client: &str) -> Self {
        Self::new(Project::rest(services, Some(client)))
    }

    /// Composes GraphQL services with a client schema of its own.
    pub(super) fn graphql_with_client(services: &[(&str, &str)], client: &str) -> Self {
        Self::new(Project::graphql(services, Some(client)))
    }

    fn new(Project { graph, view }: Project) -> Self {
        let (delay, timeout, later) = (Duration::ZERO, Duration::from_secs(5), Duration::ZERO);
        let (causes, bounds) = (Arc::new(CauseReport::default()), Bounds::default());
        let (graph, max_list_items) = (Arc::new(graph), 100_000);
        Self { graph, view, claims: None, delay, timeout, max_list_items, caching: None, later, causes, bounds }
    }

    /// Sets the claims of the caller.
    pub(super) fn caller(mut self, claims: impl Into<crate::json::Value>) -> Self {
        self.claims = Some(claims.into());
        self
    }

    /// Adds a cache, which lasts from run to run.
    pub(super) fn cached(mut self, options: CacheOptions) -> Self {
        self.caching = Some(Arc::new(CacheRules::new(&self.graph, Cache::new(options), |_| true, true)));
        self
    }

    /// The same, with a tier behind its memory.
    pub(super) fn cached_behind(mut self, options: CacheOptions, tier: Arc<dyn Tier>) -> Self {
        let cache = Cache::with_second(options, Some(tier));
        self.caching = Some(Arc::new(CacheRules::new(&self.graph, cache, |_| true, true)));
        self
    }

    /// Sets how many items of lists an answer may have.
    pub(super) fn max_list_items(mut self, most: u32) -> Self {
        self.max_list_items = most;
        self
    }

    /// Makes services too slow for the request's deadline, unless the script says `now`.
    pub(super) fn slow(mut self) -> Self {
        (self.delay, self.timeout) = (Duration::from_secs(3_600), Duration::from_secs(1));
        self
    }

    /// Makes services take a second, unless the script says `now`.
    pub(super) fn delayed(mut self) -> Self {
        self.delay = Duration::from_secs(1);
        self
    }

    fn planned(&self, query: &str, variables: &Json) -> (Plan, Given) {
        self.planned_for(query, variables, false)
    }

    fn planned_for(&self, query: &str, variables: &Json, in_parts: bool) -> (Plan, Given) {
        self.planned_with(query, variables.to_string(), in_parts)
    }

    fn planned_with(&self, query: &str, given: String, in_parts: bool) -> (Plan, Given) {
        let prepared = prepare(&self.view, &Limits::default(), query, None).expect("a valid operation");
        let variables = prepared.coerce(&GivenVariables::new(given.into())).expect("valid variables");
        let outcomes = prepared.outcomes(&variables);
        let outcomes = if in_parts { outcomes.incremental() } else { outcomes };
        let outcomes = if self.claims.is_none() { outcomes.anonymous() } else { outcomes };
        let lowered = prepared.lower(&outcomes).expect("an operation in bounds");
        prepared.check_bounds(&lowered, &variables).expect("variables in bounds");
        let plan = plan(&self.graph, &lowered).expect("a plan");
        (plan, Given { variables, own: Arc::clone(prepared.own()) })
    }

    /// Whether an operation is invalid for the client's schema.
    pub(super) fn is_invalid(&self, query: &str) -> bool {
        prepare(&self.view, &Limits::default(), query, None).is_err()
    }

    /// The description of the plan.
    pub(super) fn plan(&self, query: &str) -> String {
        describe(&self.planned(query, &json!({})).0, &self.graph, "plan")
    }

    /// The plan, the requests and the answer.
    ///
    /// Each line of the script is `service request => status body`. A request that ends in `*` stands for all that
    /// begin so. With `now` before it, the answer comes at once, though the services are slow. The status `-` means
    /// unreachable. Headers may precede the body: `<cache-control: max-age=60; etag: "1">`.
    pub(super) fn check(&self, query: &str, script: &str) -> String {
        let (plan, _) = self.planned(query, &json!({}));
        let mut text = describe(&plan, &self.graph, "plan");
        text.push_str(&self.run(query, script));
        text
    }

    /// The requests and the answer.
    pub(super) fn run(&self, query: &str, script: &str) -> String {
        self.run_with(query, &json!({}), script)
    }

    /// The requests and the answer, with the given variables.
    pub(super) fn run_with(&self, query: &str, variables: &Json, script: &str) -> String {
        self.run_given(query, &variables.to_string(), script)
    }

    /// The requests and the answer, with variables as a client writes them.
    pub(super) fn run_given(&self, query: &str, variables: &str, script: &str) -> String {
        let (plan, variables) = self.planned_with(query, variables.to_owned(), false);
        let setting = self.setting(script);
        let ran = setting.runtime.block_on(async {
            tokio::time::advance(self.later).await;
            let ran = run(setting.run(self, &plan, &variables)).await;
            // Gives calls in the background time to end.
            tokio::time::sleep(Duration::from_millis(1)).await;
            ran
        });
        let mut text = setting.made(&plan);
        let body = String::from_utf8(ran.body.to_vec()).expect("UTF-8");
        let written: Written<'_> = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
        writeln!(text, "{}", written.data).unwrap();
        for error in &written.errors {
            let path: Vec<String> = error["path"].as_array().into_iter().flatten().map(part).collect();
            let code = error["extensions"]["code"].as_str().unwrap_or_default();
            writeln!(text, "! {} {code}: {}", path.join("."), error["message"].as_str().unwrap_or_default()).unwrap();
        }
        assert_eq!(written.errors.len(), ran.errors as usize);
        text
    }

    /// For how many seconds the answer holds as a whole, its age in seconds, and whether it is for everybody.
    pub(super) fn held(&self, query: &str, script: &str) -> Option<(u64, u64, bool)> {
        let (plan, variables) = self.planned(query, &json!({}));
        let setting = self.setting(script);
        setting.runtime.block_on(async {
            tokio::time::advance(self.later).await;
            let held = run(setting.run(self, &plan, &variables)).await.held?;
            let (now, caching) = (tokio::time::Instant::now().into_std(), self.caching.as_ref()?);
            let remaining = held.remaining(now).as_secs_f64().round() as u64;
            held.holds(caching.cache().tags(), now).then_some((remaining, held.age(now).as_secs(), held.is_public))
        })
    }

    /// The parts of the answer, each with the number of seconds after which it came.
    pub(super) fn parts(&self, query: &str, variables: &Json, wording: Wording, script: &str) -> Vec<(u64, Json)> {
        let (plan, variables) = self.planned_for(query, variables, true);
        let setting = self.setting(script);
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<crate::execute::Part>(1);
        let parts = setting.runtime.block_on(async {
            let start = tokio::time::Instant::now();
            let collect = async {
                let mut parts = Vec::new();
                while let Some(part) = receiver.recv().await {
                    let body = String::from_utf8(part.body(wording)).expect("UTF-8");
                    let body = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"));
                    parts.push((start.elapsed().as_secs(), body));
                }
                parts
            };
            tokio::join!(run_in_parts(setting.run(self, &plan, &variables), sender), collect).1
        });
        setting.made(&plan);
        parts
    }

    /// The first event of a subscription. Waits for a turn and calls may take `timeout` each. One service has no free
    /// turn until `busy` is over.
    pub(super) fn first_event(&self, query: &str, script: &str, timeout: Duration, busy: (&str, Duration)) -> String {
        let (plan, variables) = self.planned(query, &json!({}));
        let setting = self.setting(script);
        let run = || setting.run(self, &plan, &variables);
        let every = Duration::from_secs(60);
        setting.runtime.block_on(async {
            let polls = Polls::new(self.graph.sources.iter().map(|_| 2), true);
            let source = self.graph.sources.iter().position(|source| source.name.as_str() == busy.0);
            let turn = polls.turn(vec![SourceId(source.unwrap().try_into().unwrap())]).await;
            let feed = Feed::new(&run(), every);
            let mut subscriber = feed.subscribe();
            let free = async {
                tokio::time::sleep(busy.1).await;
                drop(turn);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                (ran, _) = subscriber.next() => String::from_utf8(ran.body.to_vec()).expect("UTF-8"),
                () = feed.work(run(), &polls, every, timeout) => panic!("it has ended without an event"),
                () = free => unreachable!("it never ends"),
            }
        })
    }

    fn setting(&self, script: &str) -> Setting {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let rules: Arc<[Rule]> = script.lines().map(str::trim).filter(|line| !line.is_empty()).map(rule).collect();
        let sources: Vec<SourceAccess> = self
            .graph
            .sources
            .iter()
            .map(|source| SourceAccess {
                subgraph: Arc::new(Scripted {
                    name: source.name.as_str().into(),
                    rules: Arc::clone(&rules),
                    requests: Arc::clone(&requests),
                    delay: self.delay,
                }),
                name: source.name.as_str().into(),
                config: json!({ "key": "from-config" }).into(),
                max_list_items: self.max_list_items,
            })
            .collect();
        let claims = self.claims.as_ref().map(|claims| claims.as_object().expect("claims").clone());
        let caller = Arc::new(Caller { claims, ..Caller::default() });
        Setting {
            sources,
            requests,
            caller,
            introspection: HashMap::new(),
            writes: Writes::default(),
            runtime: paused(),
        }
    }
}

/// A runtime whose clock jumps ahead when all tasks wait.
fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// The data of a request for a plan.
struct Given {
    variables: Variables,
    own: Arc<Particulars>,
}

/// The surroundings in which a plan is run.
struct Setting {
    sources: Vec<SourceAccess>,
    requests: Arc<Mutex<Vec<String>>>,
    caller: Arc<Caller>,
    introspection: HashMap<String, String>,
    writes: Writes,
    runtime: tokio::runtime::Runtime,
}

impl Setting {
    fn run<'a>(&'a self, kit: &'a Kit, plan: &'a Plan, given: &'a Given) -> Run<'a> {
        Run {
            plan,
            graph: &kit.graph,
            sources: &self.sources,
            variables: &given.variables,
            locations: given.own.locations(),
            caching: kit.caching.as_ref(),
            writes: &self.writes,
            introspection: Some(&self.introspection),
            causes: &kit.causes,
            caller: &self.caller,
            deadline: tokio::time::Instant::now().into_std() + kit.timeout,
            bounds: kit.bounds,
        }
    }

    /// The requests that were made. Asserts that there are no more than the plan proves.
    fn made(&self, plan: &Plan) -> String {
        let requests = self.requests.lock().unwrap();
        let made = requests.len();
        let again = requests.iter().filter(|request| request.ends_with(BEHIND)).count();
        assert!(plan.calls.is_none_or(|calls| (made - again) as u64 <= calls), "{made} calls, proven {:?}", plan.calls);
        requests.iter().fold(String::new(), |text, request| format!("{text}> {request}\n"))
    }
}

/// An answer whose data keeps its spelling and order.
#[derive(serde::Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    errors: Vec<Json>,
}

fn part(part: &Json) -> String {
    part.as_str().map_or_else(|| part.to_string(), str::to_owned)
}

#[derive(Debug)]
struct Rule {
    request: String,
    is_prefix: bool,
    is_fast: bool,
    /// The status of the answer. `None` if the service is unreachable.
    status: Option<u16>,
    headers: HeaderMap,
    body: String,
}

/// A time for which no caller waits.
const LONG: Duration = Duration::from_secs(10);

/// Marks a call that no caller waits for.
const BEHIND: &str = "  [behind]";

fn rule(line: &str) -> Rule {
    let (request, answer) = line.split_once(" => ").expect("`request => status body`");
    let (status, body) = answer.split_once(' ').unwrap_or((answer, ""));
    let (is_fast, request) = request.strip_prefix("now ").map_or((false, request), |request| (true, request));
    let (is_prefix, request) = request.strip_suffix('*').map_or((false, request), |request| (true, request));
    let (headers, body) = body.strip_prefix('<').and_then(|rest| rest.split_once('>')).unwrap_or(("", body));
    let headers = headers.split(';').filter_map(|header| header.split_once(':'));
    let headers =
        headers.map(|(name, value)| (name.trim().parse().expect("a name"), value.trim().parse().expect("a value")));
    let (headers, status) = (headers.collect(), status.parse().ok());
    Rule { request: request.to_owned(), is_prefix, is_fast, status, headers, body: body.trim_start().to_owned() }
}

#[derive(Debug)]
struct Scripted {
    name: Arc<str>,
    rules: Arc<[Rule]>,
    requests: Arc<Mutex<Vec<String>>>,
    delay: Duration,
}

impl Subgraph for Scripted {
    fn call(&self, request: Request, ctx: Context) -> BoxFuture<'static, Result<Answer, CallError>> {
        let mut text = format!("{} ", self.name);
        match &request {
            Request::Http { method, target, headers, body } => {
                write!(text, "{method} {target}").unwrap();
                for (name, value) in headers {
                    write!(text, " {name}:{}", value.to_str().unwrap()).unwrap();
                }
                if let Some(body) = body {
                    write!(text, " {}", String::from_utf8_lossy(body)).unwrap();
                }
            }
            Request::GraphQl { query, variables, .. } => {
                write!(text, "{query}").unwrap();
                if &**variables != b"{}" {
                    write!(text, " {}", String::from_utf8_lossy(variables)).unwrap();
                }
            }
        }
        for (name, value) in ctx.condition.iter().flat_map(|condition| condition.iter()) {
            write!(text, " {name}:{}", value.to_str().unwrap()).unwrap();
        }
        let matches = |rule: &&Rule| {
            if rule.is_prefix { text.starts_with(&rule.request) } else { text == rule.request }
        };
        let rule = self.rules.iter().find(matches);
        let answer = match rule.map(|rule| (rule.status, rule.headers.clone(), rule.body.clone())) {
            Some((Some(status), headers, body)) => Ok(Answer { headers, ..Answer::new(status, body.into()) }),
            Some((None, ..)) => Err(CallErrorKind::Unreachable),
            None => panic!("no line of the script answers `{text}`"),
        };
        let is_fast = rule.is_some_and(|rule| rule.is_fast);
        let mut marks = String::new();
        if ctx.domain.scope != CredentialScope::Public {
            marks.push_str("  [private]");
        }
        if ctx.not_before.is_some() {
            marks.push_str("  [joins nothing older]");
        }
        if !ctx.is_safe {
            marks.push_str("  [write]");
        }
        if ctx.takes_redirects {
            marks.push_str("  [takes redirects]");
        }
        if ctx.deadline > tokio::time::Instant::now().into_std() + LONG {
            marks.push_str(BEHIND);
        }
        self.requests.lock().unwrap().push(text + &marks);
        let service = Arc::clone(&self.name);
        let delay = if is_fast { Duration::ZERO } else { self.delay };
        Box::pin(async move {
            tokio::time::sleep(delay).await;
            answer.map_err(|kind| CallError::new(&service, kind, "secret cause"))
        })
    }
}
