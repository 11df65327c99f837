use super::super::session::{AGE_MAX, IDLE_MAX, SignedIn, Token};
use super::super::sign_in::{Door, Tried};
use super::*;
use actix_web::test::TestRequest;
use time::OffsetDateTime;
use tonewall_model::ids::{AgentId, TenantId};
use tonewall_secret::Secret;

const AT: &str = "192.0.2.7";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// The token in a browser's cookie.
fn token(browser: &Browser) -> Token {
    let value = browser.cookies.get("tonewall").expect("a cookie");
    let request = TestRequest::default().insert_header(("Cookie", format!("tonewall={value}")));
    Token::of(&request.to_http_request()).expect("a token")
}

async fn audit_rows(world: &World, tenant: &str) -> u64 {
    let store = world.desk.around().store.tenant(&TenantId::parse(tenant).expect("a slug"));
    store.audit_verify().await.expect("an unbroken chain")
}

#[actix_web::test]
async fn an_agent_signs_in_to_the_desk_and_out_again() {
    let world = World::new("sign-in").await;
    let mut browser = world.browser();
    assert_eq!(browser.get("/").await.header("location"), Some("/sign-in"));
    let form = browser.get("/sign-in").await;
    assert_eq!(form.status, 200, "{}", form.body);
    let before = browser.cookies.clone();
    let answer = browser.sign_in(ADA.0, ADA.1).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/desk")));
    assert_ne!(browser.cookies, before, "the token is a new one");
    let cookie = answer.header("set-cookie").expect("a cookie");
    for flag in ["; Path=/", "; HttpOnly", "; SameSite=Lax"] {
        assert!(cookie.contains(flag), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(browser.get("/").await.header("location"), Some("/desk"));
    let kept = browser.clone();
    let answer = browser.post("/receipts/preview", "/sign-out", "").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in?why=bye")));
    // The token is worth nothing even to who has kept it.
    assert_eq!(kept.clone().get("/").await.header("location"), Some("/sign-in"));
    assert_eq!(audit_rows(&world, "harbour").await, 2);
}

#[actix_web::test]
async fn over_https_the_cookie_is_bound_to_it() {
    let proxies = vec!["127.0.0.1".parse().expect("an address")];
    let options = Options { trusted_proxies: proxies, secure_cookies: false };
    let world = World::with("sign-in-https", options).await;
    let answer = world.browser().with("X-Forwarded-Proto", "https").get("/sign-in").await;
    let cookie = answer.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with("__Host-tonewall=") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    let plain = World::new("sign-in-plain").await;
    let answer = plain.browser().with("X-Forwarded-Proto", "https").get("/sign-in").await;
    assert!(answer.header("set-cookie").is_some_and(|cookie| cookie.starts_with("tonewall=")));
}

#[actix_web::test]
async fn whatever_is_wrong_the_words_are_the_same_and_the_name_stays() {
    let world = World::new("sign-in-wrong").await;
    let mut words = Vec::new();
    for name in ["ada@harbour", "nobody@harbour", "ada@nowhere", "ada", "ADA@HARBOUR "] {
        let answer = world.browser().sign_in(name, "not-the-password").await;
        assert_eq!(answer.status, 422, "{name}");
        assert!(answer.header("set-cookie").is_none());
        assert!(answer.body.contains(&format!("value=\"{}\"", name.trim())), "{name}: {}", answer.body);
        assert!(!answer.body.contains("not-the-password"));
        words.push(answer.body.split("role=\"alert\"").nth(1).expect("words")[..300].to_owned());
    }
    assert!(words.iter().all(|other| *other == words[0]), "{words:?}");
    let typed = world.browser().sign_in("4111 1111 1111 1111", "x").await;
    assert_eq!(typed.status, 422);
    assert!(!typed.body.contains("4111"), "a card number is not repeated");
}

#[actix_web::test]
async fn six_wrong_passwords_lock_a_name_for_half_an_hour() {
    let world = World::new("sign-in-lock").await;
    let door = Door::new(world.desk.clone());
    let begin = OffsetDateTime::now_utc();
    let minute = Duration::from_secs(60);
    for name in ["ada@harbour", "nobody@harbour", "ada@nowhere"] {
        for nth in 1..=6 {
            let tried = door.try_in(name, secret("wrong"), AT, begin + minute * nth).await.expect("tried");
            let expected = if nth < 6 { Tried::NoMatch } else { Tried::Locked };
            assert_eq!(tried, expected, "{name} {nth}");
        }
    }
    let right = |at| door.try_in(ADA.0, secret(ADA.1), AT, at);
    // Locked since the sixth minute; the right password is not looked at.
    assert_eq!(right(begin + minute * 35).await, Ok(Tried::Locked));
    let welcome = Tried::Welcome(TenantId::parse("harbour").expect("a slug"), AgentId("ada".to_owned()));
    assert_eq!(right(begin + minute * 36).await, Ok(welcome));
    // Somebody else was never locked.
    let ben = door.try_in("ben@harbour", secret("harbour-ben-demo"), AT, begin + minute * 20).await;
    assert!(matches!(ben, Ok(Tried::Welcome(..))), "{ben:?}");
}

#[actix_web::test]
async fn names_that_no_agent_has_write_nothing_and_a_lockout_writes_one_row() {
    let world = World::new("sign-in-rows").await;
    let door = Door::new(world.desk.clone());
    let now = OffsetDateTime::now_utc();
    let wrong = |name: &'static str| door.try_in(name, secret("wrong"), AT, now);
    let store = world.desk.around().store.tenant(&TenantId::parse("harbour").expect("a slug"));
    for _ in 0..8 {
        assert!(matches!(wrong("nobody@harbour").await, Ok(Tried::NoMatch | Tried::Locked)));
        assert!(matches!(wrong("ada@harbour").await, Ok(Tried::NoMatch | Tried::Locked)));
    }
    assert_eq!(wrong("nobody@harbour").await, Ok(Tried::Locked), "locked like any other");
    assert!(store.sign_in_state("nobody@harbour").await.expect("read").is_none());
    assert!(store.sign_in_state("ada@harbour").await.expect("read").is_some());
    assert_eq!(audit_rows(&world, "harbour").await, 1);
}

#[actix_web::test]
async fn a_source_of_too_many_failures_is_stopped_and_others_are_not() {
    let world = World::new("sign-in-source").await;
    let door = Door::new(world.desk.clone());
    let now = OffsetDateTime::now_utc();
    (0..30).for_each(|_| door.sources.failed(AT, now));
    assert_eq!(door.try_in(ADA.0, secret(ADA.1), AT, now).await, Ok(Tried::TooManyHere));
    let other = door.try_in(ADA.0, secret(ADA.1), "192.0.2.8", now).await;
    assert!(matches!(other, Ok(Tried::Welcome(..))), "{other:?}");
    let later = door.try_in(ADA.0, secret(ADA.1), AT, now + Duration::from_secs(600)).await;
    assert!(matches!(later, Ok(Tried::Welcome(..))), "{later:?}");
}

#[actix_web::test]
async fn a_right_password_clears_what_was_counted() {
    let world = World::new("sign-in-clear").await;
    let door = Door::new(world.desk.clone());
    let now = OffsetDateTime::now_utc();
    for _ in 0..3 {
        for _ in 0..5 {
            let tried = door.try_in(ADA.0, secret("wrong"), AT, now).await;
            assert_eq!(tried, Ok(Tried::NoMatch));
        }
        assert!(matches!(door.try_in(ADA.0, secret(ADA.1), AT, now).await, Ok(Tried::Welcome(..))));
    }
}

#[actix_web::test]
async fn guesses_that_come_together_count_each() {
    let world = World::new("sign-in-race").await;
    let door = Door::new(world.desk.clone());
    let now = OffsetDateTime::now_utc();
    let guesses = (0..6).map(|_| door.try_in(ADA.0, secret("wrong"), AT, now));
    let tried = futures_util::future::join_all(guesses).await;
    assert!(tried.iter().all(Result::is_ok), "{tried:?}");
    assert_eq!(door.try_in(ADA.0, secret(ADA.1), AT, now).await, Ok(Tried::Locked));
}

#[actix_web::test]
async fn every_published_sign_in_of_the_demo_opens() {
    let world = World::new("sign-in-demo").await;
    let door = Door::new(world.desk.clone());
    let shown = super::super::demo::sign_ins(&world.desk);
    assert!(shown.len() >= 4, "{shown:?}");
    for own in shown {
        let tried = door.try_in(&own.name, secret(&own.password), AT, OffsetDateTime::now_utc()).await;
        assert!(matches!(tried, Ok(Tried::Welcome(..))), "{own:?}: {tried:?}");
    }
}

#[actix_web::test]
async fn a_session_ends_when_idle_and_when_old_and_with_its_agent() {
    let world = World::new("session-ends").await;
    let token = token(&world.signed_in(ADA).await);
    let now = OffsetDateTime::now_utc();
    let holds = async |at, used| SignedIn::at(&world.desk, token.clone(), at, used).await.is_ok();
    assert!(holds(now + IDLE_MAX - Duration::from_secs(5), false).await);
    assert!(!holds(now + IDLE_MAX, false).await, "a look is no use");
    assert!(holds(now + IDLE_MAX - Duration::from_secs(5), true).await);
    assert!(holds(now + IDLE_MAX, false).await, "it was used a moment before");
    let mut at = now;
    while at + IDLE_MAX / 2 < now + AGE_MAX {
        at += IDLE_MAX / 2;
        assert!(holds(at, true).await);
    }
    assert!(!holds(now + AGE_MAX, true).await, "twelve hours are over");
    world.desk.around().tenants.replace(Vec::new());
    assert!(!holds(at, false).await, "the organisation is gone");
}

#[actix_web::test]
async fn forms_of_other_sites_are_refused() {
    let world = World::new("csrf").await;
    let browser = world.browser();
    let form = "name=ada%40harbour&password=harbour-ada-demo";
    let mut own = browser.clone();
    let csrf = own.get("/sign-in").await.csrf();
    let with_token = format!("{form}&csrf={csrf}");
    let mut wrong = csrf.clone();
    wrong.replace_range(..1, if csrf.starts_with('a') { "b" } else { "a" });
    let cases = [
        (own.clone(), form.to_owned(), 403),
        (own.clone(), format!("{form}&csrf={wrong}"), 403),
        (own.clone(), format!("{form}&csrf="), 403),
        (browser.clone(), with_token.clone(), 403),
        (own.clone().with("Sec-Fetch-Site", "cross-site"), with_token.clone(), 403),
        (own.clone().with("Origin", "https://evil.example"), with_token.clone(), 403),
        (own.clone().with("Sec-Fetch-Site", "same-origin").with("Origin", "null"), with_token.clone(), 303),
    ];
    for (mut browser, body, status) in cases {
        let answer = browser.send("POST", "/sign-in", &body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    let mut ada = world.signed_in(ADA).await;
    assert_eq!(ada.send("POST", "/sign-out", "").await.status, 403);
    assert_eq!(ada.get("/").await.header("location"), Some("/desk"), "still signed in");
}

#[actix_web::test]
async fn bad_forms_get_a_clear_answer() {
    let world = World::new("bad-forms").await;
    let mut browser = world.browser();
    let csrf = browser.get("/sign-in").await.csrf();
    let long = "x".repeat(20_000);
    let cases = [
        (format!("csrf={csrf}&name=ada%40harbour&password=x&extra=1"), 422),
        (format!("csrf={csrf}&name=a&name=b&password=x"), 422),
        (format!("csrf={csrf}&name=&password=x"), 422),
        (format!("csrf={csrf}&name=ada%40harbour&password="), 422),
        (format!("csrf={csrf}&name={}&password=x", "n".repeat(101)), 422),
        (format!("csrf={csrf}&name=a%00b&password=x"), 422),
        (format!("csrf={csrf}&name=ada%40harbour&password={long}"), 413),
        (String::new(), 403),
    ];
    for (body, status) in cases {
        let answer = browser.send("POST", "/sign-in", &body).await;
        assert_eq!(answer.status, status, "{}: {}", &body[..body.len().min(120)], answer.body);
        assert!(answer.body.contains("<html"), "a page for a person");
    }
    let mut module = browser.json().with("Content-Type", "application/json");
    let answer = module.send("POST", "/sign-in", "{}").await;
    assert_eq!((answer.status, answer.header("content-type")), (422, Some("application/json")));
    assert!(answer.body.contains("\"code\":\"bad_form\""), "{}", answer.body);
}
