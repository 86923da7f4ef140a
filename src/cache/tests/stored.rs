use super::{AUTHORIZED, SHARED, guess, kept, seconds};
use crate::cache::{Bypass, CacheKind};

#[test]
fn what_is_kept_follows_rfc_9111() {
    const OK: Result<(), Bypass> = Ok(());
    let private = CacheKind::Private;
    for (section, kind, status, text, expected) in [
        ("§3", SHARED, 200, "cache-control: max-age=60", OK),
        ("§5.2.2.5", SHARED, 200, "cache-control: no-store", Err(Bypass::NoStore)),
        ("§5.2.2.5: whatever else is said", SHARED, 200, "cache-control: max-age=60, NO-STORE", Err(Bypass::NoStore)),
        ("§5.2.2.5: for one caller too", private, 200, "cache-control: private, no-store", Err(Bypass::NoStore)),
        ("§5.2.2.3: understood", SHARED, 200, "cache-control: max-age=60, must-understand, no-store", OK),
        ("§5.2.2.3: not understood", SHARED, 299, "cache-control: max-age=60, must-understand", Err(Bypass::NoStore)),
        ("§5.2.2.7", SHARED, 200, "cache-control: private, max-age=60", Err(Bypass::Private)),
        ("§5.2.2.7: in that caller's own", private, 200, "cache-control: private, max-age=60", OK),
        ("§3.5", AUTHORIZED, 200, "cache-control: max-age=60", Err(Bypass::Authorization)),
        ("§3.5", AUTHORIZED, 200, "cache-control: max-age=60, public", OK),
        ("§3.5", AUTHORIZED, 200, "cache-control: s-maxage=60", OK),
        ("§3.5", AUTHORIZED, 200, "cache-control: max-age=60, must-revalidate", OK),
        ("§3.5: in that caller's own", private, 200, "cache-control: max-age=60", OK),
        ("§7.3", SHARED, 200, "cache-control: max-age=60\nset-cookie: a=b", Err(Bypass::Private)),
        ("§7.3", SHARED, 200, "cache-control: max-age=60, public\nset-cookie: a=b", OK),
        ("§4.1", SHARED, 200, "cache-control: max-age=60\nvary: *", Err(Bypass::Vary)),
        ("§4.1", SHARED, 200, "cache-control: max-age=60\nvary: accept, *", Err(Bypass::Vary)),
        (
            "§4.2.2: nobody guesses",
            SHARED,
            200,
            "last-modified: Sun, 06 Nov 1983 08:49:37 GMT",
            Err(Bypass::NoFreshness),
        ),
        ("§4.2.2: nobody guesses", SHARED, 200, "cache-control: public", Err(Bypass::NoFreshness)),
        ("§3: of no use", SHARED, 200, "cache-control: no-cache", Err(Bypass::NoFreshness)),
        ("§4.3: of use with a validator", SHARED, 200, "cache-control: no-cache\netag: \"1\"", OK),
        ("§3: any final status, if it is said", SHARED, 404, "cache-control: max-age=60", OK),
        ("§3: any final status, if it is said", SHARED, 503, "cache-control: max-age=60", OK),
        ("§3.3: parts are not", SHARED, 206, "cache-control: max-age=60", Err(Bypass::Failed)),
        ("§3: nor what is not final", SHARED, 103, "cache-control: max-age=60", Err(Bypass::Failed)),
    ] {
        assert_eq!(kept(text, status, kind, None).map(drop), expected, "{section}: {status} {text} ({kind:?})");
    }
}

#[test]
fn the_graphs_rule_holds_where_the_service_is_silent() {
    let lifetime = |text, status| kept(text, status, SHARED, Some(guess())).map(|freshness| freshness.lifetime);
    for (why, text, status, expected) in [
        ("silent", "", 200, Ok(60)),
        ("a validator says nothing of time", "etag: \"1\"", 200, Ok(60)),
        ("the service's own time wins", "cache-control: max-age=600", 200, Ok(600)),
        ("the service's own time wins", "cache-control: max-age=0\netag: \"1\"", 200, Ok(0)),
        ("the service's own word wins", "cache-control: no-store", 200, Err(Bypass::NoStore)),
        ("the service's own word wins", "cache-control: private", 200, Err(Bypass::Private)),
        ("what does not exist may exist soon", "", 404, Ok(5)),
        ("what does not exist may exist soon", "", 410, Ok(5)),
        ("unless the service knows better", "cache-control: max-age=600", 404, Ok(600)),
        ("failures are not kept", "", 500, Err(Bypass::NoFreshness)),
        ("failures are not kept", "", 403, Err(Bypass::NoFreshness)),
    ] {
        assert_eq!(lifetime(text, status), expected.map(seconds), "{why}: {status} {text}");
    }
    let rule = kept("", 200, SHARED, Some(guess())).expect("kept");
    assert_eq!(rule.stale_while_revalidate, seconds(30));
    let own = kept("cache-control: max-age=60", 200, SHARED, Some(guess())).expect("kept");
    assert_eq!(own.stale_while_revalidate, seconds(0), "half a rule is none");
}
