//! The letter of the preview: a tenant's own branding, everybody's sample payment.

use super::LettersError;
use super::view::{self, AgreementFacts, ReceiptFacts, View};
use time::{Date, Duration, Month, OffsetDateTime};
use tonewall_model::cpa::Every;
use tonewall_model::money::Money;
use tonewall_model::tenant::Tenant;
use tonewall_store::base64;

/// How a preview is shown, whatever the reader's own theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

/// When the sample payment was taken: 22 November 2026, 15:04:59 UTC.
const TAKEN_AT_S: i64 = 1_795_359_899;

/// Payments of the sample agreement, four weeks apart.
const PAYMENTS: i64 = 6;

pub(super) fn view(tenant: &Tenant, theme: Theme) -> Result<View, LettersError> {
    let unknown = |_| LettersError::Missing("the time of the payment");
    let at = OffsetDateTime::from_unix_timestamp(TAKEN_AT_S).map_err(unknown)?;
    let first = Date::from_calendar_date(2027, Month::January, 4).map_err(unknown)?;
    let dates: Vec<Date> = (0..PAYMENTS).map(|n| first + Duration::weeks(4 * n)).collect();
    let amount = |minor| Money { minor, currency: tenant.currency };
    let facts = ReceiptFacts {
        tenant,
        amount: amount(123_450),
        at,
        account: "INV-1001",
        brand: "visa",
        last4: "5262",
        auth_code: "408432",
        reference: "at_7r2m4c9x0k5tq8wz1b3d",
        gateway_ref: "",
        agreement: Some(AgreementFacts {
            reference: "ag_3h8f6n1v5y0jp2s9g4xe",
            amount: amount(2_500),
            every: Every::FourWeeks,
            dates: &dates,
        }),
    };
    let mut view = view::of(&facts)?;
    (view.scheme, view.dark_media) = match theme {
        Theme::Light => ("light", "not all"),
        Theme::Dark => ("dark", "all"),
    };
    view.logo = tenant.branding.logo.as_ref().map(|png| data_uri(png));
    Ok(view)
}

/// RFC 2397.
fn data_uri(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", base64::encode(png))
}
