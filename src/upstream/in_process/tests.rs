//! Tests of in-process sources, with virtual services behind the handle.

use super::Context as CallContext;
use super::*;
use crate::compose::WayId;
use crate::flight::FlightOptions;
use crate::policy::{Caller, RequestId};
use crate::upstream::{
    BatchDomain, CredentialScope, ForwardedHeader, HandleError, HandleService, InProcessSource, SharedSource,
    UpstreamHandle, Writes, encode,
};
use async_graphql::{Context, EmptySubscription, ID, Object, Result as GqlResult, Schema};
use async_graphql::{ErrorExtensions as _, SimpleObject};
use dataloader::{BatchFn, cached, non_cached};
use futures_util::future::join_all;
use http::{HeaderName, HeaderValue};
use std::collections::HashMap;
use std::sync::Mutex;

/// Answers every call with one user per `id` of the query, and keeps the requests.
#[derive(Debug, Default)]
struct Users {
    seen: Mutex<Vec<(Request, CallContext)>>,
}

impl Users {
    fn targets(&self) -> Vec<String> {
        let seen = self.seen.lock().expect("no panic");
        let target = |request: &Request| match request {
            Request::Http { method, target, body, .. } => format!("{method} {target} {body:?}"),
            Request::GraphQl { query, .. } => query.to_string(),
        };
        seen.iter().map(|(request, _)| target(request)).collect()
    }

    fn headers(&self) -> Vec<Vec<(HeaderName, HeaderValue)>> {
        let seen = self.seen.lock().expect("no panic");
        let headers = |request: &Request| match request {
            Request::Http { headers, .. } | Request::GraphQl { headers, .. } => headers.clone(),
        };
        seen.iter().map(|(request, _)| headers(request)).collect()
    }
}

impl Subgraph for Users {
    fn call(&self, request: Request, ctx: CallContext) -> BoxFuture<'static, Result<Answer, CallError>> {
        let Request::Http { target, .. } = &request else { panic!("not HTTP") };
        let ids: Vec<_> = target.split(['?', '&']).filter_map(|part| part.strip_prefix("id=")).collect();
        let users: Vec<_> = ids.iter().filter(|id| **id != "0").map(|id| user(id)).collect();
        let status = if target.starts_with("/missing") { 404 } else { 200 };
        let is_stuck = target.starts_with("/stuck");
        // The write is left out, because whatever holds a write counts as working on it.
        self.seen.lock().expect("no panic").push((request, CallContext { write: None, ..ctx }));
        Box::pin(async move {
            tokio::task::yield_now().await;
            if is_stuck {
                std::future::pending::<()>().await;
            }
            Ok(Answer::new(status, serde_json::to_vec(&users).expect("JSON").into()))
        })
    }
}

fn user(id: &str) -> serde_json::Value {
    serde_json::json!({ "id": id, "name": format!("user {id}") })
}

#[derive(Debug, Clone, serde::Deserialize, SimpleObject)]
struct User {
    id: ID,
    name: String,
}

type Loaded = Result<Option<User>, HandleError>;

struct UsersById(UpstreamHandle);

impl BatchFn<String, Loaded> for UsersById {
    async fn load(&mut self, keys: &[String]) -> HashMap<String, Loaded> {
        let mut ids: Vec<&str> = keys.iter().map(String::as_str).collect();
        ids.sort_unstable();
        let query: Vec<_> = ids.iter().map(|id| ("id", *id)).collect();
        match self.0.get_json("users", "/users", &query).await {
            Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
            Ok(body) => {
                let users: Vec<User> = serde_json::from_slice(&body).expect("users");
                let mut users: HashMap<String, User> =
                    users.into_iter().map(|user| (user.id.0.clone(), user)).collect();
                keys.iter().map(|key| (key.clone(), Ok(users.remove(key)))).collect()
            }
        }
    }
}

type Loader = cached::Loader<String, Loaded, UsersById>;

struct Review {
    author: String,
}

#[Object]
impl Review {
    async fn author(&self, ctx: &Context<'_>) -> GqlResult<Option<User>> {
        let loaded = ctx.data::<Loader>()?.try_load(self.author.clone()).await?;
        loaded.map_err(|error| error.to_graphql())
    }
}

struct Query;

