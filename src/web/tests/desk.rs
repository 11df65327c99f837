use super::*;
use time::OffsetDateTime;
use tonewall_model::ids::{AgentId, AttemptId, CallId, PaymentId, TenantId};
use tonewall_model::money::{Currency, Money};
use tonewall_model::payment::{Approval, Check, Checks, Outcome};
use tonewall_store::{CallRecord, CardFacts, NewAttempt};

/// A call of Ada's that is over, with an approved payment, not wrapped up.
async fn taken(world: &World, number: u128) -> CallId {
    let (call, attempt) = (CallId::from_random(number), AttemptId::from_random(number));
    let (agent, now) = (AgentId("ada".to_owned()), OffsetDateTime::now_utc());
    let store = world.desk.around().store.tenant(&TenantId::parse("harbour").expect("a slug"));
    let record = CallRecord {
        id: call.clone(),
        route: "on_demand".to_owned(),
        agent: Some(agent.clone()),
        caller: Some("+447700900123".to_owned()),
        started_at: now - Duration::from_secs(120),
        secured_at: Some(now - Duration::from_secs(119)),
        ended_at: Some(now - Duration::from_secs(5)),
        ended_why: Some("customer_hung_up".to_owned()),
        keys: 25,
        scope: None,
        wrapped_at: None,
    };
    store.record_call(record).await.expect("recorded");
    let new = NewAttempt {
        id: attempt.clone(),
        payment: PaymentId::from_random(number),
        call: call.clone(),
        agent,
        account: format!("INV-{number}"),
        amount: Money { minor: 1_250, currency: Currency::GBP },
        gateway: "sandbox".to_owned(),
        merchant: "harbour-moto".to_owned(),
        idempotency_key: None,
        card: CardFacts {
            brand: "visa".to_owned(),
            first6: "426397".to_owned(),
            last4: "5262".to_owned(),
            expiry: "12/30".to_owned(),
        },
        deadline_at: now + Duration::from_secs(90),
        taken_since: None,
        at: now - Duration::from_secs(10),
    };
    store.begin_attempt(new).await.expect("begun");
    let approval = Approval {
        auth_code: "408432".to_owned(),
        gateway_ref: "g1".to_owned(),
        network_transaction_id: None,
        token: None,
        checks: Checks { cvc: Check::Match, house_number: Check::Match, postcode: Check::Match },
    };
    store.conclude(&attempt, Outcome::Approved(approval), now).await.expect("concluded");
    call
}

fn json(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("no JSON: {}", answer.body))
}

#[actix_web::test]
async fn page_poll_and_stream_show_the_same_screen() {
    let world = World::new("desk").await;
    let call = taken(&world, 1).await;
    let mut ada = world.signed_in(ADA).await;
    let page = ada.get("/desk").await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains(call.as_str()) && page.body.contains("408432"), "{}", page.body);
    let poll = json(&ada.clone().json().get("/desk/screen").await);
    assert_eq!(poll["call"]["id"], call.as_str());
    assert_eq!(poll["stage"], "approved", "{poll}");
    let frames = frames(&ada, "/desk/events", 3).await;
    assert_eq!(frames[0], "retry: 1000");
    let lines: Vec<_> = frames[1].lines().collect();
    assert!(lines[0].starts_with(": sent 20"), "{}", lines[0]);
    assert_eq!(lines[1], "event: screen");
    let mut streamed: serde_json::Value =
        serde_json::from_str(lines[3].strip_prefix("data: ").expect("data")).expect("a screen");
    assert_eq!(lines[2], format!("id: {}", streamed["seq"]));
    streamed["seq"] = poll["seq"].clone();
    assert_eq!(streamed, poll);
    assert_eq!(frames[2], format!("event: beat\ndata: {{\"seq\":1,\"secured\":false}}"));
}

/// The first frames of a stream, and then it is closed.
async fn frames(browser: &Browser, path: &str, count: usize) -> Vec<String> {
    let mut stream = browser.connect("GET", path, "").await;
    let mut text = String::new();
    loop {
        let mut bytes = [0; 4_096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut bytes)).await;
        let read = read.expect("frames in time").expect("a stream");
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let frames: Vec<_> = dechunked(body).split("\n\n").map(str::to_owned).collect();
        if frames.len() > count || read == 0 {
            let head = head.to_lowercase();
            for header in
                ["content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"]
            {
                assert!(head.contains(header), "{header}: {head}");
            }
            return frames;
        }
    }
}

