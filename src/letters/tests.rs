use super::*;
use std::time::Duration;
use time::{Date, Month, OffsetDateTime};
use tonewall_model::cpa::Every;
use tonewall_model::ids::TenantId;
use tonewall_model::money::{Currency, Money};
use tonewall_model::tenant::{
    AddressCheck, Branding, CapturePlan, Crm, EndKey, GatewayAccount, GatewayKind, MaskStyle,
};
use tonewall_secret::Secret;

/// A logo as far as a letter looks at it.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nlogo";

pub(crate) fn tenant() -> Tenant {
    let second = Duration::from_secs(1);
    Tenant {
        id: TenantId::parse("harbour").expect("a slug"),
        name: "Harbour Energy".into(),
        currency: Currency::GBP,
        time_zone: "Europe/London".into(),
        trunks: Vec::new(),
        numbers: Vec::new(),
        agents: Vec::new(),
        capture: CapturePlan {
            end_key: EndKey::Star,
            first_key: second,
            between_keys: second,
            total: second,
            tries: 3,
            brands: Vec::new(),
            address: AddressCheck::Off,
        },
        mask: MaskStyle::Tone,
        dial_tone_hz: None,
        tap: false,
        branding: Branding {
            colour: "#0b4f6c".into(),
            statement_name: "HARBOUR ENERGY".into(),
            legal_name: "Harbour Energy Supply Ltd".into(),
            address: "1 Quay Street, Bristol BS1 4XX".into(),
            help: "Call 0117 496 0200, weekdays 8 to 6".into(),
            refund_policy: "Ask us within 14 days and we pay back to the same card.".into(),
            reply_to: "help@harbour.example".into(),
            logo: Some(PNG.to_vec()),
        },
        gateway: GatewayAccount {
            kind: GatewayKind::Sandbox,
            url: String::new(),
            merchant: "m".into(),
            secret: Secret::new("s".into()),
            timeout: second,
        },
        crm: Crm::None,
        api_token: Secret::new("t".into()),
    }
}

fn days() -> Vec<Date> {
    let day = |month, day| Date::from_calendar_date(2027, month, day).expect("a day");
    vec![day(Month::January, 31), day(Month::February, 28), day(Month::March, 31)]
}

fn facts<'a>(tenant: &'a Tenant, dates: Option<&'a [Date]>) -> ReceiptFacts<'a> {
    let amount = Money { minor: 123_450, currency: Currency::GBP };
    ReceiptFacts {
        tenant,
        amount,
        at: OffsetDateTime::from_unix_timestamp(1_795_359_899).expect("in range"),
        account: "INV-1001",
        brand: "visa",
        last4: "5262",
        auth_code: "408432",
        reference: "at_00000000000000000001",
        gateway_ref: "pay_k3vq8m2x",
        agreement: dates.map(|dates| AgreementFacts {
            reference: "ag_00000000000000000001",
            amount: Money { minor: 2_500, currency: Currency::GBP },
            every: Every::Month,
            dates,
        }),
    }
}

fn letters() -> Letters {
    Letters::new().expect("the templates compile")
}