#[Object]
impl Query {
    #[graphql(entity)]
    async fn review_by_id(&self, id: ID) -> Review {
        Review { author: id.0 }
    }

    async fn gets(&self, ctx: &Context<'_>, paths: Vec<String>) -> GqlResult<Vec<usize>> {
        let handle = ctx.data::<UpstreamHandle>()?;
        let gets = paths.iter().map(|path| handle.get_json("users", path, &[("id", "1"), ("a b", "&?")]));
        let results: Result<Vec<_>, _> = join_all(gets).await.into_iter().collect();
        Ok(results.map_err(|error| error.to_graphql())?.iter().map(Bytes::len).collect())
    }

    async fn post(&self, ctx: &Context<'_>) -> GqlResult<usize> {
        Ok(ctx.data::<UpstreamHandle>()?.post_json("users", "/users?", "[1]".into()).await?.len())
    }

    async fn unknown(&self, ctx: &Context<'_>) -> GqlResult<usize> {
        let result = ctx.data::<UpstreamHandle>()?.get_json("nobody", "/", &[]).await;
        Ok(result.map_err(|error| error.to_graphql().extend_with(|_, e| e.set("by", "us")))?.len())
    }

    async fn context(&self, ctx: &Context<'_>) -> GqlResult<String> {
        let (caller, deadline) = (ctx.data::<Arc<Caller>>()?, ctx.data::<Deadline>()?);
        let left = deadline.0 - Instant::now().into_std();
        Ok(format!("{} {left:?}", caller.request_id))
    }

    async fn echo(&self, text: String) -> String {
        text
    }

    async fn panic(&self, message: Option<String>) -> bool {
        message.expect("scripted").is_empty()
    }
}

struct Mutation;

#[Object]
impl Mutation {
    async fn post_then_get(&self, ctx: &Context<'_>) -> GqlResult<usize> {
        let handle = ctx.data::<UpstreamHandle>()?;
        let before = handle.get_json("users", "/before", &[]).await?.len();
        let _ = handle.post_json("users", "/missing", "[]".into()).await;
        Ok(before + handle.get_json("users", "/after", &[]).await?.len())
    }

    async fn slowly(&self, ctx: &Context<'_>) -> GqlResult<usize> {
        let handle = ctx.data::<UpstreamHandle>()?;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        Ok(handle.post_json("users", "/late", "[]".into()).await?.len())
    }

    /// Makes a write, and then fails in the way that `by` names; with `stuck`, the write does not end either.
    async fn write_and_fail(&self, ctx: &Context<'_>, by: String) -> GqlResult<String> {
        let handle = ctx.data::<UpstreamHandle>()?;
        let path = if by == "stuck" { "/stuck" } else { "/users" };
        handle.post_json("users", path, "[]".into()).await?;
        match by.as_str() {
            "panic" => panic!("scripted"),
            "hang" => std::future::pending().await,
            _ => Ok("x".repeat(2_000)),
        }
    }
}

/// The caller's `authorization`, as the service calls it.
fn forwarded(name: &'static str) -> ForwardedHeader {
    ForwardedHeader { from: http::header::AUTHORIZATION, name: HeaderName::from_static(name) }
}

fn source(users: &Arc<Users>, max_calls: u32) -> InProcess {
    let service = HandleService {
        subgraph: Arc::clone(users) as Arc<dyn Subgraph>,
        forwarded: vec![forwarded("authorization")],
        fixed: vec![(HeaderName::from_static("x-api"), HeaderValue::from_static("2"))],
    };
    source_over(service, max_calls)
}

fn source_over(service: HandleService, max_calls: u32) -> InProcess {
    let schema = Schema::build(Query, Mutation, EmptySubscription).enable_federation().finish();
    let services = Arc::new(HashMap::from([(Arc::from("users"), service)]));
    InProcessSource::new("people", schema)
        .max_calls(max_calls)
        .max_response_bytes(1000)
        .with_data(|request, handle| request.data(Loader::new(UsersById(handle.clone()))))
        .build(services)
}

