//! Tests of the program `bespoke`: its output and its exit codes.

use crate::program::{Ended, Folder, Program, bespoke, run, run_with};
use rustix::process::Signal;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use testkit::posts::{POSTS, PostsUpstream};
use testkit::tls::authority;

/// The query in the README.
const ORDERS: &str = r#"{ user(id: "123") { name orders { total } } }"#;

/// A copy of this repository's project that a test may break.
fn project() -> Folder {
    let bffs = ["web", "mobile"]
        .map(|client| [format!("bff-{client}/bff.yaml"), format!("bff-{client}/{client}-extras.graphql")]);
    let mut parts = vec!["schema"];
    parts.extend(bffs.iter().flatten().map(String::as_str));
    Folder::copy("", &parts)
}

/// Asserts the exit code of a command, and returns the command's output.
#[track_caller]
fn expect(ended: Ended, code: i32) -> Ended {
    assert_eq!(ended.code, Some(code), "{}{}", ended.stdout, ended.stderr);
    ended
}

#[tokio::test]
async fn help_teaches() {
    let mut all = String::new();
    for command in ["", "check", "explain", "plan", "schema", "graph", "serve", "mock"] {
        let arguments: Vec<&str> = [command, "--help"].into_iter().filter(|it| !it.is_empty()).collect();
        let ended = expect(run(bespoke(&arguments)).await, 0);
        all += &format!("$ bespoke {}\n{}\n", arguments.join(" "), ended.stdout);
    }
    insta::assert_snapshot!(all);
    let ended = expect(run(bespoke(&[])).await, 2);
    assert!(ended.stderr.contains("Start here:"), "{}", ended.stderr);
}

#[tokio::test]
async fn check_finds_nothing_in_this_project() {
    let ended = expect(run(bespoke(&["check"])).await, 0);
    assert_eq!(ended.stdout, "no findings: . for mobile, web\n");
    assert_eq!(ended.stderr, "");
}

