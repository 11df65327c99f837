use super::super::headers::POLICY;
use super::*;

/// Everything that is there for anybody.
const PUBLIC: [&str; 6] = ["/", "/sign-in", "/favicon.svg", "/nothing-here", "/livez", "/v1/calls"];

#[actix_web::test]
async fn every_answer_has_the_headers() {
    let world = World::new("headers").await;
    let mut browser = world.browser();
    let page = browser.get("/sign-in").await;
    let asset = page.body.split('"').find(|text| text.ends_with(".css")).expect("a style sheet").to_owned();
    let mut signed_in = world.signed_in(ADA).await;
    for path in PUBLIC.iter().copied().chain([asset.as_str(), "/desk", "/assets/none/css/base.css"]) {
        for browser in [&mut browser, &mut signed_in] {
            let answer = browser.get(path).await;
            assert_eq!(answer.header("content-security-policy"), Some(POLICY), "{path}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
            assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
            assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
            let kept = path.starts_with("/assets/") && answer.status == 200 || path == "/favicon.svg";
            let cache = answer.header("cache-control").expect("a word on caching");
            assert_eq!(cache.contains("no-store"), !kept, "{path}: {cache}");
        }
    }
    for word in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"] {
        assert!(POLICY.contains(word));
    }
    assert!(!POLICY.contains("unsafe") && !POLICY.contains('\n'));
}

