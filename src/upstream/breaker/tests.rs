//! Tests of the circuit by itself, with made-up instants, and of the breakers around it.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(10);

/// A circuit and its clock.
struct Driven {
    circuit: Circuit,
    now: Instant,
}

impl Driven {
    /// The circuit of an endpoint about which nothing is known.
    fn new() -> Self {
        let now = Instant::now();
        Self { circuit: Circuit::new(BreakerOptions::default(), now), now }
    }

    /// The circuit of an endpoint that succeeded ten times a second for ten seconds.
    fn well() -> Self {
        let mut driven = Self::new();
        for _ in 0..100 {
            driven.now += 10 * TICK;
            driven.send(0, "S");
        }
        driven
    }

    /// Sends calls with one input, one per tick: `S` succeeds, `F` fails, `U` is unsent, and `.` ends without an
    /// outcome. Returns the state after each call: `C` for closed, `O` for open, `H` for half-open, and `x` for a call
    /// that was refused.
    fn send(&mut self, input: u64, calls: &str) -> String {
        calls
            .chars()
            .map(|call| {
                self.now += TICK;
                let Some(pass) = self.circuit.admit(input, self.now) else { return 'x' };
                match call {
                    'S' => self.circuit.settle(pass, Outcome::Success, self.now),
                    'F' => self.circuit.settle(pass, Outcome::Failure, self.now),
                    'U' => self.circuit.settle(pass, Outcome::Unsent, self.now),
                    _ => self.circuit.give_back(pass, self.now),
                }
                self.letter()
            })
            .collect()
    }

    /// Sends one call for each of these inputs.
    fn send_each(&mut self, inputs: std::ops::Range<u64>, call: &str) -> String {
        inputs.map(|input| self.send(input, call)).collect()
    }

    fn letter(&self) -> char {
        match self.circuit.state() {
            BreakerState::Closed => 'C',
            BreakerState::Open => 'O',
            BreakerState::HalfOpen => 'H',
        }
    }

    /// How long this input is refused from now on.
    fn opens_in(&mut self, input: u64) -> Duration {
        let from = self.now;
        while self.circuit.refuses(input, self.now) {
            self.now += TICK;
        }
        self.now - from
    }
}

#[test]
fn an_input_is_refused_by_itself_after_five_failures_in_a_row() {
    for (calls, states) in [
        ("FFFFFF", "CCCCOx"),
        ("FFFFSFFFFS", "CCCCCCCCCC"),
        // A call without an outcome neither counts as a failure nor interrupts the row.
        ("FF.F.FF", "CCCCCCO"),
    ] {
        let mut driven = Driven::well();
        assert_eq!(driven.send(1, calls), states, "{calls}");
        assert_eq!(driven.send(2, "S"), "C", "{calls}: nobody else is refused");
    }
    assert_eq!(Driven::new().send(1, "FFFFFFFFFF"), "CCCCCCCCOx", "where nothing is known yet, after nine");
}

#[test]
fn an_input_that_fails_beside_others_that_do_not_stays_refused() {
    let mut driven = Driven::well();
    driven.send(1, "FFFFF");
    // The first success may be the end of an outage, so the input is tried once. After that it is known to fail.
    assert_eq!((driven.send(2, "S"), driven.send(1, "FF")), ("C".to_owned(), "Cx".to_owned()));
    for _ in 0..40 {
        assert_eq!((driven.send(2, "S"), driven.send(1, "F")), ("C".to_owned(), "x".to_owned()));
    }
    for seconds in [2, 4, 5, 5] {
        driven.opens_in(1);
        assert_eq!((driven.send(2, "S"), driven.send(1, "F")), ("C".to_owned(), "C".to_owned()));
        driven.send(2, "S");
        let wait = driven.opens_in(1);
        assert_eq!(wait + TICK, seconds * SECOND, "one tick has passed before");
    }
    assert_eq!((driven.send(1, "S"), driven.send(1, "FFFF")), ("C".to_owned(), "CCCC".to_owned()));
}

#[test]
fn an_endpoint_is_down_when_several_inputs_fail_and_successes_stop() {
    let mut driven = Driven::well();
    assert_eq!(
        driven.send_each(1..51, "F"),
        "C".repeat(50),
        "half a second: ten successes a second are not missed yet"
    );
    driven.now += SECOND;
    assert_eq!(driven.send_each(51..53, "F"), "Ox");
    // If none of many inputs ever succeeded, no success is missed; then two seconds are enough.
    let mut driven = Driven::new();
    assert_eq!(driven.send_each(1..101, "F"), "C".repeat(100));
    driven.now += SECOND;
    assert_eq!(driven.send_each(101..103, "F"), "Ox");
    // Inputs that are known to fail do not count again.
    let mut driven = Driven::well();
    driven.send_each(1..5, "F");
    driven.now += 40 * SECOND;
    assert_eq!(driven.send_each(1..5, "FF"), "C".repeat(8));
    assert_eq!(driven.send(5, "F"), "O");
}

#[test]
fn failures_of_connecting_are_counted_whatever_the_input() {
    let mut driven = Driven::well();
    assert_eq!(driven.send(1, "UUUUUU"), "CCCCOx");
    let mut driven = Driven::well();
    assert_eq!(driven.send_each(1..7, "U"), "CCCCOx");
    // A busy endpoint that goes down is noticed after half a second, not at once.
    let mut driven = Driven::new();
    driven.send(0, &"S".repeat(1_000));
    let states = driven.send_each(1..100, "U");
    assert!(matches!(states.find('O'), Some(45..55)), "{states}");
}

