//! The letter of the preview: a tenant's own branding, everybody's sample payment.

use super::LettersError;
use super::view::{self, AgreementFacts, ReceiptFacts, View};
use time::{Date, Duration, Month, OffsetDateTime};
use tonewall_model::money::Money;
use tonewall_model::tenant::Tenant;

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
            every: "four_weeks",
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

/// RFC 2397, base 64 of RFC 4648 §4.
fn data_uri(png: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut uri = String::from("data:image/png;base64,");
    for three in png.chunks(3) {
        let bits =
            (0..3).fold(0_u32, |bits, at| bits << 8 | three.get(at).map_or(0, |byte| u32::from(*byte)));
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place)) & 63;
            uri.push(if place <= three.len() { ALPHABET[sextet as usize] as char } else { '=' });
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_as_in_rfc_4648() {
        let encoded = |bytes: &[u8]| data_uri(bytes).split_once(',').map(|(_, text)| text.to_owned());
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encoded(bytes.as_bytes()).as_deref(), Some(text));
        }
        assert_eq!(encoded(&[0xff, 0xef, 0xfe]).as_deref(), Some("/+/+"));
    }
}
