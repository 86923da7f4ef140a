//! Events of subscriptions whose calls wait for their turn.

use super::kit::Kit;
use std::time::Duration;

const METERS: &str = r#"
type Query { meter: Meter @connect(http: { GET: "/meter" }, selection: "id unit { id }") }
type Subscription { meter: Meter @connect(http: { GET: "/meter" }, selection: "id unit { id }") @poll(every: "60s") }
type Meter { id: ID! unit: Unit }
type Unit @key(fields: "id", resolvable: false) { id: ID! }
"#;
const UNITS: &str = r#"
type Query { unit(id: ID!): Unit @connect(http: { GET: "/units/{$args.id}" }, selection: "id name") }
type Unit @key(fields: "id") @connect(http: { GET: "/units/{$this.id}" }, selection: "id name") { id: ID! name: String }
"#;
const SCRIPT: &str = r#"
    meters GET /meter => 200 {"id":1,"unit":{"id":"u"}}
    units GET /units/u => 200 {"id":"u","name":"kWh"}"#;

#[test]
fn a_wait_for_a_turn_takes_nothing_of_the_time_of_joined_calls() {
    let kit = Kit::rest(&[("meters", METERS), ("units", UNITS)]).delayed();
    let (timeout, until_free) = (Duration::from_millis(1_500), Duration::from_secs(2));
    let event = kit.first_event("subscription { meter { unit { name } } }", SCRIPT, timeout, ("units", until_free));
    assert_eq!(event, r#"{"data":{"meter":{"unit":{"name":"kWh"}}}}"#);
}