fn context(authorization: Option<&'static str>) -> CallContext {
    let mut caller = Caller { request_id: RequestId::from_static("r-1"), ..Caller::default() };
    caller.headers.insert("cookie", HeaderValue::from_static("secret"));
    if let Some(value) = authorization {
        caller.headers.insert("authorization", HeaderValue::from_static(value));
    }
    let domain = BatchDomain { way: WayId(0), inputs: Arc::from([]), scope: CredentialScope::Public };
    let deadline = (Instant::now() + Duration::from_secs(1)).into_std();
    CallContext {
        domain,
        caller: Arc::new(caller),
        deadline,
        is_safe: true,
        not_before: None,
        condition: None,
        takes_redirects: false,
        write: None,
        endpoint: "GET /x".into(),
    }
}

fn ask(query: &str, variables: &str) -> Request {
    Request::GraphQl {
        query: query.into(),
        variables: Bytes::copy_from_slice(variables.as_bytes()),
        headers: Vec::new(),
    }
}

/// The body of the answer and the targets of the calls.
async fn answer(source: &InProcess, query: &str, variables: &str) -> Result<(String, Vec<String>), CallErrorKind> {
    let answer = source.call(ask(query, variables), context(None)).await.map_err(|error| error.kind)?;
    let calls = answer.calls.iter().map(|call| format!("{} {} {:?}", call.service, call.operation_id, call.status));
    let (body, calls) = (String::from_utf8_lossy(&answer.body).into_owned(), calls.collect());
    assert_eq!((answer.status, answer.is_shared), (200, false));
    Ok((body, calls))
}

const ENTITIES: &str = "query($r: [_Any!]!) { _entities(representations: $r) { ... on Review { author { name } } } }";

