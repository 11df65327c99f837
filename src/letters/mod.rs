//! Letters to customers, branded by tenant.
//!
//! | file | holds |
//! |---|---|
//! | `mjml` | from the MJML of a template to HTML with handlebars marks left in: once, at start |
//! | `view` | what a template is filled with: every text made fit for one line, every fact required |
//! | `words` | money and times as people write them |
//! | `colour` | black or white, whichever can be read on a tenant's colour |
//! | `sample` | the letter of the preview |
//!
//! The order matters: MJML first, handlebars for each letter. The other way round a customer's text
//! would be parsed as MJML. Of the card a letter shows brand and last four, never the expiry.

mod colour;
mod mjml;
mod sample;
mod view;
pub mod words;

#[cfg(test)]
pub(crate) mod tests;

pub use sample::Theme;
pub use view::{AgreementFacts, ReceiptFacts};

use handlebars::{Handlebars, no_escape};
use std::fmt;
use tonewall_model::tenant::Tenant;

/// The receipt's MJML.
const RECEIPT_MJML: &str = include_str!("../../templates/email/receipt.mjml");

/// The receipt's text part.
const RECEIPT_TEXT: &str = include_str!("../../templates/email/receipt.txt.hbs");

/// The receipt's name in both registries.
const RECEIPT: &str = "receipt";

/// Why there is no letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LettersError {
    /// A template cannot be used; found at start.
    Template {
        /// Which.
        name: &'static str,
        /// Why.
        why: String,
    },
    /// A letter must state this, and nobody has told it.
    Missing(&'static str),
    /// The tenant's time zone is unknown.
    TimeZone(String),
    /// The tenant's colour is not `#rrggbb`.
    Colour(String),
    /// A template asks for something that is not there.
    Unfilled(String),
}

impl fmt::Display for LettersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LettersError::Template { name, why } => write!(f, "template {name}: {why}"),
            LettersError::Missing(what) => write!(f, "a receipt must state {what}, which is missing"),
            LettersError::TimeZone(name) => write!(f, "{name:?} is no known time zone"),
            LettersError::Colour(text) => write!(f, "{text:?} is no colour: #rrggbb is"),
            LettersError::Unfilled(why) => write!(f, "the template cannot be filled: {why}"),
        }
    }
}

impl std::error::Error for LettersError {}

/// The parts of a letter that come from its template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Subject.
    pub subject: String,
    /// HTML; where the tenant has a logo, it shows `cid:logo`.
    pub html: String,
    /// Plain text.
    pub text: String,
}

/// Every template, ready to fill; one for the process.
pub struct Letters {
    html: Handlebars<'static>,
    text: Handlebars<'static>,
}

impl Letters {
    /// Compiles the templates. They are part of the program, so an error here is a build's fault.
    pub fn new() -> Result<Letters, LettersError> {
        let template = |why: String| LettersError::Template { name: RECEIPT, why };
        let (mut html, mut text) = (Handlebars::new(), Handlebars::new());
        html.set_strict_mode(true);
        text.set_strict_mode(true);
        text.register_escape_fn(no_escape);
        let compiled = mjml::compile(RECEIPT_MJML).map_err(template)?;
        html.register_template_string(RECEIPT, compiled).map_err(|error| template(error.to_string()))?;
        text.register_template_string(RECEIPT, RECEIPT_TEXT).map_err(|error| template(error.to_string()))?;
        Ok(Letters { html, text })
    }

    /// The receipt of one payment.
    pub fn receipt(&self, facts: &ReceiptFacts<'_>) -> Result<Parts, LettersError> {
        self.fill(view::of(facts)?)
    }

    /// A sample of the tenant's receipt, for a page that may show no remote content: the logo is a
    /// `data:` URI, and the theme does not depend on the reader's.
    pub fn preview(&self, tenant: &Tenant, theme: Theme) -> Result<Parts, LettersError> {
        self.fill(sample::view(tenant, theme)?)
    }

    fn fill(&self, view: view::View) -> Result<Parts, LettersError> {
        let unfilled = |error: handlebars::RenderError| LettersError::Unfilled(error.to_string());
        let html = self.html.render(RECEIPT, &view).map_err(unfilled)?;
        let text = self.text.render(RECEIPT, &view).map_err(unfilled)?;
        Ok(Parts { subject: view.subject, html, text })
    }
}
