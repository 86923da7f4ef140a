//! Operations, parameters, request bodies and responses.

use super::{describe, read_clean, read_text};
use crate::contract::{Contract, Endpoint};
use std::fmt::Write as _;

fn show(contract: &Contract) -> String {
    let mut out = String::new();
    for endpoint in contract.operations().filter_map(|operation| contract.endpoint(operation.id)) {
        show_endpoint(contract, endpoint, &mut out);
    }
    out
}

fn show_endpoint(contract: &Contract, endpoint: &Endpoint, out: &mut String) {
    let deprecated = if endpoint.deprecated { " deprecated" } else { "" };
    let _ = writeln!(out, "{}: {} {}{deprecated}", endpoint.id, endpoint.method, endpoint.path);
    for parameter in &endpoint.parameters {
        let required = if parameter.required { "" } else { "?" };
        let explode = if parameter.explode { " explode" } else { "" };
        let _ = write!(out, "  {:?} {}{required} {:?}{explode} ", parameter.location, parameter.name, parameter.style);
        describe(contract, parameter.schema, false, out);
        out.push('\n');
    }
    if let Some(body) = &endpoint.body {
        let _ = write!(out, "  body{} {} ", if body.required { "" } else { "?" }, body.content_type);
        describe(contract, body.schema, false, out);
        out.push('\n');
    }
    for response in &endpoint.responses {
        let _ = write!(out, "  {:?} {} ", response.status, response.content_type.as_deref().unwrap_or("-"));
        match response.schema {
            Some(schema) => describe(contract, schema, false, out),
            None => out.push('-'),
        }
        out.push('\n');
    }
}

#[test]
fn operations_are_read_whole() {
    let contract = read_clean(
        "openapi: 3.0.3
info: {title: Shop, version: '1'}
servers: [{url: 'https://shop.example/v1'}, {url: /v2}]
paths:
  /users/{id}:
    parameters:
      - {$ref: '#/components/parameters/Id'}
      - {name: lang, in: query, schema: {type: string}}
    get:
      operationId: getUser
      deprecated: true
      parameters:
        - {name: lang, in: query, required: true, schema: {type: string, enum: [de]}}
        - {name: ids, in: query, schema: {type: array, items: {type: string}}, explode: false}
        - {name: tags, in: query, style: pipeDelimited, schema: {type: array, items: {type: string}}}
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object}}
        - {name: where, in: query, content: {application/json: {schema: {type: object}}}}
        - {name: X-Trace, in: header, schema: {type: string}}
        - {name: Authorization, in: header, schema: {type: string}}
        - {name: session, in: cookie, schema: {type: string}}
      responses:
        200: {description: ok, content: {application/xml: {}, application/hal+json: {schema: {$ref: '#/components/schemas/User'}}, 'application/json; charset=utf-8': {schema: {$ref: '#/components/schemas/User'}}}}
        '404': {$ref: '#/components/responses/Missing'}
        5XX: {description: broken, content: {text/plain: {schema: {type: string}}}}
        default: {description: else, content: {'*/*': {schema: {$ref: '#/components/schemas/User'}}}}
        x-note: 1
    post:
      requestBody: {$ref: '#/components/requestBodies/User'}
      responses: {201: {description: made}}
  /copy: {$ref: '#/components/pathItems/Copy'}
components:
  parameters:
    Id: {name: id, in: path, required: true, style: label, schema: {type: string}}
  requestBodies:
    User: {required: true, content: {application/json: {schema: {$ref: '#/components/schemas/User'}}}}
  responses:
    Missing: {description: no, content: {application/problem+json: {schema: {type: object}}}}
  pathItems:
    Copy: {put: {operationId: copy, responses: {2XX: {description: ok}}}}
  schemas:
    User: {type: object, properties: {id: {type: string}}}
",
    );
    assert_eq!(contract.servers, ["https://shop.example/v1", "/v2"]);
    insta::assert_snapshot!(show(&contract), @r#"
    getUser: GET /users/{id} deprecated
      Path id Label string
      Query lang Form explode string ["de"]
      Query ids? Form [string]
      Query tags? PipeDelimited [string]
      Query filter? DeepObject explode {}
      Query where? Form explode {}
      Header X-Trace? Simple string
      Cookie session? Form explode string
      Exact(200) application/json; charset=utf-8 User
      Exact(404) application/problem+json {}
      Class(5) - -
      Default application/json User
    POST /users/{id}: POST /users/{id}
      Path id Label string
      Query lang? Form explode string
      body application/json User
      Exact(201) - -
    copy: PUT /copy
      Class(2) - -
    "#);
}

