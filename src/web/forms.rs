//! Forms as browsers send them, read strictly: known fields, each once, of bounded length, without
//! control characters, and without card numbers.

use super::problem::Problem;
use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Query;
use tonewall_model::card::guard::holds_card_number;

/// Fields of one form: the longest has eight.
const FIELDS_MAX: usize = 16;

/// What an agent is told who types a card number.
const CARD_NUMBER: &str = "This looks like a card number. Don't type card numbers here.";

/// The fields of a form that nobody has read yet.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// From a request's body; the body itself is never repeated in an answer.
    pub fn read(request: &HttpRequest, body: &[u8]) -> Result<Form, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !body.is_empty() && !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Problem::bad_form("A form is expected here, as a browser sends it."));
        }
        let unreadable = || Problem::bad_form("That can't be read. Nothing was changed.");
        let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
        let fields = Query::<Vec<(String, String)>>::from_query(text).map_err(|_| unreadable())?.into_inner();
        let named = |at: usize| fields[..at].iter().all(|(name, _)| *name != fields[at].0);
        if fields.len() > FIELDS_MAX || !(0..fields.len()).all(named) {
            return Err(unreadable());
        }
        Ok(Form(fields))
    }

    /// Takes a field's value as it came; `None` if it is not there.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// A field's value as it came, left where it is.
    pub fn look(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Takes one line of text, trimmed; empty if it is not there.
    pub fn line(&mut self, name: &'static str, len_max: usize) -> Result<String, Problem> {
        let text = self.take(name).unwrap_or_default().trim().to_owned();
        if holds_card_number(&text) {
            return Err(Problem::at(name, "card_number", CARD_NUMBER));
        }
        if text.chars().count() > len_max {
            return Err(Problem::at(name, "too_long", format!("Use at most {len_max} characters.")));
        }
        // What a browser cannot encode, and bytes that are no text, arrive as the last of these.
        if text.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            return Err(Problem::at(name, "bad_characters", "Use letters, digits and common signs only."));
        }
        Ok(text)
    }

    /// The same for a line that may not be empty; `ask` says what is missing.
    pub fn need(&mut self, name: &'static str, len_max: usize, ask: &'static str) -> Result<String, Problem> {
        match self.line(name, len_max)? {
            text if text.is_empty() => Err(Problem::at(name, "missing", ask)),
            text => Ok(text),
        }
    }

    /// Takes a box that is either ticked (`1`) or not there.
    pub fn ticked(&mut self, name: &'static str) -> Result<bool, Problem> {
        match self.take(name).as_deref() {
            None | Some("") => Ok(false),
            Some("1") => Ok(true),
            Some(_) => Err(Problem::at(name, "bad_choice", "Choose one of what is offered.")),
        }
    }

    /// Whatever is left was not asked for.
    pub fn finish(self) -> Result<(), Problem> {
        match self.0.is_empty() {
            true => Ok(()),
            false => {
                Err(Problem::bad_form("The form has fields that don't belong to it. Load the page again."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn form(body: &str) -> Result<Form, Problem> {
        let kind = (CONTENT_TYPE, "application/x-www-form-urlencoded;charset=UTF-8");
        Form::read(&TestRequest::default().insert_header(kind).to_http_request(), body.as_bytes())
    }

    #[test]
    fn fields_are_known_once_and_bounded() {
        let mut read = form("account=INV-1001&note=caf%C3%A9+%26+co&agreed=1").expect("a form");
        assert_eq!(read.need("account", 64, "Type it."), Ok("INV-1001".to_owned()));
        assert_eq!(read.line("note", 64), Ok("café & co".to_owned()));
        assert_eq!(read.line("email", 64), Ok(String::new()));
        assert_eq!(read.ticked("agreed"), Ok(true));
        assert_eq!(read.finish(), Ok(()));
        for bad in ["a=1&a=2", "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=1&k=2&l=3&m=4&n=5&o=6&p=7&q=8"] {
            assert!(form(bad).is_err(), "{bad}");
        }
        assert!(form("a=1").expect("a form").finish().is_err());
        assert!(form("").expect("no fields").finish().is_ok());
    }

    #[test]
    fn what_cannot_be_used_is_told_at_its_field() {
        let cases = [
            ("note=4111+1111+1111+1111", "card_number"),
            ("note=4111-1111-1111-1111+thanks", "card_number"),
            ("note=ninety", "too_long"),
            ("note=a%0Ab", "bad_characters"),
            ("note=%FF", "bad_characters"),
            ("note=+", "missing"),
            ("", "missing"),
        ];
        for (body, code) in cases {
            let limit = if code == "too_long" { 5 } else { 64 };
            let problem = form(body).expect("a form").need("note", limit, "Type a note.").expect_err(body);
            assert_eq!((problem.code, problem.field), (code, Some("note")), "{body}");
        }
        assert!(form("agreed=yes").expect("a form").ticked("agreed").is_err());
    }

    #[test]
    fn other_kinds_of_bodies_are_refused() {
        let request =
            TestRequest::default().insert_header((CONTENT_TYPE, "application/json")).to_http_request();
        assert!(Form::read(&request, b"{}").is_err());
        assert!(Form::read(&request, b"").is_ok());
    }
}