#[actix_web::test]
async fn signing_out_ends_the_streams_of_the_session() {
    let world = World::new("bye").await;
    let ada = world.signed_in(ADA).await;
    let other = world.signed_in(ADA).await;
    let mut kept = other.connect("GET", "/desk/events", "").await;
    let mut own = ada.connect("GET", "/desk/events", "").await;
    let mut first = [0; 64];
    own.read_exact(&mut first).await.expect("a stream");
    assert_eq!(ada.clone().post("/desk", "/sign-out", "").await.status, 303);
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, own.read_to_end(&mut rest)).await.expect("ended in time").expect("ended");
    assert!(String::from_utf8_lossy(&rest).contains("event: bye\ndata: {}\n\n"));
    kept.read_exact(&mut first).await.expect("still open");
    assert_eq!(ada.clone().get("/desk/events").await.header("location"), Some("/sign-in?why=out"));
    assert_eq!(ada.clone().json().get("/desk/events").await.status, 401);
}

#[actix_web::test]
async fn signing_in_again_ends_the_streams_of_the_session_before() {
    let world = World::new("again").await;
    let mut ada = world.signed_in(ADA).await;
    let csrf = ada.get("/desk").await.csrf();
    let mut own = ada.connect("GET", "/desk/events", "").await;
    let mut first = [0; 64];
    own.read_exact(&mut first).await.expect("a stream");
    let form = format!("csrf={csrf}&name=ben%40harbour&password=harbour-ben-demo");
    assert_eq!(ada.send("POST", "/sign-in", &form).await.status, 303);
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, own.read_to_end(&mut rest)).await.expect("ended in time").expect("ended");
    assert!(String::from_utf8_lossy(&rest).contains("event: bye\ndata: {}\n\n"));
}

#[actix_web::test]
async fn a_session_has_six_streams_at_most() {
    let world = World::new("six").await;
    let ada = world.signed_in(ADA).await.json();
    let mut open = Vec::new();
    for _ in 0..6 {
        let mut stream = ada.connect("GET", "/desk/events", "").await;
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.expect("a stream");
        assert_eq!(&first, b"HTTP/1.1 200 OK");
        open.push(stream);
    }
    let answer = ada.clone().get("/desk/events").await;
    assert_eq!(answer.status, 429, "{}", answer.body);
    drop(open);
    // A beat finds the closed connection within seconds.
    let until = std::time::Instant::now() + PATIENCE;
    while ada.clone().connect("GET", "/desk/events", "").await.read_u8().await.is_ok() {
        let mut stream = ada.connect("GET", "/desk/events", "").await;
        let mut first = [0; 15];
        stream.read_exact(&mut first).await.expect("an answer");
        if &first == b"HTTP/1.1 200 OK" {
            return;
        }
        assert!(std::time::Instant::now() < until, "no place was given back");
    }
}

#[actix_web::test]
async fn another_tenant_s_session_sees_and_does_nothing() {
    let world = World::new("others").await;
    let call = taken(&world, 2).await;
    let mut cleo = world.signed_in(CLEO).await;
    let page = cleo.get(&format!("/desk?call={call}")).await;
    assert!(!page.body.contains("408432") && !page.body.contains("INV-2"), "{}", page.body);
    let screen = json(&cleo.clone().json().get(&format!("/desk/screen?call={call}")).await);
    assert!(screen["call"].is_null() && screen["tenant"]["slug"] == "northwind", "{screen}");
    let mut module = cleo.clone().json();
    for action in ["secure", "take", "wrap_up", "hangup", "claim"] {
        let answer = module.post("/desk", &format!("/desk/{call}/{action}"), "").await;
        assert_eq!(answer.status, 404, "{action}: {}", answer.body);
    }
    let answer = module.post("/desk", &format!("/desk/{call}/receipt"), "email=a%40example.org").await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    // Another agent of the same organisation has no business with it either.
    let mut ben = world.signed_in(("ben@harbour", "harbour-ben-demo")).await;
    assert!(!ben.get(&format!("/desk?call={call}")).await.body.contains("408432"));
}

#[actix_web::test]
async fn actions_answer_modules_with_the_screen_and_forms_with_the_page() {
    let world = World::new("actions").await;
    let call = taken(&world, 3).await;
    let mut ada = world.signed_in(ADA).await;
    let mut module = ada.clone().json();
    let to = |action: &str| format!("/desk/{call}/{action}");
    let sent = module.post("/desk", &to("receipt"), "email=customer%40example.org").await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert_eq!(json(&sent)["receipt"]["items"][0]["to"], "customer@example.org");
    let again = ada.post("/desk", &to("receipt"), "email=second%40example.org").await;
    let desk = format!("/desk?call={call}");
    assert_eq!((again.status, again.header("location")), (303, Some(desk.as_str())));
    assert!(ada.get(&desk).await.body.contains("second@example.org"));
    let wrapped = module.post("/desk", &to("wrap_up"), "").await;
    assert_eq!(wrapped.status, 200, "{}", wrapped.body);
    assert_ne!(json(&wrapped)["call"]["id"], call.as_str(), "it has left the screen");
}