#[tokio::test(start_paused = true)]
async fn entities_are_loaded_in_one_call() {
    let users = Arc::new(Users::default());
    let representations = ["8", "10", "0", "8", "9"].map(|id| serde_json::json!({ "__typename": "Review", "id": id }));
    let variables = serde_json::json!({ "r": representations }).to_string();
    let (body, calls) = answer(&source(&users, 1), ENTITIES, &variables).await.expect("an answer");
    insta::assert_snapshot!(body, @r#"{"data":{"_entities":[{"author":{"name":"user 8"}},{"author":{"name":"user 10"}},{"author":null},{"author":{"name":"user 8"}},{"author":{"name":"user 9"}}]}}"#);
    assert_eq!(calls, ["users GET /users Ok(200)"]);
    assert_eq!(users.targets(), ["GET /users?id=0&id=10&id=8&id=9 None"]);
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_those_declared_are_refused() {
    let users = Arc::new(Users::default());
    let (body, calls) =
        answer(&source(&users, 2), r#"{ gets(paths: ["/a", "/b", "/c"]) }"#, "").await.expect("an answer");
    insta::assert_snapshot!(body, @r#"{"data":null,"errors":[{"message":"`people` makes more than the 2 calls that it declares","locations":[{"line":1,"column":3}],"path":["gets"],"extensions":{"code":"UPSTREAM_REFUSED"}}]}"#);
    assert_eq!(calls, ["users GET /a Ok(200)", "users GET /b Ok(200)"]);
    assert_eq!(users.targets().len(), 2);
    // The next request has its own calls.
    let (_, calls) = answer(&source(&users, 2), r#"{ gets(paths: ["/a/7/b"]) }"#, "").await.expect("an answer");
    assert_eq!(calls, ["users GET /a/{}/b Ok(200)"]);
}

#[tokio::test(start_paused = true)]
async fn the_handle_encodes_and_reports_statuses() {
    let users = Arc::new(Users::default());
    let source = source(&users, 1);
    let mut bodies = Vec::new();
    for (query, expected_calls) in [
        (r#"{ gets(paths: ["/x?y"]) }"#, 1),
        ("{ post }", 1),
        (r#"{ gets(paths: ["/missing"]) }"#, 1),
        ("{ unknown }", 0),
    ] {
        let (body, calls) = answer(&source, query, "{}").await.expect("an answer");
        assert_eq!(calls.len(), expected_calls, "{query}");
        bodies.push(body);
    }
    insta::assert_snapshot!(bodies.join("\n"), @r#"
    {"data":{"gets":[28]}}
    {"data":{"post":2}}
    {"data":null,"errors":[{"message":"users: status 404","locations":[{"line":1,"column":3}],"path":["gets"],"extensions":{"code":"UPSTREAM_STATUS"}}]}
    {"data":null,"errors":[{"message":"service `nobody` is not configured","locations":[{"line":1,"column":3}],"path":["unknown"],"extensions":{"by":"us","code":"UPSTREAM_NOT_CONFIGURED"}}]}
    "#);
    insta::assert_snapshot!(users.targets().join("\n"), @r#"
    GET /x%3Fy?id=1&a%20b=%26%3F None
    POST /users%3F Some(b"[1]")
    GET /missing?id=1&a%20b=%26%3F None
    "#);
    assert_eq!(encode("../a b?#é").to_string(), "..%2Fa%20b%3F%23%C3%A9");
    let seen = users.seen.lock().expect("no panic");
    assert!(seen.iter().all(|(_, ctx)| ctx.is_safe), "what is under `Query` is a read, whatever the method");
}

fn writing() -> CallContext {
    CallContext { is_safe: false, write: Writes::default().begin(), ..context(None) }
}

#[tokio::test(start_paused = true)]
async fn calls_under_a_mutation_are_writes_and_join_nothing_older() {
    let users = Arc::new(Users::default());
    let source = source(&users, 3);
    source.call(ask("mutation { postThenGet }", ""), writing()).await.expect("an answer");
    let now = Some(Instant::now().into_std());
    let seen = || users.seen.lock().expect("no panic").iter().map(|(_, ctx)| (ctx.is_safe, ctx.not_before)).collect();
    let seen: Vec<_> = seen();
    assert_eq!(seen, [(false, None), (false, now), (false, now)], "a failed write counts, too");
    // The request's own `not_before` holds for all its calls.
    let after = CallContext { not_before: now, ..context(None) };
    source.call(ask("{ gets(paths: [\"/x\"]) }", ""), after).await.expect("an answer");
    let last = users.seen.lock().expect("no panic").last().map(|(_, ctx)| (ctx.is_safe, ctx.not_before));
    assert_eq!(last, Some((true, now)));
}

#[tokio::test(start_paused = true)]
async fn code_that_writes_is_run_to_its_end_whoever_waits() {
    let slowly = || ask("mutation { slowly }", "");
    for is_left in [false, true] {
        let users = Arc::new(Users::default());
        let source = source(&users, 1);
        let (ctx, begun) = (writing(), Instant::now());
        let write = ctx.write.clone().expect("a write");
        let mut call = source.call(slowly(), ctx);
        if is_left {
            assert!(futures_util::poll!(&mut call).is_pending());
            drop(call);
        } else {
            let error = call.await.expect_err("a second is not enough");
            assert_eq!(
                (error.kind, error.is_unsent, begun.elapsed()),
                (CallErrorKind::Timeout, false, Duration::from_secs(1))
            );
        }
        assert!(write.is_sent() && !write.is_over());
        tokio::time::sleep(Duration::from_millis(1_600)).await;
        assert_eq!((users.targets(), write.is_over()), (vec!["POST /late Some(b\"[]\")".to_owned()], true));
    }
    // A write without time left is not begun.
    let past = CallContext { deadline: Instant::now().into_std(), ..writing() };
    let error = source(&Arc::default(), 1).call(slowly(), past).await.expect_err("no time");
    assert!(error.is_unsent);
}

#[tokio::test(start_paused = true)]
async fn code_that_fails_tells_of_the_calls_that_it_has_begun() {
    for (by, kind, status) in [
        ("panic", CallErrorKind::Malformed, Ok(200)),
        ("hang", CallErrorKind::Timeout, Ok(200)),
        ("stuck", CallErrorKind::Timeout, Err("UPSTREAM_TIMEOUT")),
        ("large", CallErrorKind::TooLarge, Ok(200)),
    ] {
        let source = source(&Arc::default(), 1);
        let long = CallContext { deadline: (Instant::now() + Duration::from_secs(9)).into_std(), ..writing() };
        let query = format!("mutation {{ writeAndFail(by: \"{by}\") }}");
        let error = source.call(ask(&query, ""), long).await.expect_err("a failure");
        let calls: Vec<_> = error.calls.iter().map(|call| (&*call.operation_id, call.is_safe, call.status)).collect();
        let endpoint = if by == "stuck" { "POST /stuck" } else { "POST /users" };
        assert_eq!((error.kind, calls), (kind, vec![(endpoint, false, status)]), "{by}");
        assert_eq!(error.calls[0].cause.is_some(), status.is_err(), "what has not failed is not told as a failure");
    }
}

#[tokio::test(start_paused = true)]
async fn resolvers_see_caller_and_deadline() {
    let source = source(&Arc::new(Users::default()), 0);
    let (body, _) = answer(&source, "{ context }", "{}").await.expect("an answer");
    assert_eq!(body, r#"{"data":{"context":"r-1 1s"}}"#);
}

#[tokio::test(start_paused = true)]
async fn only_configured_headers_go_along_and_make_the_scope() {
    let users = Arc::new(Users::default());
    let service = HandleService {
        subgraph: Arc::new(SharedSource::new("users", Arc::clone(&users), FlightOptions::default())),
        forwarded: vec![forwarded("x-token")],
        fixed: vec![(HeaderName::from_static("x-api"), HeaderValue::from_static("2"))],
    };
    let source = source_over(service, 1);
    let callers = [None, Some("a"), Some("b"), Some("a"), None];
    let calls = callers.map(|caller| source.call(ask(r#"{ gets(paths: ["/x"]) }"#, "{}"), context(caller)));
    let shared: Vec<bool> =
        join_all(calls).await.into_iter().map(|result| result.expect("ok").calls[0].is_shared).collect();
    assert_eq!(shared, [false, false, false, true, true]);
    let header =
        |name: &'static str, value: &'static str| (HeaderName::from_static(name), HeaderValue::from_static(value));
    let with = |value| vec![header("x-api", "2"), header("x-token", value)];
    assert_eq!(users.headers(), [vec![header("x-api", "2")], with("a"), with("b")]);
}

#[tokio::test(start_paused = true)]
async fn execution_ends_with_the_deadline() {
    let source = source(&Arc::new(Users::default()), 1);
    let start = Instant::now();
    assert_eq!(answer(&source, r#"{ gets(paths: ["/stuck"]) }"#, "").await, Err(CallErrorKind::Timeout));
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    let past = CallContext { deadline: Instant::now().into_std(), ..context(None) };
    let error = source.call(ask("{ context }", ""), past).await.expect_err("no time");
    assert_eq!(error.kind, CallErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_answered_has_its_kind() {
    let source = source(&Arc::new(Users::default()), 1);
    let echo = |length: usize| serde_json::json!({ "t": "a".repeat(length) }).to_string();
    let frame = r#"{"data":{"echo":""}}"#.len();
    let echo_query = "query($t: String!) { echo(text: $t) }";
    let fits = answer(&source, echo_query, &echo(1000 - frame)).await.expect("an answer").0;
    assert_eq!(fits.len(), 1000);
    for (query, variables, kind) in [
        (echo_query, echo(1001 - frame), CallErrorKind::TooLarge),
        ("{ panic }", String::new(), CallErrorKind::Malformed),
        ("{ context }", "[1]".to_owned(), CallErrorKind::Unsendable),
    ] {
        assert_eq!(answer(&source, query, &variables).await, Err(kind), "{query}");
    }
    let http = Request::Http { method: http::Method::GET, target: "/".into(), headers: Vec::new(), body: None };
    assert_eq!(source.call(http, context(None)).await.expect_err("no HTTP").kind, CallErrorKind::NotConfigured);
}

struct Slow;

impl BatchFn<u8, u8> for Slow {
    async fn load(&mut self, keys: &[u8]) -> HashMap<u8, u8> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        keys.iter().map(|key| (*key, *key)).collect()
    }
}

/// This is why the module's documentation asks for `cached::Loader`: a caller that is loading is
/// dropped while another one waits.
#[tokio::test(start_paused = true)]
async fn a_dropped_load_is_an_error_in_cached_and_a_panic_in_non_cached_loaders() {
    async fn second(load: impl AsyncFn(u8) -> Result<u8, io::Error>) -> std::thread::Result<Result<u8, io::Error>> {
        let mut first = Box::pin(load(1));
        let mut second = Box::pin(load(2));
        for _ in 0..20 {
            assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
            tokio::task::yield_now().await;
        }
        drop(first);
        AssertUnwindSafe(second).catch_unwind().await
    }
    let (cached, non_cached) = (cached::Loader::new(Slow), non_cached::Loader::new(Slow));
    let error = second(async |key| cached.try_load(key).await).await.expect("no panic").expect_err("lost");
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(second(async |key| non_cached.try_load(key).await).await.is_err(), "no panic: `non_cached` will do");
}
