//! The state machine by itself, with instants made up; then the breakers around it.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(10);

/// A circuit and its clock.
struct Driven {
    circuit: Circuit,
    now: Instant,
}

impl Driven {
    fn new(options: BreakerOptions) -> Self {
        let now = Instant::now();
        Self { circuit: Circuit::new(options, now), now }
    }

    /// Sends calls, one per tick: `S`ucceeds, `F`ails, `.` ends without an outcome. Returns the state after each:
    /// `C`losed, `O`pen, `H`alfOpen, and `x` for a call that was refused.
    fn send(&mut self, calls: &str) -> String {
        calls
            .chars()
            .map(|call| {
                self.now += TICK;
                let Some(pass) = self.circuit.admit(self.now) else { return 'x' };
                match call {
                    '.' => self.circuit.give_back(pass),
                    call => self.circuit.settle(pass, call == 'F', self.now),
                }
                self.letter()
            })
            .collect()
    }

    fn letter(&self) -> char {
        match self.circuit.state() {
            BreakerState::Closed => 'C',
            BreakerState::Open => 'O',
            BreakerState::HalfOpen => 'H',
        }
    }

    /// How long it stays open from now on.
    fn opens_in(&mut self) -> Duration {
        let from = self.now;
        while self.circuit.refuses(self.now) {
            self.now += TICK;
        }
        self.now - from
    }
}

#[test]
fn it_opens_after_five_failures_in_a_row() {
    for (calls, states) in [
        ("FFFFFF", "CCCCOx"),
        ("FFFFSFFFFS", "CCCCCCCCCC"),
        ("SSSSSFFFFF", "CCCCCCCCCO"),
        // What has no outcome neither fails nor interrupts.
        ("FF.F.FF", "CCCCCCO"),
    ] {
        assert_eq!(Driven::new(BreakerOptions::default()).send(calls), states, "{calls}");
    }
}

#[test]
fn of_many_calls_few_in_a_row_are_no_outage() {
    let mut driven = Driven::new(BreakerOptions::default());
    assert_eq!(driven.send(&"SSSSSSSFF".repeat(22)), "C".repeat(198), "two of nine fail");
    assert_eq!(driven.send("SSFFFFFFFFFF"), "CCCCCCCCCCCO", "ten in a row of two hundred are half a second's");
    // A busy endpoint that is down from now on is found out in half a second, not in five.
    let mut driven = Driven::new(BreakerOptions::default());
    driven.send(&"S".repeat(2_000));
    let states = driven.send(&"F".repeat(60));
    assert!(matches!(states.find('O'), Some(40..50)), "{states}");
}

#[test]
fn it_opens_when_half_of_twenty_calls_within_ten_seconds_fail() {
    let mut driven = Driven::new(BreakerOptions::default());
    assert_eq!(driven.send(&"SF".repeat(9)), "C".repeat(18), "nine of eighteen are too few calls");
    assert_eq!(driven.send("SF"), "CO");
    let mut driven = Driven::new(BreakerOptions::default());
    assert_eq!(driven.send(&"SSF".repeat(100)), "C".repeat(300), "a third");
    let mut driven = Driven::new(BreakerOptions::default());
    driven.send(&"SF".repeat(9));
    driven.now += 11 * SECOND;
    assert_eq!(driven.send(&"SF".repeat(9)), "C".repeat(18), "what is older than ten seconds does not count");
}

#[test]
fn it_is_open_for_a_second_and_twice_as_long_after_each_failed_probe() {
    let mut driven = Driven::new(BreakerOptions::default());
    driven.send("FFFFF");
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(driven.opens_in(), seconds * SECOND);
        assert_eq!(driven.send("F"), "O");
    }
    driven.opens_in();
    assert_eq!(driven.send("SFFFFS"), "CCCCCC", "a probe that succeeds closes it, and all counts begin anew");
    driven.send("FFFFF");
    assert_eq!(driven.opens_in(), SECOND, "so does the time");
}

#[test]
fn half_open_lets_one_call_through() {
    let mut driven = Driven::new(BreakerOptions::default());
    driven.send("FFFFF");
    driven.opens_in();
    let probe = driven.circuit.admit(driven.now).expect("a probe");
    assert_eq!((driven.letter(), driven.send("SSS")), ('H', "xxx".to_owned()));
    driven.circuit.give_back(probe);
    assert_eq!((driven.letter(), driven.send("..")), ('O', "OO".to_owned()), "the next one is the probe");
    assert_eq!(driven.send("S"), "C");
}

#[test]
fn calls_of_an_earlier_state_decide_nothing() {
    let mut driven = Driven::new(BreakerOptions::default());
    let early: Vec<_> = (0..4).filter_map(|_| driven.circuit.admit(driven.now)).collect();
    driven.send("FFFFF");
    driven.circuit.settle(early[0], false, driven.now);
    assert_eq!(driven.letter(), 'O', "an answer to what was sent before does not close it");
    driven.opens_in();
    let probe = driven.circuit.admit(driven.now).expect("a probe");
    driven.circuit.settle(early[1], false, driven.now);
    driven.circuit.settle(early[2], true, driven.now);
    driven.circuit.give_back(early[3]);
    assert_eq!(driven.letter(), 'H');
    driven.circuit.settle(probe, false, driven.now);
    assert_eq!(driven.letter(), 'C');
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_has_its_own_and_there_is_a_bound() {
    let breakers = Breakers::new("shop".into(), BreakerOptions::default());
    let endpoint = |number: usize| -> Arc<str> { format!("GET /{number}").into() };
    let broken = breakers.of(&endpoint(7)).expect("a breaker");
    for _ in 0..5 {
        broken.admit(Instant::now()).expect("closed").settle(true, Instant::now());
    }
    assert!(breakers.of(&endpoint(7)).expect("a breaker").admit(Instant::now()).is_none());
    assert!(breakers.of(&endpoint(8)).expect("a breaker").admit(Instant::now()).is_some());
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
    for _ in 0..5 {
        breaker.admit(Instant::now()).expect("closed").settle(true, Instant::now());
    }
    tokio::time::advance(SECOND).await;
    let probe = breaker.admit(Instant::now()).expect("a probe");
    assert!(breaker.refuses(Instant::now()) && breaker.admit(Instant::now()).is_none());
    drop(probe);
    let probe = breaker.admit(Instant::now()).expect("a probe again");
    probe.settle(false, Instant::now());
    assert!(!breaker.refuses(Instant::now()));
}