#[test]
fn it_is_open_for_a_second_and_up_to_five_after_failed_probes() {
    let mut driven = Driven::well();
    driven.send_each(1..6, "U");
    for seconds in [1, 2, 4, 5, 5] {
        assert_eq!(driven.opens_in(9), seconds * SECOND);
        assert_eq!(driven.send(9, "U"), "O");
    }
    driven.opens_in(9);
    assert_eq!(driven.send(9, "SUUUU"), "CCCCC", "a probe that succeeds closes it, and all counts begin anew");
    driven.send(9, "U");
    assert_eq!(driven.opens_in(9), SECOND, "so does the time");
}

#[test]
fn half_open_lets_one_call_through_and_one_of_an_input_that_failed() {
    let mut driven = Driven::well();
    driven.send_each(1..60, "F");
    driven.now += SECOND;
    assert_eq!(driven.send(60, "F"), "O");
    // Other inputs are tried four times a second, because the service was reached.
    assert_eq!((driven.opens_in(99), driven.send(99, "F"), driven.opens_in(98)), (SECOND / 4, "O".into(), SECOND / 4));
    let probe = driven.circuit.admit(98, driven.now).expect("a probe");
    assert_eq!((driven.letter(), driven.send(97, "SS")), ('H', "xx".to_owned()));
    driven.circuit.give_back(probe, driven.now);
    assert_eq!((driven.letter(), driven.send(97, "..")), ('O', "OO".to_owned()), "the next one is the probe");
    // An input that failed, and whose probe never ends, keeps no other input out.
    driven.opens_in(1);
    let endless = driven.circuit.admit(1, driven.now).expect("a probe");
    assert_eq!((driven.send(2, "S"), driven.send(97, "S")), ("x".to_owned(), "C".to_owned()));
    driven.circuit.settle(endless, Outcome::Failure, driven.now);
    assert_eq!(driven.letter(), 'C');
}

#[test]
fn calls_of_an_earlier_state_decide_nothing() {
    let mut driven = Driven::well();
    let early: Vec<_> = (0..4).filter_map(|_| driven.circuit.admit(7, driven.now)).collect();
    driven.send_each(1..6, "U");
    driven.circuit.settle(early[0], Outcome::Success, driven.now);
    assert_eq!(driven.letter(), 'O', "an answer to what was sent before does not close it");
    driven.opens_in(8);
    let probe = driven.circuit.admit(8, driven.now).expect("a probe");
    driven.circuit.settle(early[1], Outcome::Success, driven.now);
    driven.circuit.settle(early[2], Outcome::Unsent, driven.now);
    driven.circuit.give_back(early[3], driven.now);
    assert_eq!(driven.letter(), 'H');
    driven.circuit.settle(probe, Outcome::Success, driven.now);
    assert_eq!(driven.letter(), 'C');
}

#[test]
fn inputs_that_were_refused_in_an_outage_are_tried_when_it_ends() {
    let mut driven = Driven::well();
    driven.send_each(1..4, "FFFFF");
    assert_eq!((driven.letter(), driven.send_each(1..4, "F")), ('O', "xxx".to_owned()));
    driven.opens_in(1);
    assert_eq!(driven.send(1, "S"), "C");
    assert_eq!(driven.send_each(2..4, "S"), "CC");
}

/// Makes a breaker open.
fn open(breaker: &Arc<Breaker>) {
    for _ in 0..9 {
        breaker.admit(1, Instant::now()).expect("closed").settle(Outcome::Unsent, Instant::now());
    }
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_has_its_own_and_there_is_a_bound() {
    let breakers = Breakers::new("shop".into(), BreakerOptions::default());
    let endpoint = |number: usize| -> Arc<str> { format!("GET /{number}").into() };
    open(&breakers.of(&endpoint(7)).expect("a breaker"));
    assert!(breakers.of(&endpoint(7)).expect("a breaker").admit(2, Instant::now()).is_none());
    assert!(breakers.of(&endpoint(8)).expect("a breaker").admit(2, Instant::now()).is_some());
    let states = [(endpoint(7), BreakerState::Open), (endpoint(8), BreakerState::Closed)];
    assert_eq!(breakers.report(), states);
    for number in 0..MAX_BREAKERS * 2 {
        breakers.of(&endpoint(number));
    }
    assert_eq!(breakers.report().len(), MAX_BREAKERS);
    assert!(breakers.of(&"GET /x".into()).is_none());
    let off = Breakers::new("shop".into(), BreakerOptions { enabled: false, ..BreakerOptions::default() });
    assert!(off.of(&endpoint(7)).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_probe_is_given_back() {
    let breakers = Breakers::new("shop".into(), BreakerOptions::default());
    let breaker = breakers.of(&"GET /x".into()).expect("a breaker");
    open(&breaker);
    tokio::time::advance(SECOND).await;
    let probe = breaker.admit(1, Instant::now()).expect("a probe");
    assert!(breaker.refuses(1, Instant::now()) && breaker.admit(1, Instant::now()).is_none());
    drop(probe);
    let probe = breaker.admit(1, Instant::now()).expect("a probe again");
    probe.settle(Outcome::Success, Instant::now());
    assert!(!breaker.refuses(1, Instant::now()));
}
