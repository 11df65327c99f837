//! What an agent does on the screen: each form strictly read, carried out, and answered with the
//! screen as it is then: JSON to a module, a page to a form that was sent without one.

use super::csrf;
use super::demo::Demo;
use super::desk::{page_of, show, who};
use super::forms::Form;
use super::pages::{Flash, FormError, Page, Pages, Preview, TermsShown};
use super::problem::{Problem, wants_page};
use super::session::SignedIn;
use crate::screen::{AgreementForm, AgreementPreview, Screen, Screens, Who};
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use tonewall_model::card::guard::holds_card_number;
use tonewall_model::ids::CallId;

/// Longest text of any field; each has its own, shorter limit where it is used.
const TEXT_LEN_MAX: usize = 254;

/// Fields whose text is shown again when something is wrong with a form.
const KEPT: [&str; 9] =
    ["account", "amount", "house_number", "postcode", "email", "every", "start", "count", "until"];

/// What came of an action.
enum Done {
    Screen,
    Preview(AgreementPreview),
}

/// `POST /desk/{call}/{action}`
pub(super) async fn act(
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
    signed_in: SignedIn,
    screens: Data<Screens>,
    demo: Data<Option<Demo>>,
    pages: Data<Pages>,
) -> Result<HttpResponse, Problem> {
    let (call, action) = path.into_inner();
    let mut form = Form::read(&request, &body)?;
    csrf::check(&request, &signed_in.token, form.take("csrf").as_deref())?;
    let call = CallId::parse(&call).ok_or_else(Problem::not_found)?;
    let who = who(&signed_in);
    let typed = Typed::of(&form, &action);
    let done = carry_out(&screens, &who, &call, &action, form).await;
    let page = || page_of(&request, &signed_in, demo.as_ref());
    match (wants_page(&request), done) {
        (false, Ok(Done::Screen)) => Ok(HttpResponse::Ok().json(screens.current(&who, Some(&call)).await)),
        (false, Ok(Done::Preview(preview))) => Ok(HttpResponse::Ok().json(preview)),
        (true, Ok(Done::Screen)) => {
            let to = format!("/desk?call={call}");
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, to)).finish())
        }
        (true, Ok(Done::Preview(preview))) => {
            let (terms, preview) = (typed.terms(), Preview { shown: true, of: preview });
            let page = Page { preview, terms, ..page() };
            let screen = typed.over(screens.current(&who, Some(&call)).await);
            show(&pages, StatusCode::OK, &page, &screen)
        }
        (true, Err(problem)) if problem.status != StatusCode::NOT_FOUND => {
            let page = told(page(), &action, &problem);
            let page = match is_agreement(&action) {
                true => with_terms(page, &typed, &screens, &who, &call).await,
                false => page,
            };
            let screen = typed.over(screens.current(&who, Some(&call)).await);
            show(&pages, problem.status, &page, &screen)
        }
        (_, Err(problem)) => Err(problem),
    }
}

/// The problem at its field, or on top of the page.
fn told(page: Page, action: &str, problem: &Problem) -> Page {
    let message = problem.message.to_string();
    match problem.field {
        Some(field) => {
            // The page has two amounts.
            let field = if is_agreement(action) && field == "amount" { "agreement_amount" } else { field };
            Page { error: FormError { field: field.to_owned(), message }, ..page }
        }
        None => Page { flash: Some(Flash { tone: "warn", title: problem.title(), words: message }), ..page },
    }
}

async fn carry_out(
    screens: &Screens,
    who: &Who,
    call: &CallId,
    action: &str,
    mut form: Form,
) -> Result<Done, Problem> {
    let text = |form: &mut Form, name| form.line(name, TEXT_LEN_MAX);
    match action {
        "collect" => {
            let (account, amount) = (text(&mut form, "account")?, text(&mut form, "amount")?);
            let confirmed = form.ticked("confirm")?;
            form.finish()?;
            screens.collect(who, call, &account, &amount, confirmed).await?;
        }
        "find" => {
            let account = text(&mut form, "account")?;
            // Without a module the button sends the whole form that it stands in.
            drop((form.take("amount"), form.take("confirm")));
            form.finish()?;
            screens.find(who, call, &account).await?;
        }
        "address" => {
            let (house_number, postcode) = (text(&mut form, "house_number")?, text(&mut form, "postcode")?);
            form.finish()?;
            screens.address(who, call, &house_number, &postcode).await?;
        }
        "reask" => {
            let field = text(&mut form, "field")?;
            form.finish()?;
            screens.reask(who, call, &field).await?;
        }
        "slow_keys" => {
            let on = form.ticked("on")?;
            form.finish()?;
            screens.slow_keys(who, call, on).await?;
        }
        "means" => {
            let (means, note) = (text(&mut form, "means")?, text(&mut form, "note")?);
            form.finish()?;
            screens.means(who, call, &means, &note).await?;
        }
        "receipt" => {
            let email = text(&mut form, "email")?;
            form.finish()?;
            screens.receipt(who, call, &email).await?;
        }
        "agreement_preview" => {
            let terms = terms(&mut form)?;
            form.finish()?;
            return Ok(Done::Preview(screens.agreement_preview(who, call, &terms).await?));
        }
        "agreement" => {
            let terms = terms(&mut form)?;
            form.finish()?;
            screens.agreement(who, call, &terms).await?;
        }
        _ => {
            form.finish()?;
            wish(screens, who, call, action).await?;
        }
    }
    Ok(Done::Screen)
}