#[actix_web::test]
async fn files_are_kept_for_ever_under_their_hash_alone() {
    let world = World::new("assets").await;
    let mut browser = world.browser();
    let page = browser.get("/sign-in").await.body;
    let files: Vec<_> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert!(files.len() >= 3, "{files:?}");
    for path in files {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        let kind =
            if path.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
        assert_eq!(answer.header("content-type"), Some(kind));
        let other = path.replacen("/assets/", "/assets/x", 1);
        assert_eq!(browser.get(&other).await.status, 404, "{other}");
    }
    let set = super::super::assets::hash();
    for path in [
        "pages/desk.hbs",
        "css/../pages/desk.hbs",
        "css/..%2fpages/desk.hbs",
        "email/receipt.mjml",
        "css/none.css",
    ] {
        assert_eq!(browser.get(&format!("/assets/{set}/{path}")).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn a_tenant_s_colours_come_under_their_hash() {
    let world = World::new("brand").await;
    let mut ada = world.signed_in(ADA).await;
    let page = ada.get("/receipts/preview").await.body;
    let url =
        page.split('"').find(|text| text.starts_with("/brand/harbour/")).expect("a style sheet").to_owned();
    let answer = ada.get(&url).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/css; charset=utf-8")));
    assert!(answer.body.contains("--accent: light-dark(#"), "{}", answer.body);
    assert_eq!(ada.get("/brand/harbour/none.css").await.status, 404);
    assert_eq!(ada.get("/brand/nobody/none.css").await.status, 404);
}

#[actix_web::test]
async fn reports_of_browsers_are_counted_and_bounded() {
    let world = World::new("csp").await;
    let browser = world.browser();
    let mut legacy = browser.clone().with("Content-Type", "application/csp-report");
    let mut modern = browser.clone().with("Content-Type", "application/reports+json");
    assert_eq!(legacy.send("POST", "/csp-report", "{\"csp-report\":{}}").await.status, 204);
    assert_eq!(modern.send("POST", "/csp-report", "[{},{}]").await.status, 204);
    assert_eq!(world.metric("tonewall_csp_reports_total").await, "3");
    assert_eq!(legacy.send("POST", "/csp-report", &"x".repeat(20_000)).await.status, 413);
    assert_eq!(browser.clone().send("POST", "/csp-report", "a=b").await.status, 415);
    assert_eq!(world.metric("tonewall_csp_reports_total").await, "3");
}

#[actix_web::test]
async fn what_is_not_there_is_a_page_to_people_and_json_to_programs() {
    let world = World::new("not-there").await;
    let page = world.browser().get("/nothing-here").await;
    assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("There is nothing of yours under this address."), "{}", page.body);
    for path in ["/nothing-here", "/v1/nothing-here", "/dev/mail", "/styleguide"] {
        let mut browser = if path.starts_with("/dev") { world.signed_in(ADA).await } else { world.browser() };
        if path == "/styleguide" {
            continue;
        }
        browser = browser.json();
        let answer = browser.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/json")), "{path}");
    }
    let answer = world.browser().get("/v1/calls").await;
    assert_eq!((answer.status, answer.header("content-type")), (401, Some("application/json")));
}

#[actix_web::test]
async fn pages_of_agents_ask_to_sign_in() {
    let world = World::new("signed-out").await;
    for path in ["/desk", "/receipts/preview", "/receipts/preview/html", "/receipts/preview/text"] {
        let answer = world.browser().get(path).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in?why=out")), "{path}");
        let answer = world.browser().json().get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.body.contains("\"code\":\"signed_out\""), "{}", answer.body);
    }
}

/// What a strict policy would block, or what no page may hold.
fn blocked(html: &str) -> Vec<String> {
    let lower = html.to_lowercase();
    let handlers = lower.split('<').filter_map(|tag| tag.split('>').next());
    let handlers = handlers.filter(|tag| {
        tag.split_whitespace().skip(1).any(|word| word.starts_with("on") && word.contains('='))
    });
    let mut found: Vec<String> = handlers.map(str::to_owned).collect();
    for word in [" style=", "<style", "javascript:", "http://", "//cdn"] {
        found.extend(lower.match_indices(word).map(|(at, _)| lower[at..].chars().take(60).collect()));
    }
    let inline = lower.match_indices("<script").map(|(at, _)| &lower[at..]);
    let inline = inline.filter(|tag| {
        !tag.contains("></script>") || !tag.split('>').next().is_some_and(|tag| tag.contains("src="))
    });
    found.extend(inline.map(|tag| tag.chars().take(60).collect()));
    found
}

#[test]
fn what_is_blocked_is_found() {
    for bad in [
        "<p style=\"color:red\">",
        "<svg><path style='fill:red'/></svg>",
        "<style>p{}</style>",
        "<script>alert(1)</script>",
        "<a href=\"javascript:x\">",
        "<button class=\"a\" onclick=\"x()\">",
    ] {
        assert!(!blocked(bad).is_empty(), "{bad}");
    }
    assert!(
        blocked("<p class=\"on\">one = two</p><script type=\"module\" src=\"/a.js\"></script>").is_empty()
    );
}

#[actix_web::test]
async fn every_page_renders_strictly_and_without_anything_inline() {
    let world = World::new("render").await;
    let mut ada = world.signed_in(ADA).await;
    let pages = ["/sign-in", "/desk", "/receipts/preview", "/styleguide", "/nothing-here"];
    for path in pages {
        let mut browser = if path == "/sign-in" { world.browser() } else { ada.clone() };
        let answer = browser.get(path).await;
        assert_eq!(answer.status, if path == "/nothing-here" { 404 } else { 200 }, "{path}: {}", answer.body);
        assert_eq!(blocked(&answer.body), Vec::<String>::new(), "{path}");
        assert!(answer.body.contains("<html lang=\"en-GB\""), "{path}");
    }
    let guide = ada.get("/styleguide").await.body;
    let tenants = world.desk.around().tenants.snapshot();
    for sample in crate::screen::samples(&tenants.tenants()[0]) {
        assert!(guide.contains(&escaped(sample.title)), "{}", sample.name);
    }
}

#[actix_web::test]
async fn every_sample_renders_as_a_desk() {
    use super::super::pages::{Page, Pages};
    let world = World::new("samples").await;
    let pages = Pages::new().expect("templates");
    let tenants = world.desk.around().tenants.snapshot();
    for tenant in tenants.tenants() {
        for sample in crate::screen::samples(tenant) {
            let html = pages.markup("pages/desk", &Page::default(), Some(&sample.screen));
            let html = html.unwrap_or_else(|problem| panic!("{} {}: {problem:?}", tenant.id, sample.name));
            assert_eq!(blocked(&html), Vec::<String>::new(), "{}", sample.name);
            assert!(html.contains(&format!("data-stage=\"{}\"", sample.screen.stage)), "{}", sample.name);
        }
    }
}

#[actix_web::test]
async fn previews_are_letters_that_can_do_nothing() {
    let world = World::new("previews").await;
    let mut ada = world.signed_in(ADA).await;
    let page = ada.get("/receipts/preview").await;
    assert!(page.header("content-security-policy").is_some_and(|policy| policy.contains("frame-src 'self'")));
    for (path, kind) in [
        ("/receipts/preview/html?theme=light", "text/html; charset=utf-8"),
        ("/receipts/preview/html?theme=dark", "text/html; charset=utf-8"),
        ("/receipts/preview/text", "text/plain; charset=utf-8"),
    ] {
        let answer = ada.get(path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        let policy = answer.header("content-security-policy").expect("a policy");
        assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
        assert!(answer.body.contains("Harbour Home Insurance"), "{path}");
    }
    assert_eq!(ada.get("/receipts/preview/html?theme=pink").await.status, 422);
    assert_eq!(ada.get("/receipts/preview/html?colour=pink").await.status, 422);
}

#[actix_web::test]
async fn the_reader_s_theme_is_in_the_first_paint() {
    let world = World::new("theme").await;
    for (cookie, theme) in [("dark", "dark"), ("light", "light"), ("pink", "system"), ("", "system")] {
        let mut browser = world.browser();
        browser.cookies.insert("tonewall-theme".to_owned(), cookie.to_owned());
        let page = browser.get("/sign-in").await.body;
        assert!(page.contains(&format!("data-theme=\"{theme}\"")), "{cookie}");
    }
}