#[test]
fn operations_that_need_another_media_type_are_left_out() {
    let (contract, findings) = read_text(
        "openapi: 3.1.0
paths:
  /upload:
    post: {operationId: upload, requestBody: {required: true, content: {multipart/form-data: {}}}, responses: {200: {description: ok}}}
    put: {operationId: maybe, requestBody: {content: {text/csv: {}}}, responses: {200: {description: ok}}}
",
    );
    insta::assert_snapshot!(findings, @r"
    W001: the request body of `upload` has no JSON media type
      4:33 `requestBody` the operation is left out
      help: only `application/json` and `application/…+json` can be sent
    W001: the request body of `maybe` has no JSON media type
      5:31 `requestBody` the body is left out
      help: only `application/json` and `application/…+json` can be sent
    ");
    insta::assert_snapshot!(show(&contract.expect("warnings only")), @r"
    maybe: PUT /upload
      Exact(200) - -
    ");
}

#[test]
fn headers_tell_when_an_operation_goes() {
    let sunset = |header: &str| {
        let text = format!(
            "openapi: 3.1.0
paths:
  /a:
    get:
      responses:
        200: {{description: ok, headers: {{X-A: 1, SUNSET: {header}}}}}
components:
  schemas:
    Day: {{const: 'Sun, 06 Nov 1994 08:49:37 GMT'}}
  headers:
    Ref: {{$ref: '#/components/headers/End'}}
    End: {{required: true, schema: {{$ref: '#/components/schemas/Day'}}}}
"
        );
        let contract = read_clean(&text);
        let response = &contract.endpoint("GET /a").unwrap().responses[0];
        assert!(response.deprecation.is_none());
        let sunset = response.sunset.as_ref().expect("a header");
        assert_eq!(&text[sunset.span.start as usize..sunset.span.end as usize], "SUNSET");
        sunset.date.clone()
    };
    for header in [
        "{$ref: '#/components/headers/Ref'}",
        "{schema: {$ref: '#/components/schemas/Day'}}",
        "{schema: {const: 'Sun, 06 Nov 1994 08:49:37 GMT'}}",
        "{schema: {type: string, enum: ['Sun, 06 Nov 1994 08:49:37 GMT'], example: 'Fri, 31 Dec 9999 23:59:59 GMT'}}",
        "{schema: {type: string, default: 'Sun, 06 Nov 1994 08:49:37 GMT'}, example: 'Fri, 31 Dec 9999 23:59:59 GMT'}",
        "{schema: {type: string, example: 'Sun, 06 Nov 1994 08:49:37 GMT'}}",
        "{schema: {type: string, default: soon}, example: 'Sun, 06 Nov 1994 08:49:37 GMT'}",
    ] {
        assert_eq!(sunset(header).as_deref(), Some("1994-11-06T08:49:37Z"), "{header}");
    }
    for header in [
        "{}",
        "{schema: true}",
        "{schema: {type: string}, example: 2026-12-31}",
        "{schema: {enum: ['Sun, 06 Nov 1994 08:49:37 GMT', 'Fri, 31 Dec 9999 23:59:59 GMT']}}",
        "{schema: {const: {a: 1}, enum: 7, default: [1]}, example: '@1688169599'}",
    ] {
        assert_eq!(sunset(header), None, "{header}");
    }
}

#[test]
fn headers_are_read_as_far_as_they_matter() {
    let of = |headers: &str| {
        read_text(&format!("openapi: 3.1.0\npaths:\n  /a:\n    get: {{responses: {{200: {{headers: {headers}}}}}}}\n"))
            .1
    };
    assert_eq!(of("{ETag: 1, Link: {$ref: '#/nowhere'}}"), "");
    insta::assert_snapshot!(of("{Deprecation: {$ref: '#/nowhere'}, Sunset: 1}"), @r"
    E010: nothing is at `#/nowhere`
      4:59 `'#/nowhere'` this reference
      help: references are JSON pointers, such as `#/components/schemas/User`
    E008: the header is a number, not an object
      4:81 `1` should be an object
      help: write `key: value` lines, or `{…}`
    ");
    insta::assert_snapshot!(of("[Sunset]"), @r"
    E008: `headers` is a list, not an object
      4:39 `Sunset` should be an object
      help: write `key: value` lines, or `{…}`
    ");
    // The headers of a response that many operations share are read only up to a bound.
    let many: String = (0..1000).map(|number| format!("X-{number}: {{}}, ")).collect();
    let text = format!(
        "openapi: 3.1.0\npaths: {{/a: {{get: {{responses: {{200: {{headers: {{{many} Sunset: {{}}}}}}}}}}}}}}\n"
    );
    assert!(read_clean(&text).endpoint("GET /a").unwrap().responses[0].sunset.is_none());
}

#[test]
fn spans_point_at_names() {
    let text = "openapi: 3.1.0 # ü
paths:
  /ä/{id}:
    get:
      operationId: 'größe'
      parameters: [{in: path, required: true, name: id, schema: {type: string}}]
      requestBody: {content: {application/json: {schema: {type: object, properties: {name: {type: string}}}}}}
      responses: {200: {description: ok}}
";
    let contract = read_clean(text);
    let at = |span: crate::diagnostic::Span| &text[span.start as usize..span.end as usize];
    let endpoint = contract.endpoint("größe").unwrap();
    assert_eq!(at(endpoint.span), "'größe'");
    assert_eq!(at(endpoint.parameters[0].span), "id");
    let body = endpoint.body.as_ref().expect("a body");
    assert_eq!((at(body.span), at(endpoint.responses[0].span)), ("requestBody", "200"));
    assert_eq!(at(contract.schema(body.schema).span), "object");
    let crate::contract::SchemaKind::Object { properties } = &contract.schema(body.schema).kind else { panic!() };
    assert_eq!(at(properties["name"].span), "name");
}