/// What people read of HTML: no tag, no style, no comment, entities as characters.
fn seen(html: &str) -> String {
    let mut text = String::new();
    let body = html.split_once("<body").expect("a body").1;
    for part in body.split('<').skip(1) {
        text.push_str(part.split_once('>').map_or("", |(_, after)| after));
        text.push(' ');
    }
    let text =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x3D;", "="), ("&amp;", "&")]
            .iter()
            .fold(text, |text, (entity, c)| text.replace(entity, c));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What every receipt has to state (card schemes' and consumer rules).
const MARKS: [&str; 15] = [
    "Harbour Energy",
    "Receipt for your card payment",
    "\u{a3}1,234.50",
    "22 Nov 2026, 15:04 GMT",
    "INV-1001",
    "Sale by telephone",
    "Visa ending 5262",
    "408432",
    "at_00000000000000000001",
    "pay_k3vq8m2x",
    "HARBOUR ENERGY",
    "Call 0117 496 0200, weekdays 8 to 6",
    "Ask us within 14 days and we pay back to the same card.",
    "Harbour Energy Supply Ltd, 1 Quay Street, Bristol BS1 4XX",
    "We never ask for card details by email.",
];

const AGREED: [&str; 8] = [
    "\u{a3}25.00",
    "Every month",
    "31 Jan 2027",
    "31 Mar 2027",
    "3 payments, \u{a3}75.00",
    "ag_00000000000000000001",
    "To cancel:",
    "tell your bank or us at any time, up to the end of the business day before a payment is due",
];

#[test]
fn a_receipt_states_everything_in_both_parts() {
    let (tenant, dates) = (tenant(), days());
    for dates in [None, Some(dates.as_slice())] {
        let parts = letters().receipt(&facts(&tenant, dates)).expect("a receipt");
        assert_eq!(parts.subject, "Receipt: \u{a3}1,234.50 to Harbour Energy");
        for (part, text) in [("html", seen(&parts.html)), ("text", parts.text.clone())] {
            for mark in MARKS {
                assert!(text.contains(mark), "{mark} in {part}: {text}");
            }
            for mark in AGREED {
                assert_eq!(text.contains(mark), dates.is_some(), "{mark} in {part}: {text}");
            }
        }
        assert!(!parts.text.contains(['<', '>']) && !parts.text.contains("\n\n\n"), "{}", parts.text);
    }
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let (tenant, dates) = (tenant(), days());
    let parts = letters().receipt(&facts(&tenant, Some(&dates))).expect("a receipt");
    let html = parts.html.replace("http://www.w3.org/1999/xhtml", "");
    for remote in ["http:", "https:", "//", "<script", "<link", "@import", "url(", "javascript:", "onload"] {
        assert!(!html.contains(remote), "{remote}");
    }
    assert_eq!(html.matches("<img").count(), 1);
    assert!(html.contains("src=\"cid:logo\"") && html.contains("alt=\"Harbour Energy\""));
    assert!(html.contains("lang=\"en-GB\"") && html.contains("role=\"article\""));
    assert!(html.contains("content=\"light dark\"") && html.contains("@media (prefers-color-scheme: dark)"));
    assert!(!html.contains("{{") && !html.contains("mj-sect"), "every mark is filled");
}

#[test]
fn a_tenant_without_a_logo() {
    let mut tenant = tenant();
    tenant.branding.logo = None;
    let parts = letters().receipt(&facts(&tenant, None)).expect("a receipt");
    assert!(!parts.html.contains("<img") && seen(&parts.html).contains("Harbour Energy"));
}

#[test]
fn the_name_can_be_read_on_every_colour() {
    for (colour, ink) in [("#0b4f6c", "#ffffff"), ("#ffe14d", "#000000")] {
        let mut tenant = tenant();
        tenant.branding.colour = colour.into();
        let html = letters().receipt(&facts(&tenant, None)).expect("a receipt").html;
        assert!(html.contains(&format!("background-color:{colour}")), "{html}");
        assert!(html.contains(&format!("color:{ink};")), "{ink} on {colour}");
    }
}

#[test]
fn texts_of_others_stay_texts() {
    let hostile = "</td><mj-foo>&{{amount}}<script>alert('x')</script>\"\r\nBcc: eve@example.org\u{202e}";
    let shown = "</td><mj-foo>&{{amount}}<script>alert('x')</script>\" Bcc: eve@example.org";
    let mut tenant = tenant();
    tenant.name = hostile.into();
    tenant.branding.help = hostile.into();
    tenant.branding.refund_policy = hostile.into();
    let facts = ReceiptFacts { account: hostile, gateway_ref: hostile, ..facts(&tenant, None) };
    let parts = letters().receipt(&facts).expect("a receipt");
    assert!(!parts.html.contains("<script") && !parts.html.contains("<mj-foo"), "{}", parts.html);
    assert!(parts.html.contains("&lt;script&gt;alert(&#x27;x&#x27;)"));
    assert!(parts.text.contains(shown), "{}", parts.text);
    assert!(!parts.text.lines().any(|line| line.starts_with("Bcc:")));
    assert!(!parts.subject.contains(['\r', '\n', '\u{202e}']));
}

#[test]
fn what_is_missing_is_named() {
    type Change = fn(&mut Tenant);
    let tenants: [(Change, LettersError); 8] = [
        (|tenant| tenant.name = " ".into(), LettersError::Missing("the organisation's name")),
        (|tenant| tenant.branding.statement_name.clear(), LettersError::Missing("the name on the statement")),
        (|tenant| tenant.branding.legal_name.clear(), LettersError::Missing("the company's legal name")),
        (|tenant| tenant.branding.address = "\r\n".into(), LettersError::Missing("the company's address")),
        (|tenant| tenant.branding.help.clear(), LettersError::Missing("how to get help")),
        (|tenant| tenant.branding.refund_policy.clear(), LettersError::Missing("the refund policy")),
        (|tenant| tenant.branding.colour = "blue".into(), LettersError::Colour("blue".into())),
        (|tenant| tenant.time_zone = "Mars".into(), LettersError::TimeZone("Mars".into())),
    ];
    for (change, expected) in tenants {
        let mut tenant = tenant();
        change(&mut tenant);
        assert_eq!(letters().receipt(&facts(&tenant, None)), Err(expected));
    }
    let tenant = tenant();
    let facts = facts(&tenant, None);
    for (facts, what) in [
        (ReceiptFacts { account: "", ..facts.clone() }, "what was paid for"),
        (ReceiptFacts { auth_code: "", ..facts.clone() }, "the authorisation code"),
        (ReceiptFacts { reference: "", ..facts.clone() }, "our reference"),
    ] {
        assert_eq!(letters().receipt(&facts), Err(LettersError::Missing(what)));
    }
}

#[test]
fn no_more_of_a_card_than_brand_and_last_four() {
    let tenant = tenant();
    for (brand, last4) in [
        ("visa", ""),
        ("visa", "4111111111111111"),
        ("visa", "411"),
        ("visa", "12/30"),
        ("Visa", "1111"),
        ("", "1111"),
    ] {
        let facts = ReceiptFacts { brand, last4, ..facts(&tenant, None) };
        let missing = LettersError::Missing("the card's brand and last four digits");
        assert_eq!(letters().receipt(&facts), Err(missing), "{brand} {last4}");
    }
}

#[test]
fn agreements_that_cannot_be_told() {
    let tenant = tenant();
    let none = facts(&tenant, Some(&[]));
    assert!(matches!(letters().receipt(&none), Err(LettersError::Missing(_))));
}

#[test]
fn previews_show_the_logo_and_their_own_theme() {
    let tenant = tenant();
    for (theme, scheme, media) in [
        (Theme::Light, "content=\"light\"", "@media not all"),
        (Theme::Dark, "content=\"dark\"", "@media all"),
    ] {
        let parts = letters().preview(&tenant, theme).expect("a preview");
        assert!(parts.html.contains(scheme) && parts.html.contains(media), "{}", parts.html);
        assert!(parts.html.contains("src=\"data:image/png;base64,iVBORw0KGgpsb2dv\""), "{}", parts.html);
        assert!(!parts.html.contains("cid:") && !parts.html.contains("prefers-color-scheme"));
        assert!(parts.text.contains("Harbour Energy Supply Ltd") && parts.text.contains("THE PAYMENTS"));
    }
}

#[test]
fn a_mark_without_its_fact_is_an_error() {
    let mut html = Handlebars::new();
    html.set_strict_mode(true);
    html.register_template_string(RECEIPT, "{{brand.name}} {{brand.colur}}").expect("parses");
    let letters = Letters { html, ..letters() };
    let tenant = tenant();
    assert!(matches!(letters.receipt(&facts(&tenant, None)), Err(LettersError::Unfilled(_))));
}