#[actix_web::test]
async fn what_is_wrong_stands_at_its_field() {
    let world = World::new("fields").await;
    let call = taken(&world, 4).await;
    let mut ada = world.signed_in(ADA).await;
    let mut module = ada.clone().json();
    let to = |action: &str| format!("/desk/{call}/{action}");
    let cases = [
        ("receipt", "email=nobody", "email"),
        ("receipt", "email=", "email"),
        ("receipt", "email=4111111111111111%40example.org", "email"),
        ("means", "means=cash&note=", "means"),
        ("agreement_preview", "amount=x&every=month&start=2027-01-01&count=3", "amount"),
        ("agreement_preview", "amount=5&every=month&start=2027-01-01&count=&until=", "count"),
        ("agreement", "amount=5&every=month&start=2027-01-01&count=3&agreed=yes", "agreed"),
    ];
    for (action, body, field) in cases {
        let answer = module.post("/desk", &to(action), body).await;
        assert_eq!(answer.status, 422, "{action} {body}: {}", answer.body);
        assert_eq!(json(&answer)["error"]["field"], field, "{action} {body}: {}", answer.body);
        let page = ada.post("/desk", &to(action), body).await;
        assert_eq!(page.status, 422, "{action} {body}");
        let words = json(&answer)["error"]["message"].as_str().expect("words").to_owned();
        assert!(page.body.contains(&escaped(&words)), "{action} {body}: {words}: {}", page.body);
        assert!(!page.body.contains("4111111111111111"));
    }
    let typed = ada.post("/desk", &to("receipt"), "email=nobody").await;
    assert!(typed.body.contains("value=\"nobody\""), "what was typed stays");
    for (body, code) in [("email=a%40example.org&more=1", "bad_form"), ("email=a&email=b", "bad_form")] {
        let answer = module.post("/desk", &to("receipt"), body).await;
        assert_eq!((answer.status, &json(&answer)["error"]["code"]), (422, &code.into()), "{body}");
    }
    assert_eq!(module.post("/desk", &to("dance"), "").await.status, 404);
    assert_eq!(module.post("/desk", "/desk/-/secure", "").await.status, 404);
    assert_eq!(module.send("POST", &to("wrap_up"), "").await.status, 403);
    let cross = ada.clone().json().with("Sec-Fetch-Site", "cross-site");
    assert_eq!(cross.clone().post("/desk", &to("wrap_up"), "").await.status, 403);
}

#[actix_web::test]
async fn the_dates_of_an_authority_are_listed_before_it_is_made() {
    let world = World::new("authority").await;
    let call = taken(&world, 5).await;
    let mut ada = world.signed_in(ADA).await;
    let start = OffsetDateTime::now_utc().date().next_day().expect("a day");
    let (year, month, day) = (start.year(), u8::from(start.month()), start.day());
    let terms = format!("amount=5.00&every=four_weeks&start={year}-{month:02}-{day:02}&count=3&until=");
    let path = format!("/desk/{call}/agreement_preview");
    let preview = json(&ada.clone().json().post("/desk", &path, &terms).await);
    assert_eq!((&preview["count"], &preview["total"]), (&3.into(), &"£15.00".into()), "{preview}");
    assert_eq!(preview["dates"].as_array().map(Vec::len), Some(3));
    let page = ada.post("/desk", &path, &terms).await;
    assert_eq!(page.status, 200);
    assert!(
        page.body.contains("£15.00") && page.body.contains(preview["dates"][2].as_str().expect("a date"))
    );
    let typed = |page: &Answer| {
        let start = format!("name=\"start\" value=\"{year}-{month:02}-{day:02}\"");
        for kept in [&start, "value=\"four_weeks\" selected", "maxlength=\"3\" value=\"3\""] {
            assert!(page.body.contains(kept), "{kept}: {}", page.body);
        }
    };
    typed(&page);
    // What was read out comes back with the consent, or it is no consent.
    let read = preview["read"].as_str().expect("a mark").to_owned();
    assert!(page.body.contains(&format!("name=\"read\" value=\"{read}\"")), "{}", page.body);
    let path = format!("/desk/{call}/agreement");
    let mut module = ada.clone().json();
    let other = terms.replace("count=3", "count=4");
    for unread in [format!("{terms}&agreed=1"), format!("{other}&agreed=1&read={read}")] {
        let answer = module.post("/desk", &path, &unread).await;
        assert_eq!((answer.status, &json(&answer)["error"]["code"]), (409, &"not_read".into()), "{unread}");
    }
    let page = ada.post("/desk", &path, &format!("{terms}&agreed=1")).await;
    assert_eq!(page.status, 409);
    assert!(page.body.contains("Show it again and read it out.") && page.body.contains("£15.00"));
    typed(&page);
    // The call is over: as far as it goes without a customer on the line.
    let answer = module.post("/desk", &path, &format!("{terms}&agreed=1&read={read}")).await;
    assert_eq!((answer.status, &json(&answer)["error"]["code"]), (409, &"call_ended".into()));
}