#[tokio::test]
async fn check_draws_each_mistake_where_it_is() {
    for (file, right, wrong) in [
        ("schema/services/users.graphql", r#"op: "getUsers""#, r#"op: "getUserz""#),
        ("schema/mobile.graphql", r#"path: "price.currency""#, r#"path: "price.curency""#),
        ("bff-web/bff.yaml", "  port: 4000", "  prot: 4000"),
    ] {
        let project = project();
        expect(run(bespoke(&["check", "--project", project.path()])).await, 0);
        project.edit(file, right, wrong);
        let drawn = expect(run(bespoke(&["check", "--project", project.path()])).await, 1);
        let text = std::fs::read_to_string(Path::new(project.path()).join(file)).unwrap();
        let line = 1 + text.lines().position(|line| line.contains(wrong)).unwrap();
        assert!(drawn.stdout.contains(&format!("--> {file}:{line}:")), "{}", drawn.stdout);
        // The same findings, with a line for each.
        let short = expect(run(bespoke(&["check", "--project", project.path(), "--short"])).await, 1);
        assert!(short.stdout.starts_with(&format!("{file}:{line}:")), "{}", short.stdout);
        assert_eq!(short.stdout.lines().count(), 1, "{}", short.stdout);
        insta::assert_snapshot!(format!("{}\n{}", drawn.stdout, short.stdout));
    }
}

/// The findings of `check` for a project whose service `posts` has this URL and these options.
async fn checked(options: &str, code: i32) -> String {
    let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
    let [ours, another] = [(); 2].map(|()| authority().certificate());
    let files = [
        ("token", "two words"),
        ("key.pem", "no key"),
        ("cert.pem", &ours.certificate),
        ("its.pem", &ours.key),
        ("another.pem", &another.key),
        ("half.pem", "-----BEGIN PRIVATE KEY-----\n"),
    ];
    for (file, text) in files {
        std::fs::write(Path::new(project.path()).join(file), text).expect("a file");
    }
    project.edit("bespoke.yaml", "\"${POSTS_URL:-http://127.0.0.1:4201}\"", options);
    let ended = expect(run(bespoke(&["check", "--project", project.path(), "--short"])).await, code);
    ended.stdout.replace(project.path(), "PROJECT")
}

#[tokio::test]
async fn check_finds_what_serve_would_refuse() {
    for (options, code, said) in [
        ("\"http://a\", token: { file: token }", 1, "E327 `services.posts.token.file`: the file `PROJECT/token`"),
        (
            "\"http://a\", identity: { key_file: key.pem, issuer: i }",
            1,
            "E327 `services.posts.identity.key_file`: the file `PROJECT/key.pem`",
        ),
        (
            "\"https://a\", tls: { ca_file: key.pem }",
            1,
            "E327 `services.posts.tls.ca_file`: the file `PROJECT/key.pem`",
        ),
        (
            "\"https://a\", tls: { client_cert_file: key.pem, client_key_file: nowhere }",
            0,
            "W304 `services.posts.tls.client_key_file`: the file `PROJECT/nowhere`",
        ),
        (
            "\"https://a\", tls: { ca_file: nowhere }",
            0,
            "W304 `services.posts.tls.ca_file`: the file `PROJECT/nowhere` cannot be used: it cannot be read",
        ),
        (
            "\"https://a\", tls: { client_cert_file: key.pem, client_key_file: its.pem }",
            1,
            "E327 `services.posts.tls.client_cert_file`: the file `PROJECT/key.pem` cannot be used: there is no certificate",
        ),
        (
            "\"https://a\", tls: { client_cert_file: cert.pem, client_key_file: key.pem }",
            1,
            "E327 `services.posts.tls.client_key_file`: the file `PROJECT/key.pem` cannot be used: there is no private key",
        ),
        (
            "\"https://a\", tls: { client_cert_file: cert.pem, client_key_file: another.pem }",
            1,
            "E327 `services.posts.tls.client_key_file`: the file `PROJECT/another.pem` cannot be used: it is not the key of",
        ),
        (
            "\"https://a\", tls: { client_cert_file: cert.pem, client_key_file: half.pem }",
            1,
            "E327 `services.posts.tls.client_key_file`: the file `PROJECT/half.pem` cannot be used: it is not well-formed",
        ),
        (
            "\"https://a\", tls: { client_cert_file: half.pem, client_key_file: its.pem }",
            1,
            "E327 `services.posts.tls.client_cert_file`: the file `PROJECT/half.pem` cannot be used: it is not well-formed",
        ),
        ("\"https://a\", tls: { client_cert_file: cert.pem }", 1, "E311 `services.posts.tls` has one of"),
        ("\"ftp://a\"", 1, "E304 `services.posts.url` is not an absolute http or https URL"),
        ("\"http://user:secret@a\"", 1, "E304 `services.posts.url` has a user or password in it"),
    ] {
        let told = checked(options, code).await;
        assert!(told.starts_with("bespoke.yaml:") && told.contains(said), "{options}: {told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    let right = "\"https://a\", tls: { ca_file: cert.pem, client_cert_file: cert.pem, client_key_file: its.pem }";
    assert_eq!(checked(right, 0).await, "");
    // `serve` writes the same findings.
    let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
    project.edit("bespoke.yaml", "\"${POSTS_URL:-http://127.0.0.1:4201}\"", "\"http://a\", token: { file: nowhere }");
    let ended = expect(run(bespoke(&["serve", "--project", project.path(), "--client", "web"])).await, 1);
    let told = checked("\"http://a\", token: { file: nowhere }", 0).await;
    let (_, message) = told.trim_end().split_once("W304 ").expect("a warning");
    assert_eq!(ended.stderr.replace(project.path(), "PROJECT"), format!("error: {message}\n"));
}

#[tokio::test]
async fn a_url_with_a_password_is_never_written() {
    // Without slashes it is the same URL.
    for url in ["http://user:secret@a", "http:user:secret@a"] {
        let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
        project.edit("bespoke.yaml", "${POSTS_URL:-http://127.0.0.1:4201}", &format!("{url}/${{POSTS_URL:-x}}"));
        for arguments in [
            &["check", "--project", project.path()][..],
            &["check", "--project", project.path(), "--short"],
            &["serve", "--project", project.path(), "--client", "web"],
        ] {
            let ended = expect(run(bespoke(arguments)).await, 1);
            let said = format!("{}{}", ended.stdout, ended.stderr);
            assert!(said.contains("has a user or password in it") && !said.contains("secret"), "{said}");
        }
    }
}

#[tokio::test]
async fn check_of_one_client_leaves_the_others_out() {
    let project = project();
    project.edit("schema/mobile.graphql", r#"path: "price.currency""#, r#"path: "price.curency""#);
    expect(run(bespoke(&["check", "--project", project.path(), "--client", "mobile"])).await, 1);
    let web = expect(run(bespoke(&["check", "--project", project.path(), "--client", "web"])).await, 0);
    assert_eq!(web.stdout, format!("no findings: {} for web\n", project.path()));
}

#[tokio::test]
async fn check_names_the_clients_of_endpoints_that_are_to_go() {
    let project = project();
    for (service, operation) in [("users", "getUsers"), ("catalog", "getProduct")] {
        let right = format!("operationId: {operation}\n");
        let file = format!("schema/services/{service}.openapi.yaml");
        project.edit(&file, &right, &format!("{right}      deprecated: true\n"));
    }
    let check = ["check", "--project", project.path(), "--short"];
    let told = |ended: Ended| {
        let lines = ended.stdout.lines().map(|line| line.split_once(": W114 ").unwrap().1.to_owned());
        lines.collect::<Vec<_>>()
    };
    let (product, users) = ("operation `getProduct` is deprecated", "operation `getUsers` is deprecated");
    let all = told(expect(run(bespoke(&check)).await, 0));
    assert_eq!(all, [format!("{product}; used by mobile, web"), format!("{users}; used by web")]);
    // The phone app's client gets its user from another endpoint.
    let mobile = told(expect(run(bespoke(&[&check[..], &["--client", "mobile"]].concat())).await, 0));
    assert_eq!(mobile, [format!("{product}; used by mobile"), users.to_owned()]);
}

#[tokio::test]
async fn commands_teach_what_is_missing() {
    let empty = Folder::copy("", &[]);
    let mut said = String::new();
    for arguments in [
        &["plan", ORDERS, "--client", "wbe"][..],
        &["plan", "nowhere.graphql", "--client", "web"],
        &["plan", "{ nothing }", "--client", "web"],
        &["plan", "{ me { name }", "--client", "web"],
        &["plan", "query A { me { id } } query B { me { id } }", "--client", "web"],
        &["plan", ORDERS, "--client", "web", "--variables", "[]"],
        &["schema", "--client", "wbe"],
        &["check", "--client", "wbe"],
        &["serve", "--client", "wbe"],
        &["check", "--project", empty.path()],
    ] {
        let ended = expect(run(bespoke(arguments)).await, 1);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        said += &format!("$ bespoke {}\n{}", arguments.join(" "), ended.stderr).replace(empty.path(), "EMPTY");
    }
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn plan_shows_calls_rounds_and_what_waits_for_what() {
    let ended = expect(run(bespoke(&["plan", ORDERS, "--client", "web"])).await, 0);
    let readme = include_str!("../../README.md");
    let shown = format!("$ bespoke plan '{ORDERS}' --client web\n{}```", ended.stdout);
    assert!(readme.contains(&shown), "README.md shows another plan than\n{shown}");

    // The operation comes from a file, or from standard input.
    let page = "bff-web/operations/product-page.graphql";
    let from_file = expect(run(bespoke(&["plan", page, "--client", "web"])).await, 0).stdout;
    let stdin = std::fs::File::open(page).unwrap();
    let from_stdin = run_with(bespoke(&["plan", "-", "--client", "web"]), Stdio::from(stdin)).await;
    assert_eq!(expect(from_stdin, 0).stdout, from_file);
    insta::assert_snapshot!(from_file);
}

#[tokio::test]
async fn a_plan_over_the_budget_is_refused_by_name() {
    let project = project();
    project.edit("bff-web/bff.yaml", "playground:", "budget: { calls: 1 }\n\nplayground:");
    let ended = expect(run(bespoke(&["plan", ORDERS, "--client", "web", "--project", project.path()])).await, 1);
    assert!(ended.stdout.starts_with("operation   calls ≤ 2   rounds 2\n"), "{}", ended.stdout);
    assert_eq!(ended.stderr, "error: over budget: `budget.calls` in bff-web/bff.yaml is 1\n");
    let one = r#"{ user(id: "123") { name } }"#;
    expect(run(bespoke(&["plan", one, "--client", "web", "--project", project.path()])).await, 0);

    // The limits of the configuration apply to `plan` too.
    project.edit("bff-web/bff.yaml", "playground:", "limits: { depth: 2 }\n\nplayground:");
    let ended = expect(run(bespoke(&["plan", ORDERS, "--client", "web", "--project", project.path()])).await, 1);
    let expected = "error: the document has 3 nested fields; at most 2 are allowed (LIMIT_EXCEEDED)\n";
    assert_eq!(ended.stderr, expected);
}

#[tokio::test]
async fn a_clients_schema_is_plain_sdl() {
    for client in [bff_web::client(), bff_mobile::client()] {
        let name = client.name().to_owned();
        let sdl = expect(run(bespoke(&["schema", "--client", &name])).await, 0).stdout;
        let schema = apollo_compiler::Schema::parse_and_validate(&sdl, "schema.graphql").expect("valid SDL");
        assert!(schema.types.contains_key("Query"));
        for word in ["@view", "@from", "@link", "@connect"] {
            assert!(!sdl.contains(word), "{word} in the schema of {name}");
        }
        // The client's own program has the same schema, although it has the fields in Rust as code.
        let view = client.assemble(&|_| None).view.expect("a view");
        assert!(sdl == view.sdl(), "{name}: `bespoke schema` and the client's own program differ");
    }
}

#[tokio::test]
async fn graph_shows_every_way_to_get_a_field() {
    let mobile = expect(run(bespoke(&["graph"])).await, 0).stdout;
    let web = expect(run(bespoke(&["graph", "--client", "web"])).await, 0).stdout;
    for graph in [&mobile, &web] {
        for way in ["getUsers", "getProductsByIds", "queryStock", "findPayments"] {
            assert!(graph.contains(way), "{way} in {graph}");
        }
    }
    assert!(web.contains("priceLabel") && !web.contains("teaser"), "{web}");
    assert!(mobile.contains("teaser") && !mobile.contains("priceLabel"), "{mobile}");
}

#[tokio::test]
async fn serve_names_a_port_that_is_taken() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let arguments = ["serve", "--project", "tests/fixtures/posts", "--client", "web", "--port", &port];
    let ended = expect(run(bespoke(&arguments)).await, 1);
    assert_eq!(ended.stderr, format!("error: port {port} is taken; choose another with --port\n"));
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn serve_draws_mistakes_of_the_configuration() {
    let project = Folder::copy("tests/fixtures/posts", &["bespoke.yaml", "schema"]);
    project.edit("bespoke.yaml", "  port: ${PORT:-4000}", "  prot: 4000\n  port: ${NO_SUCH_PORT}");
    let ended = expect(run(bespoke(&["serve", "--project", project.path(), "--client", "web"])).await, 1);
    insta::assert_snapshot!(ended.stderr);
}

#[tokio::test]
async fn serve_needs_root_certificates_for_https_services_and_for_no_others() {
    let without_roots = Folder::copy("", &[]);
    std::fs::write(Path::new(without_roots.path()).join("roots.pem"), "").unwrap();
    let serve = |users: &str| {
        let mut command = bespoke(&["serve", "--project", "tests/fixtures/posts", "--client", "web", "--port", "0"]);
        command.env("SSL_CERT_FILE", Path::new(without_roots.path()).join("roots.pem"));
        command.env("SSL_CERT_DIR", without_roots.path());
        command.env("POSTS_URL", "http://127.0.0.1:1").env("USERS_URL", users);
        command
    };
    let ended = expect(run(serve("https://127.0.0.1:1")).await, 1);
    for word in ["`users`", "no root certificate", "ca-certificates", "SSL_CERT_FILE", "tls.ca_file"] {
        assert!(ended.stderr.contains(word), "{word}: {}", ended.stderr);
    }
    let mut program = Program::start(serve("http://127.0.0.1:1"));
    program.url().await;
    program.send(Signal::TERM);
    expect(program.ended().await, 0);
}

#[tokio::test]
async fn serve_names_the_program_for_fields_that_are_rust() {
    for client in ["web", "mobile"] {
        let ended = expect(run(bespoke(&["serve", "--client", client, "--port", "0"])).await, 1);
        let expected = format!(
            "error: `{client}` has fields that are Rust code (`bff-{client}/{client}-extras.graphql`), and this program serves \
             projects without any: run the client's own program, `cargo run -p bff-{client}`; if this is that program, \
             add `.in_process(InProcessSource::new(\"{client}-extras\", …))` to its `Client`\n"
        );
        assert_eq!((ended.stderr, ended.stdout), (expected, String::new()));
    }
}

#[tokio::test]
async fn serve_ends_well_on_a_signal() {
    let upstream = PostsUpstream::start(POSTS).await.unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let mut command = bespoke(&["serve", "--project", "tests/fixtures/posts", "--client", "web", "--port", "0"]);
        command.env("POSTS_URL", upstream.base_url()).env("USERS_URL", upstream.base_url());
        let mut program = Program::start(command);
        let url = program.url().await;
        program.send(signal);
        expect(program.ended().await, 0);
        let port: u16 = url.split([':', '/']).nth(4).unwrap().parse().unwrap();
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok(), "the port is free again");
    }
}
