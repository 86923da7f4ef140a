//! Tests of root certificates that are read again.

use super::*;
use std::collections::VecDeque;
use testkit::tls::Authority;

const AGE: Duration = Duration::from_secs(60);

fn roots(authorities: &[&Authority]) -> SystemRoots {
    let pem = authorities.iter().map(|authority| authority.pem()).collect::<String>();
    SystemRoots { certificates: parse_certificates(pem.as_bytes()).unwrap_or_default(), problem: None }
}

/// The certificates of the system, one reading after the other.
fn system(looks: Vec<SystemRoots>) -> Box<ReadRoots> {
    let looks = Mutex::new(VecDeque::from(looks));
    Box::new(move || looks.lock().expect("no panic").pop_front().unwrap_or_default())
}

fn material() -> Material {
    Material::parse(&TlsOptions::default()).expect("nothing to parse")
}

#[test]
fn a_system_without_roots_is_an_error_that_says_what_to_do() {
    let error = Tls::new(material(), AGE, system(vec![])).expect_err("no roots").to_string();
    for word in ["ca-certificates", "SSL_CERT_FILE", "tls.ca_file"] {
        assert!(error.contains(word), "{error}");
    }
    let problem = Some("it is a folder".to_owned());
    let broken = SystemRoots { certificates: Vec::new(), problem };
    let error = Tls::new(material(), AGE, system(vec![broken])).expect_err("no roots").to_string();
    assert!(error.contains("(it is a folder)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn roots_are_read_again_when_they_are_old_and_only_then() {
    let (one, other) = (Authority::new(), Authority::new());
    let torn = SystemRoots { problem: Some("half a file".to_owned()), ..roots(&[&other]) };
    let looks = vec![roots(&[&one]), roots(&[&one]), roots(&[]), torn, roots(&[&one, &other])];
    let tls = Arc::new(Tls::new(material(), AGE, system(looks)).expect("a root"));
    let first = tls.config();
    for (look, changes) in [("the same", false), ("none", false), ("in part", false), ("one more", true)] {
        let before = tls.config();
        tokio::time::advance(AGE).await;
        // A caller that finds the roots old does not wait for the new ones.
        drop(tls.config());
        let renewal = tls.renewal.as_ref().expect("roots of the system");
        while renewal.state().is_reading {
            tokio::task::yield_now().await;
            std::thread::yield_now();
        }
        assert_eq!(!Arc::ptr_eq(&tls.config(), &before), changes, "{look}");
    }
    assert!(!Arc::ptr_eq(&tls.config(), &first));
}

#[tokio::test(start_paused = true)]
async fn authorities_that_are_named_are_read_once() {
    let pem = Some(Authority::new().pem().into());
    let material = Material::parse(&TlsOptions { authorities: pem, identity: None }).expect("PEM");
    let tls = Arc::new(Tls::new(material, AGE, Box::new(|| panic!("nobody asks the system"))).expect("a root"));
    let first = tls.config();
    tokio::time::advance(AGE * 2).await;
    assert!(Arc::ptr_eq(&tls.config(), &first));
}