/// Actions without fields.
async fn wish(screens: &Screens, who: &Who, call: &CallId, action: &str) -> Result<(), Problem> {
    let done = match action {
        "secure" => screens.secure(who, call).await,
        "unsecure" => screens.unsecure(who, call).await,
        "take" => screens.take(who, call).await,
        "more_time" => screens.more_time(who, call).await,
        "cancel" => screens.cancel(who, call).await,
        "hangup" => screens.hangup(who, call).await,
        "claim" => screens.claim(who, call).await,
        "wrap_up" => screens.wrap_up(who, call).await,
        _ => return Err(Problem::not_found()),
    };
    Ok(done?)
}

fn terms(form: &mut Form) -> Result<AgreementForm, Problem> {
    Ok(AgreementForm {
        amount: form.line("amount", TEXT_LEN_MAX)?,
        every: form.line("every", TEXT_LEN_MAX)?,
        start: form.line("start", TEXT_LEN_MAX)?,
        count: form.line("count", TEXT_LEN_MAX)?,
        until: form.line("until", TEXT_LEN_MAX)?,
        agreed: form.ticked("agreed")?,
        read: form.line("read", TEXT_LEN_MAX)?,
    })
}

fn is_agreement(action: &str) -> bool {
    matches!(action, "agreement" | "agreement_preview")
}

/// The form of an authority as it was typed; with its wording anew, if it has one, so that what is
/// wrong stands beside what has to be read out.
async fn with_terms(page: Page, typed: &Typed, screens: &Screens, who: &Who, call: &CallId) -> Page {
    let terms = typed.terms();
    let form = AgreementForm {
        amount: terms.amount.clone(),
        every: terms.every.clone(),
        start: terms.start.clone(),
        count: terms.count.clone(),
        until: terms.until.clone(),
        ..AgreementForm::default()
    };
    let preview = match screens.agreement_preview(who, call, &form).await {
        Ok(of) => Preview { shown: true, of },
        Err(_) => Preview::default(),
    };
    Page { preview, terms, ..page }
}

/// What was typed, to be shown again; never what could be a card number.
struct Typed {
    texts: Vec<(&'static str, String)>,
    is_agreement: bool,
}

impl Typed {
    fn of(form: &Form, action: &str) -> Typed {
        let kept = KEPT.into_iter().filter_map(|name| Some((name, form.look(name)?.to_owned())));
        let texts = kept.filter(|(_, text)| !holds_card_number(text)).collect();
        Typed { texts, is_agreement: is_agreement(action) }
    }

    fn text(&self, name: &str) -> String {
        let text = self.texts.iter().find(|(own, _)| *own == name);
        text.map(|(_, text)| text.clone()).unwrap_or_default()
    }

    /// Of an authority.
    fn terms(&self) -> TermsShown {
        TermsShown {
            given: true,
            amount: self.text("amount"),
            every: self.text("every"),
            start: self.text("start"),
            count: self.text("count"),
            until: self.text("until"),
        }
    }

    /// The screen with what was typed in its fields, unless that stands already.
    fn over(self, mut screen: Screen) -> Screen {
        for (name, text) in self.texts {
            match name {
                "account" if !screen.order.fixed => screen.order.account = text,
                // The authority's own amount is another field.
                "amount" if !screen.order.fixed && !self.is_agreement => screen.order.amount_input = text,
                "house_number" => screen.address.house_number = text,
                "postcode" => screen.address.postcode = text,
                "email" => screen.receipt.email = text,
                _ => {}
            }
        }
        screen
    }
}
